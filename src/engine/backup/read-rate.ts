// Holds reading back to a rate, so that a backup does not take the disk from those who work on it. All
// workers of a run keep to one rate together, whoever of them reads.

import { assert } from '../../base/errors.ts'

const LONGEST_PAUSE_MS = 1000

/** A rate, and what all threads that keep to it share. */
export interface ReadRate {
  /** 0 for as fast as it goes. */
  readonly bytesPerSecond: number
  /** From when on the next read is allowed, in nanoseconds of the system's monotonic clock. */
  readonly next: SharedArrayBuffer
}

export function newReadRate(bytesPerSecond: number): ReadRate {
  return { bytesPerSecond, next: new SharedArrayBuffer(8) }
}

/**
 * A function to call before each read with its length: it blocks the thread as long as needed. `check` is
 * called first and while it waits; it may throw to give up.
 */
export function readPacer(
  { bytesPerSecond, next }: ReadRate,
  check: () => void,
): (bytes: number) => void {
  if (bytesPerSecond === 0) return check
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const allowedFrom = new BigInt64Array(next)
  return (bytes) => {
    check()
    const from = reserve(allowedFrom, BigInt(Math.ceil((1e9 * bytes) / bytesPerSecond)))
    for (let waitMs = msUntil(from); waitMs > 0; waitMs = msUntil(from)) {
      Atomics.wait(pause, 0, 0, Math.min(waitMs, LONGEST_PAUSE_MS))
      check()
    }
  }
}

/** Takes the next `nanos` of the rate; when they begin. */
function reserve(allowedFrom: BigInt64Array, nanos: bigint): bigint {
  assert(nanos >= 0n, 'a read has a length')
  for (;;) {
    const before = Atomics.load(allowedFrom, 0)
    const now = process.hrtime.bigint()
    const from = before > now ? before : now
    if (Atomics.compareExchange(allowedFrom, 0, before, from + nanos) === before) return from
  }
}

function msUntil(nanos: bigint): number {
  return Number(nanos - process.hrtime.bigint()) / 1e6
}
