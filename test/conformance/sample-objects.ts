// Objects to store in tests: bytes that follow from a seed, and names of every folder.

import type { Bytes } from '../../src/base/bytes.ts'
import { digestOf } from '../../src/store/content.ts'
import { type ContentFolder, contentName } from '../../src/store/names.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'

export interface Sample {
  readonly name: string
  readonly bytes: Bytes
}

/** `length` bytes that differ for each seed and do not repeat within it. */
export function sampleBytes(seed: number, length: number): Bytes {
  const bytes = new Uint8Array(length)
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(length / 4))
  const random = seededRandom(seed)
  // Drawing each word would take seconds for a pack: a drawn table is varied from round to round.
  const table = Uint32Array.from({ length: Math.min(4096, words.length) }, () => random() * 2 ** 32)
  for (let i = 0; i < words.length; i++) {
    words[i] = Math.imul(table[i % 4096] as number, 2 * Math.floor(i / 4096) + 1)
  }
  for (let i = 4 * words.length; i < length; i++) bytes[i] = random() * 256
  return bytes
}

/** An object under the name that its bytes give it. */
export function sampleObject(seed: number, length = 100, folder: ContentFolder = 'packs'): Sample {
  const bytes = sampleBytes(seed, length)
  return { name: contentName(folder, digestOf([bytes])), bytes }
}
