// What a forget has left that was interrupted, a day ago or longer: by then nobody is at work on it any more. Receipts of
// what is forgotten and gone; and records of what is there all the same (forget/withdraw.ts). In a copy records of the
// origin stay as they are: the copy may keep what that has forgotten, and each sync would bring them again.

import type { ForgetRecord } from '../../format/upkeep-records.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import type { FoundRecord } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'
import { executeWithdrawals, planWithdrawals } from '../forget/withdraw.ts'
import { SETTLED_MS } from './merge-records.ts'
import type { DomainSurvey } from './survey.ts'

type ForgetFound = FoundRecord<ForgetRecord>

/** Removes them. Throws what the store throws. */
export async function removeReceiptsLeft(survey: DomainSurvey): Promise<void> {
  const { repository, domain, roots } = survey
  const old = ownRecords(survey).filter((one) => isOld(one, survey))
  const forgotten = new Set(old.flatMap(namesIn))
  const listed = new Set(roots.snapshots.map(confirmationOf))
  for (const { name, snapshot, confirms, ...receipt } of roots.receipts) {
    if (receipt.domain !== domain || listed.has(confirms) || !forgotten.has(snapshot)) continue
    if ((await repository.store.stat(snapshot)) === undefined) await repository.store.remove(name)
  }
}

/** Withdraws them; returns the names of such records, whether they could go by now or not. */
export async function withdrawForgets(survey: DomainSurvey): Promise<ReadonlySet<string>> {
  const { repository, domain, origins } = survey
  const records = ownRecords(survey)
  const isOfHere = ({ record }: ForgetFound) =>
    origins.newest === undefined || record.isOfCopy === true
  const old = records.filter((one) => isOld(one, survey) && isOfHere(one))
  const isThere = await stillThere(survey, old.flatMap(namesIn))
  const candidates = old.filter((one) => namesIn(one).some((name) => isThere.has(name)))
  const plan = planWithdrawals(records, candidates, {
    isThere,
    isShownAtOnce: repository.store.capabilities.strongListing,
    isSettled: (one) => isOld(one, survey),
  })
  await executeWithdrawals(repository, { ...plan, domain })
  return new Set(candidates.map(({ name }) => name))
}

/** Of these snapshots, those that were listed and that the store still has. */
async function stillThere(
  { repository, domain, roots }: DomainSurvey,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const asked = new Set(names)
  const isThere = new Set<string>()
  for (const one of roots.snapshots) {
    if (one.domain !== domain || !asked.has(one.name)) continue
    if ((await repository.store.stat(one.name)) !== undefined) isThere.add(one.name)
  }
  return isThere
}

function ownRecords({ domain, roots }: DomainSurvey): readonly ForgetFound[] {
  return roots.forgetRecords.filter((one) => one.domain === domain)
}

function isOld({ storedAtMs }: ForgetFound, { nowMs }: DomainSurvey): boolean {
  return nowMs - storedAtMs > SETTLED_MS
}

function namesIn({ record }: ForgetFound): readonly string[] {
  return record.snapshots.map(({ snapshot }) => contentName('snapshots', snapshot))
}
