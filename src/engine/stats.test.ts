import { expect, test } from 'vitest'
import {
  type Asked,
  backupFiles,
  flipBit,
  namesOf,
  newSecret,
  noise,
  sampleRepository,
  withBadSectors,
  withRecord,
} from '../../test/repositories/sample.ts'
import { copyStore, makeWorld } from '../../test/substitution/world.ts'
import { systemClock } from '../base/clock.ts'
import { addGrant } from '../repository/grants-add.ts'
import { openRepository } from '../repository/repository.ts'
import { systemRandom } from '../sealer/random.ts'
import { stats } from './stats.ts'

const FILES = { a: noise(2_000_000), b: 'x'.repeat(1_000_000) }

test('counts what is stored and what it stands for', async () => {
  const { repository, store } = await sampleRepository(FILES)
  await backupFiles(repository, { files: FILES })
  const found = await stats(repository)
  let total = 0
  for await (const { size } of store.list('')) total += size
  expect(found.totalBytes).toBe(total)
  expect(found.snapshots.map(({ sizeBytes }) => sizeBytes)).toEqual([3_000_000, 3_000_000])
  expect(found.snapshotBytes).toBe(6_000_000)
  expect(found.sources).toBe(1)
  expect(found.data.rawBytes).toBe(3_000_000)
  expect(found.data.bytes).toBeGreaterThan(2_000_000)
  expect(found.data.bytes).toBeLessThan(2_300_000)
  expect(found.trees.blobs).toBeGreaterThan(1)
  expect(found.duplicateBlobs).toBe(0)
  expect(found.savingRatio).toBeGreaterThan(2.5)
  expect(found.compressionRatio).toBeGreaterThan(1.3)
})

test('upkeep sees the same', async () => {
  const { repository, store } = await sampleRepository(FILES)
  const key = newSecret()
  await addGrant(repository, {
    role: 'upkeep',
    label: 'u',
    ...key,
    random: systemRandom,
    clock: systemClock,
  })
  const { data, trees, snapshotBytes } = await stats(await openRepository(store, key))
  expect({ data, trees, snapshotBytes }).toMatchObject(
    await stats(repository).then((all) => ({
      data: all.data,
      trees: all.trees,
      snapshotBytes: all.snapshotBytes,
    })),
  )
})

test('what cannot be read is told, be it damaged or on a bad sector, and the rest is counted', async () => {
  const { owner, stores } = await makeWorld()
  const store = await copyStore(stores[0])
  const [mark, other] = (await namesOf(store, 'marks/')) as [string, string]
  const [segment] = await namesOf(store, 'index/')
  const [snapshot] = await namesOf(store, 'snapshots/')
  await flipBit(store, { name: mark, offset: 60 })
  const bad = [other, segment, snapshot]
  const opened = await openRepository(store, owner)
  const found = await stats({ ...opened, store: withBadSectors(store, (one) => bad.includes(one)) })
  expect(found.problems.map(({ name }) => name).sort()).toEqual([mark, ...bad].sort())
  expect(found.snapshots).toHaveLength(1)
  expect(found.data.objects).toBe(1)
})

test('of several domains each object is read once', async () => {
  const { owner, stores } = await makeWorld()
  const opened = await openRepository(stores[0], owner)
  const asked: Asked[] = []
  await stats({ ...opened, store: withRecord(opened.store, asked) })
  const names = asked.map(({ name }) => name)
  expect(names.filter((name) => name.startsWith('index/'))).toHaveLength(2)
  expect(new Set(names).size).toBe(names.length)
})
