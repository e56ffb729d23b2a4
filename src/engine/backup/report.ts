// What a run counts and has to tell: progress for whoever watches, problems for whoever must know.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import { errnoMessage, isShortOfFiles, MORE_FILES } from '../../base/libc-error.ts'
import type { StatBuffer } from '../../base/libc-stat.ts'
import { PROBLEMS_MAX } from '../../format/limits.ts'
import type { Problem } from '../../format/snapshot.ts'
import type { SkipReason, WalkEvent } from '../../source/files/walk-events.ts'
import { type FileChange, toldChange } from './read-change.ts'

/** unreadable: it is not in the snapshot. changed: what is there may be torn. vanished: it was gone. */
export type ProblemKind = 'unreadable' | 'changed' | 'vanished'

export interface SourceProblem extends Problem {
  readonly kind: ProblemKind
  /** How it changed, where it did. */
  readonly change?: FileChange
}

export interface BackupCounts {
  readonly files: number
  readonly folders: number
  readonly others: number
  readonly filesRead: number
  readonly filesUnchanged: number
  readonly sizeBytes: number
  readonly readBytes: number
  readonly unreadable: number
  readonly changed: number
  readonly vanished: number
  readonly excluded: number
}

export interface ReportHooks {
  readonly onProblem: (problem: SourceProblem) => void
  readonly onSkipped: (path: Bytes, reason: SkipReason) => void
}

export class Report {
  readonly #hooks: ReportHooks
  /** The first of them; the counts have all. */
  readonly problems: SourceProblem[] = []
  #counts = {
    files: 0,
    folders: 0,
    others: 0,
    filesRead: 0,
    filesUnchanged: 0,
    sizeBytes: 0,
    readBytes: 0,
    unreadable: 0,
    changed: 0,
    vanished: 0,
    excluded: 0,
  }

  constructor(hooks: ReportHooks) {
    this.#hooks = hooks
  }

  get counts(): BackupCounts {
    return { ...this.#counts }
  }

  /** The counts with what was read of files that are not done. */
  countsWith(readingBytes: number): BackupCounts {
    const { sizeBytes, readBytes } = this.#counts
    const soFar = { sizeBytes: sizeBytes + readingBytes, readBytes: readBytes + readingBytes }
    return { ...this.#counts, ...soFar }
  }

  folder(): void {
    this.#counts.folders++
  }

  other(): void {
    this.#counts.others++
  }

  unchanged(stat: StatBuffer): void {
    if (!stat.isFile) return this.other()
    this.#counts.files++
    this.#counts.filesUnchanged++
    this.#counts.sizeBytes += stat.size
  }

  /** A file was read: `size` is its length, `readBytes` what of it was read anew. */
  fileRead(size: number, readBytes: number): void {
    this.#counts.files++
    this.#counts.filesRead++
    this.#counts.sizeBytes += size
    this.#counts.readBytes += readBytes
  }

  /** Throws 'platform' where the errno is no matter of this path. */
  unreadable(
    path: Bytes,
    { errno, doing }: { readonly errno: number; readonly doing: string },
  ): void {
    if (isShortOfFiles(errno)) throw cannotGoOn(errno)
    this.#problem('unreadable', path, { what: `cannot ${doing}: ${errnoMessage(errno)}` })
  }

  /** `outcome` is that of reading it. */
  changed(path: Bytes, outcome: number): void {
    this.#problem('changed', path, toldChange(outcome))
  }

  vanished(path: Bytes): void {
    this.#problem('vanished', path, { what: 'it was gone when it was to be read' })
  }

  walkProblem(event: WalkEvent & { kind: 'problem' }): void {
    const path = event.path.slice()
    if (event.code === 'vanished' && !event.root) this.vanished(path)
    else this.unreadable(path, { errno: event.errno, doing: event.operation })
  }

  skipped({ path, reason }: WalkEvent & { kind: 'skipped' }): void {
    this.#counts.excluded++
    this.#hooks.onSkipped(path, reason)
  }

  #problem(kind: ProblemKind, path: Bytes, told: Pick<SourceProblem, 'what' | 'change'>): void {
    this.#counts[kind]++
    const problem = { kind, path, ...told }
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(problem)
    this.#hooks.onProblem(problem)
  }
}

/** Every path would be listed, one after the other. */
function cannotGoOn(errno: number): CairnError {
  return new CairnError('platform', `Cannot go on reading: ${errnoMessage(errno)}`, {
    hint: `${MORE_FILES} and run the same command again.`,
  })
}
