// Which snapshots are copied, and what their copies say: what is itself a copy, has other tags now, was never
// confirmed or ended early; and who may do it.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { changeTags } from '../../src/engine/tag.ts'
import type { Original } from '../../src/format/snapshot.ts'
import { addGrant, type NewRole } from '../../src/repository/grants-add.ts'
import { verifyOriginal } from '../../src/repository/original.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import {
  loadSnapshots,
  openDetails,
  putSnapshot,
  type Snapshot,
  sourceIdOf,
} from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { checkSample } from '../damaged/observe.ts'
import { confirmedIn, makeOther, runCopy } from '../repositories/copying.ts'
import { CraftedTrees } from '../repositories/crafted.ts'
import { entryOf } from '../repositories/entries.ts'
import { newSecret } from '../repositories/sample.ts'
import {
  backupFolder,
  expectSound,
  makeRepository,
  namesIn,
  Scratch,
  snapshotOf,
  snapshotsOf,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()
let folder: string
let source: TestRepository
let target: TestRepository

beforeEach(async () => {
  folder = scratch.make('source')
  writeFileSync(join(folder, 'file'), 'content')
  source = await makeRepository()
  await backupFolder(source, folder)
  target = await makeOther(source)
})

const copyAll = () => runCopy(source.repository, target.repository)

async function kindsOf(run: ReturnType<typeof runCopy>): Promise<readonly string[]> {
  return (await run).result.outcomes.map(({ kind }) => kind)
}

async function newestIn({ repository }: TestRepository): Promise<Snapshot> {
  return (await loadSnapshots(repository)).snapshots.at(-1) as Snapshot
}

test('a copy is not copied back, nor to where its original is already', async () => {
  await copyAll()
  expect(await kindsOf(runCopy(target.repository, source.repository))).toEqual(['present'])
  const third = await makeOther(source)
  expect(await kindsOf(runCopy(source.repository, third.repository))).toEqual(['copied'])
  expect(await kindsOf(runCopy(target.repository, third.repository))).toEqual(['present'])
})

test('a copy of a copy embeds that, and through it the original', async () => {
  await copyAll()
  const third = await makeOther(source)
  await runCopy(target.repository, third.repository)
  await expectSound(third)
  const last = await snapshotOf(third)
  const between = openDetails(third.repository, last).original as Original
  expect(between.repositoryId).toEqual(target.repository.id)
  const { summary } = verifyOriginal(between, last.summary.copyOf)
  expect(toHex(summary.copyOf ?? new Uint8Array(0))).toBe((await snapshotOf(source)).id)
})

test('of a snapshot with other tags the copy takes the place of the one before', async () => {
  await copyAll()
  const snapshot = await snapshotOf(source)
  await changeTags({
    repository: source.repository,
    snapshot,
    change: { add: ['later'] },
    clock: systemClock,
    random: systemRandom,
  })
  expect(await kindsOf(copyAll())).toEqual(['copied'])
  const copies = await snapshotsOf(target)
  expect(copies.map(({ summary }) => summary.sequence)).toEqual([1])
  expect(openDetails(target.repository, copies[0] as Snapshot).tags).toEqual(['later'])
  writeFileSync(join(folder, 'file'), 'other content')
  await backupFolder(source, folder)
  expect(await kindsOf(copyAll())).toEqual(['present', 'copied'])
  expect((await snapshotsOf(target)).map(({ summary }) => summary.sequence)).toEqual([1, 2])
  await expectSound(target)
})

test('a copy that is gone is missed, though its receipt is of the same run as others that are there', async () => {
  writeFileSync(join(folder, 'file'), 'other content')
  await backupFolder(source, folder)
  expect(await kindsOf(copyAll())).toEqual(['copied', 'copied'])
  const { name } = await newestIn(target)
  await target.store.remove(name)
  const { problems } = await checkSample(target.repository, 'structure')
  expect(problems).toMatchObject([{ kind: 'missing', object: name }])
})

test('so is one with other tags, though the one that it stood for is there', async () => {
  const { repository, store } = source
  const snapshot = await snapshotOf(source)
  const change = { add: ['later'] }
  await changeTags({ repository, snapshot, change, clock: systemClock, random: systemRandom })
  const { name } = await newestIn(source)
  await store.remove(name)
  const { problems } = await checkSample(repository, 'structure')
  expect(problems).toMatchObject([{ kind: 'missing', object: name }])
})

test('a copy whose tags are changed stays the copy', async () => {
  await copyAll()
  const { repository } = target
  const snapshot = await snapshotOf(target)
  await changeTags({
    repository,
    snapshot,
    change: { add: ['mine'] },
    clock: systemClock,
    random: systemRandom,
  })
  expect(await kindsOf(copyAll())).toEqual(['present'])
})

test('an unconfirmed one is copied where it is given, and is whole there', async () => {
  const { summary, domain } = await snapshotOf(source)
  const details = openDetails(source.repository, await snapshotOf(source))
  const sessionId = systemRandom(16)
  await putSnapshot(source.repository, {
    domain,
    details,
    summary: { ...summary, sessionId, sequence: 2, ending: 'checkpoint' },
  })
  const unconfirmed = (await loadSnapshots(source.repository)).snapshots.filter(
    ({ confirmed }) => !confirmed,
  )
  expect(unconfirmed).toHaveLength(1)
  const run = runCopy(source.repository, target.repository, { snapshots: unconfirmed })
  expect(await kindsOf(run)).toEqual(['copied'])
  const copy = await snapshotOf(target)
  expect(copy.summary).toMatchObject({ ending: 'checkpoint', sequence: 1 })
  await expectSound(target)
})

test('follows what is backed up there directly', async () => {
  await backupFolder(target, folder, { cacheFolder: scratch.path('cache') })
  await copyAll()
  const [direct, copy] = (await snapshotsOf(target)) as [Snapshot, Snapshot]
  expect(copy.summary.sequence).toBe(2)
  expect(toHex(copy.summary.predecessor ?? new Uint8Array(0))).toBe(direct.id)
})

test('sources are numbered each by itself, whatever order they are given in', async () => {
  const other = scratch.make('other')
  mkdirSync(join(other, 'inner'))
  for (const number of [1, 2]) {
    writeFileSync(join(other, 'inner', 'file'), `other ${number}`)
    await backupFolder(source, other, { sourceName: 'other' })
    writeFileSync(join(folder, 'file'), `content ${number}`)
    await backupFolder(source, folder)
  }
  const snapshots = [...(await confirmedIn(source.repository))].reverse()
  await runCopy(source.repository, target.repository, { snapshots })
  const domain = selectDomain(target.repository)
  const numbers = (name: string) => (all: readonly Snapshot[]) =>
    all
      .filter(({ summary }) => toHex(summary.sourceId) === toHex(sourceIdOf(domain, name)))
      .map(({ summary }) => summary.sequence)
  const copies = (await loadSnapshots(target.repository)).snapshots
  expect(numbers('source')(copies)).toEqual([1, 2, 3])
  expect(numbers('other')(copies)).toEqual([1, 2])
})

test('details that are as long as they may be leave out the original itself, and not its proof', async () => {
  const { summary, domain } = await snapshotOf(source)
  const details = openDetails(source.repository, await snapshotOf(source))
  const path = (length: number) => new Uint8Array(length).fill(0x61)
  const paths = [...details.paths, path(1_000_000), path(1_000_000), path(1_000_000)]
  await putSnapshot(source.repository, { domain, summary, details: { ...details, paths } })
  const long = (await loadSnapshots(source.repository)).snapshots.filter((one) => !one.confirmed)
  await runCopy(source.repository, target.repository, { snapshots: long })
  const copy = await newestIn(target)
  const { original, paths: copied } = openDetails(target.repository, copy)
  expect(copied).toHaveLength(4)
  expect(original?.object).toBeUndefined()
  const proven = verifyOriginal(original as Original, copy.summary.copyOf)
  expect(proven.summary).toEqual(long[0]?.summary)
})

test('a forged original is not believed', async () => {
  await copyAll()
  const copy = await newestIn(target)
  const original = openDetails(target.repository, copy).original as Original
  const { copyOf } = copy.summary
  const flipped = (bytes: Uint8Array, at: number) =>
    bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
  const forged: readonly Original[] = [
    { ...original, envelope: flipped(original.envelope, original.envelope.length - 1) },
    { ...original, envelope: flipped(original.envelope, 10) },
    { ...original, ownerVerifyKey: target.repository.config.ownerVerifyKey },
    { ...original, repositoryId: target.repository.id },
    { ...original, prefix: flipped(original.prefix, 20) },
    { ...original, object: flipped(original.object as Uint8Array, 500) },
  ]
  verifyOriginal(original, copyOf)
  for (const one of forged) expect(() => verifyOriginal(one, copyOf)).toThrow()
  expect(() => verifyOriginal(original, new Uint8Array(32))).toThrow('has not the name')
})

async function openAs(test: TestRepository, role: NewRole): Promise<Repository> {
  const key = newSecret()
  const making = { ...key, label: role.role, random: systemRandom, clock: systemClock }
  await addGrant(await openRepository(test.store, test.key), { ...role, ...making })
  return openRepository(test.store, key)
}

test('a reader of the one and a writer of the other may copy, and nobody with less', async () => {
  const snapshots = await confirmedIn(source.repository)
  const reader = await openAs(source, { role: 'reader', domains: ['default'] })
  const writer = await openAs(target, { role: 'writer', domain: 'default' })
  for (const role of ['writer', 'upkeep'] as const) {
    const less = await openAs(
      source,
      role === 'writer' ? { role, domain: 'default' } : { role, domains: ['default'] },
    )
    const own = (await loadSnapshots(less)).snapshots
    await expect(runCopy(less, writer, { snapshots: own })).rejects.toMatchObject({
      code: 'not-permitted',
    })
  }
  for (const role of ['reader', 'upkeep'] as const) {
    const less = await openAs(target, { role, domains: ['default'] })
    await expect(runCopy(reader, less, { snapshots })).rejects.toMatchObject({
      code: 'not-permitted',
    })
  }
  expect(await namesIn(target.store, 'packs/')).toEqual([])
  const own = (await loadSnapshots(reader)).snapshots
  expect(await kindsOf(runCopy(reader, writer, { snapshots: own }))).toEqual(['copied'])
  expect(await kindsOf(runCopy(reader, writer, { snapshots: own }))).toEqual(['present'])
  const copy = await snapshotOf(target)
  expect(copy.certificate.label).toBe('writer')
  await expectSound(target)
})

test('a repository is not copied into itself', async () => {
  const again = await openRepository(source.store, source.key)
  await expect(runCopy(source.repository, again)).rejects.toMatchObject({ code: 'usage' })
})

test('data that is not what its id says, and trees that are not in order, are damage', async () => {
  const crafted = await makeRepository()
  const trees = new CraftedTrees(crafted.repository)
  const forged = trees.forgedPiece(utf8('forged'), utf8('honest'))
  const file = entryOf('forged', { type: 'file', size: 6, crc32: 1, pieces: [forged] })
  const root = trees.entries(trees.file('a', 'good'), file)
  await trees.commit(root)
  const more = new CraftedTrees(crafted.repository)
  const [first, second] = [more.entries(more.file('a', '1')), more.entries(more.file('b', '2'))]
  const unordered = more.inner(1, { a: second, b: first })
  await more.commit(more.entries(more.folder('folder', unordered)), 'other')
  const { result, problems } = await runCopy(crafted.repository, target.repository)
  expect(result.outcomes.map(({ kind }) => kind)).toEqual(['damaged', 'damaged'])
  expect(problems.map(({ error }) => error.code)).toEqual(['object-damaged', 'object-damaged'])
  const paths = problems.map(({ path }) => Buffer.from(path).toString())
  expect(paths.sort()).toEqual(['/folder', '/forged'])
  expect(await snapshotsOf(target)).toEqual([])
  await expectSound(target)
})
