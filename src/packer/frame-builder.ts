// Gathers blobs into the plaintext of a frame, in memory that is used again and again. Room for the
// table of lengths is kept in front; the table is written, right-aligned to the first blob, when the
// frame is closed, so that nothing is moved.

import type { Bytes } from '../base/bytes.ts'
import { concat } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { frameTableBytes, writeFrameTable } from '../format/frame.ts'
import type { BlobId } from '../format/ids.ts'

/** A frame is closed when it has this much, so most frames are about this long. */
export const FRAME_TARGET_BYTES = 512 * 1024
/** Bounds the table and the ids that a frame adds to headers. */
const BLOBS_MAX = 4096
const TABLE_BYTES = frameTableBytes(BLOBS_MAX)

/** The memory that a builder needs for blobs shorter than the target. */
export const FRAME_BUILDER_BYTES = TABLE_BYTES + 2 * FRAME_TARGET_BYTES

/** A frame ready to be compressed and sealed. */
export interface OpenFrame {
  /** Table and blobs. Valid until the builder is used again. */
  readonly plaintext: Bytes
  /** 32 bytes for each blob. */
  readonly ids: Bytes
  readonly blobCount: number
}

export class FrameBuilder {
  readonly #memory: Bytes
  #lengths: number[] = []
  #ids: BlobId[] = []
  #end = TABLE_BYTES

  /** `memory` holds at least FRAME_BUILDER_BYTES. */
  constructor(memory: Bytes) {
    assert(memory.length >= FRAME_BUILDER_BYTES, 'a frame builder needs more memory')
    this.#memory = memory
  }

  get isEmpty(): boolean {
    return this.#ids.length === 0
  }

  /** Whether the frame should be closed before anything is added. */
  get isFull(): boolean {
    return this.#end - TABLE_BYTES >= FRAME_TARGET_BYTES || this.#ids.length >= BLOBS_MAX
  }

  /** Where the next blob may be written in place, before `add` takes it. */
  get room(): Bytes {
    return this.#memory.subarray(this.#end)
  }

  /** Takes `length` bytes that were written to `room`. */
  commit(id: BlobId, length: number): void {
    this.#ids.push(id)
    this.#lengths.push(length)
    this.#end += length
  }

  add(id: BlobId, blob: Bytes): void {
    this.room.set(blob)
    this.commit(id, blob.length)
  }

  /** Closes the frame and begins the next. */
  close(): OpenFrame {
    const start = TABLE_BYTES - frameTableBytes(this.#lengths.length)
    writeFrameTable(this.#memory, { offset: start, lengths: this.#lengths })
    const plaintext = this.#memory.subarray(start, this.#end)
    const frame = { plaintext, ids: concat(this.#ids), blobCount: this.#ids.length }
    this.#lengths = []
    this.#ids = []
    this.#end = TABLE_BYTES
    return frame
  }
}
