// Inputs for the tests of this folder, the same on every machine.

import type { Bytes } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'

/** The chunker key of the published test vectors: bytes 0 to 31. */
export const TEST_KEY: Bytes = Uint8Array.from({ length: 32 }, (_, i) => i)

export const SMALL_PARAMETERS = { minBytes: 64, avgBytes: 256, maxBytes: 1024 }

/** SHA-256 of 0, of 1, of 2, ... as little-endian 64-bit numbers, one after the other. */
export function counterStream(length: number): Bytes {
  const stream = new Uint8Array(Math.ceil(length / 32) * 32)
  const counter = new Uint8Array(8)
  const view = new DataView(counter.buffer)
  for (let block = 0; 32 * block < length; block++) {
    view.setUint32(0, block, true)
    stream.set(sha256(counter), 32 * block)
  }
  return stream.subarray(0, length)
}
