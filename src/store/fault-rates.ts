// Faults at random, for withFaults: each call meets each kind of fault with a given probability.
// The sequence follows from the random numbers alone, so that a seed replays.

import type { Call, Fault, Operation } from './fault.ts'

/** Probability of each kind, from 0 to 1 and together at most 1. What is left out never happens. */
export type FaultRates = Partial<Record<Fault['kind'], number>>

export interface RandomFaultsOptions {
  /** From 0 up to but not including 1, e.g. seededRandom(seed). */
  readonly random: () => number
  readonly rates: FaultRates
  /** Only these operations meet faults; all where left out. */
  readonly operations?: readonly Operation[]
  /** The longest delay, and the latest that a late put or remove takes effect. */
  readonly delayMsMax?: number
}

const KINDS: readonly Fault['kind'][] = ['fail', 'lose-reply', 'late', 'tear', 'flip', 'delay']

/** A `decide` for withFaults. Takes two random numbers for every call, whatever comes of it. */
export function randomFaults(options: RandomFaultsOptions): (call: Call) => Fault | undefined {
  return (call) => {
    const draw = options.random()
    const detail = options.random()
    const wanted = options.operations?.includes(call.operation) ?? true
    const kind = wanted ? kindFor(draw, options.rates) : undefined
    return kind && faultOf(kind, { detail, delayMsMax: options.delayMsMax ?? 1000 })
  }
}

function kindFor(draw: number, rates: FaultRates): Fault['kind'] | undefined {
  let sum = 0
  return KINDS.find((kind) => {
    sum += rates[kind] ?? 0
    return draw < sum
  })
}

function faultOf(
  kind: Fault['kind'],
  { detail, delayMsMax }: { detail: number; delayMsMax: number },
): Fault {
  switch (kind) {
    case 'fail':
    case 'lose-reply':
      return { kind }
    case 'late':
      return { kind, afterMs: detail * delayMsMax }
    case 'tear':
      return { kind, keep: Math.floor(detail * 64) }
    case 'flip':
      return { kind, bit: Math.floor(detail * 0x40000000) }
    case 'delay':
      return { kind, ms: detail * delayMsMax }
  }
}
