// Sealing and opening frames: compressed as a whole, sealed once.

import { type Bytes, release } from '../base/bytes.ts'
import { malformed } from '../format/cbor.ts'
import { decodeFrame } from '../format/frame.ts'
import { type CompressionLevel, compress, decompress } from '../sealer/compress.ts'
import { SEAL_OVERHEAD_BYTES, type Seal, sealedLength } from '../sealer/seal.ts'

/** What frames of one session and kind are sealed with. */
export interface FrameSeal {
  readonly seal: Seal
  /** See frameBinding in sealer/session.ts. */
  readonly aad: Bytes
}

/** How long a frame can be at most, sealed: a plaintext that does not compress is kept as it is. */
export function sealedFrameBytesMax(plaintextBytes: number): number {
  return 1 + plaintextBytes + SEAL_OVERHEAD_BYTES
}

/** A frame's plaintext (table and blobs), compressed and ready to be sealed. */
export interface CompressedFrame {
  readonly plaintext: Bytes
  readonly payload: readonly [codec: Bytes, data: Bytes]
  /** How long it is when it is sealed. */
  readonly sealedBytes: number
}

export function compressFrame(plaintext: Bytes, level: CompressionLevel): CompressedFrame {
  const { codec, data } = compress(plaintext, level)
  const payload = [Uint8Array.of(codec), data] as const
  return { plaintext, payload, sealedBytes: sealedLength(payload) }
}

/** Seals a frame into `room`, which is exactly as long as it needs. Of no use afterwards. */
export function sealFrameInto(
  room: Bytes,
  { plaintext, payload }: CompressedFrame,
  { seal, aad }: FrameSeal,
): void {
  seal.sealInto(room, aad, ...payload)
  if (payload[1] !== plaintext) release(payload[1])
}

/** Compresses and seals a plaintext into memory of its own. */
export function sealFrame(
  plaintext: Bytes,
  { level, ...frameSeal }: FrameSeal & { readonly level: CompressionLevel },
): Bytes {
  const compressed = compressFrame(plaintext, level)
  const sealed = new Uint8Array(compressed.sealedBytes)
  sealFrameInto(sealed, compressed, frameSeal)
  return sealed
}

/**
 * The blobs of a frame, as views of one plaintext. `rawBytes` is the plaintext's length by the header or
 * index. Throws 'object-damaged' or 'unsupported'. Ids are the caller's to verify.
 */
export function openFrame(
  sealed: Bytes,
  options: FrameSeal & { readonly rawBytes: number },
): readonly Bytes[] {
  const { blobs, plaintext, payload } = openWholeFrame(sealed, options)
  if (plaintext.buffer !== payload.buffer) release(payload)
  return blobs
}

/** A frame as it was sealed, and what is in it. */
export interface WholeFrame {
  /** Codec and data: sealed again under another key it is a frame of the same blobs. */
  readonly payload: Bytes
  readonly plaintext: Bytes
  readonly blobs: readonly Bytes[]
}

/** The same for who has a use for the payload too. */
export function openWholeFrame(
  sealed: Bytes,
  { seal, aad, rawBytes }: FrameSeal & { readonly rawBytes: number },
): WholeFrame {
  const payload = seal.open(aad, sealed)
  const codec = payload[0]
  if (codec === undefined) throw malformed('a frame is empty', 0)
  const plaintext = decompress({ codec, data: payload.subarray(1) }, rawBytes)
  return { payload, plaintext, blobs: decodeFrame(plaintext) }
}
