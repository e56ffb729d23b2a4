// Removing at the target what the source no longer lists: snapshots, then receipts, never packs. Listings
// may lag or be stale, so the source is asked for each name again before it goes.

import { CairnError } from '../../base/errors.ts'
import type { Store } from '../../store/store.ts'

export interface RemoveOptions {
  readonly source: Store
  readonly target: Store
  readonly signal: AbortSignal
  readonly onDeleted: (name: string) => void
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
