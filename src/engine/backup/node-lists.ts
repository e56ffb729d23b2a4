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

/** Pieces are taken as they are put: there may be millions. */
export function putPieces(pieces: Iterable<Piece>, put: Put): StoredList {
  return putList(
    nodesOf(pieces, (some) => ({ kind: 'pieces', pieces: some })),
    put,
  )
}

export function putExtents(extents: Iterable<Extent>, put: Put): StoredList {
  return putList(
    nodesOf(extents, (some) => ({ kind: 'extents', extents: some })),
    put,
  )
}

function putList(leaves: Iterable<TreeNode>, put: Put): StoredList {
  const nodes: BlobId[] = []
  let ids: BlobId[] = []
  for (const leaf of leaves) ids.push(put(encode(treeNodeCodec, leaf)))
  nodes.push(...ids)
  for (let level = 1; ids.length > 1; level++) {
    const above = nodesOf(ids, (children): TreeNode => ({ kind: 'list', level, children }))
    ids = Array.from(above, (node) => put(encode(treeNodeCodec, node)))
    nodes.push(...ids)
  }
  return { root: ids[0] as BlobId, nodes }
}

function* nodesOf<T>(
  items: Iterable<T>,
  nodeOf: (some: readonly T[]) => TreeNode,
): Generator<TreeNode> {
  let some: T[] = []
  for (const item of items) {
    if (some.push(item) < ITEMS) continue
    yield nodeOf(some)
    some = []
  }
  if (some.length > 0) yield nodeOf(some)
}
