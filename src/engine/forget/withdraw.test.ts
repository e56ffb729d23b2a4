// Records of what is there all the same: should it be lost one day, they must not seem to say why.

import { beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../test/engine/candidates.ts'
import { forgetIds, forgetThese, Retention } from '../../../test/engine/retention.ts'
import { namesOf } from '../../../test/repositories/sample.ts'
import { runSync } from '../../../test/repositories/syncing.ts'
import { CairnError } from '../../base/errors.ts'
import { loadForgotten } from '../../repository/forgets.ts'
import type { Repository } from '../../repository/repository.ts'
import { loadSnapshots } from '../../repository/snapshots.ts'
import { decorate } from '../../store/decorate.ts'
import { openMemory } from '../../store/memory.ts'
import type { Store } from '../../store/store.ts'
import { GRACE_MS } from '../prune/timing.ts'
import { prune } from '../prune.ts'

const ABANDONED_MS = 15 * DAY_MS

let world: Retention
let owner: Repository

beforeEach(async () => {
  world = await Retention.make()
  owner = await world.owner()
})

const save = (count: number) => world.saveSeveral(owner, count)

async function recorded(store: Store = world.store): Promise<readonly string[]> {
  const { forgotten } = await loadForgotten(await world.owner(store))
  return forgotten.map(({ id }) => id).sort()
}

async function pruneOf(store: Store = world.store, { alone = false } = {}): Promise<void> {
  const repository = await world.owner(store)
  // Snapshots of nothing have roots that no pack has.
  const limits = { graceMs: GRACE_MS, windowMs: 0, moveBytesMax: 1, unusedMax: 1, alone }
  const options = { ...world.working(repository), limits, dryRun: false, onPlan: () => undefined }
  await prune({ ...options, signal: new AbortController().signal })
}

/** A store on which removing fails, or only what `isMeant`. */
function refusing(isMeant: (name: string) => boolean = () => true): Store {
  return decorate(world.store, {
    remove: (name) =>
      isMeant(name) ? Promise.reject(new Error('refused')) : world.store.remove(name),
  })
}

const isIn = (folder: string) => (name: string) => name.startsWith(folder)

describe('by a prune when nobody is at work on it any more', () => {
  async function refuse(...ids: readonly string[]): Promise<void> {
    const repository = await world.owner(refusing(isIn('snapshots/')))
    await expect(forgetIds(repository, ...ids)).rejects.toThrow('refused')
  }

  test('where the store refused it', async () => {
    const [first = '', second = ''] = await save(3)
    await refuse(first, second)
    await world.store.remove(`snapshots/${second}`)
    world.nowMs += ABANDONED_MS
    await pruneOf()
    expect(await recorded()).toEqual([first, second].sort())
    world.nowMs += 1
    await pruneOf()
    expect(await recorded()).toEqual([second])
    expect(await namesOf(world.store, 'forgets/')).toHaveLength(1)
  })

  test('killed between, it goes on; and nothing is said by no record', async () => {
    const [first = '', second = ''] = await save(3)
    await refuse(first, second)
    await world.store.remove(`snapshots/${second}`)
    world.nowMs += 2 * ABANDONED_MS
    await expect(pruneOf(refusing(isIn('forgets/')))).rejects.toThrow('refused')
    expect(await recorded()).toEqual([first, second].sort())
    expect(await namesOf(world.store, 'forgets/')).toHaveLength(2)
    await pruneOf()
    expect(await recorded()).toEqual([second])
    expect(await namesOf(world.store, 'forgets/')).toHaveLength(1)
  })

  test('where listings lag only when every listing shows what is said again', async () => {
    const [first = '', second = ''] = await save(3)
    await refuse(first, second)
    await world.store.remove(`snapshots/${second}`)
    const capabilities = { ...world.store.capabilities, strongListing: false }
    const lagging = { ...decorate(world.store, {}), capabilities }
    world.nowMs += 2 * ABANDONED_MS
    await pruneOf(lagging)
    await pruneOf(lagging)
    expect(await namesOf(world.store, 'forgets/')).toHaveLength(2)
    world.nowMs += 2 * DAY_MS
    await pruneOf(lagging)
    expect(await recorded()).toEqual([second])
    expect(await namesOf(world.store, 'forgets/')).toHaveLength(1)
  })

  test('a receipt that was left goes too, and no other', async () => {
    const [first = ''] = await save(2)
    const killed = forgetIds(await world.owner(refusing(isIn('receipts/'))), first)
    await expect(killed).rejects.toThrow('refused')
    await pruneOf()
    expect(await namesOf(world.store, 'receipts/')).toHaveLength(2)
    world.nowMs += 2 * DAY_MS
    await pruneOf()
    expect(await namesOf(world.store, 'receipts/')).toHaveLength(1)
    expect((await loadSnapshots(owner)).snapshots.map(({ confirmed }) => confirmed)).toEqual([true])
  })
})

describe('in a copy', () => {
  let copy: Store

  async function isOfCopy(store: Store): Promise<readonly boolean[]> {
    const { records } = await loadForgotten(await world.owner(store))
    return records.map(({ record }) => record.isOfCopy === true)
  }

  beforeEach(() => {
    copy = openMemory({ clock: world.clock, address: 'memory:copy' })
  })

  test('what the origin has forgotten and the copy keeps stays recorded', async () => {
    const [first = ''] = await save(2)
    await runSync(world.store, copy, { clock: world.clock })
    await forgetIds(owner, first)
    await runSync(world.store, copy, { clock: world.clock })
    world.nowMs += 2 * ABANDONED_MS
    await pruneOf(copy)
    expect(await recorded(copy)).toEqual([first])
    expect(await isOfCopy(copy)).toEqual([false])
  })

  test('what the copy has forgotten by itself is said to be so, and what stays is not', async () => {
    const [first = '', second = ''] = await save(3)
    await runSync(world.store, copy, { clock: world.clock })
    const refused = decorate(copy, {
      remove: (name) =>
        name === `snapshots/${second}` ? Promise.reject(new Error('refused')) : copy.remove(name),
    })
    await expect(forgetIds(await world.owner(refused), first, second)).rejects.toThrow('refused')
    expect(await isOfCopy(copy)).toEqual([true])
    await copy.remove(`snapshots/${first}`)
    world.nowMs += 2 * ABANDONED_MS
    await pruneOf(copy)
    expect([await recorded(copy), await isOfCopy(copy)]).toEqual([[first], [true]])
  })
})

describe('a repository', () => {
  const newStore = (address: string) => openMemory({ clock: world.clock, address })

  test('that was made anew from its copy is one: what it forgets goes from the copy too', async () => {
    const [copy, anew] = [newStore('memory:copy'), newStore('memory:anew')]
    const [first = ''] = await save(2)
    await runSync(world.store, copy, { clock: world.clock })
    await runSync(copy, anew, { clock: world.clock })
    await forgetIds(await world.owner(anew), first)
    const { deleted, problems } = await runSync(anew, copy, { clock: world.clock, delete: true })
    expect([deleted, problems]).toEqual([[`snapshots/${first}`], []])
  })

  test('that was a copy says openly what it has forgotten, when it is said to be alone', async () => {
    const [copy, other] = [newStore('memory:copy'), newStore('memory:other')]
    const [first = ''] = await save(2)
    await runSync(world.store, copy, { clock: world.clock })
    await runSync(world.store, other, { clock: world.clock })
    await forgetIds(await world.owner(copy), first)
    const toOther = () => runSync(copy, other, { clock: world.clock, delete: true })
    expect((await toOther()).deleted).toEqual([])
    await pruneOf(copy, { alone: true })
    expect(await namesOf(copy, 'forgets/')).toHaveLength(1)
    expect((await toOther()).deleted).toEqual([`snapshots/${first}`])
    expect(await recorded(copy)).toEqual([first])
  })

  test('that was a copy is one as long as the disk is too full to say so', async () => {
    const copy = newStore('memory:copy')
    const [first = ''] = await save(2)
    await runSync(world.store, copy, { clock: world.clock })
    await forgetIds(await world.owner(copy), first)
    const full = decorate(copy, {
      put: (name, parts) =>
        name.startsWith('forgets/')
          ? Promise.reject(new CairnError('no-space', 'full'))
          : copy.put(name, parts),
    })
    const count = async () => (await namesOf(copy, 'origins/')).length
    await pruneOf(full, { alone: true })
    expect(await count()).toBe(1)
    await pruneOf(copy, { alone: true })
    expect([await count(), await recorded(copy)]).toEqual([0, [first]])
  })
})

test('of two who forget the same at the same time, the one that takes it back says nothing less', async () => {
  const [first = '', second = ''] = await save(3)
  let isFirst = true
  const racing = decorate(world.store, {
    put: async (name, parts) => {
      const result = await world.store.put(name, parts)
      if (name.startsWith('forgets/') && isFirst) {
        isFirst = false
        await forgetThese(owner, { ids: [first, second], minimum: 1 })
      }
      return result
    },
  })
  const slow = await forgetThese(await world.owner(racing), { ids: [first], minimum: 2 })
  expect(slow.contested.map(({ id }) => id)).toEqual([first])
  expect(await recorded()).toEqual([first, second].sort())
  expect((await world.undelete(owner, first)).failed).toEqual([])
})

test('who was suspended until its record was withdrawn puts another one before it removes anything', async () => {
  const [first = ''] = await save(2)
  let isSuspended = false
  const sleeping = decorate(world.store, {
    async *list(prefix) {
      yield* world.store.list(prefix)
      // Just after it has looked at holds and at the time.
      if (prefix !== 'holds/' || isSuspended) return
      isSuspended = true
      for (const name of await namesOf(world.store, 'forgets/')) await world.store.remove(name)
    },
  })
  const done = await forgetThese(await world.owner(sleeping), { ids: [first], minimum: 0 })
  expect(done.forgotten.map(({ id }) => id)).toEqual([first])
  expect(await recorded()).toEqual([first])
})
