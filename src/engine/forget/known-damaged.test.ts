// What this machine knows from its catalog, and what has been damaged in the store since: nothing goes for it.

import { beforeEach, expect, test } from 'vitest'
import { policy } from '../../../test/engine/candidates.ts'
import { Retention } from '../../../test/engine/retention.ts'
import { flipBit, namesOf } from '../../../test/repositories/sample.ts'
import type { CatalogPlace } from '../../repository/catalog.ts'
import type { Repository } from '../../repository/repository.ts'

let world: Retention
let owner: Repository
let catalog: CatalogPlace

beforeEach(async () => {
  world = await Retention.make()
  owner = await world.owner()
  let kept: Uint8Array | undefined
  catalog = {
    read: () => kept,
    write: (_, sealed) => {
      kept = sealed
    },
  }
})

/** Three snapshots that the machine knows; ids, oldest first. */
async function known(): Promise<readonly [string, string, string]> {
  const ids: string[] = []
  for (let i = 0; i < 3; i++) ids.push(await world.save(owner))
  await world.forget(owner, { policy: policy({ last: 9 }) }, { catalog })
  return ids as unknown as readonly [string, string, string]
}

async function forgetAllButOne() {
  const problems: string[] = []
  const onProblem = ({ name }: { readonly name: string }) => problems.push(name)
  const { forgotten } = await world.forget(owner, {}, { catalog, onProblem })
  return { forgotten: forgotten.map(({ id }) => id), problems }
}

test('for a snapshot that is damaged now no sound one goes', async () => {
  const [first, second, third] = await known()
  const name = `snapshots/${third}`
  await flipBit(world.store, { name, offset: 300 })
  expect(await forgetAllButOne()).toEqual({ forgotten: [first], problems: [name] })
  expect(await world.listed()).toEqual([second])
})

test('for one whose receipt is damaged now no confirmed one goes', async () => {
  const before = new Set<string>()
  for (let i = 0; i < 2; i++) await world.save(owner)
  for (const name of await namesOf(world.store, 'receipts/')) before.add(name)
  const third = await world.save(owner)
  await world.forget(owner, { policy: policy({ last: 9 }) }, { catalog })
  const receipt = (await namesOf(world.store, 'receipts/')).find((name) => !before.has(name))
  await flipBit(world.store, { name: receipt as string, offset: 100 })
  const { forgotten, problems } = await forgetAllButOne()
  expect([forgotten.length, problems]).toEqual([1, [receipt]])
  expect((await world.listed()).length).toBe(2)
  expect(await world.listed()).toContain(third)
})
