// Restore: go through the tree, make what has no content at once, fetch content in windows and let the
// workers write it. Goes on past what is damaged: it is listed with its path, and the rest is restored.

import { mkdirSync } from 'node:fs'
import type { Bytes } from '../base/bytes.ts'
import { equalBytes, utf8 } from '../base/bytes.ts'
import { CairnError, isCairnError, messageOf } from '../base/errors.ts'
import { errnoMessage } from '../base/libc-error.ts'
import { DirectoryListing } from '../base/libc-listing.ts'
import type { BlobId } from '../format/ids.ts'
import type { Entry } from '../format/tree.ts'
import { blobIdKey } from '../repository/access.ts'
import { loadIndex } from '../repository/index-load.ts'
import type { Repository } from '../repository/repository.ts'
import { openDetails, type Snapshot } from '../repository/snapshots.ts'
import { TargetFolder } from '../target/files/target-folder.ts'
import { BlobReader } from './blob-reader.ts'
import type { OverwritePolicy } from './restore/existing.ts'
import {
  type RestoreCounts,
  type RestoreProblem,
  Restorer,
  type TargetPlace,
} from './restore/restorer.ts'
import { Selection, type Wanted } from './restore/selection.ts'
import { WritePool } from './restore/write-pool.ts'
import { entriesOf, findEntry } from './tree-reader.ts'

export interface RestoreOptions {
  readonly repository: Repository
  readonly snapshot: Snapshot
  /** Names below the root of the snapshot: [] for all of it. A folder's content goes into the target. */
  readonly path: readonly Bytes[]
  readonly target: string
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly overwrite: OverwritePolicy
  /** Remove from the folders that are restored what the snapshot does not have. */
  readonly delete: boolean
  readonly owners: 'numbers' | 'names' | 'keep'
  readonly workers: number
  readonly signal: AbortSignal
  readonly onProgress: (counts: RestoreCounts) => void
  readonly onProblem: (problem: RestoreProblem) => void
}

const PROGRESS_MS = 250

/** Throws 'not-found' for a path that is not in the snapshot, 'no-space', or what else ends it. */
export async function restore(options: RestoreOptions): Promise<RestoreCounts> {
  const { repository, snapshot, target: path, workers } = options
  const { domain } = snapshot
  const index = await loadIndex(repository, domain)
  const reader = new BlobReader({ store: repository.store, domain, index })
  const start = await findStart(options, reader)
  const target = openTarget(path)
  const setup = {
    dataIdKey: blobIdKey(domain.idKey, 'data'),
    rootFd: target.rootFd,
    owners: options.owners,
  }
  const pool = new WritePool({ store: repository.store, domain, index, workers, setup })
  const restorer = new Restorer({ ...options, target, reader, index })
  const timer = setInterval(() => options.onProgress(restorer.counts), PROGRESS_MS)
  const run = new Run({ ...options, target, reader, restorer, pool, index })
  try {
    await run.all(start)
    return restorer.counts
  } finally {
    clearInterval(timer)
    await pool.stop()
    target.close()
  }
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
  const root = snapshot.summary.roots[0] as BlobId
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

function openTarget(path: string): TargetFolder {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new CairnError(
      'target-unwritable',
      `Cannot make the target ${path}: ${messageOf(error)}`,
      { cause: error },
    )
  }
  const target = TargetFolder.open(utf8(path))
  if (typeof target !== 'number') return target
  throw new CairnError(
    'target-unwritable',
    `Cannot open the target ${path}: ${errnoMessage(-target)}`,
  )
}

interface RunOptions extends Omit<RestoreOptions, 'target'> {
  readonly target: TargetFolder
  readonly reader: BlobReader
  readonly restorer: Restorer
  readonly pool: WritePool
  readonly index: Awaited<ReturnType<typeof loadIndex>>
}

class Run {
  readonly #options: RunOptions
  readonly #selection: Selection
  /** The window that is being written while the next one is filled. */
  #writing: Promise<void> = Promise.resolve()

  constructor(options: RunOptions) {
    this.#options = options
    this.#selection = new Selection({ ...options, above: options.path })
  }

  async all(start: Start): Promise<void> {
    const place: TargetPlace = {
      path: [],
      entry: start.entry,
      parent: undefined,
      state: 'existing',
    }
    const wanted = this.#options.include.length > 0 ? 'inside' : 'yes'
    await this.#folder(place, { tree: start.tree, wanted, only: start.only })
    await this.#write()
    await this.#writing
  }

  async #folder(
    place: TargetPlace,
    { tree, wanted, only }: { tree: BlobId; wanted: Wanted; only?: Bytes | undefined },
  ): Promise<void> {
    const { restorer, reader, signal } = this.#options
    const seen: Bytes[] = []
    try {
      for await (const entry of entriesOf(reader, tree)) {
        if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
        if (only !== undefined && !equalBytes(entry.name, only)) continue
        if (this.#options.delete) seen.push(entry.name)
        await this.#entry(place, { entry, folderWanted: wanted })
      }
    } catch (error) {
      if (!isCairnError(error, 'object-missing', 'object-damaged', 'unsupported')) throw error
      restorer.problem(place.path, error.message)
      return
    }
    if (this.#options.delete && only === undefined && place.state === 'existing')
      this.#deleteOthers(place, seen)
    restorer.closeFolder(place)
  }

  async #entry(
    place: TargetPlace,
    { entry, folderWanted }: { entry: Entry; folderWanted: Wanted },
  ): Promise<void> {
    const { restorer } = this.#options
    const path = [...place.path, entry.name]
    const isDirectory = entry.tree !== undefined
    const wanted = this.#selection.wants(path, { isDirectory, folderWanted })
    if (wanted === 'no') return
    if (entry.tree === undefined) await restorer.restoreEntry(place, entry)
    else {
      const inner: TargetPlace = { path, entry, parent: place, state: 'unmade' }
      if (wanted === 'yes') restorer.ensure(inner)
      if (inner.state !== 'failed') await this.#folder(inner, { tree: entry.tree, wanted })
    }
    if (restorer.window.isFull) await this.#write()
  }

  /** Lets the window be written, once the one before is done. */
  async #write(): Promise<void> {
    await this.#writing
    const { restorer, pool, index } = this.#options
    const window = restorer.takeWindow()
    this.#writing = pool
      .run(window.plan(index), (range, outcome) => restorer.take(range, outcome))
      .then(() => {
        for (const act of window.afterwards) act()
      })
    // Whoever waits for it next is told; until then nobody does.
    this.#writing.catch(() => undefined)
  }

  #deleteOthers(place: TargetPlace, seen: readonly Bytes[]): void {
    const { target, restorer } = this.#options
    const dirFd = target.openDirectory(place.path)
    const listing = new DirectoryListing()
    if (dirFd < 0 || target.list(dirFd, listing) < 0) return
    const keep = new Set(seen.map((name) => Buffer.from(name).toString('latin1')))
    for (let i = 0; i < listing.count; i++) {
      const name = listing.nameAt(i).slice()
      if (keep.has(Buffer.from(name).toString('latin1'))) continue
      const path = [...place.path, name]
      if (this.#selection.wants(path, { isDirectory: false, folderWanted: 'yes' }) === 'no')
        continue
      const result = target.removeEntry(dirFd, name)
      if (result === 0) restorer.counts.deleted++
      else restorer.problem(path, `cannot remove it: ${errnoMessage(-result)}`)
    }
  }
}
