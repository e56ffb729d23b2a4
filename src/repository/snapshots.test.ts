import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  backupFiles,
  copySample,
  namesOf,
  type Sample,
  sampleRepository,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import type { Repository } from './repository.ts'
import { loadSnapshots } from './snapshots.ts'

let original: Sample
let sample: Sample

beforeAll(async () => {
  original = await sampleRepository({ a: 'first' })
  for (const a of ['second', 'third']) await backupFiles(original.repository, { files: { a } })
})

beforeEach(async () => {
  sample = await copySample(original)
})

function withBad(isBad: (name: string) => boolean): Repository {
  return { ...sample.repository, store: withBadSectors(sample.store, isBad) }
}

const reading = { onlyReading: true }

test('a snapshot that the store does not give out is a problem, and the others are listed', async () => {
  for (const bad of await namesOf(sample.store, 'snapshots/')) {
    const repository = withBad((name) => name === bad)
    const { snapshots, problems } = await loadSnapshots(repository, reading)
    expect(problems).toMatchObject([{ name: bad, error: { code: 'store-unreadable' } }])
    expect(snapshots.map(({ confirmed }) => confirmed)).toEqual([true, true])
    expect(snapshots.map(({ name }) => name)).not.toContain(bad)
  }
})

test('a receipt that the store does not give out is a problem, and its snapshot does not count', async () => {
  const [bad] = await namesOf(sample.store, 'receipts/')
  const repository = withBad((name) => name === bad)
  const { snapshots, problems } = await loadSnapshots(repository, reading)
  expect(problems.map(({ name }) => name)).toEqual([bad])
  expect(snapshots.filter(({ confirmed }) => confirmed)).toHaveLength(2)
  expect(snapshots).toHaveLength(3)
})

test('who writes is told that not all can be read', async () => {
  for (const folder of ['snapshots/', 'receipts/']) {
    const [bad] = await namesOf(sample.store, folder)
    const repository = withBad((name) => name === bad)
    await expect(loadSnapshots(repository)).rejects.toMatchObject({ code: 'store-unreadable' })
  }
})

test('a store that gives out nothing is no store with problems', async () => {
  await expect(
    loadSnapshots(
      withBad(() => true),
      reading,
    ),
  ).rejects.toMatchObject({
    code: 'store-unreadable',
  })
})
