// Gathers single blobs into frames and seals them: small ones together until a frame is full, a large one in a
// frame of its own. Frames come out as soon as they are full, and the last one with `flush`.

import { type Bytes, concat } from '../base/bytes.ts'
import { frameTableBytes, writeFrameTable } from '../format/frame.ts'
import type { BlobId } from '../format/ids.ts'
import type { CompressionLevel } from '../sealer/compress.ts'
import { type FrameSeal, sealFrame } from './frame.ts'
import { FRAME_BUILDER_BYTES, FRAME_TARGET_BYTES, FrameBuilder } from './frame-builder.ts'
import type { SealedFrame } from './pack-writer.ts'

export interface FrameGathererOptions {
  readonly frameSeal: FrameSeal
  readonly level: CompressionLevel
  readonly onFrame: (frame: SealedFrame) => void
}

export class FrameGatherer {
  readonly #options: FrameGathererOptions
  readonly #builder = new FrameBuilder(new Uint8Array(FRAME_BUILDER_BYTES))

  constructor(options: FrameGathererOptions) {
    this.#options = options
  }

  /** Copies the blob, or seals it at once. */
  add(id: BlobId, blob: Bytes): void {
    if (blob.length >= FRAME_TARGET_BYTES) {
      const table = new Uint8Array(frameTableBytes(1))
      writeFrameTable(table, { offset: 0, lengths: [blob.length] })
      this.#seal(concat([table, blob]), id)
    } else {
      if (this.#builder.isFull) this.flush()
      this.#builder.add(id, blob)
    }
  }

  flush(): void {
    if (this.#builder.isEmpty) return
    const { plaintext, ids } = this.#builder.close()
    this.#seal(plaintext, ids)
  }

  #seal(plaintext: Bytes, ids: Bytes): void {
    const { frameSeal, level, onFrame } = this.#options
    const sealed = sealFrame(plaintext, { ...frameSeal, level })
    onFrame({ sealed, rawBytes: plaintext.length, ids })
  }
}
