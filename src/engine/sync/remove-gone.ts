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
 * Whether more snapshots are to be removed than receipts, or the source has more receipts than snapshots: one may be gone
 * that nobody forgot, for who forgets takes both. Which it is cannot be seen without a key; nor whether it is one that
 * nobody confirmed and that a prune of the source has removed, which a prune of the copy will remove too.
 */
export async function isSnapshotMissed(source: Store, remove: readonly string[]): Promise<boolean> {
  const snapshots = remove.filter((name) => name.startsWith('snapshots/'))
  if (snapshots.length === 0) return false
  if (2 * snapshots.length > remove.length) return true
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
