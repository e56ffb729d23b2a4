// The indexes of several domains in one repository: what is fetched, and how often.

import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type Asked,
  backupFiles,
  flipBit,
  namesOf,
  newSecret,
  noise,
  withBadSectors,
  withRecord,
} from '../../test/repositories/sample.ts'
import { copyStore, makeWorld, type World } from '../../test/substitution/world.ts'
import { toHex } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { decodePrefix } from '../format/prefix.ts'
import { systemRandom } from '../sealer/random.ts'
import type { Store } from '../store/store.ts'
import { addGrant } from './grants-add.ts'
import { loadIndex, loadIndexes } from './index-load.ts'
import { openRepository, type Repository, selectDomain } from './repository.ts'

let world: World
let store: Store
let asked: Asked[]

beforeAll(async () => {
  world = await makeWorld()
  const owner = await openRepository(world.stores[0], world.owner)
  const key = newSecret()
  const giving = { label: 'third', ...key, random: systemRandom, clock: systemClock }
  await addGrant(owner, { role: 'writer', ...giving })
  await backupFiles(await openRepository(world.stores[0], key), { files: { a: noise(9000) } })
})

beforeEach(async () => {
  store = await copyStore(world.stores[0])
  asked = []
})

async function open(): Promise<Repository> {
  const repository = await openRepository(store, world.owner)
  return { ...repository, store: withRecord(store, asked) }
}

/** How often each object of a folder was fetched as a whole. */
async function fetchedOf(folder: string): Promise<readonly number[]> {
  const names = await namesOf(store, folder)
  return names.map((one) => asked.filter(({ name, whole }) => whole && name === one).length)
}

test('for all domains every segment and every mark is fetched once', async () => {
  const repository = await open()
  const indexes = await loadIndexes(repository, repository.domains)
  expect(await fetchedOf('index/')).toEqual([1, 1, 1])
  expect(await fetchedOf('marks/')).toEqual([1, 1])
  expect(asked.every(({ whole }) => whole)).toBe(true)
  expect(indexes.map(({ domain }) => domain.label)).toEqual(['default', 'other', 'third'])
})

test('and each index is what it is when it is loaded alone', async () => {
  const repository = await open()
  const together = await loadIndexes(repository, repository.domains)
  for (const index of together) {
    const alone = await loadIndex(repository, index.domain)
    expect(alone.packs).toEqual(index.packs)
    expect([...alone.image.ids()]).toEqual([...index.image.ids()])
    expect([...alone.marked.packs]).toEqual([...index.marked.packs])
    expect(alone.problems).toEqual([])
    expect(index.image.blobs).toBeGreaterThan(1)
  }
})

test('for one domain the segments of others are not fetched, and their beginning once', async () => {
  const repository = await open()
  await loadIndex(repository, selectDomain(repository, 'other'))
  await loadIndex(repository, selectDomain(repository, 'third'))
  expect([...(await fetchedOf('index/'))].sort()).toEqual([0, 1, 1])
  expect(asked.filter(({ name, whole }) => name.startsWith('index/') && !whole)).toHaveLength(3)
})

test('a segment whose beginning names a domain that nobody made is read, and is a problem of all', async () => {
  for (const name of await namesOf(store, 'index/')) {
    const before = await flipBit(store, { name, offset: 13 })
    const repository = await open()
    for (const domain of repository.domains) {
      const { problems } = await loadIndex(repository, domain)
      expect(problems).toMatchObject([{ name, error: { code: 'object-damaged' } }])
    }
    await store.remove(name)
    await store.put(name, [before])
  }
})

test('what is wrong behind the beginning of a segment is a problem of its own domain', async () => {
  const [name] = (await namesOf(store, 'index/')) as [string]
  const hex = toHex(decodePrefix(await store.get(name)).domain)
  const repository = await open()
  const bad = withBadSectors(store, (one) => one === name)
  const withBad = { ...repository, store: bad, segmentDomains: new Map([[name, hex]]) }
  for (const domain of repository.domains) {
    const { problems } = await loadIndex(withBad, domain)
    expect(problems.map((problem) => problem.name)).toEqual(domain.hex === hex ? [name] : [])
  }
})

test('a store that gives out no segment stops a writer', async () => {
  const repository = await open()
  const gone = { ...repository, store: withBadSectors(store, (name) => name.startsWith('index/')) }
  await expect(loadIndexes(gone, gone.domains)).rejects.toMatchObject({ code: 'store-unreadable' })
  const reading = await loadIndexes(gone, gone.domains, { onlyReading: true })
  expect(reading.map(({ problems }) => problems.length)).toEqual([3, 3, 3])
})
