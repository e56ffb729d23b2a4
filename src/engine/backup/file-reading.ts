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
import { type Extent, entryCodec, isLegalTarget } from '../../format/tree.ts'
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
import { type Extents, type Range, READ_FINE } from './messages.ts'
import { fitsInline, putExtents, putPieces } from './node-lists.ts'
import { mayBeTorn, outcomeSince } from './read-change.ts'
import type { ReadPieces } from './read-pieces.ts'
import type { FileContent, ReadPool } from './read-pool.ts'
import type { Report } from './report.ts'
import type { RunDone, SmallFileResult } from './small-runs.ts'
import type { TreeWriter } from './tree-writer.ts'

/** A much divided file is recorded with this many runs of data at most. */
const EXTENTS_MAX = 1_000_000
/** Some files of procfs and its like never end: /proc/kcore says that it has 128 TiB. */
const DISKLESS_BYTES_MAX = 256 * 1024 * 1024

export interface FileToRead {
  readonly name: Bytes
  readonly stat: StatBuffer
  readonly directory: WalkDirectory
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

/** Who takes what is made of files. Asked in the order in which files are to be read. */
export interface FileSink {
  /**
   * For the next file of a folder, by itself: what is to be called, at once or later, with what was made
   * of it, or with nothing where it has no entry.
   */
  alone(folder: Folder, name: Bytes): Done
  /** For the next file of a folder, together with those before and behind it. */
  inRun(folder: Folder): RunDone
}

interface OpenFile {
  readonly fd: number
  readonly name: Bytes
  readonly folder: Folder
  readonly diskless: boolean
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
  readonly sink: FileSink
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
    if (length > LINK_TARGET_BYTES_MAX) return -Errno.ENAMETOOLONG
    const target = bytes.slice(0, length)
    // File systems of FUSE may say anything.
    return isLegalTarget(target) ? target : -Errno.EINVAL
  }

  /** Reads a file; what is made of it goes to the sink. */
  read({ name, stat, directory }: FileToRead, folder: Folder): void {
    const known = stat.links > 1 ? this.#linked.get(linkOf(stat)) : undefined
    if (known !== undefined) {
      const ownName = name.slice()
      const done = this.#options.sink.alone(folder, ownName)
      return this.#readAgain(known, { name: ownName, stat, folder }, done)
    }
    const fd = openFile(directory.fd, this.#name.put(name), this.#stat)
    if (fd < 0) return this.#notOpened(name, folder, fd)
    this.#readOpen({ fd, name, folder, diskless: directory.diskless })
  }

  #notOpened(name: Bytes, folder: Folder, result: number): void {
    const { report, sink } = this.#options
    const path = folder.pathOf(name)
    if (result === NOT_A_FILE || result === -Errno.ENOENT) report.vanished(path)
    else report.unreadable(path, { errno: -result, doing: 'open' })
    sink.alone(folder, name)(undefined)
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
  #readAgain(
    linked: LinkedFile,
    { name, stat, folder }: { name: Bytes; stat: StatBuffer; folder: Folder },
    done: Done,
  ): void {
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
  #readOpen(open: OpenFile): void {
    const { pool, sink } = this.#options
    const { size } = this.#stat
    const sparse = !open.diskless && mayHaveHoles(this.#stat)
    const extents = sparse ? dataExtents(open.fd, size, EXTENTS_MAX) : undefined
    const isSmall = extents === undefined && !open.diskless && pool.isSmall(size)
    const isLinked = this.#stat.links > 1
    const { fd, name, folder } = open
    const small = { fd, name, size, stat: this.#stat }
    if (isSmall && !isLinked) return pool.readSmall(small, sink.inRun(folder))
    const own = { ...open, name: name.slice() }
    const alone = sink.alone(folder, own.name)
    const done = isLinked ? this.#firstOfLinks(alone) : alone
    if (!isSmall) return this.#readLarge(own, { extents, done })
    pool.readSmall(small, (run) => run.forEach((result) => done(this.#takeSmall(own, result))))
  }

  #takeSmall({ folder }: OpenFile, result: SmallFileResult): MadeFile | undefined {
    reportSmall(result, { report: this.#options.report, folder })
    const { outcome, bytes, encoded, key, ids } = result
    if (outcome > 0) return undefined
    return { encoded, key, ids, refs: ids, inPeace: outcome === READ_FINE, size: bytes }
  }

  /** A file in segments, one with holes, or one whose size means nothing. */
  #readLarge(
    { fd, name, folder, diskless }: OpenFile,
    { extents, done }: { extents: readonly Range[] | undefined; done: Done },
  ): void {
    const { pool, report, xattrs: reader } = this.#options
    const key = new Uint8Array(STAT_KEY.bytes)
    this.#stat.writeKey(key, 0)
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
        if (content.outcome < READ_FINE) report.changed(path(), content.outcome)
        const length = diskless || extents === undefined ? content.dataBytes : size
        report.fileRead(length, content.dataBytes)
        done(this.#make(basis, content, { key, size: length, extents }))
      },
    })
  }

  /** Whether the file is still what it was when it was opened: the outcome. */
  #ending(fd: number, { key, diskless }: { key: Bytes; diskless: boolean }): number {
    const errno = -this.#stat.readFd(fd)
    if (errno > 0) return errno
    return diskless ? READ_FINE : outcomeSince(key, { stat: this.#stat })
  }

  #make(
    basis: EntryBasis,
    content: FileContent,
    { key, size, extents }: { key: Bytes; size: number; extents: readonly Range[] | undefined },
  ): MadeFile {
    const { entries } = this.#options
    const ids: Bytes[] = [content.pieces.ids]
    const holes = extents === undefined ? undefined : toHoles(extents)
    const entry = entries.make(basis, {
      size,
      crc32: content.crc,
      ...this.#pieceFields(content.pieces, ids),
      ...(holes && this.#extentFields(holes, ids)),
      ...(mayBeTorn(content.outcome) && { changed: 1 }),
    })
    return {
      ...encodeEntry(entry),
      key: concat([key, digestXattrs(basis.xattrs)]),
      ids: concat(ids),
      inPeace: content.outcome === READ_FINE,
      size,
    }
  }

  #pieceFields(pieces: ReadPieces, ids: Bytes[]): EntryContent {
    if (pieces.count === 0) return {}
    if (fitsInline(pieces.count)) return { pieces: [...pieces] }
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

/** Counts a small file that was read, and tells what was wrong with it. */
export function reportSmall(
  file: SmallFileResult,
  { report, folder }: { readonly report: Report; readonly folder: Folder },
): void {
  const { outcome, bytes, troubles } = file
  const path = () => folder.pathOf(file.name)
  for (const trouble of troubles) report.unreadable(path(), trouble)
  if (outcome > 0) return report.unreadable(path(), { errno: outcome, doing: 'read' })
  if (outcome < READ_FINE) report.changed(path(), outcome)
  report.fileRead(bytes, bytes)
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
