// Sightings and forget records of years are put together by prune, and say afterwards what they said before.

import { beforeEach, expect, test } from 'vitest'
import { toHex } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/base/hash.ts'
import { planForgets, planSightings } from '../../src/engine/prune/merge-records.ts'
import { loadSightings } from '../../src/engine/sightings.ts'
import type { ForgetRecord, Sighting } from '../../src/format/upkeep-records.ts'
import { loadForgotten } from '../../src/repository/forgets.ts'
import type { FoundRecord } from '../../src/repository/upkeep-records.ts'
import { decorate } from '../../src/store/decorate.ts'
import type { Store } from '../../src/store/store.ts'
import {
  backupTexts,
  forgetter,
  newWorld,
  pruner,
  repositoryOf,
  seeded,
  type World,
} from '../model/world.ts'
import { namesOf } from '../repositories/sample.ts'

const DAY_MS = 24 * 3_600_000
const NOW_MS = 1_800_000_000_000

let world: World
let seed = 1

beforeEach(async () => {
  world = await newWorld(NOW_MS)
})

function pruneOnce(store: Store = world.store): Promise<unknown> {
  const [run] = pruner(world, { runs: 1 })
  if (run === undefined) throw new Error('it prunes once')
  return run({ store, clock: world.clock, random: seeded(seed++) })
}

/** A day with a backup; what was there before it is forgotten. */
async function live(store: Store = world.store): Promise<void> {
  const { clock } = world
  const parts = () => ({ store, clock, random: seeded(seed++) })
  await forgetter(world)(parts())
  await backupTexts(world, { parts: parts(), source: 's', texts: [`day ${seed}`] })
  await clock.advance(DAY_MS)
}

async function sightings(): Promise<ReadonlyMap<string, number>> {
  return (await loadSightings(repositoryOf(world, { ...world, random: seeded(0) }))).receivedMs
}

async function forgotten(): Promise<readonly string[]> {
  const { forgotten: all } = await loadForgotten(
    repositoryOf(world, { ...world, random: seeded(0) }),
  )
  return all.map(({ id, sequence, isConfirmed }) => `${id} ${sequence} ${isConfirmed}`).sort()
}

const count = async (folder: string) => (await namesOf(world.store, folder)).length

test('of years few records are left, which say the same', async () => {
  for (let day = 0; day < 50; day++) {
    await live()
    await pruneOnce()
  }
  const [seen, gone] = [await sightings(), await forgotten()]
  expect(seen.size).toBe(50)
  expect(gone).toHaveLength(49)
  for (let day = 0; day < 12; day++) {
    await world.clock.advance(DAY_MS)
    await pruneOnce()
  }
  expect(await sightings()).toEqual(seen)
  expect(await forgotten()).toEqual(gone)
  expect(await count('sightings/')).toBeLessThan(40)
  expect(await count('forgets/')).toBeLessThan(40)
})

test('nothing is lost where a run ends at any of its changes', async () => {
  for (let day = 0; day < 40; day++) await live()
  await world.clock.advance(10 * DAY_MS)
  const gone = await forgotten()
  for (let stop = 0; stop < 8; stop++) {
    let left = stop
    const failing = decorate(world.store, {
      put: (name, parts) =>
        left-- > 0 ? world.store.put(name, parts) : Promise.reject(new Error('killed')),
      remove: (name) =>
        left-- > 0 ? world.store.remove(name) : Promise.reject(new Error('killed')),
    })
    await pruneOnce(failing).catch(() => undefined)
    expect(await forgotten()).toEqual(gone)
    await world.clock.advance(2 * DAY_MS)
  }
  for (let run = 0; run < 3; run++) {
    await pruneOnce()
    await world.clock.advance(2 * DAY_MS)
  }
  expect(await forgotten()).toEqual(gone)
  expect(await count('forgets/')).toBeLessThan(5)
})

function sighting(
  number: number,
  said: Partial<Sighting>,
  ageMs = 2 * DAY_MS,
): FoundRecord<Sighting> {
  const hash = sha256(Uint8Array.of(number))
  const record = { snapshots: [], moved: [], ...said }
  const name = `sightings/${toHex(hash)}`
  return { name, hash, domain: {} as never, record, storedAtMs: NOW_MS - ageMs, bytes: 100 }
}

const id = (number: number) => sha256(Uint8Array.of(1, number))
const seen = (number: number, receivedMs: number) => ({ snapshot: id(number), receivedMs })
const none = { nowMs: NOW_MS, packs: new Map() }

test('of two records that say the same one stays, whichever is read first', () => {
  const two = [1, 2].map((n) => sighting(n, { snapshots: [seen(1, 5), seen(2, 6)] }))
  const forth = planSightings(two, none)
  expect(forth.covered).toHaveLength(1)
  expect(planSightings([...two].reverse(), none).covered).toEqual(forth.covered)
})

test('a record that says an earlier time stays', () => {
  const early = sighting(1, { snapshots: [seen(1, 4)] })
  const more = sighting(2, { snapshots: [seen(1, 5), seen(2, 6)] })
  expect(planSightings([early, more], none).covered).toEqual([])
})

test('nothing goes before every listing shows what stands for it', () => {
  const old = sighting(1, { snapshots: [seen(1, 5)] })
  const fresh = sighting(2, { snapshots: [seen(1, 5), seen(2, 6)] }, DAY_MS / 2)
  expect(planSightings([old, fresh], none).covered).toEqual([])
})

test('the earliest time of each snapshot is kept, and what is said of packs that are there', () => {
  const pack = id(9)
  const many = Array.from({ length: 40 }, (_, i) =>
    sighting(i, { snapshots: [seen(i % 3, 100 - i), seen(100 + i, i)] }),
  )
  const moved = sighting(50, { moved: [{ pack, receivedMs: [1, 2] }] })
  const packs = new Map([[`packs/${toHex(pack).slice(0, 2)}/${toHex(pack)}`, {} as never]])
  const { merged } = planSightings([...many, moved], { nowMs: NOW_MS, packs })
  expect(merged?.moved).toEqual([{ pack, receivedMs: [1, 2] }])
  const times = new Map(merged?.snapshots.map((one) => [toHex(one.snapshot), one.receivedMs]))
  expect([0, 1, 2].map((n) => times.get(toHex(id(n))))).toEqual([61, 63, 62])
  expect(planSightings([...many, moved], none).merged?.moved).toEqual([])
})

function forget(
  number: number,
  said: Partial<ForgetRecord['snapshots'][number]> = {},
  isOfCopy?: true,
): FoundRecord<ForgetRecord> {
  const snapshot = {
    snapshot: id(number),
    sourceId: id(0),
    sequence: number,
    isConfirmed: true,
    predecessor: undefined,
    object: undefined,
    ...said,
  }
  const record = { snapshots: [snapshot], forgottenMs: number, isOfCopy }
  const stored = {
    name: `forgets/${number} ${said.predecessor?.[0]}`,
    storedAtMs: NOW_MS - 5 * DAY_MS,
  }
  return { ...sighting(number, {}), ...stored, record }
}

const AT = { nowMs: NOW_MS, windowMs: 7 * DAY_MS }

test('what can still be had back is not put together', () => {
  const object = Uint8Array.of(1)
  const records = Array.from({ length: 40 }, (_, i) => forget(i, { object }))
  expect(planForgets(records, AT)).toEqual({ covered: [], merged: undefined })
  const later = planForgets(records, { ...AT, windowMs: DAY_MS })
  expect(later.merged?.snapshots).toHaveLength(40)
  expect(later.merged?.snapshots.every((one) => one.object === undefined)).toBe(true)
})

test('what it followed is said on, and stands for no record that says something else', () => {
  const records = Array.from({ length: 40 }, (_, i) => forget(i, { predecessor: id(100 + i) }))
  const { merged } = planForgets(records, AT)
  expect(merged?.snapshots.map(({ predecessor }) => predecessor)).toEqual(
    expect.arrayContaining(Array.from({ length: 40 }, (_, i) => id(100 + i))),
  )
  const two = [forget(1, { predecessor: id(2) }), forget(1, { predecessor: id(3) })]
  expect(planForgets(two, AT).covered).toEqual([])
  expect(planForgets([forget(1), forget(1)], AT).covered).toHaveLength(1)
})

test('what a copy has forgotten by itself stays said to be so', () => {
  const records = Array.from({ length: 40 }, (_, i) => forget(i, {}, true))
  expect(planForgets(records, AT).merged?.isOfCopy).toBe(true)
  const others = Array.from({ length: 40 }, (_, i) => forget(i))
  expect(planForgets(others, AT).merged?.isOfCopy).toBeUndefined()
})
