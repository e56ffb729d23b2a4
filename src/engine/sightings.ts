// When a store first had each snapshot (docs/format.md, section 13): upkeep writes it down, signed, when it
// first sees one, and `sync` carries that into copies, in which otherwise all would be of today. From then on
// neither a new stamp nor anybody's clock makes a snapshot younger or older.

import { assert } from '../base/errors.ts'
import { SIGHTED_MAX } from '../format/limits.ts'
import type { SightedSnapshot, Sighting } from '../format/upkeep-records.ts'
import type { DomainAccess } from '../repository/access.ts'
import type { ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { confirmationOf, type Snapshot } from '../repository/snapshots.ts'
import {
  type FoundRecords,
  loadUpkeepRecords,
  putUpkeepRecord,
} from '../repository/upkeep-records.ts'
import { contentName, digestInName } from '../store/names.ts'

export type Sightable = Pick<Snapshot, 'name' | 'domain' | 'storedAtMs'>

export interface Sightings {
  /** By confirmationOf: the earliest of what is said of a snapshot. */
  readonly receivedMs: ReadonlyMap<string, number>
  readonly problems: readonly ObjectProblem[]
}

/** What has been written down in the domains that the key holds. Throws what the store throws. */
export async function loadSightings(
  repository: Repository,
  options: { readonly onlyReading?: boolean } = {},
): Promise<Sightings> {
  return sightingsIn(await loadUpkeepRecords(repository, { kind: 'sighting', ...options }))
}

/** What these records say of snapshots. */
export function sightingsIn(found: FoundRecords<Sighting>): Sightings {
  const receivedMs = new Map<string, number>()
  for (const { domain, record } of found.records) {
    for (const { snapshot, receivedMs: ms } of record.snapshots) {
      const key = confirmationOf({ domain, name: contentName('snapshots', snapshot) })
      const known = receivedMs.get(key)
      if (known === undefined || ms < known) receivedMs.set(key, ms)
    }
  }
  return { receivedMs, problems: found.problems }
}

/** When a store first had the snapshot: as it was written down, or else by the stamp of its object. */
export function receivedMsOf(
  { receivedMs }: Pick<Sightings, 'receivedMs'>,
  snapshot: Sightable,
): number {
  return receivedMs.get(confirmationOf(snapshot)) ?? snapshot.storedAtMs
}

/**
 * Writes down when the store received what nothing is written down of yet: one record for each domain.
 * `timeOf` says it where that is not the stamp of the object. Returns how many were. Idempotent: killed in
 * between, the rest is written down the next time. Throws 'not-permitted' without the right.
 */
export async function recordSightings(
  repository: Repository,
  {
    snapshots,
    sightings,
    timeOf = ({ storedAtMs }) => storedAtMs,
  }: {
    readonly snapshots: readonly Sightable[]
    readonly sightings: Pick<Sightings, 'receivedMs'>
    readonly timeOf?: (snapshot: Sightable) => number
  },
): Promise<number> {
  const unseen = snapshots.filter((one) => !sightings.receivedMs.has(confirmationOf(one)))
  for (const [domain, own] of Map.groupBy(unseen, (one) => one.domain)) {
    const sighted = own.map((one) => ({ snapshot: hashOf(one), receivedMs: timeOf(one) }))
    for (let at = 0; at < sighted.length; at += SIGHTED_MAX)
      await putSighting(repository, domain, sighted.slice(at, at + SIGHTED_MAX))
  }
  return unseen.length
}

async function putSighting(
  repository: Repository,
  domain: DomainAccess,
  snapshots: readonly SightedSnapshot[],
): Promise<void> {
  const record = { snapshots, moved: [] }
  await putUpkeepRecord(repository, { kind: 'sighting', domain, record })
}

function hashOf({ name }: Sightable): SightedSnapshot['snapshot'] {
  const hash = digestInName(name)
  assert(hash, 'a snapshot is named by its hash')
  return hash
}
