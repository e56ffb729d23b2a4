// A damaged repository that is about to be repaired, of the corpus in test/damaged: a pack whose header cannot be
// read and whose frames are to be saved, an index segment and a record that are to be replaced.

import { equalBytes } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { decodeQuarantined } from '../../src/format/quarantined.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { openMemory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { Damage } from '../damaged/make/damage.ts'
import { flippedBitInHeader } from '../damaged/make/packs.ts'
import { checkSample, linesOf, repairSample, unreadable } from '../damaged/observe.ts'
import { makeSample } from '../damaged/sample.ts'
import { objectsIn, type Stage, type Stored, through, type World } from './stages.ts'

/**
 * Makes it in a folder. Repaired by upkeep, which opens nothing, from a copy that is whole, or by the owner
 * without one.
 */
export async function repairStage(folder: string, by: 'owner' | 'upkeep'): Promise<Stage> {
  const sample = await makeSample(folder)
  const copy = openMemory({ clock: EMPTY.clock })
  for (const { name, bytes } of await objectsIn(sample.store)) await copy.put(name, [bytes])
  const damage = new Damage(sample)
  flippedBitInHeader(damage)
  damage.flip('index 2', 500)
  damage.remove('receipt 2')
  damage.flip('sighting 1', 60)
  const upkeep = await openRepository(sample.store, sample.upkeep)
  const reader = await openRepository(sample.store, sample.owner)
  const objects = await objectsIn(sample.store)
  const see = async ({ repository: { store } }: World) => ({
    check: linesOf(await checkSample(through(upkeep, store), 'structure'), sample),
    lost: Object.entries(await unreadable(through(reader, store), sample))
      .filter(([, files]) => files.length > 0)
      .map(([label]) => `unreadable: ${label}`),
  })
  const owner = by === 'owner' ? reader : upkeep
  const stage = { name: `repair by ${by}`, objects, nowMs: systemClock.nowMs(), owner, reader }
  const { check: known } = await see({ ...EMPTY, repository: upkeep })
  return {
    ...stage,
    act: ({ repository }) =>
      repairSample(repository, { readData: false, ...(by === 'upkeep' && { from: copy }) }),
    isDone: async (world) => {
      const { check, lost } = await see(world)
      return check.length === 0 && lost.length === 0
    },
    faults: async (world) => {
      const { check, lost } = await see(world)
      const gone = await destroyed(world.repository.store, objects)
      return [...check.filter((line) => !known.includes(line)), ...lost, ...gone]
    },
  }
}

const EMPTY: Pick<World, 'clock'> = {
  clock: {
    forwardMs: 0,
    nowMs: () => 0,
    monotonicMs: () => 0,
    sleep: () => Promise.resolve(),
  },
}

/** What is neither there as it was nor in quarantine as it was. */
async function destroyed(store: Store, before: readonly Stored[]): Promise<readonly string[]> {
  const now = new Map((await objectsIn(store)).map(({ name, bytes }) => [name, bytes]))
  const quarantined = new Map<string, Uint8Array>()
  for (const [name, bytes] of now) {
    if (!name.startsWith('quarantine/')) continue
    const found = decodeQuarantined(bytes)
    quarantined.set(found.name, found.bytes)
  }
  return before
    .filter(({ name }) => !name.startsWith('leases/'))
    .filter(({ name, bytes }) => {
      const kept = [now.get(name), quarantined.get(name)]
      return !kept.some((one) => one !== undefined && equalBytes(one, bytes))
    })
    .map(({ name }) => `destroyed: ${name}`)
}
