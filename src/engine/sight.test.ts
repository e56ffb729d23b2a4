// Writing down when a store received what it has, before a copy is made of it.

import { beforeEach, expect, test } from 'vitest'
import { DAY_MS, policy } from '../../test/engine/candidates.ts'
import { Retention } from '../../test/engine/retention.ts'
import { NO_CATALOG } from '../../test/repositories/no-catalog.ts'
import { flipBit, namesOf } from '../../test/repositories/sample.ts'
import type { Repository } from '../repository/repository.ts'
import type { Refusal } from './forget/guards.ts'
import { sight } from './sight.ts'
import { loadSightings } from './sightings.ts'

let world: Retention
let owner: Repository

beforeEach(async () => {
  world = await Retention.make()
  owner = await world.owner()
})

function sightAs(repository: Repository, rememberedMs?: number): Promise<readonly Refusal[]> {
  return sight({ ...world.working(repository), catalog: NO_CATALOG, rememberedMs })
}

async function sighted(): Promise<readonly number[]> {
  return [...(await loadSightings(owner)).receivedMs.values()].sort()
}

test('what the stamps say is written down once, and nothing is put or looked at again', async () => {
  const times: number[] = []
  for (let i = 0; i < 3; i++) {
    await world.save(owner)
    times.push(world.nowMs)
  }
  expect(await sightAs(await world.grant('upkeep'))).toEqual([])
  expect(await sighted()).toEqual(times)
  const before = await namesOf(world.store, '')
  expect(before.filter((name) => name.startsWith('leases/'))).toEqual([])
  world.nowMs += DAY_MS
  expect(await sightAs(owner)).toEqual([])
  expect(await namesOf(world.store, '')).toEqual(before)
})

test('only what is new is added, and what is damaged keeps nothing from it', async () => {
  await world.save(owner)
  await sightAs(owner)
  const damaged = await world.save(owner)
  await world.save(owner)
  await flipBit(world.store, { name: `snapshots/${damaged}`, offset: 100 })
  await sightAs(owner)
  expect(await sighted()).toEqual([world.nowMs - 2 * DAY_MS, world.nowMs])
})

test.each([
  ['went back', -2 * DAY_MS, undefined],
  ['is behind what was remembered', 0, DAY_MS],
])('where the clock %s nothing is written down', async (_, jump, rememberedAfter) => {
  await world.save(owner)
  const rememberedMs = rememberedAfter && world.nowMs + rememberedAfter
  world.nowMs += jump
  expect(await sightAs(owner, rememberedMs)).toMatchObject([{ kind: 'clock' }])
  expect(await sighted()).toEqual([])
})

test('nor by a forget that refuses', async () => {
  await world.save(owner)
  await world.save(owner)
  world.nowMs -= 2 * DAY_MS
  const refused = await world.forget(owner, { policy: policy({ last: 1 }) })
  expect(refused.plan.refusals).toMatchObject([{ kind: 'clock' }])
  expect(await sighted()).toEqual([])
})

test('a writer may not', async () => {
  await world.save(owner)
  const writer = await world.grant('writer')
  await expect(sightAs(writer)).rejects.toMatchObject({ code: 'not-permitted' })
})
