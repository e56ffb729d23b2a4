// Goes through the source and builds its tree: for each entry decides whether it is as it was, reads
// it if not, and passes it to its folder; each folder that ends becomes an entry of the one above.

import { type Bytes, utf8 } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { CairnError } from '../../base/errors.ts'
import type { KeyedHasher } from '../../base/hash.ts'
import { PathSlot } from '../../base/libc-memory.ts'
import { UserNames } from '../../base/libc-users.ts'
import { XattrReader } from '../../base/libc-xattrs.ts'
import { decode } from '../../format/codec.ts'
import type { BlobId } from '../../format/ids.ts'
import { type Entry, entryCodec } from '../../format/tree.ts'
import type { Walker } from '../../source/files/walk.ts'
import type { WalkDirectory, WalkEvent } from '../../source/files/walk-events.ts'
import { CacheKeys } from './cache-keys.ts'
import { EndedFolders } from './ended-folders.ts'
import { type EntryContent, EntryMaker, encodeEntry, takeXattrs } from './entry.ts'
import type { CachedEntry, FileCacheWriter } from './file-cache.ts'
import { FileReading, type FileSink, type MadeFile, reportSmall } from './file-reading.ts'
import { Folder } from './folder.ts'
import { type EncodedEntry, FolderNodes } from './folder-nodes.ts'
import type { KnownBlobs } from './known-blobs.ts'
import type { LastTime } from './last-time.ts'
import { READ_FINE } from './messages.ts'
import { OrderedQueue } from './ordered-queue.ts'
import type { PackStream } from './pack-stream.ts'
import type { ReadPool } from './read-pool.ts'
import type { Report } from './report.ts'
import type { ReadRun, RunDone } from './small-runs.ts'
import type { TreeWriter } from './tree-writer.ts'

export interface ScanOptions {
  readonly walker: Walker
  readonly pool: ReadPool
  readonly packs: Pick<PackStream, 'isBehind' | 'caughtUp'>
  readonly trees: TreeWriter
  readonly folderHasher: KeyedHasher
  readonly known: KnownBlobs
  readonly lastTime: LastTime
  readonly nextTime: FileCacheWriter
  readonly report: Report
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly ignoreCtime: boolean
  readonly ignoreInode: boolean
  readonly checkpointMs: number
  /** Given the tree of what there is so far; every file that was begun is done. */
  readonly onCheckpoint: (partial: Root) => Promise<void>
}

/** The tree of '/', and its entry, which no folder has. */
export interface Root {
  readonly tree: BlobId
  readonly entry: Entry | undefined
}

const ROOT_NAME = utf8('root')
const NO_IDS = new Uint8Array(0)

/** What the walk may do before the main thread looks after messages again. */
const EVENTS_AT_ONCE = 256
const BACKLOG_MAX = 50_000

/**
 * Scans to the end; the root, or nothing where none of the paths could be looked at.
 * Throws 'interrupted' when the signal comes.
 */
export async function scan(options: ScanOptions): Promise<Root | undefined> {
  const scanner = new Scanner(options)
  const { walker, pool, packs, signal, clock, checkpointMs } = options
  let checkpointAtMs = clock.monotonicMs() + checkpointMs
  for (let events = 1; ; events++) {
    const event = walker.next()
    if (event === undefined) break
    scanner.take(event)
    if (events % EVENTS_AT_ONCE === 0) {
      await new Promise((resolve) => setImmediate(resolve))
      if (clock.monotonicMs() >= checkpointAtMs) {
        await scanner.checkpoint()
        checkpointAtMs = clock.monotonicMs() + checkpointMs
      }
    }
    if (pool.isCrowded) await pool.room()
    if (packs.isBehind) await packs.caughtUp()
    // One slow file must not let all that comes behind it pile up.
    if (scanner.backlog > BACKLOG_MAX) await pool.drain()
    if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
  }
  await pool.drain()
  return walker.rootsFound > 0 ? scanner.root : undefined
}

/** Small files of one folder, one after the other, that go to a worker together. */
interface OpenRun {
  readonly folder: Folder
  readonly batch: number
  readonly done: RunDone
}

class Scanner implements FileSink {
  readonly #options: ScanOptions
  readonly #keys: CacheKeys
  readonly #entries = new EntryMaker(new UserNames())
  readonly #xattrs = new XattrReader()
  readonly #target = new PathSlot()
  readonly #files: FileReading
  readonly #remembered = new OrderedQueue<() => void>((write) => write())
  readonly #ended = new EndedFolders()
  #folder: Folder | undefined
  #run: OpenRun | undefined
  /** How many files in runs wait to be remembered. */
  #filesInRuns = 0
  #root: Root | undefined

  constructor(options: ScanOptions) {
    this.#options = options
    this.#keys = new CacheKeys(options)
    this.#files = new FileReading({
      ...options,
      entries: this.#entries,
      xattrs: this.#xattrs,
      sink: this,
    })
  }

  get root(): Root | undefined {
    return this.#root
  }

  /** How many entries wait for one before them. */
  get backlog(): number {
    return this.#remembered.length + this.#filesInRuns
  }

  /** Waits for what was begun, and hands over the tree of all that is done. */
  async checkpoint(): Promise<void> {
    await this.#options.pool.drain()
    let child: EncodedEntry | undefined
    for (let folder = this.#folder; folder !== undefined; folder = folder.parent) {
      const { basis, parent } = folder
      const tree = folder.peek(child)
      const name = parent === undefined ? ROOT_NAME : basis.name
      const entry = this.#entries.make({ ...basis, name }, { tree })
      if (parent === undefined) await this.#options.onCheckpoint({ tree, entry })
      child = { name, ...encodeEntry(entry) }
    }
  }

  take(event: WalkEvent): void {
    if (event.kind === 'enter') this.#enter(event)
    else if (event.kind === 'leave') this.#leave()
    else if (event.kind === 'entry') this.#entry(event)
    else if (event.kind === 'problem') this.#options.report.walkProblem(event)
    else this.#options.report.skipped(event)
  }

  #enter({ name, stat, directory, contents }: WalkEvent & { kind: 'enter' }): void {
    const { lastTime, nextTime, folderHasher, trees } = this.#options
    const ownName = name.slice()
    const { report } = this.#options
    const path = () => directory.path()
    const xattrs = takeXattrs(this.#xattrs.ofFd(directory.fd), { report, path })
    const basis = {
      name: ownName,
      stat: stat.copy(),
      xattrs,
      key: this.#keys.make(stat, xattrs),
      contents,
    }
    lastTime.enter(ownName)
    this.#run = undefined
    this.#remembered.push(() => nextTime.enter(ownName))
    const newNodes = () => new FolderNodes({ hasher: folderHasher, trees })
    this.#folder = new Folder(this.#folder, { basis, newNodes, ended: this.#ended })
  }

  #leave(): void {
    const folder = this.#folder
    if (folder === undefined) throw new Error('Bug in Cairn: a folder ended that had not begun')
    const { lastTime, nextTime, report } = this.#options
    const { parent, basis } = folder
    const last = lastTime.leave()
    const cached = !last.lostSome ? this.#options.known.usable(last.entry) : undefined
    const above = parent?.reserve()
    this.#run = undefined
    const memory = this.#remembered.reserve()
    report.folder()
    folder.end(cached, ({ root, ids, unchanged }) => {
      const entry = this.#entries.make(
        parent === undefined ? { ...basis, name: ROOT_NAME } : basis,
        { tree: root },
      )
      const same = unchanged && cached !== undefined && this.#keys.equal(cached.key, basis.key)
      const { encoded, refs } = same
        ? { encoded: cached.encoded, refs: undefined }
        : encodeEntry(entry)
      const remembered = this.#keys.isSettled(basis.key)
        ? { key: basis.key, encoded, ids }
        : undefined
      this.#remembered.resolve(memory, () => nextTime.leave(remembered))
      if (parent === undefined || above === undefined) this.#root = { tree: root, entry }
      else parent.resolve(above, { name: basis.name, encoded, refs, unchanged: same })
    })
    this.#folder = parent
  }

  #entry(event: WalkEvent & { kind: 'entry' }): void {
    const folder = this.#folder
    if (folder === undefined) throw new Error('Bug in Cairn: an entry outside of any folder')
    const { stat, directory, name } = event
    const cached = this.#options.known.usable(this.#options.lastTime.entry(name))
    const xattrsNow = () => this.#xattrs.at(directory.fd, name).xattrs
    if (cached !== undefined && this.#keys.matches(stat, cached.key, xattrsNow)) {
      this.#takeUnchanged(folder, event, cached)
    } else if (cached !== undefined && this.#keys.hasContentOf(stat, cached.key)) {
      this.#takeContent(folder, event, cached)
    } else if (stat.isFile) this.#files.read(event, folder)
    else this.#makeOther(folder, event)
  }

  #takeUnchanged(
    folder: Folder,
    { name, stat }: WalkEvent & { kind: 'entry' },
    cached: CachedEntry,
  ): void {
    const ownName = name.slice()
    this.#run = undefined
    this.#options.report.unchanged(stat)
    folder.push({ name: ownName, encoded: cached.encoded, refs: undefined, unchanged: true })
    this.#remembered.push(() => this.#options.nextTime.entry(ownName, cached))
  }

  /** A file that is described anew and not read. */
  #takeContent(
    folder: Folder,
    event: WalkEvent & { kind: 'entry' },
    { encoded, ids }: CachedEntry,
  ): void {
    this.#options.report.unchanged(event.stat)
    this.#describe(folder, event, { content: decode(entryCodec, encoded), ids })
  }

  alone(folder: Folder, name: Bytes): (made: MadeFile | undefined) => void {
    this.#run = undefined
    const ticket = folder.reserve()
    const memory = this.#remembered.reserve()
    return (made) => {
      if (made === undefined) {
        folder.resolve(ticket, 'nothing')
        return this.#remembered.resolve(memory, () => undefined)
      }
      const { encoded, refs } = made
      folder.resolve(ticket, { name, encoded, refs, unchanged: false })
      const keep = made.inPeace && this.#keys.isSettled(made.key)
      this.#remembered.resolve(memory, () => {
        if (keep) this.#options.nextTime.entry(name, made)
      })
    }
  }

  inRun(folder: Folder): RunDone {
    const { batch } = this.#options.pool
    if (this.#run?.folder !== folder || this.#run.batch !== batch)
      this.#run = { folder, batch, done: this.#beginRun(folder) }
    this.#filesInRuns++
    return this.#run.done
  }

  #beginRun(folder: Folder): RunDone {
    const ticket = folder.reserve()
    const memory = this.#remembered.reserve()
    return (run) => {
      const { report } = this.#options
      run.forEach((file) => reportSmall(file, { report, folder }))
      folder.resolve(ticket, run)
      this.#remembered.resolve(memory, () => this.#remember(run))
    }
  }

  #remember(run: ReadRun): void {
    const { nextTime } = this.#options
    this.#filesInRuns -= run.count
    run.forEach(({ name, outcome, key, encoded, ids }) => {
      const keep = outcome === READ_FINE && this.#keys.isSettled(key)
      if (keep) nextTime.entry(name, { key, encoded, ids })
    })
  }

  /** Links, devices, FIFOs: recorded, never opened. */
  #makeOther(folder: Folder, event: WalkEvent & { kind: 'entry' }): void {
    const { name, stat, directory } = event
    const ownName = name.slice()
    this.#run = undefined
    const path = () => folder.pathOf(ownName)
    const target = stat.type === 'symlink' ? this.#readLink(directory, ownName, path) : undefined
    if (stat.type === 'symlink' && target === undefined) return folder.push('nothing')
    this.#options.report.other()
    this.#describe(folder, event, { content: { ...(target && { target }) }, ids: NO_IDS })
  }

  /** An entry with what is found of it now, and a content that is known. */
  #describe(
    folder: Folder,
    { name, stat, directory }: WalkEvent & { kind: 'entry' },
    { content, ids }: { readonly content: EntryContent; readonly ids: Bytes },
  ): void {
    const { report, nextTime } = this.#options
    const ownName = name.slice()
    this.#run = undefined
    const path = () => folder.pathOf(ownName)
    const xattrs = takeXattrs(this.#xattrs.at(directory.fd, ownName), { report, path })
    const key = this.#keys.make(stat, xattrs)
    const basis = { name: ownName, stat: stat.copy(), xattrs }
    const made = encodeEntry(this.#entries.make(basis, content))
    folder.push({ name: ownName, ...made, unchanged: false })
    if (this.#keys.isSettled(key))
      this.#remembered.push(() => nextTime.entry(ownName, { key, encoded: made.encoded, ids }))
  }

  #readLink(directory: WalkDirectory, name: Bytes, path: () => Bytes): Bytes | undefined {
    const result = this.#files.readLink(directory.fd, this.#target.put(name))
    if (typeof result !== 'number') return result
    this.#options.report.unreadable(path(), { errno: -result, doing: 'read the link' })
    return undefined
  }
}
