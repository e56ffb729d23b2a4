// What blobs of the source are called in the target, learnt from an earlier copy: its trees are those of its
// original with other ids in them, so that what both name in the same place is the same. Then what a snapshot
// has in common with the one before need not be read to be found there.
//
// That the copy says the truth is taken from whoever writes in the target's domain, as the contents of all that is
// there are; nothing but time depends on what cannot be learnt.

import { equalBytes } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import { encode } from '../../format/codec.ts'
import type { BlobId } from '../../format/ids.ts'
import { refsOf, type TreeNode, treeNodeCodec } from '../../format/tree.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import type { BlobReader } from '../blob-reader.ts'
import { renamed, treesIn } from './copy-trees.ts'
import { NumberSet } from './number-sets.ts'
import type { SourceBlobs } from './source-blobs.ts'

export interface LearnOptions {
  readonly source: SourceBlobs
  /** Of the target's trees. */
  readonly reader: BlobReader
  /** The roots of an original and of its copy. */
  readonly original: BlobId
  readonly copy: BlobId
  /** Between nodes: lets others have their turn, and throws where it is to end. */
  readonly onNode: () => Promise<void>
}

type Pair = readonly [original: BlobId, copy: BlobId]

export async function learnIds(options: LearnOptions): Promise<void> {
  const { source, original, copy, onNode } = options
  const seen = new NumberSet(source.blobs)
  const stack: Pair[] = [[original, copy]]
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    await onNode()
    const number = source.numberOf(pair[0])
    if (number < 0 || seen.has(number)) continue
    seen.add(number)
    for (const below of await learnNode(options, pair)) stack.push(below)
  }
}

/** What is below the two; nothing where they cannot be read, or are not the same but for their ids. */
async function learnNode(
  { source, reader }: LearnOptions,
  [original, copy]: Pair,
): Promise<readonly Pair[]> {
  try {
    const one = await source.reader.readNode(original)
    const other = await reader.readNode(copy)
    if (!isSameButForIds(one, other)) return []
    for (const [id, copied] of pairsOf(refsOf(one), refsOf(other))) {
      const number = source.numberOf(id)
      if (number >= 0) source.ids.set(number, copied)
    }
    return pairsOf(treesIn(one), treesIn(other))
  } catch (error) {
    if (isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) return []
    throw error
  }
}

function isSameButForIds(one: TreeNode, other: TreeNode): boolean {
  const ids = refsOf(other)
  if (refsOf(one).length !== ids.length) return false
  let at = 0
  const again = renamed(one, () => ids[at++] as BlobId)
  return equalBytes(encode(treeNodeCodec, again), encode(treeNodeCodec, other))
}

function pairsOf(ids: readonly BlobId[], copies: readonly BlobId[]): readonly Pair[] {
  return ids.map((id, i): Pair => [id, copies[i] as BlobId])
}
