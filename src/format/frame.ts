// Frames (docs/format.md, section 8): about 512 KiB of blobs that are compressed and sealed as one.
// The plaintext of a frame is a table of its blobs' lengths, then the blobs. It is stored as one
// byte that names the codec, then the (compressed) plaintext.

import { type Bytes, viewOf } from '../base/bytes.ts'
import { malformed } from './cbor.ts'
import { BLOB_BYTES_MAX, FRAME_BLOBS_MAX } from './limits.ts'

export const CODEC = { stored: 0, zstd: 1 } as const

/** Length of the table in front of `count` blobs. */
export function frameTableBytes(count: number): number {
  return 4 + 4 * count
}

/** Writes the table at `offset` of `into`: the count, then each length (u32, little-endian). */
export function writeFrameTable(
  into: Bytes,
  options: { offset: number; lengths: readonly number[] },
): void {
  const view = viewOf(into)
  view.setUint32(options.offset, options.lengths.length, true)
  options.lengths.forEach((length, i) => {
    view.setUint32(options.offset + 4 + 4 * i, length, true)
  })
}

/** Splits a frame's plaintext into views of its blobs. Throws 'object-damaged'. */
export function decodeFrame(plaintext: Bytes): readonly Bytes[] {
  if (plaintext.length < 4) throw malformed('a frame is cut off', 0)
  const view = viewOf(plaintext)
  const count = view.getUint32(0, true)
  let at = frameTableBytes(count)
  if (count > FRAME_BLOBS_MAX || at > plaintext.length)
    throw malformed('a frame has too many blobs', 0)
  const blobs: Bytes[] = []
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(4 + 4 * i, true)
    if (length > BLOB_BYTES_MAX || at + length > plaintext.length)
      throw malformed('a blob is too long', 4 + 4 * i)
    blobs.push(plaintext.subarray(at, at + length))
    at += length
  }
  if (at !== plaintext.length) throw malformed('a frame has bytes left over', at)
  return blobs
}
