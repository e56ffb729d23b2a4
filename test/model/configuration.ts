// What a configuration of the exhaustive model is: who is at work in which repository, and how time may jump.

import type { Program } from './actor.ts'
import type { Before } from './explore.ts'
import { HOUR_MS, type World } from './world.ts'

/** When everything begins, by the store's clock. */
export const START_MS = 1_800_000_000_000
export const DAY_MS = 24 * HOUR_MS
/** As long as the listing lag that prune reckons with where a store promises nothing. */
export const LAG_MS = 600_000

export interface Configuration {
  readonly what: string
  /** Makes what is stored at the beginning. Its clock may be moved. */
  readonly prepare: (world: World) => Promise<void>
  readonly writers?: (world: World) => readonly Program[]
  /** One after the other where there are several, each by a process of its own. */
  readonly others: (world: World) => readonly (Program | readonly Program[])[]
  /** How far time may jump each time, in this order. */
  readonly jumpsMs: readonly number[]
  /** Only while somebody sleeps, and nobody is suspended at any other time. */
  readonly isTimeWaitedFor?: boolean
  readonly lagMs?: number
  /** Leases are objects like all others. */
  readonly hasLeases?: boolean
  /** Folders in which nobody puts anything. */
  readonly emptyFolders: readonly string[]
  /** What has happened already, one after the other. */
  readonly before?: readonly Before[]
  /** Reading is no step of its own. */
  readonly isGlued?: boolean
  /** How long what was forgotten is kept, where that is not as usual. */
  readonly windowMs?: number
  /** So many confirmed snapshots must be left. */
  readonly snapshotsMin?: number
  /** Nothing may be marked or removed at all. */
  readonly isFrozen?: boolean
  /**
   * Who does not know of a mark may put what it names: the last look before the receipts sees the mark. All else
   * must hold.
   */
  readonly mayPutAgain?: boolean
  /** Gone through by `npm run model` only: it takes minutes. */
  readonly isLong?: boolean
}

export const NEVER_PUT = ['forgets/', 'losses/', 'holds/', 'renewals/']
