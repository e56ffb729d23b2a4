// The index in memory: an immutable image in shared memory, which all threads read without locks. Ids lie
// sorted in a column of 32 bytes each, beside the number of their blob; a fan-out over their first bits (they
// are keyed hashes, so evenly spread) leads to a handful of candidates. A frame is three words, in which its
// four numbers fit as the format bounds them (docs/format.md, section 16); where frames begin to be another
// pack's or another session's, and the first blob of every sixteenth, are columns of their own. That is about
// 38 bytes a blob and 13 a frame.

import type { Bytes } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { BLOB_ID_BYTES, type BlobId, blobId } from '../format/ids.ts'

/** What is handed to another thread so that it can look into the same image. */
export interface ImageHandle extends ImageCounts {
  /** Memory may be longer than what is used of it. */
  readonly ids: SharedArrayBuffer
  readonly frameWords: SharedArrayBuffer
  readonly lookup: SharedArrayBuffer
}

export interface ImageCounts {
  readonly blobs: number
  readonly frames: number
  readonly packs: number
  /** Runs of frames of one session. */
  readonly runs: number
  readonly fanBits: number
}

/** Where a blob lies. */
export interface BlobLocation {
  /** Number of the pack in the image. */
  readonly pack: number
  readonly frame: number
  /** Which blob of the frame it is. */
  readonly position: number
}

export interface FrameLocation {
  readonly pack: number
  readonly session: number
  readonly offset: number
  readonly storedBytes: number
  readonly rawBytes: number
  readonly blobCount: number
}

export const FRAME_WORDS = 3

/** Of so many frames together the first blob's number is kept. */
const SAMPLE_FRAMES = 16

export interface ImageColumns {
  /** Where the ids of each bucket begin among the sorted ones, and where the last ends. */
  readonly fan: Uint32Array
  /** For each sorted id the number of its blob. */
  readonly order: Uint32Array
  /** The first blob of every sixteenth frame. */
  readonly samples: Uint32Array
  /** The first frame of each pack. */
  readonly packFirst: Uint32Array
  /** For each run of frames of one session where it begins, and which session it is. */
  readonly runFirst: Uint32Array
  readonly runSession: Uint32Array
  readonly frameWords: Uint32Array
  readonly ids: Uint8Array
}

export function columnsOf(handle: ImageHandle): ImageColumns {
  const { blobs, frames, packs, runs, fanBits, lookup } = handle
  let at = 0
  const u32 = (length: number) => {
    const column = new Uint32Array(lookup, at, length)
    at += 4 * length
    return column
  }
  return {
    fan: u32(2 ** fanBits + 1),
    order: u32(blobs),
    samples: u32(samplesOf(frames)),
    packFirst: u32(packs),
    runFirst: u32(runs),
    runSession: u32(runs),
    frameWords: new Uint32Array(handle.frameWords, 0, FRAME_WORDS * frames),
    ids: new Uint8Array(handle.ids, 0, BLOB_ID_BYTES * blobs),
  }
}

export function lookupBytes({ blobs, frames, packs, runs, fanBits }: ImageCounts): number {
  return 4 * (2 ** fanBits + 1 + blobs + samplesOf(frames) + packs + 2 * runs)
}

/** What an image takes in memory. */
export function imageBytes(counts: ImageCounts): number {
  return BLOB_ID_BYTES * counts.blobs + 4 * FRAME_WORDS * counts.frames + lookupBytes(counts)
}

function samplesOf(frames: number): number {
  return Math.ceil(frames / SAMPLE_FRAMES)
}

/** Between 2 and 4 ids to a bucket. */
export function fanBitsFor(blobs: number): number {
  return Math.min(24, Math.max(1, Math.floor(Math.log2(Math.max(2, blobs))) - 1))
}

export interface FrameNumbers {
  readonly offset: number
  readonly storedBytes: number
  readonly rawBytes: number
  readonly blobCount: number
}

const LENGTH_BITS = 27
const LENGTH_MASK = 2 ** LENGTH_BITS - 1
const RAW_BITS = 25
const RAW_MASK = 2 ** RAW_BITS - 1

/** Only a frame of no bytes may begin at the very end of the longest pack: there is nothing at its offset. */
export function writeFrame(words: Uint32Array, frame: number, numbers: FrameNumbers): void {
  const { offset, storedBytes, rawBytes, blobCount } = numbers
  const at = FRAME_WORDS * frame
  words[at] = Math.min(offset, LENGTH_MASK) | (blobCount << LENGTH_BITS)
  words[at + 1] = storedBytes | ((blobCount >>> 5) << LENGTH_BITS)
  words[at + 2] = rawBytes | ((blobCount >>> 10) << RAW_BITS)
}

function blobCountIn(words: Uint32Array, frame: number): number {
  const at = FRAME_WORDS * frame
  return (
    ((words[at] as number) >>> LENGTH_BITS) |
    (((words[at + 1] as number) >>> LENGTH_BITS) << 5) |
    (((words[at + 2] as number) >>> RAW_BITS) << 10)
  )
}

/** Fills in the first blob of every sixteenth frame. Returns how many blobs there are. */
export function fillSamples({ samples, frameWords }: ImageColumns): number {
  const frames = frameWords.length / FRAME_WORDS
  let blob = 0
  for (let frame = 0; frame < frames; frame++) {
    if (frame % SAMPLE_FRAMES === 0) samples[frame / SAMPLE_FRAMES] = blob
    blob += blobCountIn(frameWords, frame)
  }
  return blob
}

export class IndexImage {
  readonly handle: ImageHandle
  readonly #columns: ImageColumns

  constructor(handle: ImageHandle) {
    this.handle = handle
    this.#columns = columnsOf(handle)
  }

  get blobs(): number {
    return this.handle.blobs
  }

  get frames(): number {
    return this.handle.frames
  }

  /** Whether the id at `offset` of `ids` is in the image. */
  has(ids: Bytes, offset = 0): boolean {
    return this.#find(ids, offset) >= 0
  }

  /** The number of a blob with this id; -1 where there is none. */
  blobNumber(id: BlobId): number {
    return this.blobNumberAt(id, 0)
  }

  /** The same for the id at `offset` of `ids`. */
  blobNumberAt(ids: Bytes, offset: number): number {
    const found = this.#find(ids, offset)
    return found < 0 ? -1 : (this.#columns.order[found] as number)
  }

  /** The numbers of all blobs with this id, in the order of their packs: it may have been stored twice. */
  copies(id: BlobId): readonly number[] {
    const { fan, ids, order } = this.#columns
    const bucket = bucketOf(id, 0, this.handle.fanBits)
    const end = fan[bucket + 1] as number
    const copies: number[] = []
    for (let at = fan[bucket] as number; at < end; at++) {
      if (sameId(ids, BLOB_ID_BYTES * at, id, 0)) copies.push(order[at] as number)
    }
    return copies
  }

  /** Where a blob lies; undefined where it is not in the image. */
  locate(id: BlobId): BlobLocation | undefined {
    const found = this.#find(id, 0)
    if (found < 0) return undefined
    return this.#locationOf(this.#columns.order[found] as number)
  }

  /** Where further copies of a blob lie, after the one in this frame. */
  copiesAfter(id: BlobId, frame: number): readonly BlobLocation[] {
    const all = this.copies(id).map((blob) => this.#locationOf(blob))
    return all.slice(all.findIndex((one) => one.frame === frame) + 1)
  }

  #locationOf(blob: number): BlobLocation {
    const frame = this.frameOf(blob)
    return { pack: this.packOf(frame), frame, position: blob - this.firstBlob(frame) }
  }

  frame(frame: number): FrameLocation {
    assert(frame < this.frames, 'a frame is in the image')
    const { frameWords, runFirst, runSession } = this.#columns
    const at = FRAME_WORDS * frame
    return {
      pack: this.packOf(frame),
      session: runSession[lastUpTo(runFirst, frame)] as number,
      offset: (frameWords[at] as number) & LENGTH_MASK,
      storedBytes: (frameWords[at + 1] as number) & LENGTH_MASK,
      rawBytes: (frameWords[at + 2] as number) & RAW_MASK,
      blobCount: blobCountIn(frameWords, frame),
    }
  }

  /** All ids in ascending order, as views. */
  *ids(): Generator<BlobId> {
    const { ids } = this.#columns
    for (let at = 0; at < ids.length; at += BLOB_ID_BYTES)
      yield blobId(ids.subarray(at, at + BLOB_ID_BYTES))
  }

  /** Every blob's number with its id, as a view, in ascending order of the ids. */
  *numberedIds(): Generator<{ readonly number: number; readonly id: BlobId }> {
    const { order } = this.#columns
    let at = 0
    for (const id of this.ids()) yield { number: order[at++] as number, id }
  }

  /**
   * For every id of which the first blob is wanted (one byte for each, by its number) the numbers of all
   * blobs with it, in the order of their packs.
   */
  eachCopies(wanted: Uint8Array, act: (blobs: readonly number[]) => void): void {
    const { fan, ids, order } = this.#columns
    let bucket = 0
    for (let at = 0; at < order.length; at++) {
      while ((fan[bucket + 1] as number) <= at) bucket++
      const blob = order[at] as number
      if (wanted[blob] !== 1) continue
      const blobs = [blob]
      for (let other = at + 1; other < (fan[bucket + 1] as number); other++) {
        if (sameId(ids, BLOB_ID_BYTES * other, ids, BLOB_ID_BYTES * at))
          blobs.push(order[other] as number)
      }
      act(blobs)
    }
  }

  /** Number of the pack that a frame is in: the last one that begins not after it. */
  packOf(frame: number): number {
    return lastUpTo(this.#columns.packFirst, frame)
  }

  /** Number of the first blob of a frame. */
  firstBlob(frame: number): number {
    const { samples, frameWords } = this.#columns
    const sample = Math.floor(frame / SAMPLE_FRAMES)
    let blob = samples[sample] as number
    for (let one = SAMPLE_FRAMES * sample; one < frame; one++) blob += blobCountIn(frameWords, one)
    return blob
  }

  /** Number of the frame that a blob, given by its number, is in. */
  frameOf(blob: number): number {
    const { samples, frameWords } = this.#columns
    const sample = lastUpTo(samples, blob)
    let frame = SAMPLE_FRAMES * sample
    let end = (samples[sample] as number) + blobCountIn(frameWords, frame)
    while (end <= blob) end += blobCountIn(frameWords, ++frame)
    return frame
  }

  /** Position in the sorted column, or -1. */
  #find(wanted: Bytes, offset: number): number {
    const { fan, ids } = this.#columns
    const bucket = bucketOf(wanted, offset, this.handle.fanBits)
    const end = fan[bucket + 1] as number
    for (let at = fan[bucket] as number; at < end; at++) {
      if (sameId(ids, BLOB_ID_BYTES * at, wanted, offset)) return at
    }
    return -1
  }
}

/** Position of the last of these ascending numbers that is not above `wanted`. */
export function lastUpTo(ascending: ArrayLike<number>, wanted: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((ascending[middle] as number) <= wanted) low = middle
    else high = middle - 1
  }
  return low
}

export function bucketOf(ids: Bytes, at: number, fanBits: number): number {
  const first =
    ((ids[at] as number) << 24) |
    ((ids[at + 1] as number) << 16) |
    ((ids[at + 2] as number) << 8) |
    (ids[at + 3] as number)
  return first >>> (32 - fanBits)
}

/** From the end: those of one bucket begin alike. */
function sameId(a: Bytes, atA: number, b: Bytes, atB: number): boolean {
  for (let i = BLOB_ID_BYTES - 1; i >= 0; i--) if (a[atA + i] !== b[atB + i]) return false
  return true
}
