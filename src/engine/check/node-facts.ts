// What the nodes of a tree pack say that can only be judged beside other nodes: gathered where they are
// decoded anyway, and so little of it that all of a repository fits into memory.

import { type Bytes, concat } from '../../base/bytes.ts'
import { type Entry, NODE_KINDS, type TreeNode } from '../../format/tree.ts'
import { type LinkColumns, LinkColumnsBuilder } from './link-facts.ts'

/** What a node is to whoever refers to it. Bits, since several may refer to one. */
export const ROLE = { data: 1, folder: 2, list: 4, node: 8 } as const

/** A file whose content is listed in nodes of its own. */
export type ListedFile = Pick<Entry, 'size' | 'pieces' | 'pieceList' | 'extents' | 'extentList'>

export interface NodeFacts {
  /** For each blob what it is: see kindNumber; 0 where it cannot be read. */
  readonly kinds: Uint8Array
  /** For each ref, in the order of the header, its role; 0 where that cannot be told. */
  readonly roles: Uint8Array
  /** For each blob its first and last name, where it is a node of entries; empty otherwise. */
  readonly names: Uint8Array
  /** Where these end in `names`: two for each blob. */
  readonly nameEnds: Uint32Array
  readonly files: readonly ListedFile[]
  readonly links: LinkColumns
}

/** A node's kind and level in one number, never 0. */
export function kindNumber(kind: TreeNode['kind'], level = 0): number {
  return NODE_KINDS[kind] + 8 * level
}

/** The kind in what kindNumber gave. */
export function isKind(number: number, ...kinds: readonly TreeNode['kind'][]): boolean {
  return kinds.some((kind) => number % 8 === NODE_KINDS[kind])
}

export class NodeFactsBuilder {
  readonly #kinds: Uint8Array
  readonly #roles: Uint8Array
  readonly #names: Bytes[] = []
  readonly #nameEnds: Uint32Array
  readonly #files: ListedFile[] = []
  readonly #links = new LinkColumnsBuilder()
  #nameEnd = 0
  #nameSlot = 0
  /** Blobs whose names are in. */
  #named = 0

  constructor({ blobs, refs }: { readonly blobs: number; readonly refs: number }) {
    this.#kinds = new Uint8Array(blobs)
    this.#roles = new Uint8Array(refs)
    this.#nameEnds = new Uint32Array(2 * blobs)
  }

  /** Takes a node that refers to what its header says, beginning with the ref `firstRef`. Blobs in order. */
  take(node: TreeNode, { blob, firstRef }: { blob: number; firstRef: number }): void {
    this.#kinds[blob] = kindNumber(node.kind, 'level' in node ? node.level : 0)
    if (node.kind === 'entries') {
      let ref = firstRef
      for (const entry of node.entries) {
        ref = this.#takeEntry(entry, ref)
        this.#links.take(entry, blob)
      }
      this.#nameUpTo(blob)
      this.#addName(node.entries[0]?.name)
      this.#addName(node.entries.at(-1)?.name)
      this.#named++
    } else if (node.kind === 'pieces')
      this.#roles.fill(ROLE.data, firstRef, firstRef + node.pieces.length)
    else if ('children' in node)
      this.#roles.fill(ROLE.node, firstRef, firstRef + node.children.length)
  }

  finish(): NodeFacts {
    this.#nameUpTo(this.#kinds.length)
    return {
      kinds: this.#kinds,
      roles: this.#roles,
      names: concat(this.#names),
      nameEnds: this.#nameEnds,
      files: this.#files,
      links: this.#links.finish(),
    }
  }

  /** In the order of refsOfEntry. Returns where the refs of the next entry begin. */
  #takeEntry({ size, pieces, pieceList, extents, extentList, tree }: Entry, first: number): number {
    let ref = first + (pieces?.length ?? 0)
    this.#roles.fill(ROLE.data, first, ref)
    for (const list of [pieceList, extentList])
      if (list !== undefined) this.#roles[ref++] = ROLE.list
    if (tree !== undefined) this.#roles[ref++] = ROLE.folder
    if (pieceList !== undefined || extentList !== undefined)
      this.#files.push({ size, pieces, pieceList, extents, extentList })
    return ref
  }

  #addName(name: Bytes | undefined): void {
    if (name !== undefined) this.#names.push(name.slice())
    this.#nameEnd += name?.length ?? 0
    this.#nameEnds[this.#nameSlot++] = this.#nameEnd
  }

  /** Blobs between, which have none. */
  #nameUpTo(blob: number): void {
    for (; this.#named < blob; this.#named++) {
      this.#addName(undefined)
      this.#addName(undefined)
    }
  }
}
