// Snapshots for tests of retention: complete, confirmed and received at noon, unless told otherwise.

import type { Candidate } from '../../src/engine/forget/candidate.ts'
import type { Duration } from '../../src/engine/forget/periods.ts'
import type { Policy } from '../../src/engine/forget/policy.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
export const NOON = new Date(2026, 10, 27, 12).getTime()

let serial = 0

/** Its machine's clock is right, where only the store's time is given. */
export function candidate(changes: Partial<Candidate> = {}): Candidate {
  const timeMs = changes.timeMs ?? NOON
  const id = String(++serial).padStart(8, '0')
  return {
    id,
    source: 'domain source',
    timeMs,
    startedMs: timeMs,
    endedMs: timeMs,
    sequence: 1,
    session: id,
    ending: 'complete',
    isConfirmed: true,
    isHeld: false,
    tags: [],
    isChosen: true,
    ...changes,
  }
}

/** One for each of these days before today, newest first. */
export function daily(...days: readonly number[]): Candidate[] {
  return days.map((day) => candidate({ timeMs: NOON - day * DAY_MS }))
}

export function policy(changes: Partial<Policy> = {}): Policy {
  return { counts: {}, withins: {}, tags: [], minimum: 1, ...changes }
}

export function span(days: number): Duration {
  return { text: `${days}d`, years: 0, months: 0, days, hours: 0 }
}
