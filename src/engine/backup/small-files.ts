// Small files in a worker, from descriptor to encoded entry: the main thread gets runs of bytes for many
// files at once, and makes no objects for each.

import type { Bytes } from '../../base/bytes.ts'
import { libc } from '../../base/libc.ts'
import { STAT_KEY, StatBuffer } from '../../base/libc-stat.ts'
import { UserNames } from '../../base/libc-users.ts'
import { XattrReader } from '../../base/libc-xattrs.ts'
import { CborWriter } from '../../format/cbor.ts'
import type { Xattr } from '../../format/tree.ts'
import { CACHE_KEY_BYTES, writeCacheKey } from './cache-keys.ts'
import { type ContentReader, PieceList, type ReadContent } from './content-reader.ts'
import { appendEntry, EntryMaker, keepXattrs } from './entry.ts'
import { type AttributeTrouble, type SmallFilesResult, type SmallFilesTask } from './messages.ts'
import { mayBeTorn, outcomeSince, READ_REMOVED, wasRemoved } from './read-change.ts'

const ATTEMPTS = 2
/** Most tasks' entries are shorter; where they are not the memory grows. */
const ENTRIES_BYTES = 64 * 1024

/** The errno of a failed read; anything else is no matter of the file and ends the run. */
export function errnoOf(error: unknown): number {
  const { errno, syscall } = error as NodeJS.ErrnoException
  if (syscall === 'read' && errno !== undefined) return -errno
  throw error
}

export class SmallFiles {
  readonly #reader: ContentReader
  readonly #stat = new StatBuffer()
  readonly #xattrs = new XattrReader()
  readonly #entries = new EntryMaker(new UserNames())
  readonly #pieces = new PieceList()
  /** The entries of a task, one behind the other. */
  readonly #encoded = new CborWriter(ENTRIES_BYTES)

  constructor(reader: ContentReader) {
    this.#reader = reader
  }

  /** Reads the files of a task, and closes all of them however it ends. */
  read(task: SmallFilesTask): SmallFilesResult {
    let closed = 0
    const work: Work = { columns: newColumns(task.fds.length), nameAt: 0 }
    // Of a task before that failed there may be some left.
    this.#encoded.reset()
    this.#pieces.truncate(0)
    try {
      for (const fd of task.fds) {
        this.#readOne(task, { fd, index: closed, work })
        libc().close(fd)
        closed++
      }
    } finally {
      for (const fd of task.fds.subarray(closed)) libc().close(fd)
    }
    const { pieceIds } = this.#pieces.take()
    const entries = this.#encoded.finish()
    return { kind: 'small', task: task.task, ...work.columns, entries, pieceIds }
  }

  #readOne(
    { sizes, keys, names, nameLengths }: SmallFilesTask,
    { fd, index, work }: { fd: number; index: number; work: Work },
  ): void {
    const { columns, nameAt } = work
    work.nameAt += nameLengths[index] as number
    const name = names.subarray(nameAt, work.nameAt)
    const before = this.#pieces.count
    const key = keys.subarray(STAT_KEY.bytes * index, STAT_KEY.bytes * (index + 1))
    const { outcome, content, xattrs } = this.#readInPeace(fd, sizes[index] as number, key)
    columns.outcomes[index] = outcome
    if (content === undefined) return
    columns.sizes[index] = content.bytes
    columns.pieceCounts[index] = this.#pieces.count - before
    const { kept, troubles } = xattrs
    if (troubles.length > 0) columns.troubles.set(index, troubles)
    writeCacheKey(columns.keys, CACHE_KEY_BYTES * index, { stat: this.#stat, xattrs: kept })
    columns.entryLengths[index] = this.#encode(name, { outcome, content, xattrs: kept, before })
  }

  /** Of what the file was when it was looked at last. How long its entry is. */
  #encode(
    name: Bytes,
    {
      outcome,
      content,
      xattrs,
      before,
    }: { outcome: number; content: ReadContent; xattrs: readonly Xattr[]; before: number },
  ): number {
    const pieces = this.#pieces.since(before)
    const entry = this.#entries.make(
      { name, stat: this.#stat, xattrs },
      {
        size: content.bytes,
        crc32: content.crc,
        pieces: pieces.length > 0 ? pieces : undefined,
        changed: mayBeTorn(outcome) ? 1 : undefined,
      },
    )
    return appendEntry(this.#encoded, entry)
  }

  /** Reads a file; where it differs afterwards from what it was when opened, once more. */
  #readInPeace(fd: number, openedSize: number, key: Bytes): PeacefulRead {
    let size = openedSize
    let expected = key
    for (let attempt = 1; ; attempt++) {
      const before = this.#pieces.count
      const failed = (errno: number): PeacefulRead => {
        this.#pieces.truncate(before)
        return { outcome: errno, content: undefined, xattrs: NO_XATTRS }
      }
      let content: ReadContent
      try {
        content = this.#readWhole(fd, size)
      } catch (error) {
        return failed(errnoOf(error))
      }
      const xattrs = keepXattrs(this.#xattrs.ofFd(fd))
      const errno = -this.#stat.readFd(fd)
      if (errno > 0) return failed(errno)
      const isShort = content.bytes < size
      const outcome = outcomeSince(expected, { stat: this.#stat, isShort })
      if (!mayBeTorn(outcome)) return { outcome: this.#ending(outcome, key), content, xattrs }
      if (attempt === ATTEMPTS) return { outcome, content, xattrs }
      this.#pieces.truncate(before)
      size = this.#stat.size
      expected = new Uint8Array(STAT_KEY.bytes)
      this.#stat.writeKey(expected, 0)
    }
  }

  /** What was removed before it was read again has not changed since, and is told of as well. */
  #ending(outcome: number, opened: Bytes): number {
    return wasRemoved(opened, this.#stat) ? READ_REMOVED : outcome
  }

  #readWhole(fd: number, size: number): ReadContent {
    if (this.#reader.isSmall(size)) return this.#reader.readSmall(fd, size, this.#pieces)
    const data = [{ offset: 0, length: size }]
    return this.#reader.readRuns(fd, { data, start: 0, end: size }, this.#pieces)
  }
}

interface KeptXattrs {
  readonly kept: readonly Xattr[]
  readonly troubles: readonly AttributeTrouble[]
}

const NO_XATTRS: KeptXattrs = { kept: [], troubles: [] }

interface PeacefulRead {
  readonly outcome: number
  readonly content: ReadContent | undefined
  readonly xattrs: KeptXattrs
}

function newColumns(files: number) {
  return {
    outcomes: new Int32Array(files),
    sizes: new Float64Array(files),
    pieceCounts: new Uint32Array(files),
    entryLengths: new Uint32Array(files),
    keys: new Uint8Array(CACHE_KEY_BYTES * files),
    troubles: new Map<number, readonly AttributeTrouble[]>(),
  }
}

/** A task while it is done. */
interface Work {
  readonly columns: ReturnType<typeof newColumns>
  /** Where the next name begins. */
  nameAt: number
}
