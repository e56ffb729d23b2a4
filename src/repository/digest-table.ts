// A table of SHA-256 digests: of ten million large files there are 300,000 packs, whose names are wanted as bytes,
// because as text they take three times as much memory. Digests are numbered as they come. Chunks are never
// moved; what is copied when the table grows are the places in them, a word each.

import type { Bytes } from '../base/bytes.ts'
import { systemRandom } from '../sealer/random.ts'

export const DIGEST_BYTES = 32

const CHUNK_DIGESTS = 4096
const SLOTS_MIN = 64

export class DigestTable {
  readonly #chunks: Uint8Array[] = []
  /** Numbers, one too high; 0 where there is none. At most three of four are taken. */
  #slots = new Uint32Array(SLOTS_MIN)
  #count = 0
  /** So that nobody can choose names that all want one place. */
  readonly #seeds = new Uint32Array(systemRandom(8).slice().buffer)

  get size(): number {
    return this.#count
  }

  /** The number of the digest that lies at `offset`; -1 where it is not here. */
  find(bytes: Bytes, offset = 0): number {
    return (this.#slots[this.#slotOf(bytes, offset)] as number) - 1
  }

  /** The number of the digest at `offset`, which is copied where it is new: then it is the last one. */
  put(bytes: Bytes, offset = 0): number {
    const slot = this.#slotOf(bytes, offset)
    const known = this.#slots[slot] as number
    if (known !== 0) return known - 1
    const place = this.#count % CHUNK_DIGESTS
    if (place === 0) this.#chunks.push(new Uint8Array(CHUNK_DIGESTS * DIGEST_BYTES))
    const chunk = this.#chunks.at(-1) as Uint8Array
    for (let i = 0; i < DIGEST_BYTES; i++)
      chunk[DIGEST_BYTES * place + i] = bytes[offset + i] as number
    this.#slots[slot] = ++this.#count
    if (4 * this.#count > 3 * this.#slots.length) this.#grow()
    return this.#count - 1
  }

  /** The digest with this number, as a view. */
  at(number: number): Bytes {
    const place = DIGEST_BYTES * (number % CHUNK_DIGESTS)
    return this.#chunkOf(number).subarray(place, place + DIGEST_BYTES)
  }

  #chunkOf(number: number): Uint8Array {
    return this.#chunks[Math.floor(number / CHUNK_DIGESTS)] as Uint8Array
  }

  /** Where it is, or would be. */
  #slotOf(bytes: Bytes, offset: number): number {
    const mask = this.#slots.length - 1
    let slot = this.#hash(bytes, offset) & mask
    for (;;) {
      const number = (this.#slots[slot] as number) - 1
      if (number < 0 || this.#isAt(number, bytes, offset)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isAt(number: number, bytes: Bytes, offset: number): boolean {
    const chunk = this.#chunkOf(number)
    const place = DIGEST_BYTES * (number % CHUNK_DIGESTS)
    for (let i = 0; i < DIGEST_BYTES; i++) if (chunk[place + i] !== bytes[offset + i]) return false
    return true
  }

  #hash(bytes: Bytes, offset: number): number {
    let hash = this.#seeds[0] as number
    for (let i = 0; i < 8; i++)
      hash = Math.imul(hash ^ (bytes[offset + i] as number), 0x01000193) ^ (hash >>> 15)
    hash = Math.imul(hash ^ (this.#seeds[1] as number), 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }

  #grow(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length)
    const mask = this.#slots.length - 1
    for (let number = 0; number < this.#count; number++) {
      const place = DIGEST_BYTES * (number % CHUNK_DIGESTS)
      let slot = this.#hash(this.#chunkOf(number), place) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = number + 1
    }
  }
}
