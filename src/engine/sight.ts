// Sighting: writing down when a store received what it has, for whoever asks later or elsewhere. Forgetting and
// pruning do that on their way; this is for what needs nothing else of them, before a copy is made.

import type { Clock } from '../base/clock.ts'
import type { CatalogPlace } from '../repository/catalog.ts'
import { type Repository, selectDomain } from '../repository/repository.ts'
import { confirmationOf } from '../repository/snapshots.ts'
import { loadUpkeepRecords } from '../repository/upkeep-records.ts'
import { upkeepSignatory } from '../repository/upkeep-signatory.ts'
import type { Random } from '../sealer/random.ts'
import { contentName } from '../store/names.ts'
import { clockRefusals, type Refusal } from './forget/guards.ts'
import { type Survey, stampsOf, survey, timeOf } from './forget/survey.ts'
import { recordSightings } from './sightings.ts'
import { takeUpkeepLease } from './upkeep-lease.ts'

export interface SightOptions {
  readonly repository: Repository
  /** The latest that this machine has known the store's time to be. */
  readonly rememberedMs: number | undefined
  readonly catalog: CatalogPlace
  readonly host: string
  readonly clock: Clock
  readonly random: Random
  /** What the lease tells when it cannot be renewed. */
  readonly onWarning: (error: unknown) => void
}

/**
 * Writes down what is not yet, and returns why it did not: a clock that is wrong would be for ever. Reads and puts
 * nothing where all is written down. Throws 'not-permitted' without the right, 'unsupported' as survey does, and
 * what the store throws.
 */
export async function sight(options: SightOptions): Promise<readonly Refusal[]> {
  const { repository, catalog, clock, rememberedMs } = options
  for (const domain of repository.domains) upkeepSignatory(repository, domain)
  if (!(await isAnyUnseen(repository))) return []
  const domain = selectDomain(repository)
  const lease = await takeUpkeepLease({ ...options, domain }, { onlyReading: false })
  try {
    const found = await survey(repository, { choice: { filter: {} }, needsTags: false, catalog })
    const clocks = { storeMs: await lease.storeNowMs(), machineMs: clock.nowMs(), rememberedMs }
    const refusals = clockRefusals(clocks, stampsOf(found))
    if (refusals.length === 0) await writeDownSightings(repository, found)
    return refusals
  } finally {
    await lease.release()
  }
}

/** By the names alone: what is not of a domain that the key holds is looked at each time. */
async function isAnyUnseen(repository: Repository): Promise<boolean> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'sighting', onlyReading: true })
  const sighted = records.flatMap(({ record }) => record.snapshots)
  const seen = new Set(sighted.map(({ snapshot }) => contentName('snapshots', snapshot)))
  for await (const { name } of repository.store.list('snapshots/')) if (!seen.has(name)) return true
  return false
}

/** So that what is known of their time survives this store. What stands for another is as old as that. */
export async function writeDownSightings(
  repository: Repository,
  { retained, known, sightings }: Survey,
): Promise<void> {
  const times = new Map<string, number>()
  for (const { lineage } of retained)
    for (const one of lineage.members) times.set(confirmationOf(one), timeOf(lineage, sightings))
  const { snapshots } = known
  await recordSightings(repository, {
    snapshots,
    sightings,
    timeOf: (one) => times.get(confirmationOf(one)) ?? one.storedAtMs,
  })
}
