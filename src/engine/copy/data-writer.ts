// Data blobs on their way into the target: named under its keys, stored once, gathered into frames. A frame of
// the source all of whose blobs are new goes on as it is, compressed as it was, and only sealed anew.

import { type Bytes, concat } from '../../base/bytes.ts'
import type { BlobId } from '../../format/ids.ts'
import type { WholeFrame } from '../../packer/frame.ts'
import { FrameGatherer, type FrameGathererOptions } from '../../packer/frame-gatherer.ts'
import type { Claims } from '../../repository/claims.ts'
import type { KnownBlobs } from '../backup/known-blobs.ts'

export interface DataWriterOptions extends FrameGathererOptions {
  readonly known: KnownBlobs
  readonly claims: Claims
}

/** A blob with the id that it has in the target. */
export interface NamedBlob {
  readonly id: BlobId
  readonly blob: Bytes
}

export class DataWriter {
  readonly #options: DataWriterOptions
  readonly #gatherer: FrameGatherer

  constructor(options: DataWriterOptions) {
    this.#options = options
    this.#gatherer = new FrameGatherer(options)
  }

  /** Stores those blobs of a frame that are needed, as far as they are not stored yet. */
  put(frame: WholeFrame, needed: readonly NamedBlob[]): void {
    const fresh = needed.filter(({ id }) => this.#isNew(id))
    if (fresh.length > 0 && fresh.length === frame.blobs.length) this.#passOn(frame, fresh)
    else for (const { id, blob } of fresh) this.#gatherer.add(id, blob)
  }

  flush(): void {
    this.#gatherer.flush()
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
}
