// Which blob refers to which, from the headers of tree packs. Blobs go by their number in the index
// image; ids that the image does not have get numbers beyond its own.

import { type Bytes, toHex } from '../../base/bytes.ts'
import { BLOB_ID_BYTES } from '../../format/ids.ts'
import type { IndexImage } from '../../repository/index-image.ts'
import type { HeaderFacts } from './pack-facts.ts'

const FIRST_TARGETS = 65_536

export class RefGraph {
  readonly #image: IndexImage
  /** For each blob of the image one more than where its refs begin in `targets`; 0 for none. */
  readonly #starts: Uint32Array
  /** Runs of a count and as many numbers. */
  #targets = new Uint32Array(FIRST_TARGETS)
  #end = 0
  readonly #unresolved = new Map<string, number>()
  readonly #lost = new Set<number>()

  constructor(image: IndexImage) {
    this.#image = image
    this.#starts = new Uint32Array(image.blobs)
  }

  /** Of blobs in the image and beyond. */
  get count(): number {
    return this.#image.blobs + this.#unresolved.size
  }

  /** Ids that were asked for and are not in the image: hexadecimal, with their numbers. */
  get unresolved(): ReadonlyMap<string, number> {
    return this.#unresolved
  }

  numberOf(id: Bytes): number {
    return this.#numberAt(id, 0)
  }

  /** Of the id at `offset` of `ids`. */
  #numberAt(ids: Bytes, offset: number): number {
    const number = this.#image.blobNumberAt(ids, offset)
    if (number >= 0) return number
    const hex = toHex(ids.subarray(offset, offset + BLOB_ID_BYTES))
    const known = this.#unresolved.get(hex)
    if (known !== undefined) return known
    const next = this.count
    this.#unresolved.set(hex, next)
    return next
  }

  /**
   * Takes the refs of a tree pack's blobs. Of a blob that is stored twice, what both say: an attacker who stores
   * one again and says that it needs nothing must not make anything unneeded.
   */
  add({ treeIds, refCounts, refs }: Pick<HeaderFacts, 'treeIds' | 'refCounts' | 'refs'>): void {
    let at = 0
    refCounts.forEach((count, i) => {
      const node = this.#image.blobNumberAt(treeIds, BLOB_ID_BYTES * i)
      if (node >= 0) this.#take(node, { refs, from: at, count })
      at += count
    })
  }

  /** Numbers of the blobs that a blob refers to; of data none. */
  targets(number: number): Uint32Array {
    const start = this.#starts[number] ?? 0
    if (start === 0) return this.#targets.subarray(0, 0)
    return this.#targets.subarray(start, start + (this.#targets[start - 1] as number))
  }

  /** Says that a blob cannot be read, though it is in the image. */
  lose(id: Bytes): number {
    const number = this.numberOf(id)
    this.#lost.add(number)
    return number
  }

  /** Whether a blob cannot be had: read from nowhere, or in no pack. */
  isLost(number: number): boolean {
    return number >= this.#image.blobs || this.#lost.has(number)
  }

  #take(node: number, { refs, from, count }: Refs): void {
    const known = this.targets(node)
    this.#reserve(1 + known.length + count)
    // `known` is a view of what reserving may have replaced: both have the same numbers in it.
    const begin = this.#end + 1
    this.#targets.set(known, begin)
    let end = begin + known.length
    const isKnown = known.length === 0 ? undefined : new Set(known)
    for (let i = from; i < from + count; i++) {
      const target = this.#numberAt(refs, BLOB_ID_BYTES * i)
      if (isKnown?.has(target) !== true) this.#targets[end++] = target
    }
    if (this.#starts[node] !== 0 && end === begin + known.length) return
    this.#targets[begin - 1] = end - begin
    this.#starts[node] = begin
    this.#end = end
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#targets.length) return
    const grown = new Uint32Array(Math.max(this.#end + count, 2 * this.#targets.length))
    grown.set(this.#targets.subarray(0, this.#end))
    this.#targets = grown
  }
}

/** Some of many ids, by their place. */
interface Refs {
  readonly refs: Bytes
  readonly from: number
  readonly count: number
}
