// The index in memory: an immutable image in one SharedArrayBuffer, which all threads read without
// locks. Ids lie sorted in a column of 32 bytes each, beside the number of their blob; a fan-out over
// their first bits (they are keyed hashes, so evenly spread) leads to a handful of candidates.
// Frames have six columns. That is about 38 bytes a blob and 24 a frame.

import type { Bytes } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { BLOB_ID_BYTES, type BlobId, blobId } from '../format/ids.ts'
import type { IndexSegment } from '../format/index-segment.ts'

/** A pack of one segment that is to go into the image. */
export interface ImagePack {
  readonly segment: IndexSegment
  /** First frame and first blob of the pack in its segment, and how many there are. */
  readonly firstFrame: number
  readonly frameCount: number
  readonly firstBlob: number
  readonly blobCount: number
  /** Added to the segment's session numbers. */
  readonly sessionBase: number
}

/** What is handed to another thread so that it can look into the same image. */
export interface ImageHandle {
  readonly buffer: SharedArrayBuffer
  readonly blobs: number
  readonly frames: number
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

const FRAME_COLUMNS = 6

interface Columns {
  readonly fan: Uint32Array
  readonly order: Uint32Array
  readonly frameFirst: Uint32Array
  readonly framePack: Uint32Array
  readonly frameSession: Uint32Array
  readonly frameOffset: Uint32Array
  readonly frameStored: Uint32Array
  readonly frameRaw: Uint32Array
  readonly ids: Uint8Array
}

function columnsOf({ buffer, blobs, frames, fanBits }: ImageHandle): Columns {
  const fanLength = 2 ** fanBits + 1
  let at = 0
  const u32 = (length: number) => {
    const column = new Uint32Array(buffer, at, length)
    at += 4 * length
    return column
  }
  return {
    fan: u32(fanLength),
    order: u32(blobs),
    frameFirst: u32(frames + 1),
    framePack: u32(frames),
    frameSession: u32(frames),
    frameOffset: u32(frames),
    frameStored: u32(frames),
    frameRaw: u32(frames),
    ids: new Uint8Array(buffer, at, BLOB_ID_BYTES * blobs),
  }
}

function imageBytes(blobs: number, frames: number, fanBits: number): number {
  return 4 * (2 ** fanBits + 1 + blobs + FRAME_COLUMNS * frames + 1) + BLOB_ID_BYTES * blobs
}

export class IndexImage {
  readonly handle: ImageHandle
  readonly #columns: Columns

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
    const found = this.#find(id, 0)
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
    const blob = this.#columns.order[found] as number
    const frame = this.#frameOf(blob)
    const { framePack, frameFirst } = this.#columns
    return {
      pack: framePack[frame] as number,
      frame,
      position: blob - (frameFirst[frame] as number),
    }
  }

  frame(frame: number): FrameLocation {
    const { framePack, frameSession, frameOffset, frameStored, frameRaw, frameFirst } =
      this.#columns
    assert(frame < this.frames, 'a frame is in the image')
    return {
      pack: framePack[frame] as number,
      session: frameSession[frame] as number,
      offset: frameOffset[frame] as number,
      storedBytes: frameStored[frame] as number,
      rawBytes: frameRaw[frame] as number,
      blobCount: (frameFirst[frame + 1] as number) - (frameFirst[frame] as number),
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

  /** Number of the frame that a blob, given by its number, is in. */
  frameOf(blob: number): number {
    return this.#frameOf(blob)
  }

  /** Number of the first blob of a frame: the others follow it. */
  firstBlobOf(frame: number): number {
    return this.#columns.frameFirst[frame] as number
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

  /** The last frame whose first blob is not after `blob`. */
  #frameOf(blob: number): number {
    const { frameFirst } = this.#columns
    let low = 0
    let high = this.frames - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((frameFirst[middle] as number) <= blob) low = middle
      else high = middle - 1
    }
    return low
  }
}

function bucketOf(ids: Bytes, at: number, fanBits: number): number {
  const first =
    ((ids[at] as number) << 24) |
    ((ids[at + 1] as number) << 16) |
    ((ids[at + 2] as number) << 8) |
    (ids[at + 3] as number)
  return first >>> (32 - fanBits)
}

function sameId(a: Bytes, atA: number, b: Bytes, atB: number): boolean {
  for (let i = 0; i < BLOB_ID_BYTES; i++) if (a[atA + i] !== b[atB + i]) return false
  return true
}

/** Between 2 and 4 ids to a bucket. */
function fanBitsFor(blobs: number): number {
  return Math.min(24, Math.max(1, Math.floor(Math.log2(Math.max(2, blobs))) - 1))
}

/** Builds the image of packs, numbered as they are given. */
export function buildImage(packs: readonly ImagePack[]): IndexImage {
  const blobs = packs.reduce((sum, pack) => sum + pack.blobCount, 0)
  const frames = packs.reduce((sum, pack) => sum + pack.frameCount, 0)
  const fanBits = fanBitsFor(blobs)
  const buffer = new SharedArrayBuffer(imageBytes(blobs, frames, fanBits))
  const handle = { buffer, blobs, frames, fanBits }
  const columns = columnsOf(handle)
  fillFrames(columns, packs)
  fillIds(columns, packs, fanBits)
  return new IndexImage(handle)
}

function fillFrames(columns: Columns, packs: readonly ImagePack[]): void {
  let frameNumber = 0
  let blobNumber = 0
  packs.forEach((pack, packNumber) => {
    for (let i = 0; i < pack.frameCount; i++) {
      const frame = pack.segment.frames[pack.firstFrame + i]
      assert(frame, 'a pack has its frames')
      columns.frameFirst[frameNumber] = blobNumber
      columns.framePack[frameNumber] = packNumber
      columns.frameSession[frameNumber] = pack.sessionBase + frame.session
      columns.frameOffset[frameNumber] = frame.offset
      columns.frameStored[frameNumber] = frame.storedBytes
      columns.frameRaw[frameNumber] = frame.rawBytes
      blobNumber += frame.blobCount
      frameNumber++
    }
  })
  columns.frameFirst[frameNumber] = blobNumber
}

/** A counting sort by bucket: one pass counts, one places. Ids within a bucket keep pack order. */
function fillIds(columns: Columns, packs: readonly ImagePack[], fanBits: number): void {
  const { fan, order, ids } = columns
  for (const { segment, firstBlob, blobCount } of packs) {
    for (let i = firstBlob; i < firstBlob + blobCount; i++) {
      const bucket = bucketOf(segment.ids, BLOB_ID_BYTES * i, fanBits)
      fan[bucket + 1] = (fan[bucket + 1] as number) + 1
    }
  }
  for (let bucket = 1; bucket < fan.length; bucket++)
    fan[bucket] = (fan[bucket] as number) + (fan[bucket - 1] as number)
  const next = fan.slice()
  let blobNumber = 0
  for (const { segment, firstBlob, blobCount } of packs) {
    for (let i = firstBlob; i < firstBlob + blobCount; i++) {
      const from = BLOB_ID_BYTES * i
      const bucket = bucketOf(segment.ids, from, fanBits)
      const at = next[bucket] as number
      next[bucket] = at + 1
      ids.set(segment.ids.subarray(from, from + BLOB_ID_BYTES), BLOB_ID_BYTES * at)
      order[at] = blobNumber++
    }
  }
}
