import { beforeEach, expect, test } from 'vitest'
import { Retention } from '../../test/engine/retention.ts'
import { putForged } from '../../test/repositories/forged.ts'
import { NO_CATALOG } from '../../test/repositories/no-catalog.ts'
import {
  backupFiles,
  flipBit,
  namesOf,
  newSecret,
  type Sample,
  sampleRepository,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import type { Bytes } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { systemRandom } from '../sealer/random.ts'
import { decorate } from '../store/decorate.ts'
import type { Store } from '../store/store.ts'
import type { CatalogPlace } from './catalog.ts'
import { addGrant } from './grants-add.ts'
import { removeGrant } from './grants-remove.ts'
import type { ObjectProblem } from './object-problem.ts'
import { loadPredecessor, nextSequence } from './predecessor.ts'
import { openRepository, selectDomain } from './repository.ts'
import { loadSnapshots, sourceIdOf } from './snapshots.ts'

let sample: Sample
/** When the store had each object: whatever the tests say. */
let storedAtMs: Map<string, number>
let problems: ObjectProblem[]

beforeEach(async () => {
  sample = await sampleRepository({ a: '1' })
  storedAtMs = new Map()
  problems = []
  await stamp()
  for (const a of ['2', '3']) await save({ a })
})

/** Every object that is new was stored after those before. */
async function stamp(): Promise<void> {
  const nowMs = storedAtMs.size
  for (const name of await namesOf(sample.store, ''))
    if (!storedAtMs.has(name)) storedAtMs.set(name, nowMs)
}

async function save(files: Readonly<Record<string, string>>): Promise<void> {
  await backupFiles(sample.repository, { files })
  await stamp()
}

async function snapshotNumbered(sequence: number): Promise<string> {
  const { snapshots } = await loadSnapshots(sample.repository)
  return snapshots.find(({ summary }) => summary.sequence === sequence)?.name as string
}

function load(store: Store = sample.store, catalog: CatalogPlace = NO_CATALOG) {
  const stamped = decorate(store, {
    stat: async (name) => {
      const info = await store.stat(name)
      return info && { ...info, storedAtMs: storedAtMs.get(name) as number }
    },
  })
  return loadPredecessor(
    { ...sample.repository, store: stamped },
    {
      domain: selectDomain(sample.repository),
      sourceId: sourceIdOf(selectDomain(sample.repository), 'source'),
      catalog,
      onProblem: (problem) => problems.push(problem),
    },
  )
}

test('what the machine knows already is not read again', async () => {
  let known: Bytes | undefined
  const catalog: CatalogPlace = {
    read: () => known,
    write: (_, sealed) => {
      known = sealed
    },
  }
  const read: string[] = []
  const watched = decorate(sample.store, {
    get: (name, range) => {
      read.push(name)
      return sample.store.get(name, range)
    },
  })
  const first = await load(watched, catalog)
  expect(read).toHaveLength(6)
  await save({ a: '4' })
  read.length = 0
  const second = await load(watched, catalog)
  expect(read).toHaveLength(2)
  expect(first?.name).toBe(await snapshotNumbered(3))
  expect(second?.name).toBe(await snapshotNumbered(4))
})

test('it is the newest snapshot of the source, with its number and root', async () => {
  await backupFiles(sample.repository, { files: { a: 'x' }, sourceName: 'other' })
  const found = await load()
  expect(found?.name).toBe(await snapshotNumbered(3))
  expect(found?.summary.sequence).toBe(3)
  expect(found?.summary.roots).toHaveLength(1)
  expect(problems).toEqual([])
})

test.each(['damaged', 'on a bad sector'])(
  'the newest that is %s keeps its number, and nothing counts as unchanged',
  async (how) => {
    const bad = await snapshotNumbered(3)
    const before = await snapshotNumbered(2)
    if (how === 'damaged') await flipBit(sample.store, { name: bad, offset: 200 })
    const found = await load(
      withBadSectors(sample.store, (name) => how !== 'damaged' && name === bad),
    )
    expect(found).toEqual({ name: before, follows: before, summary: { sequence: 3, roots: [] } })
    expect(problems.map(({ name }) => name)).toEqual([bad])
  },
)

test('an older one that cannot be read takes no number', async () => {
  const bad = await snapshotNumbered(2)
  const found = await load(withBadSectors(sample.store, (name) => name === bad))
  expect(found?.summary.sequence).toBe(3)
  expect(found?.summary.roots).toHaveLength(1)
  expect(problems).toHaveLength(1)
})

test('a receipt that cannot be read does not make its snapshot one that was never confirmed', async () => {
  const known = new Set(await namesOf(sample.store, 'receipts/'))
  await save({ a: '4' })
  const bad = (await namesOf(sample.store, 'receipts/')).find((name) => !known.has(name))
  const before = await snapshotNumbered(3)
  const found = await load(withBadSectors(sample.store, (name) => name === bad))
  expect(found).toEqual({ name: before, follows: before, summary: { sequence: 4, roots: [] } })
})

test('what nobody may have written takes no number', async () => {
  const key = newSecret()
  const giving = { label: 'w', ...key, random: systemRandom, clock: systemClock }
  const name = await addGrant(sample.repository, { role: 'writer', domain: 'default', ...giving })
  const writer = await openRepository(sample.store, key)
  await removeGrant(await openRepository(sample.store, sample.owner), name)
  await backupFiles(writer, { files: { a: 'after' } })
  await stamp()
  sample = { ...sample, repository: await openRepository(sample.store, sample.owner) }
  expect((await load())?.summary.sequence).toBe(3)
  expect(problems.map(({ error }) => error.code)).toContain('object-foreign')
})

test('what somebody of another domain says of the same source does not count', async () => {
  const key = newSecret()
  const giving = { label: 'w', ...key, random: systemRandom, clock: systemClock }
  await addGrant(sample.repository, { role: 'writer', ...giving })
  const writer = await openRepository(sample.store, key)
  const sourceId = sourceIdOf(selectDomain(sample.repository), 'source')
  const forged = await putForged(writer, { sourceId, sequence: 1_000_000 })
  await stamp()
  sample = { ...sample, repository: await openRepository(sample.store, sample.owner) }
  const { snapshots } = await loadSnapshots(sample.repository)
  expect(snapshots.map(({ name }) => name)).toContain(forged)
  expect((await load())?.summary.sequence).toBe(3)
})

test('of copies it is the one that was begun last, and the next number is above all', async () => {
  const retention = await Retention.make()
  const owner = await retention.owner()
  const root = (byte: number) => [new Uint8Array(32).fill(byte)]
  const copyOf = new Uint8Array(32)
  const newer = await retention.save(owner, { summary: { copyOf, roots: root(1) } })
  const startedMs = retention.nowMs - 30 * 86_400_000
  const older = await retention.save(owner, { summary: { copyOf, startedMs, roots: root(2) } })
  const sourceId = sourceIdOf(selectDomain(owner), 'source')
  const onProblem = (problem: ObjectProblem) => problems.push(problem)
  const domain = selectDomain(owner)
  const options = { domain, sourceId, catalog: NO_CATALOG, onProblem }
  expect(await loadPredecessor(owner, options)).toEqual({
    name: `snapshots/${newer}`,
    follows: `snapshots/${older}`,
    summary: { sequence: 2, roots: root(1) },
  })
})

test('where none can be read there is none', async () => {
  for (const name of await namesOf(sample.store, 'snapshots/')) await sample.store.remove(name)
  expect(await load()).toBeUndefined()
})

test('the next number is one more, until there is none', () => {
  const last = Number.MAX_SAFE_INTEGER
  const next = (sequence: number) => nextSequence({ summary: { sequence } })
  expect(nextSequence(undefined)).toBe(1)
  expect([next(1), next(last - 1), next(last)]).toEqual([2, last, last])
})

test('after the last number there is no room, and what cannot be read makes none unchanged', async () => {
  const last = Number.MAX_SAFE_INTEGER
  const roots = [systemRandom(32)]
  const newest = await putForged(sample.repository, { sequence: last, roots })
  await stamp()
  expect(await load()).toEqual({
    name: newest,
    follows: newest,
    summary: { sequence: last, roots },
  })
  await save({ a: '5' })
  const bad = (await namesOf(sample.store, 'snapshots/')).find(
    (name) => storedAtMs.get(name) === Math.max(...storedAtMs.values()) && name !== newest,
  ) as string
  const { snapshots } = await loadSnapshots(sample.repository)
  const own = snapshots.find(({ name }) => name === bad)
  expect(own?.summary.sequence).toBe(last)
  await flipBit(sample.store, { name: bad, offset: 200 })
  expect(await load()).toEqual({
    name: newest,
    follows: newest,
    summary: { sequence: last, roots: [] },
  })
})
