// Sealing and opening frames: compressed as a whole, sealed once.

import { type Bytes, release } from '../base/bytes.ts'
import { malformed } from '../format/cbor.ts'
import { decodeFrame } from '../format/frame.ts'
import { type CompressionLevel, compress, decompress } from '../sealer/compress.ts'
import type { Seal } from '../sealer/seal.ts'

/** What frames of one session and kind are sealed with. */
export interface FrameSeal {
  readonly seal: Seal
  /** See frameBinding in sealer/session.ts. */
  readonly aad: Bytes
}

/** Compresses and seals a plaintext (table and blobs) into memory of its own. */
export function sealFrame(
  plaintext: Bytes,
  { seal, aad, level }: FrameSeal & { readonly level: CompressionLevel },
): Uint8Array<ArrayBuffer> {
  const { codec, data } = compress(plaintext, level)
  const sealed = seal.seal(aad, Uint8Array.of(codec), data)
  if (data !== plaintext) release(data)
  return sealed
}

/**
 * The blobs of a frame, as views of one plaintext. `rawBytes` is the plaintext's length by the header or
 * index. Throws 'object-damaged' or 'unsupported'. Ids are the caller's to verify.
 */
export function openFrame(
  sealed: Bytes,
  { seal, aad, rawBytes }: FrameSeal & { readonly rawBytes: number },
): readonly Bytes[] {
  const payload = seal.open(aad, sealed)
  const codec = payload[0]
  if (codec === undefined) throw malformed('a frame is empty', 0)
  const plaintext = decompress({ codec, data: payload.subarray(1) }, rawBytes)
  if (plaintext.buffer !== payload.buffer) release(payload)
  return decodeFrame(plaintext)
}
