import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../test/engine/candidates.ts'
import { expectSound, restoreFolder, Scratch } from '../../test/engine/fixture.ts'
import { forgetIds, Retention, working } from '../../test/engine/retention.ts'
import {
  backupFiles,
  copySample,
  flipBit,
  namesOf,
  newRepository,
  newSecret,
  type Sample,
} from '../../test/repositories/sample.ts'
import { systemClock } from '../base/clock.ts'
import { addGrant } from '../repository/grants-add.ts'
import { putMark } from '../repository/marks.ts'
import { openRepository, type Repository } from '../repository/repository.ts'
import { loadSnapshots, openDetails, type Snapshot } from '../repository/snapshots.ts'
import { upkeepSignatory } from '../repository/upkeep-signatory.ts'
import { systemRandom } from '../sealer/random.ts'
import { decorate } from '../store/decorate.ts'
import { digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import { loadSightings } from './sightings.ts'
import { loadUndeletable, undelete } from './undelete.ts'

const scratch = new Scratch()
let original: Sample
let sample: Sample
/** Ids of the two snapshots; the first one is forgotten. */
let first: string
let second: string

async function listed(repository = sample.repository): Promise<readonly Snapshot[]> {
  return (await loadSnapshots(repository)).snapshots
}

/** Brings back the first snapshot; the id of what now stands for it. */
async function bringBack(store: Store = sample.store, wanted = first): Promise<string> {
  const repository = await openRepository(store, sample.owner)
  const { done, failed } = await undelete({ ...working(repository), wanted: [wanted] })
  if (failed[0] !== undefined) throw failed[0].error
  return done[0]?.name.slice('snapshots/'.length) as string
}

/** A store at which whoever puts a receipt is killed. */
function killedAtReceipt(): Store {
  return decorate(sample.store, {
    put: (name, parts) => {
      if (name.startsWith('receipts/')) throw new Error('killed')
      return sample.store.put(name, parts)
    },
  })
}

beforeAll(async () => {
  const { store, owner } = await newRepository()
  const repository = await openRepository(store, owner)
  await backupFiles(repository, { files: { 'only-here': 'one', both: 'two' } })
  await backupFiles(repository, { files: { both: 'two' } })
  original = { store, owner, repository }
  const [one, other] = (await listed(repository)) as [Snapshot, Snapshot]
  first = one.id
  second = other.id
  await forgetIds(repository, first)
})

beforeEach(async () => {
  sample = await copySample(original)
})

test('what was forgotten is offered, and brought back under another name', async () => {
  const { offered } = await loadUndeletable(working(sample.repository))
  expect(offered.map(({ id }) => id)).toEqual([first])
  const before = await namesOf(sample.store, 'packs/')
  const id = await bringBack()
  const [back, newest] = (await listed()) as [Snapshot, Snapshot]
  expect([back.id, newest.id, back.confirmed]).toEqual([id, second, true])
  expect(back.summary.sequence).toBe(1)
  expect(Buffer.from(back.summary.replaces ?? []).toString('hex')).toBe(first)
  expect(await namesOf(sample.store, 'packs/')).toEqual(before)
  expect((await loadUndeletable(working(sample.repository))).offered).toEqual([])
  const target = scratch.path()
  const { problems, counts } = await restoreFolder(sample, target, { snapshot: back })
  expect([problems, counts.files]).toEqual([[], 2])
  await expectSound(sample)
})

test('an upkeep key does it, which can open nothing', async () => {
  const key = newSecret()
  const making = { random: systemRandom, clock: systemClock, label: 'up' }
  await addGrant(sample.repository, { role: 'upkeep', ...key, ...making })
  const upkeep = await openRepository(sample.store, key)
  await undelete({ ...working(upkeep), wanted: [first.slice(0, 12)] })
  const [back] = (await listed()) as [Snapshot]
  expect(back.certificate.role).toBe('upkeep')
  expect(openDetails(sample.repository, back).source).toBe('source')
  await expectSound(sample)
})

test('it is as old as it was, and the next backup goes on as if nothing had been', async () => {
  await bringBack()
  const { receivedMs } = await loadSightings(sample.repository)
  const of = (id: string) => [...receivedMs].find(([key]) => key.endsWith(id))?.[1]
  const [back] = (await listed()) as [Snapshot]
  expect(of(back.id)).toBe(of(first))
  await backupFiles(sample.repository, { files: { both: 'three' } })
  expect((await listed()).at(-1)?.summary.sequence).toBe(3)
  await expectSound(sample)
})

test('brought back and forgotten again it never gets a name that it had', async () => {
  const ids = new Set([first])
  for (let i = 0; i < 3; i++) {
    const id = await bringBack()
    expect(ids.has(id)).toBe(false)
    ids.add(id)
    await forgetIds(sample.repository, id)
  }
  const { offered } = await loadUndeletable(working(sample.repository))
  expect(offered.every(({ id }) => ids.has(id))).toBe(true)
})

describe('it is not brought back', () => {
  const refusal = (wanted: string) => undelete({ ...working(sample.repository), wanted: [wanted] })

  test('where it is still there, was never there, or is none', async () => {
    await expect(refusal(second)).rejects.toMatchObject({ code: 'usage' })
    await expect(refusal('0123456789')).rejects.toMatchObject({ code: 'not-found' })
    await expect(refusal('latest')).rejects.toMatchObject({ code: 'usage' })
  })

  test('twice: the same command again says what it is now, and brings back the others', async () => {
    const id = await bringBack()
    await forgetIds(sample.repository, second)
    const wanted = [first, second]
    const { done, failed } = await undelete({ ...working(sample.repository), wanted })
    expect(failed).toEqual([])
    expect(done.map(({ snapshot }) => snapshot.id)).toEqual(wanted)
    expect(done[0]?.name).toBe(`snapshots/${id}`)
    const { snapshots } = await loadSnapshots(sample.repository)
    expect(snapshots).toHaveLength(2)
  })

  test('by a writer or a reader', async () => {
    for (const role of ['writer', 'reader'] as const) {
      const key = newSecret()
      const making = { random: systemRandom, clock: systemClock, label: role }
      await addGrant(sample.repository, { role, ...key, ...making })
      const repository = await openRepository(sample.store, key)
      const asked = { ...working(repository), wanted: [first] }
      await expect(async () => undelete(asked)).rejects.toMatchObject({ code: 'not-permitted' })
    }
  })

  test('where something that it needs is gone: nothing is left of the attempt', async () => {
    const lost = await lostWith((name) => sample.store.remove(name))
    expect(lost).toMatchObject({ code: 'object-missing' })
    expect(await namesOf(sample.store, 'snapshots/')).toEqual([`snapshots/${second}`])
  })

  test('where the header of a pack cannot be read, whatever the index says', async () => {
    const lost = await lostWith(async (name) => {
      const { size } = (await sample.store.stat(name)) ?? { size: 0 }
      await flipBit(sample.store, { name, offset: size - 20 })
    })
    expect(lost).toMatchObject({ code: 'object-missing' })
  })

  test('where what it needs is only in marked packs: it stays, unconfirmed, and keeps that', async () => {
    const domain = sample.repository.domains[0] as Repository['domains'][0]
    const signatory = upkeepSignatory(sample.repository, domain)
    const lost = await lostWith(async (name) => {
      const packs = [digestInName(name) as Uint8Array]
      const mark = { packs, snapshots: [], markedMs: systemClock.nowMs() }
      await putMark(sample.repository, { domain, signatory, mark })
    })
    expect(lost).toMatchObject({ code: 'object-missing' })
    const left = await listed()
    expect(left.map(({ confirmed }) => confirmed)).toEqual([false, true])
    // Trying again leaves no other one.
    await expect(bringBack()).rejects.toMatchObject({ code: 'object-missing' })
    expect((await listed()).map(({ id }) => id)).toEqual(left.map(({ id }) => id))
    for (const mark of await namesOf(sample.store, 'marks/')) await sample.store.remove(mark)
    await bringBack()
    await expectSound(sample)
  })

  test('where it is gone and marks name something else: nothing is left of the attempt, nor is it offered', async () => {
    const domain = sample.repository.domains[0] as Repository['domains'][0]
    const signatory = upkeepSignatory(sample.repository, domain)
    const mark = { packs: [new Uint8Array(32)], snapshots: [], markedMs: systemClock.nowMs() }
    await putMark(sample.repository, { domain, signatory, mark })
    const lost = await lostWith((name) => sample.store.remove(name))
    expect(lost).toMatchObject({ code: 'object-missing' })
    expect(await namesOf(sample.store, 'snapshots/')).toEqual([`snapshots/${second}`])
    const { offered, notWhole } = await loadUndeletable(working(sample.repository))
    expect(offered).toEqual([])
    expect(notWhole.map(({ id }) => id)).toEqual([first])
  })

  /** Does something to all packs; what bringing back says then. */
  async function lostWith(harm: (name: string) => Promise<unknown>): Promise<unknown> {
    const { store } = sample
    for (const name of await namesOf(store, 'packs/')) await harm(name)
    return bringBack().then(
      () => 'brought back',
      (error: unknown) => error,
    )
  }
})

test('removed while it is being brought back it is put again, under another name', async () => {
  const put: string[] = []
  const racing = decorate(sample.store, {
    put: async (name, parts) => {
      const result = await sample.store.put(name, parts)
      if (name.startsWith('snapshots/')) put.push(name)
      if (name.startsWith('receipts/') && put.length === 1)
        await sample.store.remove(put[0] as string)
      return result
    },
  })
  const id = await bringBack(racing)
  expect(put).toHaveLength(2)
  expect(put[1]).toBe(`snapshots/${id}`)
  expect(put[0]).not.toBe(put[1])
  expect((await listed()).map((one) => one.id)).toEqual([id, second])
})

test('killed before its receipt it does not count, and can be brought back', async () => {
  await expect(bringBack(killedAtReceipt())).rejects.toThrow('killed')
  expect((await listed()).map(({ confirmed }) => confirmed)).toEqual([false, true])
  const id = await bringBack()
  expect((await listed()).find(({ confirmed }) => confirmed)?.id).toBe(id)
  await expectSound(sample)
})

describe('the window', () => {
  test('is of seven days by the clock of the store', async () => {
    const world = await Retention.make()
    const owner = await world.owner()
    const id = await world.save(owner)
    await world.save(owner)
    await world.forget(owner, {})
    const offered = async () => (await loadUndeletable(world.working(owner))).offered
    world.nowMs += 7 * DAY_MS
    expect(await offered()).toEqual([])
    world.nowMs -= 1
    expect(await offered()).toHaveLength(1)
    // As long as nobody has pruned it.
    world.nowMs += 10 * DAY_MS
    expect((await world.undelete(owner, id)).ids).toHaveLength(1)
  })

  test('what had no receipt gets none', async () => {
    const world = await Retention.make()
    const owner = await world.owner()
    const id = await world.save(owner, { isConfirmed: false })
    await forgetIds(owner, id)
    world.nowMs = systemClock.nowMs()
    expect((await world.undelete(owner, id)).ids).toHaveLength(1)
    expect(await namesOf(world.store, 'receipts/')).toEqual([])
  })

  test('what stood for another is brought back with its tags', async () => {
    const world = await Retention.make()
    const owner = await world.owner()
    const id = await world.save(owner)
    await world.save(owner)
    const { snapshots } = await loadSnapshots(owner)
    const { changeTags } = await import('./tag.ts')
    const snapshot = snapshots.find((one) => one.id === id) as Snapshot
    await changeTags({
      repository: owner,
      snapshot,
      change: { add: ['t'] },
      clock: world.clock,
      random: systemRandom,
    })
    await world.forget(owner, {})
    const { offered } = await loadUndeletable(world.working(owner))
    expect(offered).toHaveLength(1)
    await world.undelete(owner, offered[0]?.id as string)
    const tags = async () =>
      (await loadSnapshots(owner)).snapshots.map((one) => openDetails(owner, one).tags)
    expect(await tags()).toEqual([['t'], []])
    // By its first id it is the same one, which is back already.
    const ids = (await loadSnapshots(owner)).snapshots.map((one) => one.id)
    expect((await world.undelete(owner, id)).ids).toEqual([ids[0]])
    expect(await tags()).toEqual([['t'], []])
    await world.forget(owner, {})
    expect((await world.undelete(owner, id)).ids).toHaveLength(1)
    expect(await tags()).toEqual([['t'], []])
  })
})
