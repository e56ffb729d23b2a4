// The tree that a snapshot is opened at. Whoever may write can put a snapshot that names none: the summary is
// for upkeep, to which a snapshot of nothing is one like others, and who wants to read it is told.

import { CairnError } from '../base/errors.ts'
import { type BlobId, blobId } from '../format/ids.ts'
import type { Snapshot } from '../repository/snapshots.ts'

export const NO_TREE = 'it names no tree, so that nothing of it can be restored'

/** Throws 'object-damaged' where the snapshot names no tree. */
export function rootOf({ name, summary }: Pick<Snapshot, 'name' | 'summary'>): BlobId {
  const [root] = summary.roots
  if (root !== undefined) return blobId(root)
  throw new CairnError('object-damaged', `Cannot use ${name}: ${NO_TREE}`, {
    hint: 'No backup makes such a snapshot. `cairn snapshots` lists the others; `cairn forget` removes it.',
    context: { object: name },
  })
}
