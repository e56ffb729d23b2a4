// Whether listed pieces and extents are as long as the file that lists them. Each node is added up once:
// a list that refers to the same node again and again would otherwise have no end.

import { toHex } from '../../base/bytes.ts'
import type { BlobId } from '../../format/ids.ts'
import { FILE_EXTENTS_MAX } from '../../format/limits.ts'
import type { Extent, Piece, TreeNode } from '../../format/tree.ts'
import type { ListedFile } from './node-facts.ts'
import type { NoNode, ReadNode } from './node-reader.ts'

interface Lengths {
  readonly data: bigint
  /** With holes. */
  readonly all: bigint
  readonly items: bigint
  readonly level: number
}

type ListKind = 'pieces' | 'extents'

export class ListLengths {
  readonly #read: ReadNode
  readonly #known = new Map<string, Lengths | string | undefined>()

  constructor(read: ReadNode) {
    this.#read = read
  }

  /** What is wrong with a file; undefined for what is right or cannot be read. */
  async faultOf(file: ListedFile): Promise<string | undefined> {
    const pieces = await this.#ofFile('pieces', file)
    const extents = await this.#ofFile('extents', file)
    if (typeof pieces === 'string') return pieces
    if (typeof extents === 'string') return extents
    if (pieces === undefined || extents === undefined) return undefined
    if (extents.all > BigInt(file.size ?? 0)) return 'an extent lies beyond the end of its file'
    if (extents.items > FILE_EXTENTS_MAX) return 'a file has too many extents'
    if (pieces.data === extents.data) return undefined
    return 'the pieces of a file are not as long as it is'
  }

  /** A file without extents is one that is all data. */
  async #ofFile(kind: ListKind, file: ListedFile): Promise<Lengths | string | undefined> {
    const { size = 0, pieces = [], extents, pieceList, extentList } = file
    const list = kind === 'pieces' ? pieceList : extentList
    if (list !== undefined) return this.#ofList(kind, list)
    if (kind === 'pieces') return ofPieces(pieces)
    return ofExtents(extents ?? [{ hole: 0, data: size }])
  }

  /** At whatever level, or below a node of the level `above`. */
  async #ofList(kind: ListKind, id: BlobId, above?: number): Promise<Lengths | string | undefined> {
    const key = `${kind} ${toHex(id)}`
    if (this.#known.has(key)) return this.#known.get(key)
    const node = await this.#read(id)
    // Before it is followed: levels end, and so does this.
    if (node !== undefined && above !== undefined && levelOf(node) !== above - 1) return WRONG_LEVEL
    const lengths = node && (await this.#ofNode(kind, node))
    this.#known.set(key, lengths)
    return lengths
  }

  async #ofNode(kind: ListKind, node: TreeNode | NoNode): Promise<Lengths | string | undefined> {
    if (kind === 'pieces' && node.kind === 'pieces') return ofPieces(node.pieces)
    if (kind === 'extents' && node.kind === 'extents') return ofExtents(node.extents)
    if (node.kind !== 'list') return `a list of ${kind} leads to a node of another kind`
    let sum: Lengths = { data: 0n, all: 0n, items: 0n, level: node.level }
    for (const child of node.children) {
      const lengths = await this.#ofList(kind, child, node.level)
      if (lengths === undefined || typeof lengths === 'string') return lengths
      if (lengths.level !== node.level - 1) return WRONG_LEVEL
      sum = add(sum, lengths)
    }
    return sum
  }
}

const WRONG_LEVEL = 'a node of a list is at a wrong level'

function levelOf(node: TreeNode | NoNode): number {
  return 'level' in node ? node.level : 0
}

function ofPieces(pieces: readonly Piece[]): Lengths {
  const data = BigInt(pieces.reduce((sum, { length }) => sum + length, 0))
  return { data, all: data, items: BigInt(pieces.length), level: 0 }
}

function ofExtents(extents: readonly Extent[]): Lengths {
  const sum = (length: (extent: Extent) => bigint) =>
    extents.reduce((all, extent) => all + length(extent), 0n)
  const data = sum((extent) => BigInt(extent.data))
  const all = data + sum((extent) => BigInt(extent.hole))
  return { data, all, items: BigInt(extents.length), level: 0 }
}

function add(a: Lengths, b: Lengths): Lengths {
  return { data: a.data + b.data, all: a.all + b.all, items: a.items + b.items, level: a.level }
}
