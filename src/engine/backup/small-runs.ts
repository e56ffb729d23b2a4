// Small files on their way to a worker and back, in columns. Those that follow each other in one folder
// are a run: they are waited for and taken as one, and nothing is made for each of them meanwhile.
// Behind one slow file thousands wait, and as objects the collector would copy them again and again.

import type { Bytes } from '../../base/bytes.ts'
import { libc } from '../../base/libc.ts'
import { STAT_KEY, type StatBuffer } from '../../base/libc-stat.ts'
import { BLOB_ID_BYTES } from '../../format/ids.ts'
import { NAME_BYTES_MAX } from '../../format/limits.ts'
import { CACHE_KEY_BYTES } from './cache-keys.ts'
import type { AttributeTrouble, SmallFilesResult, SmallFilesTask } from './messages.ts'

const BATCH_FILES = 64
const BATCH_BYTES = 4 * 1024 * 1024
const NO_TROUBLES: readonly AttributeTrouble[] = []

/** A file as it was opened. */
export interface SmallFile {
  readonly fd: number
  readonly name: Bytes
  readonly size: number
  readonly stat: StatBuffer
}

/** What came of a small file; bytes in it are views of what many files share. */
export interface SmallFileResult {
  readonly name: Bytes
  /** As READ_FINE says; with an errno the rest means nothing. */
  readonly outcome: number
  /** Length of what was read. */
  readonly bytes: number
  /** Its entry. */
  readonly encoded: Bytes
  /** As in CachedEntry. The ids are also all that the entry names. */
  readonly key: Bytes
  readonly ids: Bytes
  readonly troubles: readonly AttributeTrouble[]
}

/** Given what came of the files of a run, when all of them are done. */
export type RunDone = (run: ReadRun) => void

/** A batch of files, and what came of it. */
interface ReadBatch {
  readonly task: SmallFilesTask
  readonly result: SmallFilesResult
}

/** Goes along the columns of a batch; what it says is of the file that it is at. */
class FileCursor implements SmallFileResult {
  readonly #task: SmallFilesTask
  readonly #result: SmallFilesResult
  #file = 0
  #nameAt = 0
  #entryAt = 0
  #idsAt = 0

  constructor({ task, result }: ReadBatch) {
    this.#task = task
    this.#result = result
  }

  get name(): Bytes {
    return this.#task.names.subarray(this.#nameAt, this.#nameAt + this.#nameBytes)
  }

  get outcome(): number {
    return this.#result.outcomes[this.#file] as number
  }

  get bytes(): number {
    return this.#result.sizes[this.#file] as number
  }

  get encoded(): Bytes {
    return this.#result.entries.subarray(this.#entryAt, this.#entryAt + this.#entryBytes)
  }

  get key(): Bytes {
    const at = CACHE_KEY_BYTES * this.#file
    return this.#result.keys.subarray(at, at + CACHE_KEY_BYTES)
  }

  get ids(): Bytes {
    return this.#result.pieceIds.subarray(this.#idsAt, this.#idsAt + this.#idBytes)
  }

  get troubles(): readonly AttributeTrouble[] {
    return this.#result.troubles.get(this.#file) ?? NO_TROUBLES
  }

  next(): void {
    this.#nameAt += this.#nameBytes
    this.#entryAt += this.#entryBytes
    this.#idsAt += this.#idBytes
    this.#file++
  }

  clone(): FileCursor {
    const copy = new FileCursor({ task: this.#task, result: this.#result })
    copy.#file = this.#file
    copy.#nameAt = this.#nameAt
    copy.#entryAt = this.#entryAt
    copy.#idsAt = this.#idsAt
    return copy
  }

  get #nameBytes(): number {
    return this.#task.nameLengths[this.#file] as number
  }

  get #entryBytes(): number {
    return this.#result.entryLengths[this.#file] as number
  }

  get #idBytes(): number {
    return BLOB_ID_BYTES * (this.#result.pieceCounts[this.#file] as number)
  }
}

/** What came of a run of files. */
export class ReadRun {
  readonly count: number
  readonly #start: FileCursor

  constructor(count: number, start: FileCursor) {
    this.count = count
    this.#start = start
  }

  /** Tells of each file, in their order; `file` is of the next one when `take` has returned. */
  forEach(take: (file: SmallFileResult) => void): void {
    const file = this.#start.clone()
    for (let left = this.count; left > 0; left--) {
      take(file)
      file.next()
    }
  }
}

interface Run {
  readonly done: RunDone
  count: number
}

/** A batch that was sent to a worker. */
export class SentBatch {
  readonly task: SmallFilesTask
  readonly #runs: readonly Run[]

  constructor(task: SmallFilesTask, runs: readonly Run[]) {
    this.task = task
    this.#runs = runs
  }

  /** Tells of each run. */
  finish(result: SmallFilesResult): void {
    const file = new FileCursor({ task: this.task, result })
    for (const { done, count } of this.#runs) {
      done(new ReadRun(count, file.clone()))
      for (let left = count; left > 0; left--) file.next()
    }
  }
}

/** The batch that is being filled; used again for the next one. */
export class FillingBatch {
  readonly #fds = new Int32Array(BATCH_FILES)
  readonly #sizes = new Float64Array(BATCH_FILES)
  readonly #keys = new Uint8Array(STAT_KEY.bytes * BATCH_FILES)
  readonly #names = new Uint8Array(NAME_BYTES_MAX * BATCH_FILES)
  readonly #nameLengths = new Uint16Array(BATCH_FILES)
  #runs: Run[] = []
  #count = 0
  #nameBytes = 0
  #bytes = 0
  readonly #filesMax: number

  /** Takes so many files, and 64 at most. */
  constructor(filesMax = BATCH_FILES) {
    this.#filesMax = Math.min(filesMax, BATCH_FILES)
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  get isFull(): boolean {
    return this.#count >= this.#filesMax || this.#bytes >= BATCH_BYTES
  }

  /** Files with the same `done` one after the other are a run. */
  add({ fd, name, size, stat }: SmallFile, done: RunDone): void {
    const i = this.#count++
    this.#fds[i] = fd
    this.#sizes[i] = size
    stat.writeKey(this.#keys, STAT_KEY.bytes * i)
    this.#names.set(name, this.#nameBytes)
    this.#nameLengths[i] = name.length
    this.#nameBytes += name.length
    this.#bytes += size
    const run = this.#runs.at(-1)
    if (run?.done === done) run.count++
    else this.#runs.push({ done, count: 1 })
  }

  /** The files so far, as task of this number; the batch is empty then. */
  send(task: number): SentBatch {
    const count = this.#count
    const sent = new SentBatch(
      {
        kind: 'small',
        task,
        fds: this.#fds.slice(0, count),
        sizes: this.#sizes.slice(0, count),
        keys: this.#keys.slice(0, STAT_KEY.bytes * count),
        names: this.#names.slice(0, this.#nameBytes),
        nameLengths: this.#nameLengths.slice(0, count),
      },
      this.#runs,
    )
    this.#runs = []
    this.#count = 0
    this.#nameBytes = 0
    this.#bytes = 0
    return sent
  }

  /** Closes the files that nobody will read. */
  close(): void {
    for (const fd of this.#fds.subarray(0, this.#count)) libc().close(fd)
    this.#count = 0
  }
}
