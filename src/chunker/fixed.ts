// Fixed-size splitting, for block devices and disk images: their content moves in place, so cuts at
// fixed positions find what is unchanged, and what is unallocated can be skipped without reading.
// Implements section 14 of docs/format.md.

import { assert } from '../base/errors.ts'

export interface FixedChunk {
  readonly position: number
  readonly length: number
}

/** The chunks of an input of `totalBytes`: all of `chunkBytes`, but for the last, if any is left. */
export function* fixedChunks(options: {
  readonly totalBytes: number
  readonly chunkBytes: number
}): Generator<FixedChunk, void> {
  const { totalBytes, chunkBytes } = options
  assert(Number.isSafeInteger(totalBytes) && totalBytes >= 0, 'an input has a size')
  assert(Number.isSafeInteger(chunkBytes) && chunkBytes > 0, 'a chunk is not empty')
  for (let position = 0; position < totalBytes; position += chunkBytes) {
    yield { position, length: Math.min(chunkBytes, totalBytes - position) }
  }
}
