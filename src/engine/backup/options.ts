// What a backup is asked for and what it answers.

import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { CatalogPlace } from '../../repository/catalog.ts'
import type { Repository } from '../../repository/repository.ts'
import type { CompressionLevel } from '../../sealer/compress.ts'
import type { Random } from '../../sealer/random.ts'
import type { WalkOptions } from '../../source/files/walk.ts'
import type { BackupCounts, ReportHooks, SourceProblem } from './report.ts'

/** Files and folders below some roots. */
export interface FileSource {
  readonly kind: 'files'
  readonly walk: WalkOptions
}

/** Whatever comes in on a descriptor, as one file of this name in '/'. */
export interface StdinSource {
  readonly kind: 'stdin'
  /** The run closes it. */
  readonly fd: number
  readonly name: Bytes
}

export interface BackupOptions extends ReportHooks {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly source: FileSource | StdinSource
  /** The name under which snapshots of the same thing line up. */
  readonly sourceName: string
  readonly host: string
  readonly user: string
  readonly tags: readonly string[]
  readonly program: string
  readonly workers: number
  /** How much of sealed data may wait for the store. */
  readonly uploadBytesMax: number
  readonly level: CompressionLevel
  readonly readBytesPerSecond: number
  readonly ignoreCtime: boolean
  readonly ignoreInode: boolean
  readonly skipIfUnchanged: boolean
  /** Only find out what there is to do. */
  readonly dryRun: boolean
  /** Where this machine remembers what it found last time. */
  readonly cacheFolder: string
  /** What it knows of the snapshots that there are. */
  readonly catalog: CatalogPlace
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** After so long, what there is so far is committed as a checkpoint. */
  readonly checkpointMs: number
  readonly onProgress: (counts: BackupCounts) => void
  readonly onWarning: (error: unknown) => void
}

export interface BackupResult {
  /** Undefined where nothing had changed and that was to be skipped. */
  readonly snapshot: string | undefined
  readonly parent: string | undefined
  readonly counts: BackupCounts
  readonly addedBytes: number
  readonly addedStoredBytes: number
  readonly startedMs: number
  readonly endedMs: number
  /** The first of them; the counts have all. */
  readonly problems: readonly SourceProblem[]
}
