// What a forget has left that was interrupted. Receipts of what is forgotten and gone; and records of what is there all the
// same (forget/withdraw.ts), when nobody is at work on it any more: a lease is honoured for 14 days, and who was suspended
// for longer looks at its record again before it removes anything. In a copy records of the origin stay as they are:
// the copy may keep what that has forgotten, and each sync would bring them again.

import type { ForgetRecord } from '../../format/upkeep-records.ts'
import { LEASE_HONOURED_MS } from '../../repository/sessions.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { type FoundRecord, putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'
import { executeWithdrawals, planWithdrawals } from '../forget/withdraw.ts'
import { SETTLED_MS } from './merge-records.ts'
import type { DomainSurvey } from './survey.ts'

type ForgetFound = FoundRecord<ForgetRecord>

/** Nobody honours the lease any more of who put a record so long ago. */
export const ABANDONED_MS = LEASE_HONOURED_MS + SETTLED_MS

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

/** Withdraws those; returns the names of such records, whether they could go by now or not. */
export async function withdrawForgets(survey: DomainSurvey): Promise<ReadonlySet<string>> {
  const { repository, domain, origins, nowMs } = survey
  const records = ownRecords(survey)
  const isOfHere = ({ record }: ForgetFound) =>
    origins.newest === undefined || origins.newest.isOfCopy || record.isOfCopy === true
  const isAbandoned = ({ storedAtMs }: ForgetFound) => nowMs - storedAtMs > ABANDONED_MS
  const old = records.filter((one) => isAbandoned(one) && isOfHere(one))
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

/**
 * Where this is a copy no more, what it has forgotten by itself is forgotten as anywhere: copies of it go by that. Returns the
 * names of the records that were of a copy.
 */
export async function sayOpenly(survey: DomainSurvey): Promise<ReadonlySet<string>> {
  const { repository, domain } = survey
  const ofCopy = ownRecords(survey).filter(({ record }) => record.isOfCopy)
  for (const { name, record } of ofCopy) {
    const open = { ...record, isOfCopy: undefined }
    await putUpkeepRecord(repository, { kind: 'forget', domain, record: open })
    // Elsewhere it is still said, and more: that the two say different things is of no consequence.
    if (repository.store.capabilities.strongListing) await repository.store.remove(name)
  }
  return new Set(ofCopy.map(({ name }) => name))
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
