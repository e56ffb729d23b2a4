// Data blobs on their way into the target: named under its keys, stored once, gathered into frames. A frame of
// the source all of whose blobs are new goes on as it is, compressed as it was, and only sealed anew.

import { type Bytes, concat } from '../../base/bytes.ts'
import { frameTableBytes, writeFrameTable } from '../../format/frame.ts'
import type { BlobId } from '../../format/ids.ts'
import { type FrameSeal, sealFrame, type WholeFrame } from '../../packer/frame.ts'
import {
  FRAME_BUILDER_BYTES,
  FRAME_TARGET_BYTES,
  FrameBuilder,
} from '../../packer/frame-builder.ts'
import type { SealedFrame } from '../../packer/pack-writer.ts'
import type { Claims } from '../../repository/claims.ts'
import type { CompressionLevel } from '../../sealer/compress.ts'
import type { KnownBlobs } from '../backup/known-blobs.ts'

export interface DataWriterOptions {
  readonly known: KnownBlobs
  readonly claims: Claims
  readonly frameSeal: FrameSeal
  readonly level: CompressionLevel
  readonly onFrame: (frame: SealedFrame) => void
}

/** A blob with the id that it has in the target. */
export interface NamedBlob {
  readonly id: BlobId
  readonly blob: Bytes
}

export class DataWriter {
  readonly #options: DataWriterOptions
  readonly #builder = new FrameBuilder(new Uint8Array(FRAME_BUILDER_BYTES))

  constructor(options: DataWriterOptions) {
    this.#options = options
  }

  /** Stores those blobs of a frame that are needed, as far as they are not stored yet. */
  put(frame: WholeFrame, needed: readonly NamedBlob[]): void {
    const fresh = needed.filter(({ id }) => this.#isNew(id))
    if (fresh.length > 0 && fresh.length === frame.blobs.length) this.#passOn(frame, fresh)
    else for (const one of fresh) this.#gather(one)
  }

  flush(): void {
    if (this.#builder.isEmpty) return
    const { plaintext, ids } = this.#builder.close()
    this.#seal(plaintext, ids)
  }

  #isNew(id: BlobId): boolean {
    const { known, claims } = this.#options
    return !known.has(id) && claims.claim(id)
  }

  #passOn({ payload, plaintext }: WholeFrame, blobs: readonly NamedBlob[]): void {
    const { frameSeal, onFrame } = this.#options
    const sealed = frameSeal.seal.seal(frameSeal.aad, payload)
    onFrame({ sealed, rawBytes: plaintext.length, ids: concat(blobs.map(({ id }) => id)) })
  }

  #gather({ id, blob }: NamedBlob): void {
    if (blob.length >= FRAME_TARGET_BYTES) {
      const table = new Uint8Array(frameTableBytes(1))
      writeFrameTable(table, { offset: 0, lengths: [blob.length] })
      this.#seal(concat([table, blob]), id)
    } else {
      if (this.#builder.isFull) this.flush()
      this.#builder.add(id, blob)
    }
  }

  #seal(plaintext: Bytes, ids: Bytes): void {
    const { frameSeal, level, onFrame } = this.#options
    const sealed = sealFrame(plaintext, { ...frameSeal, level })
    onFrame({ sealed, rawBytes: plaintext.length, ids })
  }
}
