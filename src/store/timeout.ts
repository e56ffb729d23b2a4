// An end to every wait: a call that takes longer than its bytes can explain, or a listing that
// stalls, is abandoned with 'timeout'. The abandoned call may still take effect later (the protocol
// of the design's section 5 allows for that); stores on a network have finer limits of their own
// (connect, first byte, stall) and this is the last one.

import type { Bytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { decorate } from './decorate.ts'
import { type ByteRange, OBJECT_BYTES_MAX, type ObjectInfo, type Store } from './store.ts'

/** Calls `ring` after `ms`, unless the returned function is called before. */
export type StartTimer = (ms: number, ring: () => void) => () => void

export const systemTimer: StartTimer = (ms, ring) => {
  const timer = setTimeout(ring, ms)
  return () => clearTimeout(timer)
}

export interface TimeoutOptions {
  readonly startTimer: StartTimer
  /** For a call without its bytes, and for each step of a listing. */
  readonly requestMs: number
  /** A transfer may take requestMs and the time that its bytes take at this rate. */
  readonly bytesPerSecondMin: number
}

export const DEFAULT_TIMEOUTS = { requestMs: 60_000, bytesPerSecondMin: 16 * 1024 } as const

/** What a get of unknown length is allowed the time for: more than a pack is meant to have. */
const USUAL_BYTES_MAX = 64 * 1024 * 1024

export function withTimeout(store: Store, options: TimeoutOptions): Store {
  const within = <T>(call: Promise<T>, limit: Limit) => race(call, { ...limit, ...options, store })
  return decorate(store, {
    put: (name, parts) =>
      within(store.put(name, parts), { action: `write ${name} to`, bytes: totalOf(parts) }),
    get: (name, range) =>
      within(store.get(name, range), { action: `read ${name} from`, bytes: bytesOf(range) }),
    list: (prefix) => timedList(store.list(prefix), (step) => within(step, LIST_STEP)),
    stat: (name) => within(store.stat(name), { action: `look up ${name} in`, bytes: 0 }),
    remove: (name) => within(store.remove(name), { action: `remove ${name} from`, bytes: 0 }),
    close: () => within(store.close(), { action: 'close', bytes: 0 }),
  })
}

interface Limit {
  /** Completes 'Cannot ... <address>'. */
  readonly action: string
  readonly bytes: number
}

const LIST_STEP: Limit = { action: 'list', bytes: 0 }

function totalOf(parts: readonly Bytes[]): number {
  return parts.reduce((total, part) => total + part.length, 0)
}

function bytesOf(range: ByteRange | undefined): number {
  if (range === undefined) return USUAL_BYTES_MAX
  return Math.min('last' in range ? range.last : range.length, OBJECT_BYTES_MAX)
}

async function race<T>(
  call: Promise<T>,
  limit: Limit & TimeoutOptions & { readonly store: Store },
): Promise<T> {
  const ms = limit.requestMs + (limit.bytes / limit.bytesPerSecondMin) * 1000
  let stop = () => {}
  const alarm = new Promise<never>((_, reject) => {
    stop = limit.startTimer(ms, () => reject(timedOut(limit, ms)))
  })
  try {
    return await Promise.race([call, alarm])
  } finally {
    stop()
  }
}

function timedOut(limit: Limit & { readonly store: Store }, ms: number): CairnError {
  const seconds = Math.round(ms / 1000)
  return new CairnError(
    'timeout',
    `Cannot ${limit.action} ${limit.store.address}: no answer after ${seconds} s`,
    { hint: 'Look at the connection to the store and at the load on its side.' },
  )
}

/** One timer for each step, only while it is waited for: a slow reader is not a stalled store. */
async function* timedList(
  listing: AsyncIterable<ObjectInfo>,
  within: <T>(step: Promise<T>) => Promise<T>,
): AsyncGenerator<ObjectInfo> {
  const steps = listing[Symbol.asyncIterator]()
  try {
    for (let step = await within(steps.next()); step.done !== true; ) {
      yield step.value
      step = await within(steps.next())
    }
  } finally {
    // Not awaited: where a step hangs, so does this.
    void steps.return?.().catch(() => undefined)
  }
}
