// The reading workers, as the main thread sees them. Small files travel in batches, large ones in
// segments; each worker always has a next task queued, and no more than that, so that descriptors and
// memory stay bounded. A worker that dies fails the run: what it claimed would be missing.

import { Worker } from 'node:worker_threads'
import { crc32Combine } from '../../base/crc-combine.ts'
import { assert } from '../../base/errors.ts'
import { libc } from '../../base/libc.ts'
import { STAT_KEY } from '../../base/libc-stat.ts'
import { BLOB_ID_BYTES, blobId } from '../../format/ids.ts'
import type { Piece } from '../../format/tree.ts'
import { WORKER_LIMITS } from '../worker-limits.ts'
import {
  type Extents,
  type FrameResult,
  type FromWorker,
  type Range,
  READ_FINE,
  type Restated,
  type SegmentResult,
  type SmallFilesResult,
  type Task,
  type ToWorker,
  type WorkerSetup,
} from './messages.ts'

const BATCH_FILES = 64
const BATCH_BYTES = 4 * 1024 * 1024
/** Above this a file is a task of its own. */
const SMALL_FILE_BYTES = 1024 * 1024
const TASKS_PER_WORKER = 2

/** What came of reading one file. */
export interface FileContent {
  /** READ_FINE, READ_CHANGED or a positive errno; with an errno the rest means nothing. */
  readonly outcome: number
  readonly crc: number
  /** Length of the data that was read: without holes. */
  readonly dataBytes: number
  readonly pieces: readonly Piece[]
  /** What the file is now, where it had changed since it was opened. */
  readonly restated: Restated | undefined
}

type Done = (content: FileContent) => void

interface SmallFile {
  readonly fd: number
  readonly size: number
  readonly key: Uint8Array
  readonly done: Done
}

interface PoolWorker {
  readonly worker: Worker
  inFlight: number
}

export class ReadPool {
  readonly #workers: PoolWorker[] = []
  /** Starts the workers: when there is a first file to read, for often there is none. */
  readonly #start: () => void
  readonly #size: number
  readonly #queue: Task[] = []
  readonly #smallTasks = new Map<number, readonly SmallFile[]>()
  readonly #segmentTasks = new Map<number, (result: SegmentResult) => void>()
  readonly #onFrame: (frame: FrameResult) => void
  readonly #segmentBytes: number
  #batch: SmallFile[] = []
  #batchBytes = 0
  #nextTask = 1
  #flushing = 0
  #failure: Error | undefined
  #wake: (() => void) | undefined
  #stopped = false

  constructor(options: {
    readonly setup: WorkerSetup
    readonly workers: number
    readonly segmentBytes: number
    readonly onFrame: (frame: FrameResult) => void
  }) {
    this.#onFrame = options.onFrame
    this.#segmentBytes = options.segmentBytes
    const perWorker = options.setup.readBytesPerSecond / options.workers
    const setup = { ...options.setup, readBytesPerSecond: perWorker }
    this.#start = () => {
      for (let i = 0; i < options.workers; i++) this.#workers.push(this.#startOne(setup))
    }
    this.#size = options.workers
  }

  #startOne(setup: WorkerSetup): PoolWorker {
    const worker = new Worker(new URL('./read-worker.ts', import.meta.url), {
      workerData: setup,
      trackUnmanagedFds: false,
      resourceLimits: WORKER_LIMITS,
    })
    const one: PoolWorker = { worker, inFlight: 0 }
    worker.on('message', (message: FromWorker) => this.#receive(one, message))
    worker.on('error', (error) =>
      this.fail(error instanceof Error ? error : new Error(String(error))),
    )
    worker.on('exit', (code) => {
      if (!this.#stopped) this.fail(new Error(`a reading worker ended with code ${code}`))
    })
    return one
  }

  /** Reads a file whose size can be believed and that has no holes. Closes the descriptor. */
  readSmall(file: SmallFile): void {
    this.#batch.push(file)
    this.#batchBytes += file.size
    if (this.#batch.length >= BATCH_FILES || this.#batchBytes >= BATCH_BYTES) this.#sendBatch()
  }

  /** Whether a file of this size goes with others. */
  static isSmall(size: number): boolean {
    return size <= SMALL_FILE_BYTES
  }

  /**
   * Reads a file in segments, on all workers at once where there are several. `finish` is called when
   * all is read and before the descriptor is closed, and says how it ended.
   */
  readLarge(file: {
    readonly fd: number
    readonly size: number
    readonly data: Extents
    readonly finish: () => { outcome: number; restated: Restated | undefined }
    readonly done: Done
  }): void {
    const segments =
      'toEndMaxBytes' in file.data
        ? [{ data: file.data, start: 0, end: 0 }]
        : segmentsOf(file.data, file.size, this.#segmentBytes)
    const results: (SegmentResult | undefined)[] = segments.map(() => undefined)
    let missing = segments.length
    segments.forEach((segment, i) => {
      const task = this.#nextTask++
      this.#segmentTasks.set(task, (result) => {
        results[i] = result
        if (--missing > 0) return
        const all = results as SegmentResult[]
        file.done({ ...joinSegments(all, segments), ...ending(all, file.finish()) })
        libc().close(file.fd)
      })
      this.#queue.push({ kind: 'segment', task, fd: file.fd, ...segment })
    })
    this.#dispatch()
  }

  /** Resolves when there is room for more files. Throws where the run has failed. */
  async room(): Promise<void> {
    while (this.#failure === undefined && this.#queue.length > this.#size) await this.#change()
    if (this.#failure) throw this.#failure
  }

  get isCrowded(): boolean {
    return this.#failure !== undefined || this.#queue.length > this.#size
  }

  /** Sends what is waiting for a batch to fill, and waits until every file is done. */
  async drain(): Promise<void> {
    this.#sendBatch()
    while (this.#failure === undefined && this.#smallTasks.size + this.#segmentTasks.size > 0)
      await this.#change()
    if (this.#failure) throw this.#failure
  }

  /** Lets the workers seal the frames that they are still filling. After `drain`. */
  async flush(): Promise<void> {
    this.#flushing = this.#workers.length
    for (const { worker } of this.#workers) post(worker, { kind: 'flush' })
    while (this.#failure === undefined && this.#flushing > 0) await this.#change()
    if (this.#failure) throw this.#failure
  }

  /** Ends the run: nothing that is waited for will come. */
  fail(error: Error): void {
    this.#failure ??= error
    this.#wake?.()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()))
  }

  #sendBatch(): void {
    if (this.#batch.length === 0) return
    const files = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    const task = this.#nextTask++
    const keys = new Uint8Array(STAT_KEY.bytes * files.length)
    files.forEach((file, i) => {
      keys.set(file.key, STAT_KEY.bytes * i)
    })
    this.#smallTasks.set(task, files)
    const fds = Int32Array.from(files, (file) => file.fd)
    const sizes = Float64Array.from(files, (file) => file.size)
    this.#queue.push({ kind: 'small', task, fds, sizes, keys })
    this.#dispatch()
  }

  #dispatch(): void {
    if (this.#queue.length > 0 && this.#workers.length === 0) this.#start()
    while (this.#queue.length > 0) {
      const free = this.#workers.reduce((a, b) => (b.inFlight < a.inFlight ? b : a))
      if (free.inFlight >= TASKS_PER_WORKER) return
      free.inFlight++
      post(free.worker, this.#queue.shift() as Task)
    }
  }

  #receive(from: PoolWorker, message: FromWorker): void {
    if (message.kind === 'frame') this.#onFrame(message)
    else if (message.kind === 'small') this.#finishSmall(from, message)
    else if (message.kind === 'segment') this.#finishSegment(from, message)
    else if (message.kind === 'flushed') this.#flushing--
    else this.fail(Object.assign(new Error(message.message), { stack: message.stack }))
    this.#wake?.()
  }

  #finishSmall(from: PoolWorker, result: SmallFilesResult): void {
    from.inFlight--
    this.#dispatch()
    const files = this.#smallTasks.get(result.task)
    assert(files, 'a result is of a task')
    this.#smallTasks.delete(result.task)
    let piece = 0
    files.forEach((file, i) => {
      const count = result.pieceCounts[i] as number
      file.done({
        outcome: result.outcomes[i] as number,
        crc: result.crcs[i] as number,
        dataBytes: result.sizes[i] as number,
        pieces: piecesOf(result, piece, count),
        restated: result.restated.get(i),
      })
      piece += count
    })
  }

  #finishSegment(from: PoolWorker, result: SegmentResult): void {
    from.inFlight--
    this.#dispatch()
    const done = this.#segmentTasks.get(result.task)
    assert(done, 'a result is of a task')
    this.#segmentTasks.delete(result.task)
    done(result)
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message)
}

function piecesOf(
  { pieceLengths, pieceIds }: { pieceLengths: Uint32Array; pieceIds: Uint8Array },
  from: number,
  count: number,
): readonly Piece[] {
  return Array.from({ length: count }, (_, i) => {
    const at = BLOB_ID_BYTES * (from + i)
    return {
      id: blobId(pieceIds.subarray(at, at + BLOB_ID_BYTES)),
      length: pieceLengths[from + i] as number,
    }
  })
}

interface Segment {
  readonly data: Extents
  readonly start: number
  readonly end: number
}

/**
 * Splits runs of data into segments of `segmentBytes` of data each. The segments' ranges cover the
 * file from its beginning to its end without gaps, so that their CRCs can be joined.
 */
function segmentsOf(
  data: readonly Range[],
  size: number,
  segmentBytes: number,
): readonly Segment[] {
  const segments: { data: Range[]; start: number; end: number }[] = []
  let current: Range[] = []
  let room = segmentBytes
  let start = 0
  for (const run of data) {
    let { offset, length } = run
    while (length > 0) {
      const taken = Math.min(length, room)
      current.push({ offset, length: taken })
      offset += taken
      length -= taken
      room -= taken
      if (room > 0) continue
      segments.push({ data: current, start, end: offset })
      start = offset
      current = []
      room = segmentBytes
    }
  }
  if (current.length > 0 || segments.length === 0)
    segments.push({ data: current, start, end: size })
  const last = segments[segments.length - 1]
  if (last !== undefined) last.end = size
  return segments
}

function joinSegments(
  results: readonly SegmentResult[],
  segments: readonly Segment[],
): { crc: number; dataBytes: number; pieces: readonly Piece[] } {
  const [first] = results
  assert(first, 'a file has a segment')
  let { crc } = first
  for (let i = 1; i < results.length; i++) {
    const { start, end } = segments[i] as Segment
    crc = crc32Combine(crc, (results[i] as SegmentResult).crc, end - start)
  }
  return {
    crc,
    dataBytes: results.reduce((sum, result) => sum + result.dataBytes, 0),
    pieces: results.flatMap((result) => piecesOf(result, 0, result.pieceLengths.length)),
  }
}

function ending(
  results: readonly SegmentResult[],
  finished: { outcome: number; restated: Restated | undefined },
): { outcome: number; restated: Restated | undefined } {
  const failed = results.find((result) => result.outcome !== READ_FINE)
  return failed === undefined ? finished : { outcome: failed.outcome, restated: undefined }
}
