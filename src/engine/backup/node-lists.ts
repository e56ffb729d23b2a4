// Lists that are longer than an entry may hold: the pieces of a large file and the extents of a much
// divided one go into nodes, and those into nodes above, until one is left.

import { encode } from '../../format/codec.ts'
import type { BlobId } from '../../format/ids.ts'
import { INLINE_PIECES_MAX } from '../../format/limits.ts'
import { type Extent, type Piece, type TreeNode, treeNodeCodec } from '../../format/tree.ts'

/** How many items a node of a list has, except the last. */
const ITEMS = 4096

export interface StoredList {
  readonly root: BlobId
  /** Every node of the list, the root last. */
  readonly nodes: readonly BlobId[]
}

type Put = (blob: Uint8Array) => BlobId

/** Whether so many pieces or extents fit into the entry itself. */
export function fitsInline(count: number): boolean {
  return count <= INLINE_PIECES_MAX
}

export function putPieces(pieces: readonly Piece[], put: Put): StoredList {
  return putList(
    slices(pieces).map((some) => ({ kind: 'pieces', pieces: some })),
    put,
  )
}

export function putExtents(extents: readonly Extent[], put: Put): StoredList {
  return putList(
    slices(extents).map((some) => ({ kind: 'extents', extents: some })),
    put,
  )
}

function putList(leaves: readonly TreeNode[], put: Put): StoredList {
  const nodes: BlobId[] = []
  let ids = leaves.map((leaf) => put(encode(treeNodeCodec, leaf)))
  nodes.push(...ids)
  for (let level = 1; ids.length > 1; level++) {
    ids = slices(ids).map((children) =>
      put(encode(treeNodeCodec, { kind: 'list', level, children })),
    )
    nodes.push(...ids)
  }
  return { root: ids[0] as BlobId, nodes }
}

function slices<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / ITEMS) }, (_, i) =>
    items.slice(i * ITEMS, (i + 1) * ITEMS),
  )
}
