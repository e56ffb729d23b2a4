// What an earlier undelete has put and could not confirm. Whoever brings the same back again goes on with that one,
// as a run that was suspended after step 3 and continues now: what it needs is looked for anew, and that no mark
// names it when it counts. So trying again leaves no other one each time.

import { equalBytes, toHex } from '../../base/bytes.ts'
import { loadMarks } from '../../repository/marks.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Snapshot } from '../../repository/snapshots.ts'
import { upkeepSignatory } from '../../repository/upkeep-signatory.ts'
import type { Undeletable } from './select.ts'

/**
 * For each of these snapshots of one domain the one that stands for it, is listed, has no receipt, and that no mark
 * names. Only what the key in use has signed itself: what others have put may say something else.
 */
export async function findLeftBehind(
  repository: Repository,
  {
    wanted,
    listed,
  }: { readonly wanted: readonly Undeletable[]; readonly listed: readonly Snapshot[] },
): Promise<ReadonlyMap<Undeletable, Snapshot>> {
  const [first] = wanted
  if (first === undefined) return new Map()
  const { domain } = first
  const { signer } = upkeepSignatory(repository, domain)
  const marked = await loadMarks(repository, domain)
  const own = listed.filter(
    (one) =>
      one.domain === domain &&
      !one.confirmed &&
      !marked.snapshots.has(one.name) &&
      equalBytes(one.certificate.verifyKey, signer.verifyKey),
  )
  const found = new Map<Undeletable, Snapshot>()
  for (const snapshot of wanted) {
    const left = own.find(({ summary }) => isFor(summary.replaces, snapshot))
    if (left !== undefined) found.set(snapshot, left)
  }
  return found
}

function isFor(replaces: Uint8Array | undefined, { id }: Undeletable): boolean {
  return replaces !== undefined && toHex(replaces) === id
}
