// What all nodes of a domain say of themselves and of each other. Blobs go by their number in the index
// image: two bytes each, and names only of those nodes that may be one of several of a folder.

import { type Bytes, toHex } from '../../base/bytes.ts'
import { type BlobId, blobId } from '../../format/ids.ts'
import { splitIds } from '../../format/tree.ts'
import type { IndexImage } from '../../repository/index-image.ts'
import { LinkFacts } from './link-facts.ts'
import { isKind, kindNumber, type ListedFile, type NodeFacts, ROLE } from './node-facts.ts'
import type { HeaderFacts } from './pack-facts.ts'
import type { RefGraph } from './ref-graph.ts'

/** The names that a node, and what is below it, begins and ends with. */
export interface NameRange {
  readonly first: Bytes
  readonly last: Bytes
}

export class TreeFacts {
  readonly #image: IndexImage
  readonly #graph: RefGraph
  readonly #kinds: Uint8Array
  readonly #roles: Uint8Array
  readonly #ranges = new Map<number, NameRange>()
  readonly #files = new Map<string, ListedFile>()
  readonly links = new LinkFacts()

  constructor(image: IndexImage, graph: RefGraph) {
    this.#image = image
    this.#graph = graph
    this.#kinds = new Uint8Array(image.blobs)
    this.#roles = new Uint8Array(image.blobs)
  }

  get files(): Iterable<ListedFile> {
    return this.#files.values()
  }

  /** Takes the nodes of a pack whose refs the graph has already. */
  add({ treeIds, refCounts }: HeaderFacts, facts: NodeFacts): void {
    const { kinds, roles, files } = facts
    const numbers = splitIds(treeIds).map((id) => this.#image.blobNumber(id))
    let ref = 0
    numbers.forEach((number, i) => {
      const count = refCounts[i] as number
      if (number >= 0 && kinds[i] !== 0) {
        this.#kinds[number] = kinds[i] as number
        this.#takeRoles(number, roles.subarray(ref, ref + count))
      }
      ref += count
    })
    numbers.forEach((number, i) => {
      if (number >= 0 && !this.#isRootOfFolder(number)) this.#takeRange(number, facts, i)
    })
    this.links.add(facts.links, numbers)
    for (const file of files) this.#files.set(fileKey(file), file)
  }

  numberOf(id: BlobId): number {
    return this.#graph.numberOf(id)
  }

  /** What a blob is: see kindNumber. 0 for data, and for what could not be read. */
  kindOf(number: number): number {
    return this.#kinds[number] ?? 0
  }

  /** Whether a blob cannot be had, which is reported as such. */
  isLost(number: number): boolean {
    return this.#graph.isLost(number)
  }

  isFolder(number: number): boolean {
    return isKind(this.kindOf(number), 'entries', 'directory')
  }

  /** Of a node of entries; undefined where it has to be read again. */
  rangeOf(number: number): NameRange | undefined {
    return this.#ranges.get(number)
  }

  /** Blobs that are something else than those say who refer to them. */
  misplaced(): readonly number[] {
    const found: number[] = []
    this.#roles.forEach((role, number) => {
      const isData = (role & ROLE.data) !== 0 && this.kindOf(number) !== 0
      const isNoFolder = (role & ROLE.folder) !== 0 && !this.isFolder(number)
      if ((isData || isNoFolder) && !this.isLost(number)) found.push(number)
    })
    return found
  }

  /** Ids of the nodes that have other nodes of a folder below them. */
  *innerNodes(): Generator<BlobId> {
    for (const { number, id } of this.#image.numberedIds())
      if (isKind(this.kindOf(number), 'directory')) yield blobId(id.slice())
  }

  /** Whether an entry refers to it as its tree; isFolder says what it is. */
  #isRootOfFolder(number: number): boolean {
    return ((this.#roles[number] as number) & ROLE.folder) !== 0
  }

  #takeRoles(number: number, roles: Uint8Array): void {
    const targets = this.#graph.targets(number)
    if (targets.length !== roles.length) return
    targets.forEach((target, i) => {
      if (target >= this.#roles.length) return
      const role = roles[i] as number
      this.#roles[target] = (this.#roles[target] as number) | role
      // Nearly every node of entries is all of a folder: then its order is its own affair.
      if (role === ROLE.folder) this.#ranges.delete(target)
    })
  }

  #takeRange(number: number, { kinds, names, nameEnds }: NodeFacts, i: number): void {
    if (kinds[i] !== kindNumber('entries')) return
    const start = i === 0 ? 0 : (nameEnds[2 * i - 1] as number)
    const [middle, end] = nameEnds.subarray(2 * i, 2 * i + 2) as unknown as [number, number]
    if (end === start) return
    this.#ranges.set(number, { first: names.slice(start, middle), last: names.slice(middle, end) })
  }
}

function fileKey({ size, pieces, pieceList, extents, extentList }: ListedFile): string {
  const ids = [pieceList, extentList].map((id) => id && toHex(id))
  const lengths = [pieces?.map(({ length }) => length), extents?.map(Object.values)]
  return [size, ...ids, ...lengths].join(' ')
}
