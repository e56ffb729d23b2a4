// The memory in which data packs are put together, shared by all threads of a run: workers seal frames
// straight into the pack that is open, the main thread hashes and stores what they have put there.
// Nothing is copied, allocated or handed over for a frame; where the store is slow all packs are on
// their way and the workers wait, so memory is bounded.
//
// One word says which pack is open and how far room in it is taken; who needs room moves its end by
// compare and exchange. A pack is free, then open, then closed, and free again once it is stored. A
// worker closes one whose rest is too short for its frame, the main thread one that is due.

import type { Bytes } from '../../base/bytes.ts'
import { assert } from '../../base/errors.ts'
import { FIRST_FRAME_OFFSET, PACK_IDS_TARGET } from '../../packer/pack-writer.ts'

const OPEN = 0
/** Moves when there may be room for who found none, or no use in waiting for it. */
const CHANGED = 1
/** 1 when nobody takes frames any more. */
const ENDED = 2
const HEAD_WORDS = 3
/** For each pack: whether it is free, where its frames end, how many ids they have. */
const PACK_WORDS = 3
const FREE = 0
const TAKEN = 1

const NONE = -1
/** The word OPEN: the number of the pack above, how far it is filled below. */
const END_BITS = 27
const PACKS_MAX = 2 ** (31 - END_BITS)
/** So long a worker may sleep before it looks whether there is still somebody to wait for. */
const LOOK_MS = 250

/** Thrown in a worker when the run has ended before its end. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded'
}

/** Of memory that has been shared; threads pass it on to each other. */
export interface PackMemoryHandle {
  readonly words: SharedArrayBuffer
  readonly packs: readonly SharedArrayBuffer[]
}

export interface FrameSize {
  /** Sealed. */
  readonly bytes: number
  /** How many blobs are in it. */
  readonly ids: number
}

/** Room for a frame, `offset` in the memory of the pack with this number. */
export interface FrameRoom {
  readonly bytes: Bytes
  readonly pack: number
  readonly offset: number
}

/** Address space for `packs` of `packBytes` each: it is memory only from when it is first written. */
export function newPackMemory(options: { packs: number; packBytes: number }): PackMemoryHandle {
  const { packs, packBytes } = options
  assert(packs <= PACKS_MAX && packBytes < 2 ** END_BITS, 'a word tells how far a pack is filled')
  const words = new SharedArrayBuffer(4 * (HEAD_WORDS + PACK_WORDS * packs))
  new Int32Array(words)[OPEN] = NONE
  return { words, packs: Array.from({ length: packs }, () => new SharedArrayBuffer(packBytes)) }
}

/** Either end of the memory. */
export class PackMemory {
  readonly #words: Int32Array
  readonly #packs: readonly Bytes[]

  constructor({ words, packs }: PackMemoryHandle) {
    this.#words = new Int32Array(words)
    this.#packs = packs.map((pack) => new Uint8Array(pack))
  }

  /** All of a pack's memory. */
  pack(number: number): Bytes {
    const memory = this.#packs[number]
    assert(memory, 'there is a pack of this number')
    return memory
  }

  /**
   * A worker's: room for a frame, which it must then fill and tell the main thread of. Blocks the
   * thread until there is some. `onClosed` is told of a pack that was closed, because it has no room
   * for the frame or with it very many ids. Throws RunEnded.
   */
  room(frame: FrameSize, onClosed: (pack: number) => void): FrameRoom {
    const room = this.#awaitRoom(frame.bytes, onClosed)
    const ids = Atomics.add(this.#words, idsWord(room.pack), frame.ids) + frame.ids
    if (ids >= PACK_IDS_TARGET && this.#closeIfOpen(room.pack)) onClosed(room.pack)
    return room
  }

  #awaitRoom(length: number, onClosed: (pack: number) => void): FrameRoom {
    const bytesMax = (this.#packs[0]?.length ?? 0) - FIRST_FRAME_OFFSET
    assert(length <= bytesMax, 'a frame fits into a pack')
    for (;;) {
      const changed = Atomics.load(this.#words, CHANGED)
      this.check()
      const room = this.#roomInOpen(length, onClosed) ?? this.#roomInNext(length)
      if (room !== undefined) return room
      Atomics.wait(this.#words, CHANGED, changed, LOOK_MS)
    }
  }

  /** Throws RunEnded when there is no use in going on. */
  check(): void {
    if (Atomics.load(this.#words, ENDED) !== 0) throw new RunEnded('the run has ended')
  }

  /** Closes the pack that is open, if there is one; its number. */
  close(): number | undefined {
    for (let open = this.#open(); open !== NONE; open = this.#open())
      if (this.#closeAt(open)) return packOf(open)
    return undefined
  }

  /** Where the frames of a closed pack end; undefined of a pack that is open. */
  endOf(pack: number): number | undefined {
    const end = Atomics.load(this.#words, endWord(pack))
    return end === NONE ? undefined : end
  }

  /** The main thread's: a closed pack is stored, and its memory free for another. */
  free(pack: number): void {
    Atomics.store(this.#words, stateWord(pack), FREE)
    this.#tellAll()
  }

  /** Nobody takes frames any more: workers end as soon as they notice. */
  end(): void {
    Atomics.store(this.#words, ENDED, 1)
    this.#tellAll()
  }

  #tellAll(): void {
    Atomics.add(this.#words, CHANGED, 1)
    Atomics.notify(this.#words, CHANGED)
  }

  #open(): number {
    return Atomics.load(this.#words, OPEN)
  }

  #roomInOpen(length: number, onClosed: (pack: number) => void): FrameRoom | undefined {
    for (let open = this.#open(); open !== NONE; open = this.#open()) {
      const pack = packOf(open)
      if (endIn(open) + length > this.pack(pack).length) {
        if (this.#closeAt(open)) onClosed(pack)
      } else if (this.#swap(OPEN, open, open + length)) {
        return this.#roomAt({ pack, offset: endIn(open), length })
      }
    }
    return undefined
  }

  #roomInNext(length: number): FrameRoom | undefined {
    for (let pack = 0; pack < this.#packs.length; pack++) {
      if (!this.#swap(stateWord(pack), FREE, TAKEN)) continue
      Atomics.store(this.#words, endWord(pack), NONE)
      Atomics.store(this.#words, idsWord(pack), 0)
      const offset = FIRST_FRAME_OFFSET
      if (this.#swap(OPEN, NONE, (pack << END_BITS) + offset + length)) {
        this.#tellAll()
        return this.#roomAt({ pack, offset, length })
      }
      // Another thread has opened one meanwhile.
      this.free(pack)
      return undefined
    }
    return undefined
  }

  #closeIfOpen(pack: number): boolean {
    for (let open = this.#open(); open !== NONE && packOf(open) === pack; open = this.#open())
      if (this.#closeAt(open)) return true
    return false
  }

  #closeAt(open: number): boolean {
    if (!this.#swap(OPEN, open, NONE)) return false
    Atomics.store(this.#words, endWord(packOf(open)), endIn(open))
    return true
  }

  #roomAt(at: { pack: number; offset: number; length: number }): FrameRoom {
    const { pack, offset, length } = at
    return { bytes: this.pack(pack).subarray(offset, offset + length), pack, offset }
  }

  #swap(word: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, word, from, to) === from
  }
}

function packOf(open: number): number {
  return open >>> END_BITS
}

function endIn(open: number): number {
  return open & (2 ** END_BITS - 1)
}

function stateWord(pack: number): number {
  return HEAD_WORDS + PACK_WORDS * pack
}

function endWord(pack: number): number {
  return stateWord(pack) + 1
}

function idsWord(pack: number): number {
  return stateWord(pack) + 2
}
