// The reading workers, as the main thread sees them. Small files travel in batches, large ones in
// segments; each worker always has a next task queued, and no more than that, so that descriptors and
// memory stay bounded. A worker that dies fails the run: what it claimed would be missing.

import { crc32Combine } from '../../base/crc-combine.ts'
import { assert } from '../../base/errors.ts'
import { libc } from '../../base/libc.ts'
import { openFilesMax } from '../../base/open-files.ts'
import { WorkerGroup } from '../../base/worker-group.ts'
import { INLINE_PIECES_MAX } from '../../format/limits.ts'
import type { PlacedFrame } from './data-packs.ts'
import {
  type Extents,
  type FromWorker,
  type Range,
  READ_FINE,
  type SegmentResult,
  type SmallFilesResult,
  type Task,
  type ToWorker,
  type WorkerSetup,
} from './messages.ts'
import { PackMemory } from './pack-memory.ts'
import { ReadPieces } from './read-pieces.ts'
import { FillingBatch, type RunDone, type SentBatch, type SmallFile } from './small-runs.ts'

/** Above this a file is a task of its own. */
const SMALL_FILE_BYTES = 1024 * 1024
const TASKS_PER_WORKER = 2
/** For the walk's folders, large files, packs, and Node itself. */
const OTHER_OPEN_FILES = 300
const BATCH_FILES_MIN = 4

/** What came of reading a large file. */
export interface FileContent {
  /** As READ_FINE says; with an errno the rest means nothing. */
  readonly outcome: number
  readonly crc: number
  /** Length of the data that was read: without holes. */
  readonly dataBytes: number
  readonly pieces: ReadPieces
}

export interface ReadPoolOptions {
  readonly setup: WorkerSetup
  readonly workers: number
  readonly segmentBytes: number
  readonly onFrame: (frame: PlacedFrame) => void
  /** Told of a pack of `setup.packMemory` that a worker has closed. */
  readonly onPackClosed: (pack: number) => void
}

/** How many tasks wait before no more files are opened. */
function queuedMax(workers: number): number {
  return workers
}

/** Small files wait opened: with many workers and few files that may be open, batches are smaller. */
export function batchFilesMax(workers: number, openFiles: number): number {
  const batches = TASKS_PER_WORKER * workers + queuedMax(workers) + 2
  return Math.max(Math.floor((openFiles - OTHER_OPEN_FILES) / batches), BATCH_FILES_MIN)
}

export class ReadPool {
  readonly #options: ReadPoolOptions
  /** Of each worker how many tasks it has. */
  readonly #inFlight: number[] = []
  #group: WorkerGroup<ToWorker, FromWorker> | undefined
  readonly #queue: Task[] = []
  readonly #smallTasks = new Map<number, SentBatch>()
  readonly #segmentTasks = new Map<number, (result: SegmentResult) => void>()
  /** Descriptors of files that are read in segments. */
  readonly #largeFiles = new Set<number>()
  readonly #filling: FillingBatch
  #batch = 0
  #nextTask = 1
  #flushing = 0
  #failure: Error | undefined
  #wake: (() => void) | undefined

  constructor(options: ReadPoolOptions) {
    this.#options = options
    this.#filling = new FillingBatch(batchFilesMax(options.workers, openFilesMax()))
  }

  /** When there is a first file to read, for often there is none. */
  #start(): void {
    const { setup, workers } = this.#options
    const setups = Array.from({ length: workers }, () => setup)
    this.#inFlight.push(...setups.map(() => 0))
    this.#group = new WorkerGroup<ToWorker, FromWorker>({
      module: new URL('./read-worker.ts', import.meta.url),
      setups,
      onMessage: (worker, message) => this.#receive(worker, message),
      onFailure: (error) => this.fail(error),
    })
  }

  /** The number of the batch into which the next small file goes. */
  get batch(): number {
    return this.#batch
  }

  /**
   * Reads a file whose size can be believed and that has no holes. Closes the descriptor. `done` is called
   * once for the files that were given with it one after the other and in one batch.
   */
  readSmall(file: SmallFile, done: RunDone): void {
    this.#filling.add(file, done)
    if (this.#filling.isFull) this.#sendBatch()
  }

  /** Whether a file of this size goes with others: it is one segment, and its pieces are in its entry. */
  isSmall(size: number): boolean {
    const { setup, segmentBytes } = this.#options
    const inline = INLINE_PIECES_MAX * setup.chunker.minBytes
    return size <= Math.min(SMALL_FILE_BYTES, segmentBytes, inline)
  }

  /**
   * Reads a file in segments, on all workers at once where there are several. `finish` is called when
   * all is read and before the descriptor is closed, and says how it ended.
   */
  readLarge(file: {
    readonly fd: number
    readonly size: number
    readonly data: Extents
    /** The outcome, as READ_FINE says. */
    readonly finish: () => number
    readonly done: (content: FileContent) => void
  }): void {
    const segments =
      'toEndMaxBytes' in file.data
        ? [{ data: file.data, start: 0, end: 0 }]
        : segmentsOf(file.data, file.size, this.#options.segmentBytes)
    const results: (SegmentResult | undefined)[] = segments.map(() => undefined)
    let missing = segments.length
    this.#largeFiles.add(file.fd)
    segments.forEach((segment, i) => {
      const task = this.#nextTask++
      this.#segmentTasks.set(task, (result) => {
        results[i] = result
        if (--missing > 0) return
        const all = results as SegmentResult[]
        this.#readingDone(all)
        file.done({ ...joinSegments(all, segments), outcome: endingOf(all, file.finish()) })
        libc().close(file.fd)
        this.#largeFiles.delete(file.fd)
      })
      this.#queue.push({ kind: 'segment', task, fd: file.fd, ...segment })
    })
    this.#dispatch()
  }

  /** How much was read of files that are not done yet: of large ones, for they take their time. */
  get readingBytes(): number {
    return Number(Atomics.load(new BigInt64Array(this.#options.setup.reading), 0))
  }

  #readingDone(results: readonly SegmentResult[]): void {
    const bytes = results.reduce((sum, result) => sum + result.readingBytes, 0)
    Atomics.sub(new BigInt64Array(this.#options.setup.reading), 0, BigInt(bytes))
  }

  /** Resolves when there is room for more files. Throws where the run has failed. */
  async room(): Promise<void> {
    while (this.#failure === undefined && this.#queue.length > queuedMax(this.#options.workers))
      await this.#change()
    if (this.#failure) throw this.#failure
  }

  get isCrowded(): boolean {
    return this.#failure !== undefined || this.#queue.length > queuedMax(this.#options.workers)
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
    this.#flushing = this.#inFlight.length
    this.#group?.postAll({ kind: 'flush' })
    while (this.#failure === undefined && this.#flushing > 0) await this.#change()
    if (this.#failure) throw this.#failure
  }

  /** Ends the run: nothing that is waited for will come. */
  fail(error: Error): void {
    this.#failure ??= error
    this.#wake?.()
  }

  /** Ends the workers, at once where they are still at work, and closes what nobody will read. */
  async stop(): Promise<void> {
    new PackMemory(this.#options.setup.packMemory).end()
    // Before anything is waited for: a result that arrives meanwhile must not send out another task.
    const left = this.#queue.splice(0)
    await this.#group?.stop()
    for (const task of left) {
      if (task.kind === 'small') for (const fd of task.fds) libc().close(fd)
    }
    this.#filling.close()
    for (const fd of this.#largeFiles) libc().close(fd)
    this.#largeFiles.clear()
  }

  #sendBatch(): void {
    if (this.#filling.isEmpty) return
    const sent = this.#filling.send(this.#nextTask++)
    this.#batch++
    this.#smallTasks.set(sent.task.task, sent)
    this.#queue.push(sent.task)
    this.#dispatch()
  }

  #dispatch(): void {
    if (this.#queue.length > 0 && this.#group === undefined) this.#start()
    while (this.#queue.length > 0) {
      const least = Math.min(...this.#inFlight)
      if (least >= TASKS_PER_WORKER) return
      const worker = this.#inFlight.indexOf(least)
      this.#inFlight[worker] = least + 1
      this.#group?.post(worker, this.#queue.shift() as Task)
    }
  }

  #receive(worker: number, message: FromWorker): void {
    if (message.kind === 'frame') this.#options.onFrame(message.frame)
    else if (message.kind === 'pack-closed') this.#options.onPackClosed(message.pack)
    else if (message.kind === 'flushed') this.#flushing--
    // After a failure what comes of other tasks counts no more: the run does not go on.
    else if (this.#failure === undefined) this.#finishTask(worker, message)
    this.#wake?.()
  }

  #finishTask(worker: number, result: SmallFilesResult | SegmentResult): void {
    this.#inFlight[worker] = (this.#inFlight[worker] as number) - 1
    this.#dispatch()
    if (result.kind === 'small') this.#finishSmall(result)
    else this.#finishSegment(result)
  }

  #finishSmall(result: SmallFilesResult): void {
    const sent = this.#smallTasks.get(result.task)
    assert(sent, 'a result is of a task')
    this.#smallTasks.delete(result.task)
    sent.finish(result)
  }

  #finishSegment(result: SegmentResult): void {
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
): { crc: number; dataBytes: number; pieces: ReadPieces } {
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
    pieces: new ReadPieces(results),
  }
}

function endingOf(results: readonly SegmentResult[], finished: number): number {
  return results.find((result) => result.outcome !== READ_FINE)?.outcome ?? finished
}
