import { beforeEach, describe, expect, test } from 'vitest'
import { putSmallPacks } from '../../test/repositories/packs.ts'
import {
  type Asked,
  backupFiles,
  flipBit,
  namesOf,
  newSecret,
  noise,
  type Sample,
  sampleRepository,
  withBadSectors,
  withRecord,
} from '../../test/repositories/sample.ts'
import { putMark } from '../../test/substitution/world.ts'
import { systemClock } from '../base/clock.ts'
import type { BlobId } from '../format/ids.ts'
import { systemRandom } from '../sealer/random.ts'
import { digestInName } from '../store/names.ts'
import { addGrant } from './grants-add.ts'
import { loadCompleteIndex } from './index-complete.ts'
import { type Index, loadIndex } from './index-load.ts'
import { openRepository, selectDomain } from './repository.ts'

/** More than are asked without a second thought. */
const MANY = 200

let sample: Sample

beforeEach(async () => {
  sample = await sampleRepository()
})

/** Marks all packs. Returns the name of the mark. */
async function markAll(): Promise<string> {
  const key = newSecret()
  const giving = { label: 'up', ...key, random: systemRandom, clock: systemClock }
  await addGrant(sample.repository, { role: 'upkeep', ...giving })
  const packs = (await namesOf(sample.store, 'packs/')).map(
    (name) => digestInName(name) as Uint8Array,
  )
  const upkeep = await openRepository(sample.store, key)
  return putMark(upkeep, { domain: 'default', mark: { packs, snapshots: [], markedMs: 1 } })
}

function complete(repository = sample.repository, wanted: readonly BlobId[] = []): Promise<Index> {
  return loadCompleteIndex(repository, { domain: selectDomain(repository), wanted })
}

const putUnindexed = (count: number) =>
  putSmallPacks(sample.repository, {
    domain: selectDomain(sample.repository),
    count,
    indexed: false,
  })

const hasAll = ({ image }: Index, ids: Iterable<BlobId>) => [...ids].every((id) => image.has(id))

describe('marks', () => {
  test('what is marked and still there is absent for writers and can be read', async () => {
    await markAll()
    const { repository } = sample
    expect((await loadIndex(repository, selectDomain(repository))).image.blobs).toBe(0)
    const { image, problems } = await complete()
    expect(image.blobs).toBeGreaterThan(6)
    expect(problems).toEqual([])
  })

  test('and read it is without an index, too', async () => {
    const before = await complete()
    await markAll()
    for (const name of await namesOf(sample.store, 'index/')) await sample.store.remove(name)
    expect(hasAll(await complete(), before.image.ids())).toBe(true)
  })

  test('a copy that is not marked comes first, however it was found', async () => {
    const { image } = await complete()
    const other = await backupFiles(sample.repository, { files: { b: noise(900, 5) } })
    expect(other.snapshot).toBeDefined()
    await markAll()
    const { ids } = await putUnindexed(1)
    const found = await complete()
    expect(hasAll(found, [...image.ids(), ...ids])).toBe(true)
    const isMarked = found.packs.map(({ name }) => found.marked.packs.has(name))
    expect(isMarked).toEqual([false, true, true, true, true])
  })

  test.each(['damaged', 'on a bad sector'])(
    'one that is %s stops writers and no reader',
    async (how) => {
      const mark = await markAll()
      if (how === 'damaged') await flipBit(sample.store, { name: mark, offset: 50 })
      const store = withBadSectors(sample.store, (name) => how !== 'damaged' && name === mark)
      const repository = { ...sample.repository, store }
      const code = how === 'damaged' ? 'object-damaged' : 'store-unreadable'
      await expect(loadIndex(repository, selectDomain(repository))).rejects.toMatchObject({ code })
      const { image, problems } = await complete(repository)
      expect(problems.map(({ name }) => name)).toEqual([mark])
      expect(image.blobs).toBeGreaterThan(6)
    },
  )
})

describe('many packs that no segment names', () => {
  test('are found where nothing else is amiss', async () => {
    const { ids } = await putUnindexed(MANY)
    const found = await complete()
    expect(hasAll(found, ids)).toBe(true)
    expect(found.problems).toEqual([])
  })

  test('share their sessions in the index that they give', async () => {
    const before = (await complete()).sessions.length
    await putUnindexed(MANY)
    expect((await complete()).sessions).toHaveLength(before + 1)
  })

  test('are all that there is, where the whole index is gone', async () => {
    const before = await complete()
    const { ids } = await putUnindexed(MANY)
    for (const name of await namesOf(sample.store, 'index/')) await sample.store.remove(name)
    expect(hasAll(await complete(), [...before.image.ids(), ...ids])).toBe(true)
  })

  test('one that cannot be read is a problem, and the others are found', async () => {
    const { names, ids } = await putUnindexed(MANY)
    const [bad] = names
    const store = withBadSectors(sample.store, (name) => name === bad)
    const found = await complete({ ...sample.repository, store })
    expect(ids.filter((id) => !found.image.has(id))).toEqual(ids.slice(0, 1))
    expect(found.problems.map(({ name }) => name)).toEqual([bad])
  })

  test('a store that is gone is no store with many problems', async () => {
    await putUnindexed(MANY)
    const store = withBadSectors(sample.store, (name) => name.startsWith('packs/'))
    await expect(complete({ ...sample.repository, store })).rejects.toMatchObject({
      code: 'store-unreadable',
    })
  })
})

describe('many packs of another domain', () => {
  let asked: Asked[]

  beforeEach(async () => {
    asked = []
    const giving = { label: 'laptop', ...newSecret(), random: systemRandom, clock: systemClock }
    await addGrant(sample.repository, { role: 'writer', ...giving })
    sample = { ...sample, repository: await openRepository(sample.store, sample.owner) }
    const domain = selectDomain(sample.repository, 'laptop')
    await putSmallPacks(sample.repository, { domain, count: MANY, indexed: true })
  })

  const recorded = () => ({ ...sample.repository, store: withRecord(sample.store, asked) })
  const packsAsked = () =>
    new Set(asked.map(({ name }) => name).filter((name) => name.startsWith('packs/')))

  test('are not asked one by one where segments name them', async () => {
    const found = await complete(recorded())
    expect(found.listed.size).toBe(found.packs.length + MANY)
    expect(packsAsked().size).toBe(0)
  })

  test('hide none that no segment names', async () => {
    const { ids, names } = await putUnindexed(3)
    expect(hasAll(await complete(recorded()), ids)).toBe(true)
    expect(packsAsked()).toEqual(new Set(names))
  })

  test('are asked where what is wanted is not there: nobody is believed then', async () => {
    const found = await complete(recorded(), [new Uint8Array(32) as BlobId])
    expect(packsAsked().size).toBe(MANY)
    expect(found.packs).toHaveLength(2)
  })
})
