// How old a damaged snapshot is when a copy has brought it back: retention goes by when a store first had it.

import { expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { loadSightings } from '../../src/engine/sightings.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { openMemory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { flipBit, namesOf, sampleRepository } from '../repositories/sample.ts'
import { repairSample } from './observe.ts'

const HOUR_MS = 3_600_000

interface Aged {
  readonly store: Store
  /** What its clock says. */
  setHours(hours: number): void
}

/** A copy that was made so many hours from now. */
async function copiedAfter(hours: number, from: Store): Promise<Aged> {
  const beganMs = systemClock.nowMs()
  let nowMs = beganMs + hours * HOUR_MS
  const clock: Clock = { ...systemClock, nowMs: () => nowMs }
  const store = openMemory({ clock })
  for (const name of await namesOf(from, '')) await store.put(name, [await from.get(name)])
  const setHours = (later: number) => {
    nowMs = beganMs + later * HOUR_MS
  }
  return { store, setHours }
}

test.each([
  [1, 2],
  [3, 2],
])(
  'stored after %s hours here and after %s at the copy, the earlier counts',
  async (here, there) => {
    const { store, owner } = await sampleRepository({ 'a.txt': 'alpha' })
    const [own, copy] = [await copiedAfter(here, store), await copiedAfter(there, store)]
    const repository = await openRepository(own.store, owner)
    const { snapshots } = await loadSnapshots(repository)
    const [{ name } = { name: '' }] = snapshots
    await flipBit(own.store, { name, offset: 100 })
    own.setHours(10)
    await repairSample(repository, { from: copy.store })
    expect((await loadSnapshots(repository)).snapshots).toHaveLength(1)
    const [receivedMs = 0] = (
      await loadSightings(repository, { onlyReading: true })
    ).receivedMs.values()
    const hours = (receivedMs - systemClock.nowMs()) / HOUR_MS
    expect(hours).toBeCloseTo(Math.min(here, there), 1)
  },
)
