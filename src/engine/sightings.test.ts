// When a store first had a snapshot is written down by who made it, where that key is of upkeep too.

import { expect, test } from 'vitest'
import { Retention } from '../../test/engine/retention.ts'
import { namesOf } from '../../test/repositories/sample.ts'
import { selectDomain } from '../repository/repository.ts'
import { confirmationOf } from '../repository/snapshots.ts'
import { loadSightings, sightNew } from './sightings.ts'

test('a snapshot of the owner has its time at once, and keeps it in a copy that is made years later', async () => {
  const world = await Retention.make()
  const owner = await world.owner()
  const id = await world.save(owner)
  const receivedMs = world.nowMs
  const made = { domain: selectDomain(owner), name: `snapshots/${id}` }
  await sightNew(owner, made)
  const copy = new Retention()
  for (const name of await namesOf(world.store, ''))
    await copy.store.put(name, [await world.store.get(name)])
  const copied = { ...owner, store: copy.store }
  expect([...(await loadSightings(copied)).receivedMs]).toEqual([
    [confirmationOf(made), receivedMs],
  ])
})

test('who only backs up writes nothing down, and nothing is written of what is gone', async () => {
  const world = await Retention.make()
  const writer = await world.grant('writer')
  const name = `snapshots/${await world.save(writer)}`
  await sightNew(writer, { domain: selectDomain(writer), name })
  await world.store.remove(name)
  const owner = await world.owner()
  await sightNew(owner, { domain: selectDomain(owner), name })
  expect(await namesOf(world.store, 'sightings/')).toEqual([])
})
