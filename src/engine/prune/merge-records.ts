// Sightings and forget records, put together where they have become many: each run of upkeep leaves one, and who
// reads them pays a request for each. One record that says all that others say is put; a later run, when every
// listing shows it, removes the others. So nothing is ever said by no record, whenever a run ends, and two who
// merge at once remove nothing of each other's: of records that say the same, the one with the lesser name stays.
//
// Of what can no longer be had back only the fact is kept, not the snapshot's bytes.

import { toHex } from '../../base/bytes.ts'
import { FORGOTTEN_MAX, SIGHTED_MAX } from '../../format/limits.ts'
import {
  FACT_BYTES,
  type ForgetRecord,
  type Forgotten,
  type Sighting,
} from '../../format/upkeep-records.ts'
import { type FoundRecord, putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'
import type { DomainSurvey } from './survey.ts'

/** More than so many are put together. */
const RECORDS_MAX = 32
/** When every listing shows what was put. */
export const SETTLED_MS = 24 * 60 * 60 * 1000
/** Longer ones are left as they are, and none is made that is much longer. */
const MERGED_BYTES_MAX = 4 * 1024 * 1024

export interface MergePlan<T> {
  /** What the new record says; undefined where none is needed. */
  readonly merged: T | undefined
  /** Object names of records that say nothing that another one does not. */
  readonly covered: readonly string[]
}

/**
 * Puts and removes, but for records that say something that is not so, by their names. Throws what the store throws, such as
 * 'no-space'.
 */
export async function mergeRecords(
  survey: DomainSurvey,
  { windowMs, untrue }: { readonly windowMs: number; readonly untrue: ReadonlySet<string> },
): Promise<void> {
  const { repository, domain } = survey
  const isOwn = (one: FoundRecord<unknown>) => one.domain === domain
  const sightings = planSightings(survey.sightingRecords.filter(isOwn), survey)
  const isTrue = (one: FoundRecord<unknown>) => isOwn(one) && !untrue.has(one.name)
  const byPlace = Map.groupBy(
    survey.roots.forgetRecords.filter(isTrue),
    ({ record }) => record.isOfCopy,
  )
  const forgets = [...byPlace.values()].map((some) => planForgets(some, { ...survey, windowMs }))
  const covered = [...sightings.covered, ...forgets.flatMap((one) => one.covered)]
  for (const name of covered) await repository.store.remove(name)
  if (sightings.merged !== undefined)
    await putUpkeepRecord(repository, { kind: 'sighting', domain, record: sightings.merged })
  for (const { merged: record } of forgets)
    if (record !== undefined) await putUpkeepRecord(repository, { kind: 'forget', domain, record })
}

/** Pure. Of a snapshot the earliest time counts; what is said of packs that are gone counts for nothing. */
export function planSightings(
  records: readonly FoundRecord<Sighting>[],
  { nowMs, packs }: Pick<DomainSurvey, 'nowMs' | 'packs'>,
): MergePlan<Sighting> {
  const isThere = ({ pack }: Sighting['moved'][number]) => packs.has(contentName('packs', pack))
  const said = records.map(({ name, storedAtMs, record, bytes }) => {
    const { snapshots } = record
    const moved = record.moved.filter(isThere)
    const says = new Map([
      ...snapshots.map(({ snapshot, receivedMs }) => [toHex(snapshot), receivedMs] as const),
      ...moved.map(({ pack }) => [`moved ${toHex(pack)}`, 0] as const),
    ])
    return { name, storedAtMs, says, bytes, snapshots, moved }
  })
  const { covered, small } = sort(said, nowMs)
  if (small.length <= RECORDS_MAX) return { covered, merged: undefined }
  const moved = new Map(small.flatMap((one) => one.moved.map((it) => [toHex(it.pack), it])))
  const earliest = small
    .flatMap(({ snapshots }) => snapshots)
    .sort((a, b) => b.receivedMs - a.receivedMs)
  const snapshots = new Map(earliest.map((one) => [toHex(one.snapshot), one]))
  if (Math.max(moved.size, snapshots.size) > SIGHTED_MAX) return { covered, merged: undefined }
  return { covered, merged: { snapshots: [...snapshots.values()], moved: [...moved.values()] } }
}

/** Pure. Of one place; only of records whose window is over, or that were put together before. */
export function planForgets(
  records: readonly FoundRecord<ForgetRecord>[],
  { nowMs, windowMs }: { readonly nowMs: number; readonly windowMs: number },
): MergePlan<ForgetRecord> {
  const said = records
    .filter(
      ({ storedAtMs, record }) =>
        nowMs - storedAtMs > windowMs + SETTLED_MS ||
        record.snapshots.every(({ object }) => object === undefined),
    )
    .map(({ name, storedAtMs, record }) => {
      const says = new Map(record.snapshots.map((one) => [factOf(one), 0]))
      return { name, storedAtMs, says, bytes: FACT_BYTES * says.size, record }
    })
  const { covered, small } = sort(said, nowMs)
  const facts = small.flatMap(({ record }) => record.snapshots)
  const snapshots = new Map(facts.map((one) => [factOf(one), { ...one, object: undefined }]))
  if (small.length <= RECORDS_MAX || snapshots.size > FORGOTTEN_MAX)
    return { covered, merged: undefined }
  const forgottenMs = Math.max(...small.map(({ record }) => record.forgottenMs))
  const isOfCopy = small[0]?.record.isOfCopy
  return { covered, merged: { snapshots: [...snapshots.values()], forgottenMs, isOfCopy } }
}

function factOf({ snapshot, sourceId, sequence, isConfirmed, predecessor }: Forgotten): string {
  const follows = predecessor === undefined ? '' : toHex(predecessor)
  return `${toHex(snapshot)} ${toHex(sourceId)} ${sequence} ${isConfirmed} ${follows}`
}

interface Said {
  readonly name: string
  readonly storedAtMs: number
  /** Each thing that it says, with a time: the earlier says the later too. */
  readonly says: ReadonlyMap<string, number>
  readonly bytes: number
}

/** Which may go, and which of the others may be put together. */
function sort<T extends Said>(
  said: readonly T[],
  nowMs: number,
): { readonly covered: readonly string[]; readonly small: readonly T[] } {
  const byCoverage = [...said].sort(
    (a, b) => b.says.size - a.says.size || (a.name < b.name ? -1 : 1),
  )
  const standing: T[] = []
  const covered: string[] = []
  for (const one of byCoverage) {
    const cover = standing.find((other) => saysAll(other, one))
    if (cover === undefined) standing.push(one)
    else if (nowMs - cover.storedAtMs > SETTLED_MS) covered.push(one.name)
  }
  return { covered, small: upTo(standing, MERGED_BYTES_MAX) }
}

function saysAll({ says }: Said, other: Said): boolean {
  for (const [what, ms] of other.says)
    if ((says.get(what) ?? Number.POSITIVE_INFINITY) > ms) return false
  return true
}

/** The shortest, as long as they are not too much together. */
function upTo<T extends Said>(said: readonly T[], bytesMax: number): readonly T[] {
  let bytes = 0
  return [...said]
    .sort((a, b) => a.bytes - b.bytes)
    .filter((one) => {
      bytes += one.bytes
      return bytes <= bytesMax
    })
}
