// What a copy is asked for and what it answers.

import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { CairnError } from '../../base/errors.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { CatalogPlace } from '../../repository/catalog.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Snapshot } from '../../repository/snapshots.ts'
import type { Random } from '../../sealer/random.ts'

export interface CopyOptions {
  readonly source: Repository
  readonly target: Repository
  /** Of the target: what is copied belongs to it. */
  readonly domain: DomainAccess
  /** What this machine knows of the snapshots of the target. */
  readonly catalog: CatalogPlace
  /** Of the source, in any order. */
  readonly snapshots: readonly Snapshot[]
  /**
   * All that may have been copied before, by other runs too, and what others stand for: what those have in common
   * is not read again.
   */
  readonly known?: readonly Snapshot[]
  readonly program: string
  readonly host: string
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Only find out which would be copied. */
  readonly dryRun: boolean
  /** How long packs of data are about to be; 32 MiB by default. */
  readonly packBytes?: number
  readonly onProgress: (progress: CopyProgress) => void
  /** What a snapshot needs and cannot be had: it is not copied. */
  readonly onProblem: (problem: CopyProblem) => void
  /** How it went with a snapshot, at once. */
  readonly onSnapshot: (outcome: CopyOutcome) => void
  readonly onWarning: (error: unknown) => void
}

export interface CopyProgress {
  /** Snapshots that are done with. */
  readonly snapshots: number
  readonly snapshotsTotal: number
  /** Read from the source for the one that is being copied, and what it will be, sealed. */
  readonly bytes: number
  readonly bytesTotal: number
}

export interface CopyProblem {
  readonly snapshot: Snapshot
  /** From the root of the snapshot. */
  readonly path: Bytes
  readonly error: CairnError
}

export type CopyOutcome =
  | {
      readonly kind: 'copied'
      readonly snapshot: Snapshot
      /** Object name in the target. */
      readonly name: string
    }
  /** There already: its copy, or the snapshot of which it is a copy itself. */
  | { readonly kind: 'present'; readonly snapshot: Snapshot; readonly name: string }
  | { readonly kind: 'planned'; readonly snapshot: Snapshot }
  | { readonly kind: 'damaged'; readonly snapshot: Snapshot; readonly problems: number }

export interface CopyResult {
  readonly outcomes: readonly CopyOutcome[]
  /** Read from the source, sealed. */
  readonly readBytes: number
  /** Plaintext that was not in the target, and what it takes there. */
  readonly addedBytes: number
  readonly addedStoredBytes: number
}
