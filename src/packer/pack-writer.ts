// Puts sealed frames together into a pack. The frames are kept as they came, in a list, until the
// pack is put into a store: nothing is copied, and their hash is taken as they arrive.

import { type Bytes, concat, viewOf } from '../base/bytes.ts'
import { Sha256 } from '../base/hash.ts'
import { malformed } from '../format/cbor.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import type { IndexedPack } from '../format/index-segment.ts'
import {
  decodePackHeader,
  encodePackHeader,
  type Frame,
  PACK_TRAILER_BYTES,
  type PackHeader,
  type Session,
} from '../format/pack.ts'
import { encodePrefix, type PackKind, PREFIX_BYTES } from '../format/prefix.ts'
import { binding } from '../sealer/bind.ts'
import { padmeBytes } from '../sealer/padme.ts'
import type { Random } from '../sealer/random.ts'
import { SEAL_OVERHEAD_BYTES, type Seal } from '../sealer/seal.ts'

const PACK_TARGET_BYTES = 32 * 1024 * 1024
/** A pack is also closed when its header has this many ids, refs included: 4 MiB of them. */
const PACK_IDS_TARGET = 131_072

/** A frame as it came from sealing. */
export interface SealedFrame {
  readonly sealed: Bytes
  readonly rawBytes: number
  readonly ids: Bytes
  /** Of tree frames: for each blob how many ids it refers to, and these ids. */
  readonly refCounts?: readonly number[]
  readonly refs?: Bytes
}

/** A pack that is ready to be stored, and what an index says of it. */
export interface FinishedPack {
  readonly parts: readonly Bytes[]
  readonly indexed: IndexedPack
  readonly header: PackHeader
}

export interface PackWriterOptions {
  readonly kind: PackKind
  readonly repositoryId: Bytes
  readonly domain: Bytes
  /** Of the header key. */
  readonly epoch: number
  readonly headerSeal: Seal
}

/** One pack while it is filled. All its frames are of one session. */
export class PackWriter {
  readonly #options: PackWriterOptions
  readonly #session: Session
  readonly #prefix: Bytes
  readonly #hash = new Sha256()
  readonly #parts: Bytes[]
  readonly #frames: Frame[] = []
  readonly #ids: Bytes[] = []
  readonly #refCounts: number[] = []
  readonly #refs: Bytes[] = []
  #bytes = PREFIX_BYTES
  #idCount = 0

  constructor(session: Session, options: PackWriterOptions) {
    this.#session = session
    this.#options = options
    this.#prefix = encodePrefix({
      kind: options.kind,
      domain: options.domain,
      epoch: options.epoch,
    })
    this.#parts = [this.#prefix]
    this.#hash.update(this.#prefix)
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0
  }

  get isFull(): boolean {
    return this.#bytes >= PACK_TARGET_BYTES || this.#idCount >= PACK_IDS_TARGET
  }

  get bytes(): number {
    return this.#bytes
  }

  add(frame: SealedFrame): void {
    const { sealed, rawBytes, ids, refCounts = [], refs } = frame
    const blobCount = ids.length / BLOB_ID_BYTES
    this.#frames.push({
      session: 0,
      offset: this.#bytes,
      storedBytes: sealed.length,
      rawBytes,
      blobCount,
    })
    this.#append(sealed)
    this.#ids.push(ids)
    this.#refCounts.push(...refCounts)
    if (refs !== undefined) this.#refs.push(refs)
    this.#idCount += blobCount + (refs?.length ?? 0) / BLOB_ID_BYTES
  }

  /** Ends the pack; with `random`, after padding that hides its exact length. */
  finish(random?: Random): FinishedPack {
    const { kind, repositoryId, headerSeal } = this.#options
    const header = {
      sessions: [this.#session],
      frames: this.#frames,
      ids: concat(this.#ids),
      refCounts: Uint32Array.from(this.#refCounts),
      refs: concat(this.#refs),
    }
    const encoded = encodePackHeader(header, kind)
    decodePackHeader(encoded, kind)
    const headerBytes = encoded.length + SEAL_OVERHEAD_BYTES
    const unpadded = this.#bytes + headerBytes + PACK_TRAILER_BYTES
    if (random !== undefined) this.#append(random(padmeBytes(unpadded) - unpadded))
    const aad = binding({ repositoryId, prefix: this.#prefix, part: 'header' })
    this.#append(headerSeal.seal(aad, encoded))
    this.#append(trailer(headerBytes))
    const hash = this.#hash.digest()
    const indexed = {
      hash,
      kind,
      packBytes: this.#bytes,
      headerBytes,
      frameCount: this.#frames.length,
    }
    return { parts: this.#parts, indexed, header }
  }

  #append(part: Bytes): void {
    this.#parts.push(part)
    this.#hash.update(part)
    this.#bytes += part.length
  }
}

function trailer(headerBytes: number): Bytes {
  const bytes = new Uint8Array(PACK_TRAILER_BYTES)
  viewOf(bytes).setUint32(0, headerBytes, true)
  return bytes
}

/** Opens the sealed header of a pack. Throws 'object-damaged', 'object-foreign' or 'unsupported'. */
export function openPackHeader(
  sealedHeader: Bytes,
  options: PackWriterOptions & { readonly packBytes: number },
): PackHeader {
  const { kind, domain, epoch, repositoryId, headerSeal, packBytes } = options
  const prefix = encodePrefix({ kind, domain, epoch })
  const aad = binding({ repositoryId, prefix, part: 'header' })
  const header = decodePackHeader(headerSeal.open(aad, sealedHeader), kind)
  const framesEnd = packBytes - PACK_TRAILER_BYTES - sealedHeader.length
  if (header.frames.some((frame) => frame.offset + frame.storedBytes > framesEnd)) {
    throw malformed('a frame lies outside its pack', framesEnd)
  }
  return header
}
