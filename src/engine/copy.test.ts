import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  backupFolder,
  expectSame,
  expectSound,
  makeRepository,
  namesIn,
  restoreFolder,
  Scratch,
  settledClock,
  snapshotOf,
  snapshotsOf,
  storedBytes,
  type TestRepository,
  throughStore,
} from '../../test/engine/fixture.ts'
import { confirmedIn, makeLike, makeOther, runCopy } from '../../test/repositories/copying.ts'
import { noise } from '../../test/repositories/sample.ts'
import { describeTree } from '../../test/trees/describe-tree.ts'
import { equalBytes, toHex } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import type { Original } from '../format/snapshot.ts'
import { verifyOriginal } from '../repository/original.ts'
import { openDetails, type Snapshot } from '../repository/snapshots.ts'
import { loadSightings } from './sightings.ts'

const scratch = new Scratch()
let folder: string
let source: TestRepository
/** What each snapshot, by its number, restores. */
const trees: ReturnType<typeof describeTree>[] = []

beforeAll(async () => {
  folder = scratch.make('source')
  mkdirSync(join(folder, 'sub/deeper'), { recursive: true })
  source = await makeRepository()
  for (let i = 1; i <= 3; i++) {
    writeFileSync(join(folder, `large-${i}`), noise(2_500_000, i))
    for (let j = 0; j < 20; j++)
      writeFileSync(join(folder, `sub/deeper/${i}-${j}`), `text ${i} ${j}`.repeat(50))
    writeFileSync(join(folder, 'changing'), `state ${i}`)
    await backupFolder(source, folder, { clock: settledClock, tags: [`tag-${i}`] })
    trees.push(describeTree(folder))
  }
})

async function expectRestores(target: TestRepository, snapshot: Snapshot, number: number) {
  const restored = scratch.path('restored')
  const { problems } = await restoreFolder(target, restored, { snapshot, from: folder })
  expect(problems).toEqual([])
  expectSame(trees[number - 1] as ReturnType<typeof describeTree>, restored)
}

describe('a copy into a repository of other keys', () => {
  let target: TestRepository
  let copies: readonly Snapshot[]
  let originals: readonly Snapshot[]

  beforeAll(async () => {
    target = await makeOther(source)
    const { result, problems, warnings } = await runCopy(source.repository, target.repository)
    expect([problems, warnings]).toEqual([[], []])
    expect(result.outcomes.map(({ kind }) => kind)).toEqual(['copied', 'copied', 'copied'])
    copies = await snapshotsOf(target)
    originals = await snapshotsOf(source)
  })

  test('is sound, and every snapshot restores', async () => {
    await expectSound(target)
    for (const [i, copy] of copies.entries()) await expectRestores(target, copy, i + 1)
  })

  test('stores each piece once', async () => {
    const ratio = (await storedBytes(target.store)) / (await storedBytes(source.store))
    expect(ratio).toBeLessThan(1.05)
    expect(ratio).toBeGreaterThan(0.9)
  })

  test('says of itself what the original says, in the order of the target', () => {
    for (const [i, copy] of copies.entries()) {
      const original = originals[i] as Snapshot
      const { startedMs, endedMs, ending, files, folders, others, sizeBytes } = original.summary
      expect(copy.summary).toMatchObject({ startedMs, endedMs, ending, files, folders, others })
      expect(copy.summary).toMatchObject({ sizeBytes, sequence: i + 1, program: 'test' })
      expect(copy.confirmed).toBe(true)
      expect(equalBytes(copy.summary.sourceId, original.summary.sourceId)).toBe(false)
      const before = copies[i - 1]
      expect(copy.summary.predecessor && toHex(copy.summary.predecessor)).toBe(before?.id)
      const { host, user, paths, tags } = openDetails(source.repository, original)
      const details = openDetails(target.repository, copy)
      expect(details).toMatchObject({ host, user, paths, tags, source: 'source' })
      expect(details.root?.tree).toEqual(copy.summary.roots[0])
    }
  })

  test('embeds the original, which proves who made it', () => {
    for (const [i, copy] of copies.entries()) {
      const original = originals[i] as Snapshot
      const embedded = openDetails(target.repository, copy).original as Original
      expect(embedded.object).toEqual(original.object)
      expect(copy.summary.copyOf).toEqual(sha256(original.object))
      expect(embedded.ownerVerifyKey).toEqual(source.repository.config.ownerVerifyKey)
      const proven = verifyOriginal(embedded, copy.summary.copyOf)
      expect(proven.summary).toEqual(original.summary)
      expect(proven.certificate).toEqual(original.certificate)
    }
  })

  test('is as old as the original', async () => {
    const { receivedMs } = await loadSightings(target.repository)
    for (const [i, { id }] of copies.entries()) {
      const seen = [...receivedMs].find(([key]) => key.endsWith(id))?.[1]
      expect(seen).toBe(originals[i]?.storedAtMs)
    }
  })

  test('is not made again', async () => {
    const before = await namesIn(target.store, '')
    const { result } = await runCopy(source.repository, target.repository)
    expect(result.outcomes.map(({ kind }) => kind)).toEqual(['present', 'present', 'present'])
    expect(result).toMatchObject({ readBytes: 0, addedBytes: 0 })
    expect(await namesIn(target.store, '')).toEqual(before)
  })

  test('leaves no lease', async () => {
    expect(await namesIn(target.store, 'leases/')).toEqual([])
  })

  test('does not deduplicate with what is backed up there directly', async () => {
    const { result } = await backupFolder(target, folder, { clock: settledClock })
    expect(result.addedBytes).toBeGreaterThan(7_500_000)
    expect((await snapshotOf(target)).summary.sequence).toBe(4)
  })
})

describe('of what was copied before', () => {
  const [first, last] = [0, 2]

  async function copyOneByOne(changes: (all: readonly Snapshot[]) => object) {
    const target = await makeOther(source)
    const all = await snapshotsOf(source)
    const one = (i: number) => ({ snapshots: [all[i] as Snapshot], known: all })
    const before = await runCopy(source.repository, target.repository, one(first))
    const after = await runCopy(source.repository, target.repository, {
      ...one(last),
      ...changes(all),
    })
    await expectSound(target)
    await expectRestores(target, await snapshotOf(target), last + 1)
    expect(before.result.readBytes).toBeGreaterThan(2_500_000)
    return { target, before: before.result, after: after.result }
  }

  test('only what is new is read, in another run too', async () => {
    const { before, after } = await copyOneByOne(() => ({}))
    expect(after.readBytes).toBeGreaterThan(5_000_000)
    expect(after.readBytes).toBeLessThan(5_000_000 + before.readBytes / 10)
    expect(after.addedBytes).toBeLessThan(5_100_000)
  })

  test('all is read by who cannot tell, and only what is new is stored', async () => {
    const { after } = await copyOneByOne((all) => ({ known: all.slice(last) }))
    expect(after.readBytes).toBeGreaterThan(7_500_000)
    expect(after.addedBytes).toBeLessThan(5_100_000)
  })

  test('what was damaged there meanwhile is copied again', async () => {
    const target = await makeOther(source)
    await runCopy(source.repository, target.repository)
    const copies = await snapshotsOf(target)
    const packs = await namesIn(target.store, 'packs/')
    for (const name of packs.slice(0, 4)) await target.store.remove(name)
    for (const { name } of copies.slice(1)) await target.store.remove(name)
    const fresh = await throughStore(target, target.store)
    const { problems } = await runCopy(source.repository, fresh.repository)
    expect(problems).toEqual([])
    await expectRestores(fresh, await snapshotOf(fresh), 3)
  })
})

describe('a copy into a repository that is like the other', () => {
  test('deduplicates with what is backed up there directly', async () => {
    const target = await makeLike(source)
    await runCopy(source.repository, target.repository)
    await expectSound(target)
    const { result } = await backupFolder(target, folder, {
      clock: settledClock,
      cacheFolder: scratch.path('cache'),
    })
    // Nothing but the folders above, which are everyone's.
    expect(result.addedBytes).toBeLessThan(10_000)
    const copies = await snapshotsOf(target)
    for (const [i, copy] of copies.entries())
      await expectRestores(target, copy, Math.min(i + 1, trees.length))
  })

  test('reads no data that is there already', async () => {
    const target = await makeLike(source)
    await backupFolder(target, folder, { cacheFolder: scratch.path('cache') })
    const [newest] = (await confirmedIn(source.repository)).slice(-1)
    const { result } = await runCopy(source.repository, target.repository, {
      snapshots: [newest as Snapshot],
    })
    expect(result.readBytes).toBe(0)
    expect(result.addedBytes).toBeLessThan(10_000)
    await expectSound(target)
  })
})
