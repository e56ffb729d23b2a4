// A dry run of a restore: what would be written, kept, removed or stand in the way, without touching the
// target.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import type { Entry } from '../../format/tree.ts'
import { TargetFolder } from '../../target/files/target-folder.ts'
import { joinPathBelow } from '../paths.ts'
import { fileKeyOf } from '../same-file.ts'
import { Attributes } from './attributes.ts'
import { noCounts, type RestoreCounts } from './counts.ts'
import {
  type Decision,
  decide,
  decideFolder,
  type OverwritePolicy,
  type Standing,
} from './existing.ts'
import type { WriterSetup } from './messages.ts'
import { othersIn, type ReadFolder } from './others.ts'
import type { RestoreProblem } from './problem.ts'
import { type SelectedEntry, type SelectedOptions, selectedEntries } from './selected-entries.ts'
import type { Selection } from './selection.ts'

export interface PlannedEntry {
  readonly path: readonly Bytes[]
  readonly action: 'create' | Decision | 'delete'
}

export interface PlanOptions {
  readonly target: Bytes
  readonly overwrite: OverwritePolicy
  readonly owners: WriterSetup['owners']
  readonly delete: boolean
  readonly signal: AbortSignal
  readonly onPlanned: (planned: PlannedEntry) => void
  readonly onProblem: (problem: RestoreProblem) => void
}

/** Counts what a restore would do. */
export async function planRestore(
  selected: Omit<SelectedOptions, 'onUnreadable'> & { readonly entry: Entry | undefined },
  options: PlanOptions,
): Promise<RestoreCounts> {
  const opened = TargetFolder.open(options.target)
  const target = typeof opened === 'number' ? undefined : opened
  const plan = new Plan(target, options)
  const onWhole = options.delete
    ? (folder: ReadFolder) => plan.deleteOthers(folder, selected.selection)
    : undefined
  try {
    if (selected.entry !== undefined) plan.takeTarget()
    const onUnreadable = (folder: readonly Bytes[], error: CairnError) => {
      plan.passOver(folder, error)
    }
    for await (const one of selectedEntries({ ...selected, onWhole, onUnreadable })) {
      if (options.signal.aborted) throw new CairnError('interrupted', 'Interrupted')
      plan.take(one)
    }
    return plan.counts
  } finally {
    target?.close()
  }
}

/** A folder on the way to what comes next. */
interface OpenFolder {
  readonly path: readonly Bytes[]
  readonly entry: Entry
  state: 'unmade' | 'made' | 'failed'
  countedAs?: 'folders' | 'skipped'
}

class Plan {
  readonly #target: TargetFolder | undefined
  readonly #options: PlanOptions
  readonly #stat = new StatBuffer()
  readonly #attributes: Attributes
  /** From the target down: entries come folder by folder. */
  readonly #open: OpenFolder[] = []
  /** The first name of each file with several, and what becomes of it. */
  readonly #links = new Map<string, PlannedEntry>()
  readonly #firstStat = new StatBuffer()
  #isTargetCounted = false
  readonly counts = noCounts()

  constructor(target: TargetFolder | undefined, options: PlanOptions) {
    this.#target = target
    this.#attributes = new Attributes(options.owners)
    this.#options = options
  }

  /** The target counts as a folder, as it does in a run. */
  takeTarget(): void {
    this.#isTargetCounted = this.#target === undefined || this.#options.overwrite !== 'never'
    if (this.#isTargetCounted) this.counts.folders++
  }

  take({ folder, entry, wanted }: SelectedEntry): void {
    this.#open.length = folder.length
    const path = [...folder, entry.name]
    if (entry.tree !== undefined) this.#open.push({ path, entry, state: 'unmade' })
    if (wanted === 'inside' || !this.#ensureFolders() || entry.tree !== undefined) return
    const decided = this.#standsAt(path)
      ? decide(entry, this.#standing(folder), this.#options.overwrite)
      : 'create'
    const first = this.#linkedTo(entry, { path, action: decided })
    const leaves = decided === 'keep' || decided === 'attributes'
    const action = first && leaves && !this.#isSameFile(first) ? 'replace' : decided
    this.#count(entry, action, first !== undefined)
    this.#options.onPlanned({ path, action })
  }

  /** A run tells of it in the same words, and does not count a folder that it could not finish. */
  passOver(folder: readonly Bytes[], error: CairnError): void {
    this.counts.problems++
    const countedAs = folder.length > 0 ? this.#open[folder.length - 1]?.countedAs : undefined
    if (countedAs !== undefined) this.counts[countedAs]--
    else if (folder.length === 0 && this.#isTargetCounted) this.counts.folders--
    this.#options.onProblem({ path: joinPathBelow(folder), what: error.message, kind: 'content' })
  }

  /** The first name of this file, to which a run links it; undefined where this is the first. */
  #linkedTo(entry: Entry, planned: PlannedEntry): PlannedEntry | undefined {
    const { action } = planned
    const isKept = action === 'keep' && this.#options.overwrite !== 'if-changed'
    const key = isKept || action === 'blocked' ? undefined : fileKeyOf(entry)
    if (key === undefined) return undefined
    const first = this.#links.get(key)
    if (first === undefined) this.#links.set(key, planned)
    return first
  }

  /** Whether what was looked at last stays one more name of what stands there. */
  #isSameFile({ path, action }: PlannedEntry): boolean {
    if (action === 'create' || action === 'replace') return false
    const first = this.#firstStat
    return this.#standsAt(path, first) && first.isSameFileAs(this.#stat)
  }

  deleteOthers({ path, names }: ReadFolder, selection: Selection): void {
    if (this.#target === undefined) return
    for (const other of othersIn(this.#target, { path, names, selection })) {
      this.counts.deleted++
      this.#options.onPlanned({ path: other, action: 'delete' })
    }
  }

  /** Plans the folders that are to be there first; false where one cannot be. */
  #ensureFolders(): boolean {
    for (const folder of this.#open) {
      if (folder.state === 'unmade') this.#planFolder(folder)
      if (folder.state === 'failed') return false
    }
    return true
  }

  #planFolder(folder: OpenFolder): void {
    const { path, entry } = folder
    const { overwrite, onPlanned } = this.#options
    const isThere = this.#standsAt(path)
    const standing = () => this.#standing(path.slice(0, -1))
    const action = isThere ? decideFolder(entry, standing(), overwrite) : 'create'
    folder.state = action === 'blocked' ? 'failed' : 'made'
    if (action === 'blocked') this.counts.problems++
    else {
      folder.countedAs = isThere && overwrite === 'never' ? 'skipped' : 'folders'
      this.counts[folder.countedAs]++
    }
    onPlanned({ path, action })
  }

  #count(entry: Entry, action: PlannedEntry['action'], isLink: boolean): void {
    if (action === 'blocked') this.counts.problems++
    else if (action === 'keep' || action === 'attributes') this.counts.skipped++
    else if (entry.type === 'file') {
      this.counts.files++
      if (!isLink) this.counts.bytes += Number(entry.size)
    } else this.counts.others++
  }

  /** Whether the target has something there; `stat` is then of that. */
  #standsAt(path: readonly Bytes[], stat = this.#stat): boolean {
    const dirFd = this.#target?.openDirectory(path.slice(0, -1)) ?? -1
    return dirFd >= 0 && this.#target?.statEntry(dirFd, path.at(-1) as Bytes, stat) === 0
  }

  #standing(folder: readonly Bytes[]): Standing {
    const target = this.#target as TargetFolder
    return {
      target,
      dirFd: target.openDirectory(folder),
      stat: this.#stat,
      attributes: this.#attributes,
    }
  }
}
