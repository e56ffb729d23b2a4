// Does what a plan says. In this order:
//
// 1. put forget records, which hold the snapshots' own bytes; wait until every listing shows them, and see who
//    else forgets: both together must leave enough of each source;
// 2. a few hundred snapshots at a time: list holds again, because what is held by now stays, and see what time
//    it is: this machine may have been suspended, and the window would be over before it begins (then from 1);
// 3. remove the snapshots, each after those that it stands for;
// 4. remove their receipts.
//
// Killed at any point, each snapshot is either listed as before (with a record that says nothing as long as it
// is), or gone with a record that explains it, and with which it can be had back. The next run forgets what
// is still listed, uses young records again, and removes the receipts that were left.

import type { Clock } from '../../base/clock.ts'
import { assert, isCairnError } from '../../base/errors.ts'
import { FORGOTTEN_MAX, MEBI } from '../../format/limits.ts'
import { FACT_BYTES, type Forgotten } from '../../format/upkeep-records.ts'
import { loadHolds } from '../../repository/holds.ts'
import {
  forEachInParallel,
  type ObjectProblem,
  ObjectProblems,
} from '../../repository/object-problem.ts'
import { loadOrigins } from '../../repository/origins.ts'
import { readObject } from '../../repository/read-object.ts'
import type { Repository } from '../../repository/repository.ts'
import { confirmationOf, type SnapshotFacts } from '../../repository/snapshots.ts'
import { putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { getVerified } from '../../store/content.ts'
import { contentName, digestInName } from '../../store/names.ts'
import { listingLagMs } from '../prune/timing.ts'
import { contestedIn } from './others.ts'
import { type Retained, receiptsLeft, type Survey } from './survey.ts'

/** Between two looks at what is held. */
const AT_A_TIME = 256
const PARALLEL = 8
/** With one more snapshot of the longest kind a record is still within METADATA_BYTES_MAX. */
const RECORD_BYTES_MAX = 8 * MEBI
/** The window begins when the snapshot is removed: where its record is older then, a new one is put. */
export const RECORD_YOUNG_MS = 60 * 60 * 1000

export interface ExecuteOptions {
  readonly repository: Repository
  readonly survey: Survey
  readonly going: readonly Retained[]
  /** So many complete ones must be left of each source. */
  readonly minimum: number
  readonly clock: Clock
  /** What time it is by the store's clock, milliseconds since 1970. */
  readonly storeNowMs: () => Promise<number>
  readonly onForgotten: (retained: Retained) => void
  /** Told of what cannot be read, and is left as it is. */
  readonly onProblem: (problem: ObjectProblem) => void
}

export interface Executed {
  readonly forgotten: readonly Retained[]
  /** Held since the plan was made. */
  readonly spared: readonly Retained[]
  /** Of their sources too few would be left: somebody else forgets at the same time. */
  readonly contested: readonly Retained[]
}

/** Throws what the store throws, 'not-permitted' without the right, and as loadHolds. */
export async function executeForget(options: ExecuteOptions): Promise<Executed> {
  const done: Done = { forgotten: [], spared: [], contested: [] }
  // Each time more patient: a store that is so slow must come to an end too.
  for (let attempt = 1, left = options.going; left.length > 0; attempt++)
    left = await forgetYoung(left, {
      ...options,
      done,
      oldMs: attempt * RECORD_YOUNG_MS,
      isFirst: attempt === 1,
    })
  await removeAll(options.repository, receiptsLeft(options.survey))
  return done
}

interface Done {
  readonly forgotten: Retained[]
  readonly spared: Retained[]
  readonly contested: Retained[]
}

interface Forgetting extends ExecuteOptions {
  readonly done: Done
  /** A record of this age is too old. */
  readonly oldMs: number
  /** Young records that were there before may be used again. */
  readonly isFirst: boolean
}

/** Returns those whose records have become too old before they could be removed. */
async function forgetYoung(
  wanted: readonly Retained[],
  options: Forgetting,
): Promise<readonly Retained[]> {
  const { repository, clock, storeNowMs, done, oldMs } = options
  const forgottenMs = await storeNowMs()
  const isOld = async () => (await storeNowMs()) - forgottenMs >= oldMs
  const { unread, recordOf } = await putRecords(wanted, { ...options, forgottenMs, isOld })
  // Whoever prunes must not see the snapshots gone and the records not there yet.
  const lagMs = listingLagMs(repository.store.capabilities)
  if (lagMs > 0) await clock.sleep(lagMs)
  const going = await withoutContested(wanted, { ...options, forgottenMs })
  const isUnread = ({ lineage }: Retained) => lineage.members.some(({ name }) => unread.has(name))
  const again: Retained[] = []
  for (let at = 0; at < going.length; at += AT_A_TIME) {
    const holds = await loadHolds(repository)
    if (await isOld()) return [...again, ...going.slice(at)]
    const some = going.slice(at, at + AT_A_TIME).filter((one) => !isUnread(one))
    const isHeld = ({ lineage }: Retained) =>
      lineage.members.some((one) => holds.of(one).length > 0)
    done.spared.push(...some.filter(isHeld))
    const free = some.filter((one) => !isHeld(one))
    const removed = await removeSnapshots(free, { ...options, recordOf })
    done.forgotten.push(...removed)
    const isRemoved = new Set(removed)
    again.push(...free.filter((one) => !isRemoved.has(one)))
  }
  return again
}

interface Dated {
  /** By the store's clock. */
  readonly forgottenMs: number
}

/** Those that may go for all that others do. */
async function withoutContested(
  going: readonly Retained[],
  { repository, survey, minimum, forgottenMs: nowMs, done }: Forgetting & Dated,
): Promise<readonly Retained[]> {
  if (minimum === 0) return going
  const { retained } = survey
  const contested = await contestedIn(repository, { going, retained, minimum, nowMs })
  done.contested.push(...contested)
  return going.filter((one) => !contested.has(one))
}

interface Aging extends Dated {
  readonly isOld: () => Promise<boolean>
}

interface Recorded {
  /** Names of snapshots that cannot be read. */
  readonly unread: ReadonlySet<string>
  /** By confirmationOf, the name of the record. */
  readonly recordOf: ReadonlyMap<string, string>
}

async function putRecords(
  some: readonly Retained[],
  { repository, survey, isFirst, forgottenMs, isOld, onProblem }: Forgetting & Aging,
): Promise<Recorded> {
  const problems = new ObjectProblems()
  const recordOf = new Map<string, string>()
  for (const one of isFirst ? survey.forgotten : [])
    if (one.object && forgottenMs - one.forgottenAtMs < RECORD_YOUNG_MS)
      recordOf.set(confirmationOf(one), one.record)
  const members = some.flatMap(({ lineage }) => lineage.members)
  const fresh = members.filter((one) => !recordOf.has(confirmationOf(one)))
  const { newest: origin } = await loadOrigins(repository.store, {
    nowMs: forgottenMs,
    isAlone: false,
  })
  const isOfCopy = origin === undefined || origin.isOfCopy ? undefined : (true as const)
  for (const [domain, own] of Map.groupBy(fresh, (one) => one.domain)) {
    const forgotten = await readForgotten(repository, own, problems)
    for (const snapshots of inRecords(forgotten)) {
      const record = { snapshots, forgottenMs, isOfCopy }
      const name = await putUpkeepRecord(repository, { kind: 'forget', domain, record })
      await expectStored(repository, { name, isOld })
      for (const { snapshot } of snapshots)
        recordOf.set(confirmationOf({ domain, name: contentName('snapshots', snapshot) }), name)
    }
  }
  for (const problem of problems.found) onProblem(problem)
  return { unread: new Set(problems.found.map(({ name }) => name)), recordOf }
}

/**
 * A store that cut the put off says 'exists' when it is tried again: nothing goes before it is there. One that others have
 * put together with theirs meanwhile, or whose window is over, is too old as well.
 */
async function expectStored(
  { store }: Repository,
  { name, isOld }: { readonly name: string } & Pick<Aging, 'isOld'>,
): Promise<void> {
  try {
    await getVerified(store, name)
  } catch (error) {
    if (!isCairnError(error, 'object-missing') || !(await isOld())) throw error
  }
}

/** What records say. They are read now: what cannot be read could not be had back, and stays. */
async function readForgotten(
  repository: Repository,
  own: readonly SnapshotFacts[],
  problems: ObjectProblems,
): Promise<readonly Forgotten[]> {
  const forgotten: Forgotten[] = []
  await forEachInParallel(own, PARALLEL, async ({ name, summary, confirmed: isConfirmed }) => {
    const snapshot = digestInName(name)
    assert(snapshot, 'a snapshot is named by its hash')
    const { sourceId, sequence, predecessor } = summary
    try {
      const object = await readObject(repository.store, name)
      problems.noteRead()
      forgotten.push({ snapshot, sourceId, sequence, isConfirmed, predecessor, object })
    } catch (error) {
      // Somebody else has removed it since it was listed.
      if (!isCairnError(error, 'object-missing')) problems.take(name, error)
    }
  })
  return forgotten
}

/** What one record holds, and the next. */
export function* inRecords(
  forgotten: readonly Forgotten[],
  { bytesMax = RECORD_BYTES_MAX, countMax = FORGOTTEN_MAX } = {},
): Generator<readonly Forgotten[]> {
  let record: Forgotten[] = []
  let bytes = 0
  for (const one of forgotten) {
    const length = FACT_BYTES + (one.object?.length ?? 0)
    if (record.length > 0 && (bytes + length > bytesMax || record.length === countMax)) {
      yield record
      record = []
      bytes = 0
    }
    record.push(one)
    bytes += length
  }
  if (record.length > 0) yield record
}

/** Returns those that were removed: not where a prune has withdrawn the record, because it had become too old. */
async function removeSnapshots(
  free: readonly Retained[],
  { repository, survey, recordOf, onForgotten }: ExecuteOptions & Pick<Recorded, 'recordOf'>,
): Promise<readonly Retained[]> {
  const { store } = repository
  const removed: Retained[] = []
  await forEachInParallel(free, PARALLEL, async (retained) => {
    const { members } = retained.lineage
    for (const one of members) {
      const record = recordOf.get(confirmationOf(one))
      if (record !== undefined && (await store.stat(record)) === undefined) return
    }
    for (const { name } of members) await store.remove(name)
    const receipts = members.flatMap((one) => survey.known.receipts.get(confirmationOf(one)) ?? [])
    for (const name of receipts) await store.remove(name)
    removed.push(retained)
    onForgotten(retained)
  })
  return removed
}

function removeAll({ store }: Repository, names: readonly string[]): Promise<void> {
  return forEachInParallel(names, PARALLEL, (name) => store.remove(name))
}
