// Reading one object of a local store. A whole pack is one open and one read, straight into memory
// of its own, on libuv's threads.
//
// What a disk may take its time for, finding and reading, is done there. Asking an open file for its length
// and closing it wait for nothing, and are done here: a trip to a thread takes ten times as long. FileHandles
// would make four such trips and take half the time of reading many small objects.
//
// Where the system has what is read in its memory, nothing takes time, and so it is mostly with what was listed
// or read before: of thousands of small objects the trips alone would be half the time. So small ones are read
// here as long as they come at once. The first ones are left to the threads, because only there a folder that
// never answers can be given up; and so are the next ones after some that took their time, because these came from a
// disk or over a network, and there several can be waited for. One alone says little: where all cores are busy,
// this thread may just not have run. Packs always are.

import { closeSync, constants, fstatSync, open, openSync, read, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { type Slice, sliceOf, tooShort } from '../range.ts'
import type { ByteRange } from '../store.ts'

// O_NONBLOCK: opening a FIFO that somebody put there must not wait for its writer.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export interface ObjectFile {
  readonly path: string
  readonly address: string
  readonly name: string
}

/** What takes longer does not come out of memory. */
const AT_ONCE_MS = 0.1

/** So many are left to the threads at first, and after some that took longer. */
const LEFT_TO_THREADS = 64

/** So many that took longer are some; one less after so many that did not. */
const SLOW_MAX = 3
const QUICK_PER_SLOW = 16

/** About a millisecond of reading; then others are let through. */
const READS_PER_TURN = 128

const SMALL_BYTES = 64 * 1024

export class ObjectReader {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #leftToThreads = LEFT_TO_THREADS
  #slow = 0
  #quick = 0
  #sinceTurn = 0

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** The bytes of a range, alone in their ArrayBuffer. Throws the system's errors as they come. */
  async read(object: ObjectFile, range?: ByteRange): Promise<Bytes> {
    if (object.name.startsWith('packs/') || this.#leftToThreads > 0) {
      if (this.#leftToThreads > 0) this.#leftToThreads--
      return readOpened(await opened(object.path), object, { range, isHere: false })
    }
    if (++this.#sinceTurn >= READS_PER_TURN) {
      this.#sinceTurn = 0
      await setImmediate()
    }
    const beganMs = this.#clock.monotonicMs()
    const reading = this.#readHere(object, range)
    this.#note(this.#clock.monotonicMs() - beganMs > AT_ONCE_MS)
    return reading
  }

  #note(isSlow: boolean): void {
    if (!isSlow) {
      if (this.#slow > 0 && ++this.#quick % QUICK_PER_SLOW === 0) this.#slow--
    } else if (++this.#slow >= SLOW_MAX) {
      this.#leftToThreads = LEFT_TO_THREADS
      // Then one is enough, until enough come at once.
      this.#slow = SLOW_MAX - 1
    }
  }

  /** To the end, before it returns, where that is not long. */
  async #readHere(object: ObjectFile, range: ByteRange | undefined): Promise<Bytes> {
    return readOpened(openSync(object.path, READ), object, { range, isHere: true })
  }
}

/** Closes the file. */
async function readOpened(
  file: number,
  object: ObjectFile,
  { range, isHere }: { readonly range: ByteRange | undefined; readonly isHere: boolean },
): Promise<Bytes> {
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw notAFile()
    const sized = { ...object, size: stat.size }
    const slice = sliceOf(sized, range)
    const isSmall = slice.length <= SMALL_BYTES
    const bytes = isHere && isSmall ? readHere(file, slice) : await readSlice(file, slice)
    if (bytes.length < slice.length) {
      throw tooShort({ ...object, size: slice.offset + bytes.length }, slice)
    }
    return bytes
  } finally {
    closeSync(file)
  }
}

function opened(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, READ, (error, file) => (error === null ? resolve(file) : reject(error)))
  })
}

/** As readSlice. */
function readHere(file: number, { offset, length }: Slice): Bytes {
  const bytes = memoryOf(length)
  let filled = 0
  while (filled < length) {
    const bytesRead = readSync(file, bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0) return bytes.slice(0, filled)
    filled += bytesRead
  }
  return bytes
}

/** Fewer bytes than asked for only where the file ends meanwhile. */
async function readSlice(file: number, { offset, length }: Slice): Promise<Bytes> {
  const bytes = memoryOf(length)
  let filled = 0
  while (filled < length) {
    const bytesRead = await readSome(file, bytes.subarray(filled), offset + filled)
    if (bytesRead === 0) return bytes.slice(0, filled)
    filled += bytesRead
  }
  return bytes
}

/** Not from Buffer's pool, and not cleared: it is overwritten, and cut where it is not. */
function memoryOf(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(roundedUp(length)).buffer, 0, length)
}

function readSome(file: number, into: Bytes, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, into, 0, into.length, position, (error, bytesRead) =>
      error === null ? resolve(bytesRead) : reject(error),
    )
  })
}

/** Memory of packs, which are of about the same length, shall fit where that of another one was. */
const LARGE_BYTES = 8 * 1024 * 1024
const LARGE_STEP_BYTES = 4 * 1024 * 1024

function roundedUp(length: number): number {
  if (length < LARGE_BYTES) return length
  return Math.ceil(length / LARGE_STEP_BYTES) * LARGE_STEP_BYTES
}

function notAFile(): Error {
  return Object.assign(new Error('not a regular file'), { code: 'ELOOP' })
}
