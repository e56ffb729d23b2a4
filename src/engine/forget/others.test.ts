// Several who forget at the same time: the exhaustive model goes through every order (configuration
// `two-forgetters`); here is what they are told, and what does not stop anybody.

import { beforeEach, expect, test } from 'vitest'
import { forgetIds, forgetThese, Retention } from '../../../test/engine/retention.ts'
import type { Repository } from '../../repository/repository.ts'
import { decorate } from '../../store/decorate.ts'

const HOUR_MS = 60 * 60 * 1000

let world: Retention
let owner: Repository

beforeEach(async () => {
  world = await Retention.make()
  owner = await world.owner()
})

const save = (count: number) => world.saveSeveral(owner, count)

/** The repository on a store where somebody else forgets these as soon as our record is there. */
function besideOneWhoForgets(...ids: readonly string[]): Promise<Repository> {
  let isFirst = true
  const racing = decorate(world.store, {
    put: async (name, parts) => {
      const result = await world.store.put(name, parts)
      if (name.startsWith('forgets/') && isFirst) {
        isFirst = false
        await forgetIds(owner, ...ids)
      }
      return result
    },
  })
  return world.owner(racing)
}

test('what would leave too few of a source, with what others forget, stays', async () => {
  const [first, second] = (await save(2)) as [string, string]
  const repository = await besideOneWhoForgets(second)
  const done = await forgetThese(repository, { ids: [first], minimum: 1 })
  expect([done.forgotten, done.contested.map(({ id }) => id)]).toEqual([[], [first]])
  expect(await world.listed()).toEqual([first])
  expect((await forgetThese(owner, { ids: [first], minimum: 0 })).contested).toEqual([])
  expect(await world.listed()).toEqual([])
})

test('what leaves enough goes, whoever else forgets', async () => {
  const [first, second, third] = (await save(3)) as [string, string, string]
  const repository = await besideOneWhoForgets(second)
  const done = await forgetThese(repository, { ids: [first], minimum: 1 })
  expect([done.forgotten.map(({ id }) => id), done.contested]).toEqual([[first], []])
  expect(await world.listed()).toEqual([third])
})

test('one who was interrupted stops nobody for longer than a day', async () => {
  const [first, second] = (await save(2)) as [string, string]
  const dying = decorate(world.store, { remove: () => Promise.reject(new Error('killed')) })
  await expect(forgetIds(await world.owner(dying), second)).rejects.toThrow('killed')
  const contested = async () => (await forgetThese(owner, { ids: [first], minimum: 1 })).contested
  world.nowMs += 23 * HOUR_MS
  expect(await contested()).toHaveLength(1)
  world.nowMs += 2 * HOUR_MS
  expect(await contested()).toEqual([])
  expect(await world.listed()).toEqual([second])
})
