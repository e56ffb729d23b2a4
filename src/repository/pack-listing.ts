// The packs that a store lists, of any domain, with their lengths. A loaded index keeps it, so that it is kept as
// bytes and not as text (digest-table.ts).

import type { Bytes } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { contentName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import { DIGEST_BYTES, DigestTable } from './digest-table.ts'

const CHUNK_LENGTHS = 4096

export class PackListing {
  readonly #names = new DigestTable()
  readonly #lengths: Float64Array[] = []
  readonly #digest = new Uint8Array(DIGEST_BYTES)

  /** Every pack that the store lists. Throws what the store throws. */
  static async of(store: Store): Promise<PackListing> {
    const listing = new PackListing()
    for await (const { name, size } of store.list('packs/')) listing.add(name, size)
    return listing
  }

  get size(): number {
    return this.#names.size
  }

  /** Of a name that comes twice the last length counts. */
  add(name: string, length: number): void {
    this.#read(name)
    const number = this.#names.put(this.#digest)
    const chunk = Math.floor(number / CHUNK_LENGTHS)
    if (chunk === this.#lengths.length) this.#lengths.push(new Float64Array(CHUNK_LENGTHS))
    const lengths = this.#lengths[chunk] as Float64Array
    lengths[number % CHUNK_LENGTHS] = length
  }

  /** Length of a pack, given by its object name; undefined where it is not listed. */
  get(name: string): number | undefined {
    this.#read(name)
    return this.lengthOf(this.#digest)
  }

  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** At which place the pack whose SHA-256 lies at `offset` was listed; -1 where it was not. */
  numberOf(digests: Bytes, offset = 0): number {
    return this.#names.find(digests, offset)
  }

  /** The length of that pack. */
  lengthOf(digests: Bytes, offset = 0): number | undefined {
    const number = this.numberOf(digests, offset)
    return number < 0 ? undefined : this.#lengthAt(number)
  }

  /** Object names with lengths, as they were listed. */
  *[Symbol.iterator](): Generator<readonly [string, number]> {
    for (let number = 0; number < this.size; number++)
      yield [contentName('packs', this.#names.at(number)), this.#lengthAt(number)]
  }

  /** Those whose digest is not in the table. */
  *except(named: DigestTable): Generator<readonly [string, number]> {
    for (let number = 0; number < this.size; number++) {
      const digest = this.#names.at(number)
      if (named.find(digest) < 0) yield [contentName('packs', digest), this.#lengthAt(number)]
    }
  }

  #lengthAt(number: number): number {
    return this.#lengths[Math.floor(number / CHUNK_LENGTHS)]?.[number % CHUNK_LENGTHS] as number
  }

  /** Stores list nothing but names of objects. */
  #read(name: string): void {
    const isRead = readDigest(name, this.#digest)
    assert(isRead, `${JSON.stringify(name.slice(0, 200))} is not the name of a pack`)
  }
}

const NAME_LENGTH = contentName('packs', new Uint8Array(DIGEST_BYTES)).length
const DIGITS_AT = NAME_LENGTH - 2 * DIGEST_BYTES

/** The digest in `packs/...`; false where it is none. A regular expression takes five times as long. */
function readDigest(name: string, digest: Uint8Array): boolean {
  if (name.length !== NAME_LENGTH) return false
  let wrong = 0
  for (let i = 0; i < DIGEST_BYTES; i++) {
    const high = digitAt(name, DIGITS_AT + 2 * i)
    const low = digitAt(name, DIGITS_AT + 2 * i + 1)
    wrong |= high | low
    digest[i] = (high << 4) | low
  }
  return wrong >= 0 && name.startsWith('packs/')
}

/** -1 where it is none. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
}
