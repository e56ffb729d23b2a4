// The gear table: 256 numbers of 64 bits that turn bytes into a rolling hash. It comes one-way from
// the domain's chunker key, so that cut points, which anyone who sees sizes can estimate, do not
// tell which well-known files are stored, and give nothing else away if they are ever solved for.
// Implements section 14 of docs/format.md.

import type { Bytes } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { deriveKey, HASH_BYTES, KeyedHasher } from '../base/hash.ts'

export const GEAR_BYTES = 256 * 8

const CONTEXT = 'cairn v1 chunker gear'

/** The table as 256 little-endian 64-bit numbers: the first 8 bytes of each keyed hash of `i`. */
export function gearTable(chunkerKey: Bytes): Bytes {
  assert(chunkerKey.length === HASH_BYTES, 'a chunker key has 32 bytes')
  const hasher = new KeyedHasher(deriveKey(CONTEXT, chunkerKey))
  const table = new Uint8Array(GEAR_BYTES)
  for (let i = 0; i < 256; i++) table.set(hasher.hash(Uint8Array.of(i)).subarray(0, 8), 8 * i)
  return table
}
