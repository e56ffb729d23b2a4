// Restore: go through the tree, make what has no content at once, fetch content in windows and let the
// workers write it. Goes on past what is damaged: it is listed with its path, and the rest is restored.

import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Bytes } from '../base/bytes.ts'
import { equalBytes } from '../base/bytes.ts'
import { CairnError, isCairnError, messageOf } from '../base/errors.ts'
import { errnoMessage } from '../base/libc-error.ts'
import type { BlobId } from '../format/ids.ts'
import type { Entry } from '../format/tree.ts'
import { blobIdKey } from '../repository/access.ts'
import { loadCompleteIndex } from '../repository/index-complete.ts'
import type { Index } from '../repository/index-load.ts'
import { ObjectProblems, WITHHELD } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { openDetails, type Snapshot } from '../repository/snapshots.ts'
import { nameText } from '../source/files/name-text.ts'
import { TargetFolder } from '../target/files/target-folder.ts'
import { BlobReader } from './blob-reader.ts'
import { joinPathBelow } from './paths.ts'
import type { RestoreCounts } from './restore/counts.ts'
import type { OverwritePolicy } from './restore/existing.ts'
import { isWhole, othersIn } from './restore/others.ts'
import { type PlannedEntry, planRestore } from './restore/plan.ts'
import type { RestoreProblem } from './restore/problem.ts'
import { Restorer, type TargetPlace } from './restore/restorer.ts'
import { type SelectedEntry, selectedEntries } from './restore/selected-entries.ts'
import { Selection, type Wanted } from './restore/selection.ts'
import { verifyTarget } from './restore/verify.ts'
import type { Window } from './restore/window.ts'
import { WritePool } from './restore/write-pool.ts'
import { rootOf } from './snapshot-root.ts'
import { entryRunsOf, findEntry } from './tree-reader.ts'

export interface RestoreOptions {
  readonly repository: Repository
  readonly snapshot: Snapshot
  /** Names below the root of the snapshot: [] for all of it. A folder's content goes into the target. */
  readonly path: readonly Bytes[]
  /** The path, as bytes. */
  readonly target: Bytes
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly overwrite: OverwritePolicy
  /** Remove from the folders that are restored what the snapshot does not have. */
  readonly delete: boolean
  readonly owners: 'numbers' | 'names' | 'keep'
  /** Only find out what there is to do. */
  readonly dryRun: boolean
  /** Read back what was restored and compare it. */
  readonly verify: boolean
  readonly workers: number
  readonly signal: AbortSignal
  readonly onProgress: (counts: RestoreCounts) => void
  readonly onProblem: (problem: RestoreProblem) => void
  /** Of dry runs: told for each entry. */
  readonly onPlanned: (planned: PlannedEntry) => void
  /** Of runs that delete: told of each entry, a folder with all that was in it, once it is gone. */
  readonly onDeleted?: ((path: readonly Bytes[]) => void) | undefined
}

const PROGRESS_MS = 250
/** What the main thread may go through before it looks after the workers again. */
const ENTRIES_AT_ONCE = 128

/** Throws 'not-found' for a path that is not in the snapshot, 'no-space', or what else ends it. */
export async function restore(options: RestoreOptions): Promise<RestoreCounts> {
  const { repository, snapshot } = options
  const { domain } = snapshot
  const wantedIds = snapshot.summary.roots as readonly BlobId[]
  const index = await loadCompleteIndex(repository, { domain, wanted: wantedIds })
  const reader = new BlobReader({ store: repository.store, domain, index })
  const start = await findStart(options, reader)
  const selection = new Selection({ ...options, above: options.path })
  const wanted = options.include.length > 0 ? ('inside' as const) : ('yes' as const)
  const selected = { ...start, reader, selection, wanted, folder: [] }
  if (options.dryRun) return planRestore(selected, options)
  // The restore has told of what it could not read.
  const onUnreadable = () => undefined
  const { target, state } = openTarget(options.target)
  try {
    const counts = await restoreInto(target, {
      ...options,
      index,
      reader,
      start,
      selection,
      wanted,
      state,
    })
    if (options.verify)
      await verifyInto(target, {
        options,
        counts,
        entries: selectedEntries({ ...selected, onUnreadable }),
      })
    return counts
  } finally {
    target.close()
  }
}

interface Prepared extends Omit<RestoreOptions, 'target'> {
  readonly index: Index
  readonly reader: BlobReader
  readonly start: Start
  readonly selection: Selection
  readonly wanted: Wanted
  /** Of the target itself. */
  readonly state: TargetPlace['state']
}

async function restoreInto(target: TargetFolder, prepared: Prepared): Promise<RestoreCounts> {
  const { repository, snapshot, workers, owners, index } = prepared
  const { domain } = snapshot
  const setup = { dataIdKey: blobIdKey(domain.idKey, 'data'), rootFd: target.rootFd, owners }
  const pool = new WritePool({ store: repository.store, domain, index, workers, setup })
  const run = new Run({ ...prepared, target, pool })
  const { restorer } = run
  const timer = setInterval(() => prepared.onProgress(restorer.counts), PROGRESS_MS)
  try {
    await run.all()
    return restorer.counts
  } finally {
    clearInterval(timer)
    await pool.stop()
    restorer.dropUnfinished()
  }
}

async function verifyInto(
  target: TargetFolder,
  {
    options,
    counts,
    entries,
  }: { options: RestoreOptions; counts: RestoreCounts; entries: AsyncIterable<SelectedEntry> },
): Promise<void> {
  const { signal, onProblem } = options
  counts.verified = await verifyTarget(entries, {
    target,
    signal,
    onProblem: (names, what) => {
      counts.problems++
      onProblem({ path: joinPathBelow(names), what, kind: 'content' })
    },
  })
}

interface Start {
  /** The folder whose content is restored, with its own entry where it has one. */
  readonly tree: BlobId
  readonly entry: Entry | undefined
  /** Where only one entry of it is wanted. */
  readonly only: Bytes | undefined
}

async function findStart(
  { snapshot, path, repository }: RestoreOptions,
  reader: BlobReader,
): Promise<Start> {
  const root = rootOf(snapshot)
  if (path.length === 0)
    return { tree: root, entry: openDetails(repository, snapshot).root, only: undefined }
  const entry = await findEntry(reader, { root, names: path })
  if (entry === undefined) {
    throw new CairnError('not-found', 'There is no such path in the snapshot', {
      hint: 'Run `cairn ls` to see what the snapshot has. Paths are absolute, as they were backed up.',
    })
  }
  if (entry.tree !== undefined) return { tree: entry.tree, entry, only: undefined }
  const above = path.slice(0, -1)
  const folder = await findEntry(reader, { root, names: above })
  return { tree: folder?.tree ?? root, entry: undefined, only: entry.name }
}

function openTarget(path: Bytes): { target: TargetFolder; state: 'new' | 'existing' } {
  let made: string | undefined
  try {
    made = mkdirSync(Buffer.from(path), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new CairnError(
      'target-unwritable',
      `Cannot make the target ${nameText(path)}: ${messageOf(whyNotMade(path) ?? error)}`,
      { cause: error },
    )
  }
  const target = TargetFolder.open(path)
  if (typeof target !== 'number') return { target, state: made === undefined ? 'existing' : 'new' }
  throw new CairnError(
    'target-unwritable',
    `Cannot open the target ${nameText(path)}: ${errnoMessage(-target)}`,
  )
}

/** Node says ENOENT of all that it makes on the way where that is read-only or full: one by one it says why. */
function whyNotMade(path: Bytes): unknown {
  const text = Buffer.from(path).toString('latin1')
  const above = dirname(text)
  if (above !== text && !existsSync(Buffer.from(above, 'latin1')))
    return whyNotMade(Buffer.from(above, 'latin1'))
  try {
    mkdirSync(Buffer.from(path), { mode: 0o700 })
  } catch (error) {
    return error
  }
  return undefined
}

interface RunOptions extends Prepared {
  readonly target: TargetFolder
  readonly pool: WritePool
}

class Run {
  readonly restorer: Restorer
  readonly #options: RunOptions
  /** The windows that are being written while the next one is filled: the last and the one before it. */
  #writing: Promise<void> = Promise.resolve()
  #before: Promise<void> = Promise.resolve()
  #entries = 0
  /** Trees that the store has and does not give out: many in a row mean that it is gone. */
  readonly #withheld = new ObjectProblems()

  constructor(options: RunOptions) {
    this.#options = options
    this.restorer = new Restorer({ ...options, flush: () => this.#write() })
  }

  async all(): Promise<void> {
    const { start, wanted, state } = this.#options
    const place: TargetPlace = {
      path: [],
      entry: start.entry,
      parent: undefined,
      state,
    }
    await this.#folder(place, { tree: start.tree, wanted, only: start.only })
    await this.#write()
    await this.#writing
  }

  async #folder(
    place: TargetPlace,
    { tree, wanted, only }: { tree: BlobId; wanted: Wanted; only?: Bytes | undefined },
  ): Promise<void> {
    const { restorer } = this
    const { reader, signal } = this.#options
    const seen: Bytes[] = []
    try {
      for await (const entries of entryRunsOf(reader, tree, place.path.length)) {
        for (const entry of entries) {
          if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
          if (only !== undefined && !equalBytes(entry.name, only)) continue
          this.#withheld.noteRead()
          if (this.#options.delete) seen.push(entry.name)
          if (++this.#entries % ENTRIES_AT_ONCE === 0)
            await new Promise((resolve) => setImmediate(resolve))
          const later = this.#entry(place, { entry, folderWanted: wanted })
          if (later !== undefined) await later
        }
      }
    } catch (error) {
      if (isCairnError(error, ...WITHHELD)) this.#withheld.take('a tree', error)
      else if (isCairnError(error, 'object-missing', 'object-damaged', 'unsupported'))
        this.#withheld.noteRead()
      else throw error
      restorer.problem(place.path, messageOf(error))
      return
    }
    const mayDelete = this.#options.delete && isWhole({ wanted, only })
    // When the window is written: before that, there are files in the folder that are still on their way.
    if (mayDelete && place.state === 'existing')
      restorer.window.afterwards.push(() => this.#deleteOthers(place, seen))
    restorer.closeFolder(place)
  }

  /** Returns a promise only where there is something to wait for, which most entries do not have. */
  #entry(
    place: TargetPlace,
    { entry, folderWanted }: { entry: Entry; folderWanted: Wanted },
  ): Promise<void> | undefined {
    const { restorer } = this
    const { selection } = this.#options
    const path = [...place.path, entry.name]
    const isDirectory = entry.tree !== undefined
    const wanted = selection.wants(path, { isDirectory, folderWanted })
    if (wanted === 'no') return undefined
    if (wanted === 'yes') this.#ensureAbove(place)
    const later =
      entry.tree === undefined
        ? restorer.restoreEntry(place, entry)
        : this.#inner({ path, entry, parent: place, state: 'unmade' }, entry.tree, wanted)
    if (later === undefined) return restorer.window.isFull ? this.#write() : undefined
    return later.then(() => (restorer.window.isFull ? this.#write() : undefined))
  }

  /** The folders that were only looked into so far: from the top, for there may be thousands. */
  #ensureAbove(place: TargetPlace): void {
    const unmade: TargetPlace[] = []
    for (let at: TargetPlace | undefined = place; at?.state === 'unmade'; at = at.parent)
      unmade.push(at)
    for (const one of unmade.reverse()) this.restorer.ensure(one)
  }

  #inner(inner: TargetPlace, tree: BlobId, wanted: Wanted): Promise<void> | undefined {
    if (wanted === 'yes') this.restorer.ensure(inner)
    return inner.state === 'failed' ? undefined : this.#folder(inner, { tree, wanted })
  }

  /**
   * Lets the window be written. Two are on their way at most, so that the workers have enough to do
   * while one comes to its end; what is to be done afterwards is done in order.
   */
  async #write(): Promise<void> {
    await this.#before
    const before = this.#writing
    this.#before = before
    const { restorer } = this
    const window = restorer.takeWindow()
    this.#writing = Promise.all([before, this.#writeContent(window)]).then(() => {
      for (const act of window.afterwards) act()
    })
    // Whoever waits for it next is told; until then nobody does.
    this.#writing.catch(() => undefined)
  }

  /** Every range once; then what was not good in one and is in another as well, until nothing is left. */
  async #writeContent(window: Window): Promise<void> {
    const { pool, index, signal } = this.#options
    for (let ranges = window.plan(index); ranges.length > 0; ranges = window.plan(index))
      await pool.run(ranges, (range, outcome) => {
        this.restorer.take(range, outcome)
        if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
      })
  }

  #deleteOthers({ path }: TargetPlace, names: readonly Bytes[]): void {
    const { restorer } = this
    const { target, selection, onDeleted } = this.#options
    const dirFd = target.openDirectory(path)
    for (const other of othersIn(target, { path, names, selection })) {
      const result = target.removeEntry(dirFd, other.at(-1) as Bytes)
      if (result < 0) {
        restorer.problem(other, `cannot remove it: ${errnoMessage(-result)}`)
        continue
      }
      restorer.counts.deleted++
      onDeleted?.(other)
    }
  }
}
