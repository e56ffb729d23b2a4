// Reads the contents of files in a worker: each byte once, into the memory in which it is cut, from
// where it is hashed and, when nobody has it yet, compressed and sealed. Small files are read
// straight into the frame that will hold them.

import { readSync } from 'node:fs'
import { constants } from 'node:os'
import type { Bytes } from '../../base/bytes.ts'
import { crc32Combine, crc32OfZeros } from '../../base/crc-combine.ts'
import { crc32, KeyedHasher } from '../../base/hash.ts'
import { ReadableWait } from '../../base/libc-poll.ts'
import { Chunker } from '../../chunker/chunker.ts'
import { SPLIT_SLACK_BYTES, split } from '../../chunker/split.ts'
import { frameTableBytes, writeFrameTable } from '../../format/frame.ts'
import { BLOB_ID_BYTES, type BlobId, blobId } from '../../format/ids.ts'
import type { Piece } from '../../format/tree.ts'
import { compressFrame, sealFrameInto } from '../../packer/frame.ts'
import {
  FRAME_BUILDER_BYTES,
  FRAME_TARGET_BYTES,
  FrameBuilder,
} from '../../packer/frame-builder.ts'
import { Claims } from '../../repository/claims.ts'
import { IndexImage } from '../../repository/index-image.ts'
import { Seal } from '../../sealer/seal.ts'
import type { PlacedFrame } from './data-packs.ts'
import type { Range, WorkerSetup } from './messages.ts'
import type { FrameRoom, FrameSize } from './pack-memory.ts'

/** Collects the pieces of one or many files. */
export class PieceList {
  #lengths: number[] = []
  #ids: BlobId[] = []

  get count(): number {
    return this.#ids.length
  }

  add(id: BlobId, length: number): void {
    this.#ids.push(id)
    this.#lengths.push(length)
  }

  /** Those behind the first `count`. */
  since(count: number): readonly Piece[] {
    return this.#ids
      .slice(count)
      .map((id, i) => ({ id, length: this.#lengths[count + i] as number }))
  }

  /** Forgets all but the first `count`. */
  truncate(count: number): void {
    this.#ids.length = count
    this.#lengths.length = count
  }

  /** What was collected since the last time. */
  take(): { pieceLengths: Uint32Array; pieceIds: Uint8Array } {
    const pieceIds = new Uint8Array(32 * this.#ids.length)
    this.#ids.forEach((id, i) => {
      pieceIds.set(id, 32 * i)
    })
    const pieceLengths = Uint32Array.from(this.#lengths)
    this.#lengths = []
    this.#ids = []
    return { pieceLengths, pieceIds }
  }
}

export interface ReadContent {
  readonly crc: number
  readonly bytes: number
}

export interface ContentReaderHooks {
  /** Where a sealed frame goes; waits for room. */
  readonly roomFor: (frame: FrameSize) => FrameRoom
  readonly onFrame: (frame: PlacedFrame) => void
  /** Called before each read, with its length, and while a stream is waited for, with 0. */
  readonly beforeRead: (bytes: number) => void
}

export class ContentReader {
  readonly #setup: WorkerSetup
  readonly #chunker: Chunker
  readonly #hasher: KeyedHasher
  readonly #seal: Seal
  readonly #image: IndexImage
  readonly #claims: Claims
  readonly #usedPacks: Uint8Array
  readonly #readable = new ReadableWait()
  readonly #builder: FrameBuilder
  readonly #hooks: ContentReaderHooks

  constructor(setup: WorkerSetup, hooks: ContentReaderHooks) {
    this.#setup = setup
    const workBytes = SPLIT_SLACK_BYTES + 2 * setup.chunker.maxBytes
    const memoryBytes = FRAME_BUILDER_BYTES + workBytes
    this.#chunker = new Chunker({ key: setup.chunkerKey, parameters: setup.chunker, memoryBytes })
    this.#builder = new FrameBuilder(this.#chunker.memory.subarray(0, FRAME_BUILDER_BYTES))
    this.#hasher = new KeyedHasher(setup.dataIdKey)
    this.#seal = new Seal(setup.frameKey)
    this.#image = new IndexImage(setup.image)
    this.#claims = new Claims(setup.claims)
    this.#usedPacks = new Uint8Array(setup.usedPacks)
    this.#hooks = hooks
  }

  /** Whether a file of this length is one chunk that can be read in place. */
  isSmall(size: number): boolean {
    return size <= Math.min(this.#setup.chunker.minBytes, FRAME_TARGET_BYTES)
  }

  /** Reads a small file that is `size` bytes long; less than that where it has shrunk. */
  readSmall(fd: number, size: number, pieces: PieceList): ReadContent {
    if (this.#builder.isFull) this.flush()
    const room = this.#builder.room.subarray(0, size)
    const length = this.#readFully(fd, room, 0)
    const content = room.subarray(0, length)
    if (length > 0) {
      const id = blobId(this.#hasher.hash(content))
      pieces.add(id, length)
      if (this.#isNew(id)) this.#builder.commit(id, length)
    }
    return { crc: crc32(content), bytes: length }
  }

  /** Reads and cuts runs of data as one stream; holes between them count into the CRC as zeros. */
  readRuns(
    fd: number,
    run: { data: readonly Range[]; start: number; end: number },
    pieces: PieceList,
  ): ReadContent {
    const source = new RunReader(run, (into, position) => this.#readAt(fd, into, position))
    const bytes = this.#split((into) => source.read(into), pieces)
    return { crc: source.crcAtEnd(), bytes }
  }

  /**
   * Reads to the end of what has no size that could be believed. Throws EFBIG beyond the limit; what
   * has none, a stream, is waited for.
   */
  readToEnd(fd: number, limitBytes: number, pieces: PieceList): ReadContent {
    const isStream = limitBytes === Number.POSITIVE_INFINITY
    let crc = 0
    let total = 0
    const bytes = this.#split((into) => {
      const got = this.#readNext(fd, into, isStream)
      total += got
      if (total > limitBytes) throw tooLong()
      crc = crc32(into.subarray(0, got), crc)
      return got
    }, pieces)
    return { crc, bytes }
  }

  /** Seals the frame that is being filled. */
  flush(): void {
    if (this.#builder.isEmpty) return
    const { plaintext, ids } = this.#builder.close()
    this.#emit(plaintext, ids)
  }

  #split(read: (into: Uint8Array) => number, pieces: PieceList): number {
    const { memory } = this.#chunker
    return split(this.#chunker, {
      read,
      onChunk: (offset, length) => this.#takeChunk(offset, length, pieces),
      area: { start: FRAME_BUILDER_BYTES, end: memory.length },
    })
  }

  #takeChunk(offset: number, length: number, pieces: PieceList): void {
    const { memory } = this.#chunker
    const chunk = memory.subarray(offset, offset + length)
    const id = blobId(this.#hasher.hash(chunk))
    pieces.add(id, length)
    if (!this.#isNew(id)) return
    if (length >= FRAME_TARGET_BYTES) return this.#sealChunk(offset, length, id)
    if (this.#builder.isFull) this.flush()
    this.#builder.add(id, chunk)
  }

  /** A long chunk is a frame of its own: its table goes directly before it. */
  #sealChunk(offset: number, length: number, id: BlobId): void {
    const { memory } = this.#chunker
    const start = offset - frameTableBytes(1)
    writeFrameTable(memory, { offset: start, lengths: [length] })
    this.#emit(memory.subarray(start, offset + length), id.slice())
  }

  #emit(plaintext: Bytes, ids: Uint8Array): void {
    const { frameAad: aad, level } = this.#setup
    const frame = compressFrame(plaintext, level)
    const { bytes, pack, offset } = this.#hooks.roomFor({
      bytes: frame.sealedBytes,
      ids: ids.length / BLOB_ID_BYTES,
    })
    sealFrameInto(bytes, frame, { seal: this.#seal, aad })
    const { sealedBytes: storedBytes } = frame
    this.#hooks.onFrame({ pack, offset, storedBytes, ids, rawBytes: plaintext.length })
  }

  #isNew(id: BlobId): boolean {
    const pack = this.#image.locate(id)?.pack
    if (pack === undefined) return this.#claims.claim(id)
    this.#usedPacks[pack] = 1
    return false
  }

  #readFully(fd: number, into: Uint8Array, position: number): number {
    let filled = 0
    while (filled < into.length) {
      const got = this.#readAt(fd, into.subarray(filled), position + filled)
      if (got === 0) break
      filled += got
    }
    return filled
  }

  /** Reads on from where the descriptor stands: pipes have no positions. */
  #readNext(fd: number, into: Uint8Array, isStream: boolean): number {
    this.#hooks.beforeRead(into.length)
    for (;;) {
      if (isStream) this.#readable.until(fd, () => this.#hooks.beforeRead(0))
      try {
        return readSync(fd, into)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        // A file of the kernel's that has no more for now (/proc/kmsg) is not waited for.
        if (!isStream) return 0
      }
    }
  }

  #readAt(fd: number, into: Uint8Array, position: number): number {
    this.#hooks.beforeRead(into.length)
    return readSync(fd, into, 0, into.length, position)
  }
}

/** As the system would say it, so that it is reported as an error of reading this file. */
function tooLong(): Error {
  return Object.assign(new Error('too long'), { errno: -constants.errno.EFBIG, syscall: 'read' })
}

/** Presents runs of a file as one stream, and keeps the CRC of the file they are from. */
class RunReader {
  readonly #runs: readonly Range[]
  readonly #end: number
  readonly #readAt: (into: Uint8Array, position: number) => number
  #run = 0
  #inRun = 0
  #position: number
  #crc = 0

  constructor(
    { data, start, end }: { data: readonly Range[]; start: number; end: number },
    readAt: (into: Uint8Array, position: number) => number,
  ) {
    this.#runs = data
    this.#position = start
    this.#end = end
    this.#readAt = readAt
  }

  /** Fills as much of `into` as one read gives; 0 at the end of the runs. */
  read(into: Uint8Array): number {
    const run = this.#runs[this.#run]
    if (run === undefined) return 0
    const position = run.offset + this.#inRun
    this.#skipTo(position)
    const wanted = into.subarray(0, Math.min(into.length, run.length - this.#inRun))
    const got = this.#readAt(wanted, position)
    // What was cut off the file meanwhile reads as zeros, so that lengths stay what they were said.
    if (got === 0) wanted.fill(0)
    const length = got === 0 ? wanted.length : got
    this.#crc = crc32(wanted.subarray(0, length), this.#crc)
    this.#position = position + length
    this.#inRun += length
    if (this.#inRun === run.length) {
      this.#run++
      this.#inRun = 0
    }
    return length
  }

  crcAtEnd(): number {
    this.#skipTo(this.#end)
    return this.#crc
  }

  #skipTo(position: number): void {
    const zeros = position - this.#position
    if (zeros > 0) this.#crc = crc32Combine(this.#crc, crc32OfZeros(zeros), zeros)
    this.#position = Math.max(this.#position, position)
  }
}
