// The way of sealed frames from a reading worker to the main thread: a ring of shared memory, one for
// each worker. The worker seals straight into it and tells where; the main thread copies the frame into
// a pack and gives the room back. Where the store is slow the rings stay full and the workers wait, so
// memory is bounded, and none of it is allocated, handed over or collected for each frame.
//
// Words: how many bytes were ever given back (it wraps around); 1 when nobody takes frames any more.

import type { Bytes } from '../../base/bytes.ts'
import { assert } from '../../base/errors.ts'

const HEAD_BYTES = 8
const RETURNED = 0
const CLOSED = 1
/** For several frames of usual length beside one of the longest. */
const SLACK = 1.5
/** So long a worker may sleep before it looks whether there is still somebody to wait for. */
const LOOK_MS = 250

/** Thrown in a worker when the run has ended before its end. */
export class OutboxClosed extends Error {
  override readonly name = 'OutboxClosed'
}

/** Room for a frame: `span` is what is to be given back for it, with what was left out before it. */
export interface OutboxRoom {
  readonly bytes: Bytes
  readonly offset: number
  readonly span: number
}

export function newOutboxMemory(frameBytesMax: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD_BYTES + Math.ceil((frameBytesMax * SLACK) / 4) * 4)
}

/** The worker's end. */
export class OutboxWriter {
  readonly #words: Int32Array
  readonly #ring: Uint8Array
  /** How many bytes were ever taken. */
  #taken = 0

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, HEAD_BYTES / 4)
    this.#ring = new Uint8Array(memory, HEAD_BYTES)
  }

  /** Throws OutboxClosed when there is no use in going on. */
  check(): void {
    if (Atomics.load(this.#words, CLOSED) !== 0) throw new OutboxClosed('the run has ended')
  }

  /** Room for a frame; blocks the thread until there is some. */
  room(length: number): OutboxRoom {
    const size = this.#ring.length
    assert(length <= size, 'a frame fits into an outbox')
    const at = this.#taken % size
    const skipped = at + length > size ? size - at : 0
    const span = skipped + length
    this.#awaitRoom(span)
    const offset = (at + skipped) % size
    this.#taken += span
    return { bytes: this.#ring.subarray(offset, offset + length), offset, span }
  }

  #awaitRoom(span: number): void {
    for (;;) {
      this.check()
      const returned = Atomics.load(this.#words, RETURNED)
      const outstanding = (this.#taken - returned) | 0
      // In an empty ring what is left out at its end does not count.
      if (outstanding === 0 || outstanding + span <= this.#ring.length) return
      Atomics.wait(this.#words, RETURNED, returned, LOOK_MS)
    }
  }
}

/** The main thread's end. */
export class OutboxReader {
  readonly #words: Int32Array
  readonly #ring: Uint8Array

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, HEAD_BYTES / 4)
    this.#ring = new Uint8Array(memory, HEAD_BYTES)
  }

  /** A frame, valid until it is given back. */
  frame(offset: number, length: number): Bytes {
    return this.#ring.subarray(offset, offset + length)
  }

  /** Frames are given back in the order in which they came. */
  giveBack(span: number): void {
    Atomics.add(this.#words, RETURNED, span)
    Atomics.notify(this.#words, RETURNED)
  }

  /** Nobody takes frames any more: the worker ends as soon as it notices. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1)
  }
}
