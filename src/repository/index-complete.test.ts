import { expect, test } from 'vitest'
import { flipBit, namesOf, newSecret, sampleRepository } from '../../test/repositories/sample.ts'
import { putMark } from '../../test/substitution/world.ts'
import { systemClock } from '../base/clock.ts'
import { systemRandom } from '../sealer/random.ts'
import { digestInName } from '../store/names.ts'
import { addGrant } from './grants-add.ts'
import { loadCompleteIndex } from './index-complete.ts'
import { loadIndex } from './index-load.ts'
import { openRepository, selectDomain } from './repository.ts'

async function markedSample() {
  const sample = await sampleRepository()
  const key = newSecret()
  const giving = { label: 'up', ...key, random: systemRandom, clock: systemClock }
  await addGrant(sample.repository, { role: 'upkeep', ...giving })
  const packs = (await namesOf(sample.store, 'packs/')).map(
    (name) => digestInName(name) as Uint8Array,
  )
  const upkeep = await openRepository(sample.store, key)
  const mark = await putMark(upkeep, {
    domain: 'default',
    mark: { packs, snapshots: [], markedMs: 1 },
  })
  return { ...sample, mark, domain: selectDomain(sample.repository) }
}

test('what is marked and still there is absent for writers and can be read', async () => {
  const { repository, domain } = await markedSample()
  expect((await loadIndex(repository, domain)).image.blobs).toBe(0)
  const complete = await loadCompleteIndex(repository, { domain, wanted: [] })
  expect(complete.image.blobs).toBeGreaterThan(6)
  expect(complete.problems).toEqual([])
})

test('a damaged mark stops writers and no reader', async () => {
  const { repository, domain, store, mark } = await markedSample()
  await flipBit(store, { name: mark, offset: 50 })
  await expect(loadIndex(repository, domain)).rejects.toMatchObject({ code: 'object-damaged' })
  const complete = await loadCompleteIndex(repository, { domain, wanted: [] })
  expect(complete.problems.map(({ name }) => name)).toEqual([mark])
  expect(complete.image.blobs).toBeGreaterThan(6)
})
