// Building an image of packs as segments or headers name them, in the memory that it will have: ids are
// appended where they will be sorted, and sorted in place. So a large index takes no more while it is read
// than when it is there; each segment may be let go as soon as its packs were added.

import type { Bytes } from '../base/bytes.ts'
import { copyTo } from '../base/copy.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import type { FrameColumns } from '../format/pack.ts'
import {
  bucketOf,
  columnsOf,
  FRAME_WORDS,
  fanBitsFor,
  fillSamples,
  type ImageColumns,
  IndexImage,
  lastUpTo,
  lookupBytes,
  writeFrame,
} from './index-image.ts'

/** A pack that is to go into the image, and where what is said of it begins in columns of many. */
export interface ImagePack {
  readonly segment: { readonly frames: FrameColumns; readonly ids: Bytes }
  /** First frame and first blob of the pack in its segment, and how many there are. */
  readonly firstFrame: number
  readonly frameCount: number
  readonly firstBlob: number
  readonly blobCount: number
  /** Added to the segment's session numbers. */
  readonly sessionBase: number
}

/** Builds the image of packs, numbered as they are given. */
export function buildImage(packs: readonly ImagePack[]): IndexImage {
  const builder = new ImageBuilder({
    blobs: packs.reduce((sum, pack) => sum + pack.blobCount, 0),
    frames: packs.reduce((sum, pack) => sum + pack.frameCount, 0),
  })
  for (const pack of packs) builder.add(pack)
  return builder.build()
}

export class ImageBuilder {
  /** Pages that nothing is written to cost nothing: both may be much longer than they need be. */
  #ids: SharedArrayBuffer
  #words: SharedArrayBuffer
  #blobs = 0
  #frames = 0
  /** First frame and first blob of each pack. */
  readonly #packFirst: number[] = []
  readonly #packFirstBlob: number[] = []
  #runs = new SessionRuns()

  /** About as many as will be added: where more are, what is there is copied. */
  constructor({ blobs, frames }: { readonly blobs: number; readonly frames: number }) {
    this.#ids = new SharedArrayBuffer(BLOB_ID_BYTES * blobs)
    this.#words = new SharedArrayBuffer(4 * FRAME_WORDS * frames)
  }

  get packs(): number {
    return this.#packFirst.length
  }

  add({ segment, firstFrame, frameCount, firstBlob, blobCount, sessionBase }: ImagePack): void {
    this.#packFirst.push(this.#frames)
    this.#packFirstBlob.push(this.#blobs)
    const { session, offset, storedBytes, rawBytes, blobCount: counts } = segment.frames
    this.#reserve(frameCount, blobCount)
    const words = new Uint32Array(this.#words)
    for (let i = firstFrame; i < firstFrame + frameCount; i++) {
      writeFrame(words, this.#frames, {
        offset: offset[i] as number,
        storedBytes: storedBytes[i] as number,
        rawBytes: rawBytes[i] as number,
        blobCount: counts[i] as number,
      })
      this.#runs.note(this.#frames++, sessionBase + (session[i] as number))
    }
    const [from, length] = [BLOB_ID_BYTES * firstBlob, BLOB_ID_BYTES * blobCount]
    const target = new Uint8Array(this.#ids, BLOB_ID_BYTES * this.#blobs, length)
    copyTo(target, segment.ids.subarray(from, from + length))
    this.#blobs += blobCount
  }

  /**
   * The image of the packs with these numbers, in this order: of all, where none are given. Nothing can be
   * added afterwards.
   */
  build(order?: readonly number[]): IndexImage {
    if (order !== undefined) this.#arrange(order)
    const counts = {
      blobs: this.#blobs,
      frames: this.#frames,
      packs: this.#packFirst.length,
      runs: this.#runs.first.length,
      fanBits: fanBitsFor(this.#blobs),
    }
    const lookup = new SharedArrayBuffer(lookupBytes(counts))
    const handle = { ...counts, ids: this.#ids, frameWords: this.#words, lookup }
    const columns = columnsOf(handle)
    columns.packFirst.set(this.#packFirst)
    columns.runFirst.set(this.#runs.first)
    columns.runSession.set(this.#runs.session)
    fillSamples(columns)
    sortIds(columns, counts.fanBits)
    return new IndexImage(handle)
  }

  #arrange(order: readonly number[]): void {
    if (order.length === this.packs && order.every((pack, i) => pack === i)) return
    const places = order.map((pack) => this.#placeOf(pack))
    const old = { words: new Uint32Array(this.#words), ids: new Uint8Array(this.#ids) }
    // Down, in place, as long as the order stays; else into memory of its own.
    if (order.some((pack, i) => pack < (order[i - 1] ?? 0))) {
      const sum = (of: (place: Place) => number) => places.reduce((all, one) => all + of(one), 0)
      this.#words = new SharedArrayBuffer(4 * FRAME_WORDS * sum(({ frames }) => frames))
      this.#ids = new SharedArrayBuffer(BLOB_ID_BYTES * sum(({ blobs }) => blobs))
    }
    const [words, ids] = [new Uint32Array(this.#words), new Uint8Array(this.#ids)]
    const runs = new SessionRuns()
    this.#frames = 0
    this.#blobs = 0
    this.#packFirst.length = 0
    this.#packFirstBlob.length = 0
    for (const { frame, frames, blob, blobs } of places) {
      this.#packFirst.push(this.#frames)
      this.#packFirstBlob.push(this.#blobs)
      const ownWords = old.words.subarray(FRAME_WORDS * frame, FRAME_WORDS * (frame + frames))
      words.set(ownWords, FRAME_WORDS * this.#frames)
      const ownIds = old.ids.subarray(BLOB_ID_BYTES * blob, BLOB_ID_BYTES * (blob + blobs))
      ids.set(ownIds, BLOB_ID_BYTES * this.#blobs)
      runs.noteLike(this.#runs, { from: frame, count: frames, at: this.#frames })
      this.#frames += frames
      this.#blobs += blobs
    }
    this.#runs = runs
  }

  #reserve(frames: number, blobs: number): void {
    this.#words = withRoom(this.#words, 4 * FRAME_WORDS * (this.#frames + frames))
    this.#ids = withRoom(this.#ids, BLOB_ID_BYTES * (this.#blobs + blobs))
  }

  #placeOf(pack: number): Place {
    const frame = this.#packFirst[pack] as number
    const blob = this.#packFirstBlob[pack] as number
    const frames = (this.#packFirst[pack + 1] ?? this.#frames) - frame
    return { frame, frames, blob, blobs: (this.#packFirstBlob[pack + 1] ?? this.#blobs) - blob }
  }
}

interface Place {
  readonly frame: number
  readonly frames: number
  readonly blob: number
  readonly blobs: number
}

function withRoom(memory: SharedArrayBuffer, bytes: number): SharedArrayBuffer {
  if (bytes <= memory.byteLength) return memory
  const larger = new SharedArrayBuffer(Math.max(bytes, Math.ceil(memory.byteLength / 2) * 4))
  copyTo(new Uint8Array(larger, 0, memory.byteLength), new Uint8Array(memory))
  return larger
}

/** Which session each frame is of: most packs have one, and many in a row the same. */
class SessionRuns {
  readonly first: number[] = []
  readonly session: number[] = []

  note(frame: number, session: number): void {
    if (this.session.at(-1) === session) return
    this.first.push(frame)
    this.session.push(session)
  }

  /** Notes for so many frames what others say of theirs. */
  noteLike(
    { first, session }: SessionRuns,
    { from, count, at }: { readonly from: number; readonly count: number; readonly at: number },
  ): void {
    let run = lastUpTo(first, from)
    for (let i = 0; i < count; i++) {
      if (first[run + 1] === from + i) run++
      this.note(at + i, session[run] as number)
    }
  }
}

const ID_WORDS = BLOB_ID_BYTES / 4

/**
 * Sorts by bucket without other memory: each id that lies in the bucket of another changes places with what
 * lies next there. Within a bucket they are then put in the order of their blobs.
 */
function sortIds({ fan, order, ids }: ImageColumns, fanBits: number): void {
  for (let at = 0; at < order.length; at++) {
    order[at] = at
    const bucket = bucketOf(ids, BLOB_ID_BYTES * at, fanBits)
    fan[bucket + 1] = (fan[bucket + 1] as number) + 1
  }
  let largest = 0
  for (let bucket = 1; bucket < fan.length; bucket++) {
    largest = Math.max(largest, fan[bucket] as number)
    fan[bucket] = (fan[bucket] as number) + (fan[bucket - 1] as number)
  }
  // How many each bucket has from others. It holds a handful, unless somebody chose ids.
  const placed = largest < 2 ** 8 ? new Uint8Array(fan.length) : new Uint32Array(fan.length)
  const words = new Uint32Array(ids.buffer, 0, ID_WORDS * order.length)
  for (let bucket = 0; bucket + 1 < fan.length; bucket++) {
    const end = fan[bucket + 1] as number
    const from = (fan[bucket] as number) + (placed[bucket] as number)
    for (let at = from; at < end; at++) {
      for (;;) {
        const own = bucketOf(ids, BLOB_ID_BYTES * at, fanBits)
        if (own === bucket) break
        const to = (fan[own] as number) + (placed[own] as number)
        placed[own] = (placed[own] as number) + 1
        exchange(words, order, at, to)
      }
    }
    settle({ words, order, from: fan[bucket] as number, end })
  }
}

/** A handful, by insertion. */
function settle(bucket: {
  readonly words: Uint32Array
  readonly order: Uint32Array
  readonly from: number
  readonly end: number
}): void {
  const { words, order, from, end } = bucket
  for (let i = from + 1; i < end; i++)
    for (let at = i; at > from && (order[at - 1] as number) > (order[at] as number); at--)
      exchange(words, order, at - 1, at)
}

function exchange(words: Uint32Array, order: Uint32Array, a: number, b: number): void {
  const number = order[a] as number
  order[a] = order[b] as number
  order[b] = number
  for (let i = 0; i < ID_WORDS; i++) {
    const word = words[ID_WORDS * a + i] as number
    words[ID_WORDS * a + i] = words[ID_WORDS * b + i] as number
    words[ID_WORDS * b + i] = word
  }
}
