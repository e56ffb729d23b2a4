// Nodes of trees for a check, which meets some that are none: what refers to them is at fault.

import { isCairnError } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import type { TreeNode } from '../../format/tree.ts'
import { WITHHELD } from '../../repository/object-problem.ts'
import type { BlobReader } from '../blob-reader.ts'
import type { TreeFacts } from './tree-facts.ts'

/** A node, or that it is none; undefined where it cannot be read, which is reported as such. */
export type ReadNode = (id: BlobId) => Promise<TreeNode | NoNode | undefined>

export interface NoNode {
  readonly kind: 'none'
}

export function nodeReader({
  facts,
  reader,
}: {
  readonly facts: TreeFacts
  readonly reader: BlobReader
}): ReadNode {
  return async (id) => {
    if (facts.isLost(facts.numberOf(id))) return undefined
    try {
      return await reader.readNode(id)
    } catch (error) {
      if (isCairnError(error, ...WITHHELD)) return undefined
      // All that is a node was read before, or is known to be lost.
      if (isCairnError(error, 'object-damaged', 'object-missing')) return { kind: 'none' }
      throw error
    }
  }
}
