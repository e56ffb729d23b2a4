// A snapshot as it is when it was forgotten and its window is over: gone, and the record that explains it has no
// longer got the snapshot itself.

import { assert } from '../../src/base/errors.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { putUpkeepRecord } from '../../src/repository/upkeep-records.ts'
import { digestInName } from '../../src/store/names.ts'

/** Takes away the snapshot of this name; its receipt stays, as one that confirms nothing. */
export async function forgetLongAgo(
  repository: Repository,
  {
    name,
    nowMs,
    isOfCopy,
  }: { readonly name: string; readonly nowMs: number; readonly isOfCopy?: true },
): Promise<void> {
  const { snapshots } = await loadSnapshots(repository, { withReplaced: true })
  const one = snapshots.find((snapshot) => snapshot.name === name)
  const snapshot = digestInName(name)
  assert(one && snapshot, `${name} is there`)
  const { sourceId, sequence, predecessor } = one.summary
  const said = { snapshot, sourceId, sequence, isConfirmed: one.confirmed, predecessor }
  const record = { snapshots: [{ ...said, object: undefined }], forgottenMs: nowMs, isOfCopy }
  await putUpkeepRecord(repository, { kind: 'forget', domain: one.domain, record })
  await repository.store.remove(name)
}
