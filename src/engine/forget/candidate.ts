// What retention knows of a snapshot. Its time is the store's, never what the writer's clock says.

import type { Ending } from '../../format/snapshot.ts'

export interface Candidate {
  /** Of the one that is listed. */
  readonly id: string
  /** The domain and the source that its certificate allowed: what rules are counted by. */
  readonly source: string
  /** When a store first had it. */
  readonly timeMs: number
  /** What the machine that saved it says of when it began and ended. */
  readonly startedMs: number
  readonly endedMs: number
  readonly sequence: number
  /** The run that it is of. */
  readonly session: string
  readonly ending: Ending
  readonly isConfirmed: boolean
  readonly isHeld: boolean
  /** Empty where no rule asks for them. */
  readonly tags: readonly string[]
  /** Whether it is among those that the policy is for. */
  readonly isChosen: boolean
}

/** Newest first, by the store's time. */
export function compare(a: Candidate, b: Candidate): number {
  return b.timeMs - a.timeMs || b.sequence - a.sequence || (a.id < b.id ? -1 : 1)
}
