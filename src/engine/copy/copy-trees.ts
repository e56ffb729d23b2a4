// The trees of a snapshot, node by node and each after those below it, with the ids that the target gives. Nodes
// stay as they are cut. All data that they name is in the target, or on its way, when this begins.

import { assert } from '../../base/errors.ts'
import { encode } from '../../format/codec.ts'
import type { BlobId } from '../../format/ids.ts'
import { type Entry, type TreeNode, treeNodeCodec } from '../../format/tree.ts'
import type { SourceBlobs } from './source-blobs.ts'
import type { TargetPass } from './target-pass.ts'

export interface CopyTreesOptions {
  readonly source: SourceBlobs
  readonly pass: TargetPass
  /** Between nodes: lets others have their turn, and throws where it is to end. */
  readonly onNode: () => Promise<void>
}

/** The id that the tree has in the target. Throws what the reader throws. */
export async function copyTree(options: CopyTreesOptions, root: BlobId): Promise<BlobId> {
  const { source, pass, onNode } = options
  const present = pass.presentOf(source)
  const idOf = (id: BlobId): BlobId => {
    const number = source.numberOf(id)
    const known = number < 0 || !present.has(number) ? undefined : source.ids.get(number)
    assert(known, 'what a node names was copied before it')
    return known
  }
  const stack: BlobId[] = [root]
  // A node is read again when those below it are done: of all folders above only ids are kept.
  for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
    await onNode()
    const number = source.numberOf(id)
    if (!present.has(number)) {
      const node = await source.reader.readNode(id)
      const below = treesIn(node).filter((one) => !present.has(source.numberOf(one)))
      if (below.length > 0) {
        // Not by spreading them: there may be thousands.
        for (const one of below.reverse()) stack.push(one)
        continue
      }
      source.ids.set(number, pass.trees.put(encode(treeNodeCodec, renamed(node, idOf))))
      present.add(number)
    }
    stack.pop()
  }
  return source.ids.get(source.numberOf(root)) as BlobId
}

/** The nodes that a node names. */
export function treesIn(node: TreeNode): BlobId[] {
  if (node.kind === 'entries') return node.entries.flatMap(treesOfEntry)
  if (node.kind === 'directory') return node.children.map(({ id }) => id)
  return node.kind === 'list' ? [...node.children] : []
}

function treesOfEntry({ pieceList, extentList, tree }: Entry): readonly BlobId[] {
  return [pieceList, extentList, tree].filter((id) => id !== undefined)
}

/** A node with other ids in it, which it asks for in the order of refsOf. */
export function renamed(node: TreeNode, idOf: (id: BlobId) => BlobId): TreeNode {
  const maybe = (id: BlobId | undefined) => (id === undefined ? undefined : idOf(id))
  switch (node.kind) {
    case 'entries':
      return {
        kind: 'entries',
        entries: node.entries.map((entry) => ({
          ...entry,
          pieces: entry.pieces?.map(({ id, length }) => ({ id: idOf(id), length })),
          pieceList: maybe(entry.pieceList),
          extentList: maybe(entry.extentList),
          tree: maybe(entry.tree),
        })),
      }
    case 'directory':
      return {
        ...node,
        children: node.children.map(({ firstName, id }) => ({ firstName, id: idOf(id) })),
      }
    case 'pieces':
      return { ...node, pieces: node.pieces.map(({ id, length }) => ({ id: idOf(id), length })) }
    case 'list':
      return { ...node, children: node.children.map(idOf) }
    case 'extents':
      return node
  }
}
