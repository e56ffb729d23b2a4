// Puts sealed frames together into a pack, in memory that is used again for the next one: what holds
// the packs of a run is allocated once, and bounded. Their hash is taken as they arrive.

import { type Bytes, concat, toHex, viewOf } from '../base/bytes.ts'
import { Sha256 } from '../base/hash.ts'
import { malformed } from '../format/cbor.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import type { IndexedPack } from '../format/index-segment.ts'
import {
  decodeHeaderColumns,
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

/** How long packs are about to be: no pack's frames are longer, but for one that is alone in it. */
export const PACK_TARGET_BYTES = 32 * 1024 * 1024
/** A pack is also closed when its header has this many ids, refs included: 4 MiB of them. */
export const PACK_IDS_TARGET = 131_072

/** What a pack's header says of a frame. */
export interface FrameFacts {
  /** What sealed it; the writer's own session where it is left out. */
  readonly session?: Session
  readonly storedBytes: number
  readonly rawBytes: number
  readonly ids: Bytes
  /** Of tree frames: for each blob how many ids it refers to, and these ids. */
  readonly refCounts?: readonly number[]
  readonly refs?: Bytes
}

/** A frame as it came from sealing. */
export interface SealedFrame extends Omit<FrameFacts, 'storedBytes'> {
  readonly sealed: Bytes
}

/** A pack that is ready to be stored, and what an index says of it. The first part is its memory. */
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

/** Where the first frame of a pack lies in its memory. */
export const FIRST_FRAME_OFFSET = PREFIX_BYTES

/** The memory that a pack needs for a frame that is alone in it. */
export function packMemoryBytes(frameBytes: number): number {
  return PREFIX_BYTES + frameBytes
}

/** One pack while it is filled. Its frames are of one session, but for those that were moved into it. */
export class PackWriter {
  readonly #options: PackWriterOptions
  readonly #session: Session
  /** In the order in which frames first use them. */
  readonly #sessions = new Map<string, { readonly number: number; readonly session: Session }>()
  readonly #prefix: Bytes
  readonly #memory: Bytes
  readonly #hash = new Sha256()
  readonly #frames: Frame[] = []
  readonly #ids: Bytes[] = []
  readonly #refCounts: number[] = []
  readonly #refs: Bytes[] = []
  #last: { readonly number: number; readonly session: Session } | undefined
  #bytes = PREFIX_BYTES
  #idCount = 0

  /** The pack's prefix and frames are kept in `memory`, which is the pack's until it is stored. */
  constructor(session: Session, options: PackWriterOptions & { readonly memory: Bytes }) {
    this.#session = session
    this.#options = options
    this.#memory = options.memory
    this.#prefix = encodePrefix({
      kind: options.kind,
      domain: options.domain,
      epoch: options.epoch,
    })
    this.#memory.set(this.#prefix)
    this.#hash.update(this.#prefix)
  }

  /** How far the memory is filled: where the next frame goes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether a frame still goes into this pack. */
  fits({ sealed }: SealedFrame): boolean {
    return this.#bytes + sealed.length <= this.#memory.length && this.#idCount < PACK_IDS_TARGET
  }

  /** Copies a frame that fits. */
  add({ sealed, ...facts }: SealedFrame): void {
    this.#memory.set(sealed, this.#bytes)
    this.commit({ ...facts, storedBytes: sealed.length })
  }

  /** Takes a frame that was sealed into the memory, from `bytes` on. */
  commit({ session, storedBytes, rawBytes, ids, refCounts = [], refs }: FrameFacts): void {
    const blobCount = ids.length / BLOB_ID_BYTES
    const offset = this.#bytes
    const number = this.#numberOf(session ?? this.#session)
    this.#frames.push({ session: number, offset, storedBytes, rawBytes, blobCount })
    this.#hash.update(this.#memory.subarray(offset, offset + storedBytes))
    this.#bytes += storedBytes
    this.#ids.push(ids)
    this.#refCounts.push(...refCounts)
    if (refs !== undefined) this.#refs.push(refs)
    this.#idCount += blobCount + (refs?.length ?? 0) / BLOB_ID_BYTES
  }

  #numberOf(session: Session): number {
    if (session === this.#last?.session) return this.#last.number
    const key = `${session.epoch}:${toHex(session.encapsulation)}`
    this.#last = this.#sessions.get(key) ?? { number: this.#sessions.size, session }
    this.#sessions.set(key, this.#last)
    return this.#last.number
  }

  /**
   * Ends the pack; with `random`, after padding that hides its exact length and has at least so many bytes: of
   * frames that are in other packs already they make a pack that has never been there.
   */
  finish(random?: Random, paddingBytesMin = 0): FinishedPack {
    const { kind, repositoryId, headerSeal } = this.#options
    const header = {
      sessions: [...this.#sessions.values()].map(({ session }) => session),
      frames: this.#frames,
      ids: concat(this.#ids),
      refCounts: Uint32Array.from(this.#refCounts),
      refs: concat(this.#refs),
    }
    const encoded = encodePackHeader(header, kind)
    decodePackHeader(encoded, kind)
    const headerBytes = encoded.length + SEAL_OVERHEAD_BYTES
    const unpadded = this.#bytes + headerBytes + PACK_TRAILER_BYTES
    const padded = padmeBytes(unpadded + paddingBytesMin)
    const padding = random === undefined ? [] : [random(padded - unpadded)]
    const aad = binding({ repositoryId, prefix: this.#prefix, part: 'header' })
    const end = [...padding, headerSeal.seal(aad, encoded), trailer(headerBytes)]
    const parts = [this.#memory.subarray(0, this.#bytes), ...end]
    for (const part of end) this.#hash.update(part)
    const packBytes = parts.reduce((sum, part) => sum + part.length, 0)
    const hash = this.#hash.digest()
    const indexed = {
      hash,
      kind,
      packBytes,
      headerBytes,
      frameCount: this.#frames.length,
    }
    return { parts, indexed, header }
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
  return decodePackHeader(openEncodedHeader(sealedHeader, options), options.kind)
}

/** The same, still encoded: of many headers that takes a tenth of the memory. */
export function openEncodedHeader(
  sealedHeader: Bytes,
  options: PackWriterOptions & { readonly packBytes: number },
): Bytes {
  const { kind, domain, epoch, repositoryId, headerSeal, packBytes } = options
  const prefix = encodePrefix({ kind, domain, epoch })
  const aad = binding({ repositoryId, prefix, part: 'header' })
  const encoded = headerSeal.open(aad, sealedHeader)
  const { frames } = decodeHeaderColumns(encoded, kind)
  const framesEnd = packBytes - PACK_TRAILER_BYTES - sealedHeader.length
  frames.offset.forEach((offset, i) => {
    if (offset + (frames.storedBytes[i] as number) > framesEnd)
      throw malformed('a frame lies outside its pack', framesEnd)
  })
  return encoded
}
