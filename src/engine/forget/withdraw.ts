// A forget record of a snapshot that is there all the same: who forgot was interrupted or refused, or the snapshot was
// held in that moment. It says nothing as long as the snapshot is there; but should that be lost one day, it would
// seem to say why. So a record that says the rest is put, and then the old one removed: nothing is ever said by no
// record, whenever that ends.

import { toHex } from '../../base/bytes.ts'
import type { ForgetRecord, Forgotten } from '../../format/upkeep-records.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { Repository } from '../../repository/repository.ts'
import { type FoundRecord, putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'

export interface Withdrawals {
  /** What is said of the others, to be put. */
  readonly put: readonly ForgetRecord[]
  /** Object names of records that go, when those are there. */
  readonly remove: readonly string[]
}

export interface WithdrawOptions {
  /** Object names of snapshots. */
  readonly isThere: ReadonlySet<string>
  /** Whether what was put is in every listing: then a record of the rest takes the place of the old one at once. */
  readonly isShownAtOnce: boolean
  /** Whether a record is in every listing. */
  readonly isSettled: (record: FoundRecord<ForgetRecord>) => boolean
}

/** Pure. For records of one domain; `candidates` are those that may go. */
export function planWithdrawals(
  records: readonly FoundRecord<ForgetRecord>[],
  candidates: readonly FoundRecord<ForgetRecord>[],
  { isThere, isShownAtOnce, isSettled }: WithdrawOptions,
): Withdrawals {
  const put: ForgetRecord[] = []
  const remove: string[] = []
  const isGone = ({ snapshot }: Forgotten) => !isThere.has(contentName('snapshots', snapshot))
  for (const one of candidates) {
    const rest = one.record.snapshots.filter(isGone)
    if (rest.length === one.record.snapshots.length) continue
    const cover = records.find((other) => other !== one && isJust(other.record, rest, one.record))
    if (rest.length > 0 && cover === undefined) put.push({ ...one.record, snapshots: rest })
    const isSaid = rest.length === 0 || isShownAtOnce || (cover !== undefined && isSettled(cover))
    if (isSaid) remove.push(one.name)
  }
  return { put, remove }
}

/** Whether a record says just this, with as much of each snapshot, and for as long. */
function isJust(
  { snapshots, forgottenMs, isOfCopy }: ForgetRecord,
  rest: readonly Forgotten[],
  like: ForgetRecord,
): boolean {
  const isLike = forgottenMs === like.forgottenMs && isOfCopy === like.isOfCopy
  if (!isLike || snapshots.length !== rest.length) return false
  const kept = ({ snapshot, object }: Forgotten) => `${toHex(snapshot)} ${object?.length ?? 0}`
  const says = new Set(snapshots.map(kept))
  return rest.every((one) => says.has(kept(one)))
}

/** Throws what the store throws, such as 'no-space'; then nothing is gone that was not said again. */
export async function executeWithdrawals(
  repository: Repository,
  { domain, put, remove }: Withdrawals & { readonly domain: DomainAccess },
): Promise<void> {
  for (const record of put) await putUpkeepRecord(repository, { kind: 'forget', domain, record })
  for (const name of remove) await repository.store.remove(name)
}
