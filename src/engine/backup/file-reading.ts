// Reading one file: opened here, once, then read by the workers. Small files they also make the entries
// of. Further names of a file with several links are not read again.

import { constants } from 'node:os'
import { type Bytes, concat } from '../../base/bytes.ts'
import { libc } from '../../base/libc.ts'
import { Errno } from '../../base/libc-error.ts'
import { NativeBuffer, PathSlot } from '../../base/libc-memory.ts'
import { STAT_KEY, StatBuffer } from '../../base/libc-stat.ts'
import { digestXattrs, type XattrReader } from '../../base/libc-xattrs.ts'
import { decode } from '../../format/codec.ts'
import { LINK_TARGET_BYTES_MAX } from '../../format/limits.ts'
import { type Extent, entryCodec, type Piece } from '../../format/tree.ts'
import { dataExtents, mayHaveHoles } from '../../source/files/extents.ts'
import { NOT_A_FILE, openFile } from '../../source/files/open-file.ts'
import type { WalkDirectory } from '../../source/files/walk-events.ts'
import {
  type EntryBasis,
  type EntryContent,
  type EntryMaker,
  encodeEntry,
  takeXattrs,
} from './entry.ts'
import type { CachedEntry } from './file-cache.ts'
import type { Folder } from './folder.ts'
import { type Extents, type Range, READ_CHANGED, READ_FINE } from './messages.ts'
import { fitsInline, putExtents, putPieces } from './node-lists.ts'
import type { FileContent, ReadPool, SmallFileResult } from './read-pool.ts'
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
export interface MadeFile extends CachedEntry {
  /** See CheckedEntry. */
  readonly refs: Bytes
  /** False where the file changed meanwhile. */
  readonly inPeace: boolean
  readonly size: number
}

type Done = (made: MadeFile | undefined) => void

interface OpenFile {
  readonly fd: number
  readonly name: Bytes
  /** STAT_KEY. */
  readonly key: Bytes
  readonly folder: Folder
}

/** A file with several names: what was made of it, or who waits for that. */
interface LinkedFile {
  made?: MadeFile | 'failed'
  /** How many names may still come. */
  namesLeft: number
  readonly waiting: (() => void)[]
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
  /** By device and inode. */
  readonly #linked = new Map<string, LinkedFile>()

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
    const known = file.stat.links > 1 ? this.#linked.get(linkOf(file.stat)) : undefined
    if (known !== undefined) return this.#readAgain(known, file, done)
    const { name, directory, folder } = file
    const fd = openFile(directory.fd, this.#name.put(name), this.#stat)
    if (fd < 0) return this.#notOpened(folder.pathOf(name), fd, done)
    const key = new Uint8Array(STAT_KEY.bytes)
    this.#stat.writeKey(key, 0)
    const finish = this.#stat.links > 1 ? this.#firstOfLinks(done) : done
    this.#readOpen({ fd, name, key, folder }, { diskless: directory.diskless, done: finish })
  }

  #notOpened(path: Bytes, result: number, done: Done): void {
    const { report } = this.#options
    if (result === NOT_A_FILE || result === -Errno.ENOENT) report.vanished(path)
    else report.unreadable(path, { errno: -result, doing: 'open' })
    done(undefined)
  }

  /** Remembers what is made of the file that `#stat` is of, for its other names. */
  #firstOfLinks(done: Done): Done {
    const linked: LinkedFile = { namesLeft: this.#stat.links - 1, waiting: [] }
    this.#linked.set(linkOf(this.#stat), linked)
    return (made) => {
      linked.made = made === undefined ? 'failed' : ownCopy(made)
      done(made)
      for (const tell of linked.waiting.splice(0)) tell()
    }
  }

  /** One more name of a file that is being read or was: its entry under this name. */
  #readAgain(linked: LinkedFile, { name, stat, folder }: FileToRead, done: Done): void {
    const { report } = this.#options
    if (--linked.namesLeft === 0) this.#linked.delete(linkOf(stat))
    const tell = () => {
      const { made } = linked
      if (made === undefined || made === 'failed') {
        report.unreadable(folder.pathOf(name), { errno: constants.errno.EIO, doing: 'read' })
        done(undefined)
        return
      }
      report.fileRead(made.size, 0)
      const entry = decode(entryCodec, made.encoded)
      done({ ...made, ...encodeEntry({ ...entry, name }) })
    }
    if (linked.made === undefined) linked.waiting.push(tell)
    else tell()
  }

  /** Reads the file that `#stat` is of. */
  #readOpen(open: OpenFile, { diskless, done }: { diskless: boolean; done: Done }): void {
    const { pool } = this.#options
    const { size } = this.#stat
    const sparse = !diskless && mayHaveHoles(this.#stat)
    const extents = sparse ? dataExtents(open.fd, size, EXTENTS_MAX) : undefined
    if (extents !== undefined || diskless || !pool.isSmall(size))
      return this.#readLarge(open, { diskless, extents, done })
    const { fd, name, key } = open
    pool.readSmall({ fd, name, size, key, done: (result) => done(this.#takeSmall(open, result)) })
  }

  #takeSmall(
    { folder, name }: OpenFile,
    { outcome, bytes, encoded, key, ids, troubles }: SmallFileResult,
  ): MadeFile | undefined {
    const { report } = this.#options
    for (const trouble of troubles) report.unreadable(folder.pathOf(name), trouble)
    if (outcome > 0) {
      report.unreadable(folder.pathOf(name), { errno: outcome, doing: 'read' })
      return undefined
    }
    if (outcome === READ_CHANGED) report.changed(folder.pathOf(name))
    report.fileRead(bytes, bytes)
    return { encoded, key, ids, refs: ids, inPeace: outcome === READ_FINE, size: bytes }
  }

  /** A file in segments, one with holes, or one whose size means nothing. */
  #readLarge(
    open: OpenFile,
    {
      diskless,
      extents,
      done,
    }: { diskless: boolean; extents: readonly Range[] | undefined; done: Done },
  ): void {
    const { pool, report, xattrs: reader } = this.#options
    const { fd, name, key, folder } = open
    const path = () => folder.pathOf(name)
    const xattrs = takeXattrs(reader.ofFd(fd), { report, path })
    const basis = { name, stat: this.#stat.copy(), xattrs }
    const { size } = basis.stat
    const data: Extents = diskless
      ? { toEndMaxBytes: DISKLESS_BYTES_MAX }
      : (extents ?? [{ offset: 0, length: size }])
    pool.readLarge({
      fd,
      size,
      data,
      finish: () => this.#ending(fd, { key, diskless }),
      done: (content) => {
        if (content.outcome > 0) {
          report.unreadable(path(), { errno: content.outcome, doing: 'read' })
          return done(undefined)
        }
        if (content.outcome === READ_CHANGED) report.changed(path())
        const length = diskless || extents === undefined ? content.dataBytes : size
        report.fileRead(length, content.dataBytes)
        done(this.#make(basis, content, { key, size: length, extents }))
      },
    })
  }

  /** Whether the file is still what it was when it was opened. */
  #ending(fd: number, { key, diskless }: { key: Bytes; diskless: boolean }): number {
    const errno = -this.#stat.readFd(fd)
    if (errno > 0) return errno
    return diskless || this.#stat.matchesKey(key, 0) ? READ_FINE : READ_CHANGED
  }

  #make(
    basis: EntryBasis,
    content: FileContent,
    { key, size, extents }: { key: Bytes; size: number; extents: readonly Range[] | undefined },
  ): MadeFile {
    const { entries } = this.#options
    const ids: Bytes[] = content.pieces.map((piece) => piece.id)
    const holes = extents === undefined ? undefined : toHoles(extents)
    const entry = entries.make(basis, {
      size,
      crc32: content.crc,
      ...this.#pieceFields(content.pieces, ids),
      ...(holes && this.#extentFields(holes, ids)),
      ...(content.outcome === READ_CHANGED && { changed: 1 }),
    })
    return {
      ...encodeEntry(entry),
      key: concat([key, digestXattrs(basis.xattrs)]),
      ids: concat(ids),
      inPeace: content.outcome === READ_FINE,
      size,
    }
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
}

/** A copy that does not keep alive what is shared with other files. */
function ownCopy({ encoded, key, ids, refs, ...rest }: MadeFile): MadeFile {
  const own = { encoded: encoded.slice(), key: key.slice(), ids: ids.slice(), refs: refs.slice() }
  return { ...rest, ...own }
}

function linkOf({ deviceMajor, deviceMinor, inode }: StatBuffer): string {
  return `${deviceMajor}:${deviceMinor}:${inode}`
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
