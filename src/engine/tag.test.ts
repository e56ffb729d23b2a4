import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  backupFiles,
  copySample,
  namesOf,
  newSecret,
  type Sample,
  sampleRepository,
} from '../../test/repositories/sample.ts'
import { putMark } from '../../test/substitution/world.ts'
import { systemClock } from '../base/clock.ts'
import { addGrant } from '../repository/grants-add.ts'
import { openRepository } from '../repository/repository.ts'
import { loadSnapshots, openDetails, type Snapshot } from '../repository/snapshots.ts'
import { systemRandom } from '../sealer/random.ts'
import { decorate } from '../store/decorate.ts'
import { digestInName } from '../store/names.ts'
import { check } from './check.ts'
import { changedTags, changeTags, type TagChange } from './tag.ts'

let original: Sample
let sample: Sample

beforeAll(async () => {
  original = await sampleRepository()
})

beforeEach(async () => {
  sample = await copySample(original)
})

async function only(): Promise<Snapshot> {
  const { snapshots, problems } = await loadSnapshots(sample.repository)
  expect(problems).toEqual([])
  expect(snapshots).toHaveLength(1)
  return snapshots[0] as Snapshot
}

async function tag(change: TagChange): Promise<string | undefined> {
  return changeTags({
    repository: sample.repository,
    snapshot: await only(),
    change,
    clock: systemClock,
    random: systemRandom,
  })
}

async function tags(): Promise<readonly string[]> {
  return openDetails(sample.repository, await only()).tags
}

test('tags are set, added and removed, in this order', () => {
  expect(changedTags(['a', 'b'], { add: ['c', 'a'], remove: ['b'] })).toEqual(['a', 'c'])
  expect(changedTags(['a'], { set: ['z', 'y'], remove: ['z'] })).toEqual(['y'])
  expect(() => changedTags([], { add: ['a,b'] })).toThrow('cannot be a tag')
  expect(() => changedTags([], { add: [''] })).toThrow('cannot be a tag')
})

test('a tagged snapshot takes the place of the one before and keeps all else', async () => {
  const before = await only()
  await tag({ add: ['weekly', 'kept'] })
  const after = await only()
  expect(after.id).not.toBe(before.id)
  expect(after.confirmed).toBe(true)
  const { detailsHash, replaces, sessionId } = after.summary
  expect(after.summary).toEqual({ ...before.summary, detailsHash, replaces, sessionId })
  // Of one session the one before would explain why this one is gone.
  expect(sessionId).not.toEqual(before.summary.sessionId)
  expect(Buffer.from(replaces ?? []).toString('hex')).toBe(before.id)
  expect(await tags()).toEqual(['kept', 'weekly'])
  expect({ ...openDetails(sample.repository, after), tags: [] }).toEqual(
    openDetails(sample.repository, before),
  )
})

test('tags can be changed again and again', async () => {
  await tag({ add: ['a'] })
  await tag({ add: ['b'] })
  await tag({ remove: ['a'] })
  expect(await tags()).toEqual(['b'])
})

test('no change makes no snapshot', async () => {
  expect(await tag({ remove: ['never'] })).toBeUndefined()
  expect(await namesOf(sample.store, 'snapshots/')).toHaveLength(1)
})

test('the next backup follows the tagged snapshot, and check finds nothing', async () => {
  await tag({ add: ['a'] })
  const tagged = await only()
  await backupFiles(sample.repository, { files: { a: 'more' } })
  const { snapshots } = await loadSnapshots(sample.repository)
  expect(snapshots.map(({ summary }) => summary.sequence)).toEqual([1, 2])
  expect(Buffer.from(snapshots[1]?.summary.predecessor ?? []).toString('hex')).toBe(tagged.id)
  const quiet = { onProgress: () => undefined, onProblem: () => undefined, workers: 1 }
  const signal = new AbortController().signal
  expect(
    (await check({ repository: sample.repository, mode: 'structure', signal, ...quiet })).problems,
  ).toEqual([])
})

test('where the snapshot is removed meanwhile the new one is not confirmed', async () => {
  const snapshot = await only()
  const { store } = sample.repository
  const racing = decorate(store, {
    put: async (name, parts) => {
      const result = await store.put(name, parts)
      if (name.startsWith('snapshots/')) await store.remove(snapshot.name)
      return result
    },
  })
  const repository = { ...sample.repository, store: racing }
  const change = { add: ['a'] }
  await expect(
    changeTags({ repository, snapshot, change, clock: systemClock, random: systemRandom }),
  ).rejects.toMatchObject({
    code: 'snapshot-unconfirmed',
  })
  const { snapshots } = await loadSnapshots(sample.repository)
  expect(snapshots.map(({ confirmed }) => confirmed)).toEqual([false])
})

test('a new snapshot that is removed before anyone hears of it is not reported as made', async () => {
  const snapshot = await only()
  const { store } = sample.repository
  const removing = decorate(store, {
    put: async (name, parts) => {
      const result = await store.put(name, parts)
      if (name.startsWith('receipts/'))
        for (const other of await namesOf(store, 'snapshots/'))
          if (other !== snapshot.name) await store.remove(other)
      return result
    },
  })
  const repository = { ...sample.repository, store: removing }
  const change = { add: ['a'] }
  await expect(
    changeTags({ repository, snapshot, change, clock: systemClock, random: systemRandom }),
  ).rejects.toMatchObject({ code: 'snapshot-unconfirmed' })
})

test('a snapshot that is marked, and swept with its mark, is not taken for one that stays', async () => {
  const snapshot = await only()
  const { store } = sample.repository
  await mark(snapshot)
  const swept = decorate(store, {
    list: async function* (prefix) {
      yield* store.list(prefix)
      if (prefix === 'snapshots/')
        for (const name of await namesOf(store, 'marks/')) await store.remove(name)
    },
  })
  const repository = { ...sample.repository, store: swept }
  const change = { add: ['a'] }
  await expect(
    changeTags({ repository, snapshot, change, clock: systemClock, random: systemRandom }),
  ).rejects.toMatchObject({ code: 'snapshot-unconfirmed' })
})

/** Lets upkeep mark a snapshot. */
async function mark({ name }: Snapshot): Promise<void> {
  const key = newSecret()
  const giving = { label: 'up', ...key, random: systemRandom, clock: systemClock }
  await addGrant(sample.repository, { role: 'upkeep', ...giving })
  const snapshots = [digestInName(name) as Uint8Array]
  await putMark(await openRepository(sample.store, key), {
    domain: 'default',
    mark: { packs: [], snapshots, markedMs: 1 },
  })
}

test('neither a reader nor a writer can tag', async () => {
  for (const role of [
    { role: 'reader' as const },
    { role: 'writer' as const, domain: 'default' },
  ]) {
    const key = newSecret()
    const giving = { label: role.role, ...key, random: systemRandom, clock: systemClock }
    await addGrant(sample.repository, { ...role, ...giving })
    const repository = await openRepository(sample.store, key)
    const snapshot = (await loadSnapshots(repository)).snapshots[0] as Snapshot
    const change = { add: ['a'] }
    await expect(
      changeTags({ repository, snapshot, change, clock: systemClock, random: systemRandom }),
    ).rejects.toMatchObject({
      code: 'not-permitted',
    })
  }
})
