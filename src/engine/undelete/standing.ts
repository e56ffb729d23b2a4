// Snapshots that are listed already and stand for what is to be brought back: confirmed, so that it is back, or
// not, as an earlier undelete has left them.

import { toHex } from '../../base/bytes.ts'
import { loadMarks, type Marked } from '../../repository/marks.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Snapshot } from '../../repository/snapshots.ts'
import type { Undeletable } from './select.ts'

/**
 * Of what was listed the snapshots that are confirmed, stand for others and stay: marks are listed, then snapshots
 * again, as after a receipt was put. A receipt may be newer than the list, and its snapshot gone meanwhile.
 */
export async function findStanding(
  repository: Repository,
  snapshots: readonly Snapshot[],
): Promise<readonly Snapshot[]> {
  const back = snapshots.filter(({ confirmed, summary }) => confirmed && summary.replaces)
  if (back.length === 0) return []
  const marked = new Set<string>()
  for (const domain of new Set(back.map((one) => one.domain)))
    for (const name of (await loadMarks(repository, domain)).snapshots) marked.add(name)
  const listed = new Set<string>()
  for await (const { name } of repository.store.list('snapshots/')) listed.add(name)
  return back.filter(({ name }) => listed.has(name) && !marked.has(name))
}

/** Whether an earlier undelete has left one that no mark names: what it needs prune keeps for it. */
export function isLeftBehind(
  listed: readonly Snapshot[],
  { snapshot, marked }: { readonly snapshot: Undeletable; readonly marked: Marked },
): boolean {
  return listed.some(({ confirmed, domain, name, summary: { replaces } }) => {
    const isForIt = replaces !== undefined && toHex(replaces) === snapshot.id
    return isForIt && !confirmed && domain === snapshot.domain && !marked.snapshots.has(name)
  })
}
