// Reading one file: opened here, once, then read by the workers, then made into an entry. Further names
// of a file with several links are not read again.

import { constants } from 'node:os'
import { type Bytes, concat } from '../../base/bytes.ts'
import { libc } from '../../base/libc.ts'
import { Errno } from '../../base/libc-error.ts'
import { NativeBuffer, PathSlot } from '../../base/libc-memory.ts'
import { STAT_KEY, StatBuffer } from '../../base/libc-stat.ts'
import type { XattrReader } from '../../base/libc-xattrs.ts'
import { LINK_TARGET_BYTES_MAX } from '../../format/limits.ts'
import type { Entry, Extent, Piece } from '../../format/tree.ts'
import { dataExtents, mayHaveHoles } from '../../source/files/extents.ts'
import { NOT_A_FILE, openFile } from '../../source/files/open-file.ts'
import type { WalkDirectory } from '../../source/files/walk-events.ts'
import { type EntryBasis, type EntryContent, type EntryMaker, takeXattrs } from './entry.ts'
import type { Folder } from './folder.ts'
import { type Extents, type Range, READ_CHANGED, READ_FINE } from './messages.ts'
import { fitsInline, putExtents, putPieces } from './node-lists.ts'
import { type FileContent, ReadPool } from './read-pool.ts'
import type { Report } from './report.ts'
import type { TreeWriter } from './tree-writer.ts'

/** A much divided file is recorded with this many runs of data at most. */
const EXTENTS_MAX = 1_000_000
/** Some files of procfs and its like never end: /proc/kcore says that it has 128 TiB. */
const DISKLESS_BYTES_MAX = 256 * 1024 * 1024

export interface FileToRead {
  readonly name: Bytes
  readonly stat: StatBuffer
  readonly directory: WalkDirectory
  readonly folder: Folder
}

/** An entry, and what is to be remembered of it. */
export interface MadeFile {
  readonly basis: EntryBasis
  readonly entry: Entry
  /** All blobs that it needs. */
  readonly ids: Bytes
  /** STAT_KEY of what was read. */
  readonly key: Bytes
  /** False where the file changed meanwhile. */
  readonly inPeace: boolean
}

type Done = (made: MadeFile | undefined) => void

interface OpenFile {
  readonly fd: number
  readonly basis: EntryBasis
  readonly key: Bytes
  readonly path: () => Bytes
}

/** The content of a file, as entries name it. */
interface StoredContent {
  readonly content: FileContent
  readonly extents: readonly Extent[] | undefined
  readonly fields: EntryContent
  readonly ids: Bytes
}

export interface FileReadingOptions {
  readonly pool: ReadPool
  readonly trees: TreeWriter
  readonly report: Report
  readonly entries: EntryMaker
  readonly xattrs: XattrReader
}

export class FileReading {
  readonly #options: FileReadingOptions
  readonly #stat = new StatBuffer()
  readonly #name = new PathSlot()
  readonly #link = new NativeBuffer(LINK_TARGET_BYTES_MAX + 1)
  /** Files with several names: what is known, or who waits for it. */
  readonly #linked = new Map<
    string,
    { stored?: StoredContent | 'failed'; waiting: (() => void)[] }
  >()

  constructor(options: FileReadingOptions) {
    this.#options = options
  }

  /** The target of a link, or a negative errno. */
  readLink(dirFd: number, name: number): Bytes | number {
    const { address, bytes } = this.#link
    const length = libc().readlinkat(dirFd, name, address, bytes.length)
    if (length < 0) return length
    return length > LINK_TARGET_BYTES_MAX ? -Errno.ENAMETOOLONG : bytes.slice(0, length)
  }

  /** Reads a file; `done` may be called at once or later, with nothing where it has no entry. */
  read(file: FileToRead, done: Done): void {
    const open = this.#open(file)
    if (open === undefined) return done(undefined)
    const { stat } = open.basis
    const finish = (stored: StoredContent | undefined) => done(stored && this.#make(open, stored))
    if (stat.links === 1)
      return this.#readContent(open, { diskless: file.directory.diskless, finish })
    this.#readLinked(open, { diskless: file.directory.diskless, finish })
  }

  #open({ name, directory, folder }: FileToRead): OpenFile | undefined {
    const { report, xattrs } = this.#options
    const path = () => folder.pathOf(name)
    const fd = openFile(directory.fd, this.#name.put(name), this.#stat)
    if (fd < 0) {
      if (fd === NOT_A_FILE || fd === -Errno.ENOENT) report.vanished(path())
      else report.unreadable(path(), { errno: -fd, doing: 'open' })
      return undefined
    }
    const kept = takeXattrs(xattrs.ofFd(fd), { report, path })
    const key = new Uint8Array(STAT_KEY.bytes)
    this.#stat.writeKey(key, 0)
    return { fd, basis: { name, stat: this.#stat.copy(), xattrs: kept }, key, path }
  }

  #readLinked(open: OpenFile, options: ReadingOptions): void {
    const { deviceMajor, deviceMinor, inode } = open.basis.stat
    const link = `${deviceMajor}:${deviceMinor}:${inode}`
    const known = this.#linked.get(link)
    if (known === undefined) {
      const mine: { stored?: StoredContent | 'failed'; waiting: (() => void)[] } = { waiting: [] }
      this.#linked.set(link, mine)
      return this.#readContent(open, {
        ...options,
        finish: (stored) => {
          mine.stored = stored ?? 'failed'
          options.finish(stored)
          for (const tell of mine.waiting.splice(0)) tell()
        },
      })
    }
    libc().close(open.fd)
    const tell = () => {
      const stored = known.stored === 'failed' ? undefined : known.stored
      if (stored === undefined)
        this.#options.report.unreadable(open.path(), { errno: constants.errno.EIO, doing: 'read' })
      else this.#options.report.fileRead(open.basis.stat.size, 0)
      options.finish(stored)
    }
    if (known.stored === undefined) known.waiting.push(tell)
    else tell()
  }

  #readContent(open: OpenFile, { diskless, finish }: ReadingOptions): void {
    const { pool, report } = this.#options
    const { fd, key } = open
    const { stat } = open.basis
    const sparse = !diskless && mayHaveHoles(stat)
    const extents = sparse ? dataExtents(fd, stat.size, EXTENTS_MAX) : undefined
    const done = (content: FileContent) => {
      if (content.outcome > 0) {
        report.unreadable(open.path(), { errno: content.outcome, doing: 'read' })
        finish(undefined)
        return
      }
      if (content.outcome === READ_CHANGED) report.changed(open.path())
      const size = diskless || extents === undefined ? content.dataBytes : stat.size
      report.fileRead(size, content.dataBytes)
      finish(this.#store(content, { extents, size }))
    }
    if (extents === undefined && !diskless && ReadPool.isSmall(stat.size)) {
      return pool.readSmall({ fd, size: stat.size, key, done })
    }
    const data: Extents = diskless
      ? { toEndMaxBytes: DISKLESS_BYTES_MAX }
      : (extents ?? [{ offset: 0, length: stat.size }])
    pool.readLarge({
      fd,
      size: stat.size,
      data,
      finish: () => this.#ending(fd, { key, diskless }),
      done,
    })
  }

  /** Whether the file is still what it was when it was opened. */
  #ending(
    fd: number,
    { key, diskless }: { key: Bytes; diskless: boolean },
  ): { outcome: number; restated: undefined } {
    const errno = -this.#stat.readFd(fd)
    if (errno > 0) return { outcome: errno, restated: undefined }
    const same = diskless || this.#stat.matchesKey(key, 0)
    return { outcome: same ? READ_FINE : READ_CHANGED, restated: undefined }
  }

  #store(
    content: FileContent,
    { extents, size }: { extents: readonly Range[] | undefined; size: number },
  ): StoredContent {
    const ids: Bytes[] = content.pieces.map((piece) => piece.id)
    const holes = extents === undefined ? undefined : toHoles(extents)
    const fields = {
      size,
      crc32: content.crc,
      ...this.#pieceFields(content.pieces, ids),
      ...(holes && this.#extentFields(holes, ids)),
      ...(content.outcome === READ_CHANGED && { changed: 1 }),
    }
    return { content, extents: holes, fields, ids: concat(ids) }
  }

  #pieceFields(pieces: readonly Piece[], ids: Bytes[]): EntryContent {
    if (pieces.length === 0) return {}
    if (fitsInline(pieces.length)) return { pieces }
    const { root, nodes } = putPieces(pieces, (blob) => this.#options.trees.put(blob))
    ids.push(...nodes)
    return { pieceList: root }
  }

  #extentFields(extents: readonly Extent[], ids: Bytes[]): EntryContent {
    if (fitsInline(extents.length)) return { extents }
    const { root, nodes } = putExtents(extents, (blob) => this.#options.trees.put(blob))
    ids.push(...nodes)
    return { extentList: root }
  }

  #make(open: OpenFile, { content, fields, ids }: StoredContent): MadeFile {
    const { stat, key } = content.restated ?? { stat: open.basis.stat, key: open.key }
    const basis = { ...open.basis, stat }
    const entry = this.#options.entries.make(basis, fields)
    return { basis, key, entry, ids, inPeace: content.outcome === READ_FINE }
  }
}

interface ReadingOptions {
  readonly diskless: boolean
  readonly finish: (stored: StoredContent | undefined) => void
}

/** Runs of data as distances: each after a hole from the end of the one before. */
function toHoles(extents: readonly Range[]): readonly Extent[] {
  let end = 0
  return extents.map(({ offset, length }) => {
    const hole = offset - end
    end = offset + length
    return { hole, data: length }
  })
}
