// What a copy remembers of the blobs of one domain, by their numbers in the index: a bit, or the id that a blob
// has in the target. Pages come into being when they are first written to.

import { BLOB_ID_BYTES, type BlobId, blobId } from '../../format/ids.ts'

export class NumberSet {
  readonly #bits: Uint8Array
  #size = 0

  constructor(limit: number) {
    this.#bits = new Uint8Array((limit + 7) >>> 3)
  }

  get size(): number {
    return this.#size
  }

  has(number: number): boolean {
    return (((this.#bits[number >>> 3] as number) >>> (number & 7)) & 1) === 1
  }

  add(number: number): void {
    if (this.has(number)) return
    this.#bits[number >>> 3] = (this.#bits[number >>> 3] as number) | (1 << (number & 7))
    this.#size++
  }

  /** In ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (let at = 0; at < this.#bits.length; at++) {
      const byte = this.#bits[at] as number
      for (let bit = 0; byte >>> bit > 0; bit++) if (((byte >>> bit) & 1) === 1) yield 8 * at + bit
    }
  }
}

const PAGE_IDS = 1024

export class IdMap {
  readonly #known: NumberSet
  readonly #pages: (Uint8Array | undefined)[] = []

  constructor(limit: number) {
    this.#known = new NumberSet(limit)
  }

  /** A view: not to be changed. */
  get(number: number): BlobId | undefined {
    if (!this.#known.has(number)) return undefined
    const page = this.#pages[Math.floor(number / PAGE_IDS)] as Uint8Array
    const at = BLOB_ID_BYTES * (number % PAGE_IDS)
    return blobId(page.subarray(at, at + BLOB_ID_BYTES))
  }

  set(number: number, id: BlobId): void {
    const at = Math.floor(number / PAGE_IDS)
    this.#pages[at] ??= new Uint8Array(PAGE_IDS * BLOB_ID_BYTES)
    this.#pages[at].set(id, BLOB_ID_BYTES * (number % PAGE_IDS))
    this.#known.add(number)
  }
}
