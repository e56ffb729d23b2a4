// Removing at the target what the source no longer lists: snapshots, then receipts, never packs. Listings
// may lag or be stale, so the source is asked for each name again before it goes.

import { CairnError } from '../../base/errors.ts'
import type { Store } from '../../store/store.ts'
import { listFolder } from './survey.ts'

export interface RemoveOptions {
  readonly source: Store
  readonly target: Store
  readonly signal: AbortSignal
  readonly onDeleted: (name: string) => void
}

/**
 * Whether the source has more receipts than snapshots: one is gone and nobody forgot it, for who forgets takes both.
 * Which it is cannot be seen without a key, nor that it is so where other snapshots have no receipt yet.
 */
export async function isSnapshotMissed(source: Store): Promise<boolean> {
  // In this order: a backup puts its snapshot first.
  const receipts = await listFolder(source, 'receipts')
  return receipts.length > (await listFolder(source, 'snapshots')).length
}

/** Returns how many were removed. May be interrupted: the next run removes the rest. */
export async function removeGone(
  { source, target, signal, onDeleted }: RemoveOptions,
  names: readonly string[],
): Promise<number> {
  let removed = 0
  for (const name of names) {
    if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
    if ((await source.stat(name)) !== undefined) continue
    await target.remove(name)
    onDeleted(name)
    removed++
  }
  return removed
}
