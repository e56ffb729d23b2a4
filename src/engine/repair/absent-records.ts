// Records of upkeep that are gone and that a copy has, as far as they say what is not known here any more: what is
// held, which holds were taken back, and when a store first had a snapshot that comes back.

import { type FoundHold, Holds } from '../../repository/holds.ts'
import type { Repository } from '../../repository/repository.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { loadUpkeepRecords, openUpkeepRecord } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'
import { sightingsIn } from '../sightings.ts'
import { type AbsentObject, eachOnlyIn } from './only-in-copy.ts'

type CopiedHold = FoundHold & { readonly good: AbsentObject['good'] }

/** Holds that nobody has taken back, of snapshots that nothing holds here; and what takes back a hold that counts here. */
export async function absentHolds(
  repository: Repository,
  copy: Repository,
): Promise<readonly AbsentObject[]> {
  const theirs: CopiedHold[] = []
  await eachOnlyIn(copy, repository, 'holds/', ({ object, objectHash: hash, ...own }) => {
    const record = openUpkeepRecord(repository, { ...own, object, objectHash: hash, kind: 'hold' })
    theirs.push({ ...own, hash, record, bytes: object.length, good: object })
  })
  if (theirs.length === 0) return []
  const { records } = await loadUpkeepRecords(repository, { kind: 'hold', onlyReading: true })
  const [here, both] = [new Holds(records), new Holds([...records, ...theirs])]
  const counting = new Set(both.counting.map(({ name }) => name))
  const countsHere = new Set(here.counting.map(({ domain, name }) => `${domain.hex} ${name}`))
  const isNew = ({ name, domain, record }: CopiedHold) => {
    const isHolding = record.snapshots.some((hash) => {
      return here.of({ domain, name: contentName('snapshots', hash) }).length === 0
    })
    const isReleasing = record.releases.some((hash) => {
      return countsHere.has(`${domain.hex} ${contentName('holds', hash)}`)
    })
    return (counting.has(name) && isHolding) || isReleasing
  }
  return theirs.filter(isNew).map(({ name, good }) => ({ name, good }))
}

/** Sightings that say of snapshots with these names that they are older than is known here. */
export async function absentSightings(
  repository: Repository,
  { copy, names }: { readonly copy: Repository; readonly names: ReadonlySet<string> },
): Promise<readonly AbsentObject[]> {
  if (names.size === 0) return []
  const here = sightingsIn(
    await loadUpkeepRecords(repository, { kind: 'sighting', onlyReading: true }),
  )
  const found: AbsentObject[] = []
  await eachOnlyIn(copy, repository, 'sightings/', (own) => {
    const { snapshots } = openUpkeepRecord(repository, { ...own, kind: 'sighting' })
    const isNew = snapshots.some(({ snapshot, receivedMs }) => {
      const name = contentName('snapshots', snapshot)
      const known = here.receivedMs.get(confirmationOf({ domain: own.domain, name }))
      return names.has(name) && (known === undefined || receivedMs < known)
    })
    if (isNew) found.push({ name: own.name, good: own.object })
  })
  return found
}
