// Prune as an engine, on a repository in memory whose clock is moved by hand.

import { beforeEach, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { CairnError } from '../../src/base/errors.ts'
import type { BackupResult } from '../../src/engine/backup/options.ts'
import { hold } from '../../src/engine/hold.ts'
import { GRACE_MS } from '../../src/engine/prune/timing.ts'
import { type PruneResult, prune } from '../../src/engine/prune.ts'
import { UNDELETE_WINDOW_MS } from '../../src/repository/forgets.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { HeldLease } from '../../src/repository/lease.ts'
import { loadMarks } from '../../src/repository/marks.ts'
import { selectDomain } from '../../src/repository/repository.ts'
import { loadSnapshots, type Snapshot } from '../../src/repository/snapshots.ts'
import { putUpkeepRecord } from '../../src/repository/upkeep-records.ts'
import { decorate } from '../../src/store/decorate.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { backupTexts, newWorld, repositoryOf, seeded, type World } from '../model/world.ts'
import { forgetLongAgo } from '../repositories/forgotten.ts'
import { namesOf } from '../repositories/sample.ts'
import { forgetIds } from './retention.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let world: World
let seed = 1

beforeEach(async () => {
  world = await newWorld(1_800_000_000_000)
})

function save(texts: readonly string[]): Promise<BackupResult> {
  const { store, clock } = world
  return backupTexts(world, { parts: { store, clock, random: seeded(seed++) }, source: 's', texts })
}

interface PruneChanges {
  readonly unusedMax?: number
  readonly store?: Store
}

async function pruneOnce(changes: PruneChanges = {}): Promise<PruneResult> {
  const { clock } = world
  const { store = world.store } = changes
  const random = seeded(seed++)
  return prune({
    repository: repositoryOf(world, { store, random }),
    limits: {
      graceMs: GRACE_MS,
      windowMs: UNDELETE_WINDOW_MS,
      moveBytesMax: 1 << 30,
      unusedMax: changes.unusedMax ?? 0,
    },
    host: 'host',
    dryRun: false,
    clock,
    random,
    signal: new AbortController().signal,
    onPlan: () => undefined,
    onWarning: () => undefined,
  })
}

async function forget({ snapshot }: BackupResult): Promise<void> {
  const { store, clock } = world
  const repository = repositoryOf(world, { store, random: seeded(seed++) })
  await forgetLongAgo(repository, { name: snapshot as string, nowMs: clock.nowMs() })
}

const packs = () => namesOf(world.store, 'packs/')
const has = async (text: string) => {
  const repository = repositoryOf(world, { store: world.store, random: seeded(0) })
  const domain = selectDomain(repository)
  return (await loadIndex(repository, domain)).image.has(domain.idOf('data', utf8(text)))
}

test('what nobody needs is marked, and deleted after the grace', async () => {
  const gone = await save(['one'])
  await save(['two'])
  await forget(gone)
  const before = await packs()
  const first = await pruneOnce()
  expect(first.marks).toHaveLength(1)
  expect(await packs()).toEqual(before)
  await world.clock.advance(23 * HOUR_MS)
  expect((await pruneOnce()).swept[0]?.removedPacks).toBe(0)
  await world.clock.advance(2 * HOUR_MS)
  expect((await pruneOnce()).swept[0]?.removedPacks).toBe(2)
  expect(await namesOf(world.store, 'marks/')).toEqual([])
  expect([await has('one'), await has('two')]).toEqual([false, true])
})

test('a mark stays while somebody else may be sweeping it, for 14 days at the most', async () => {
  const { store, clock } = world
  await forget(await save(['one']))
  await pruneOnce()
  await world.clock.advance(25 * HOUR_MS)
  const repository = repositoryOf(world, { store, random: seeded(seed++) })
  const domain = selectDomain(repository)
  const session = { sessionId: seeded(seed++)(16), purpose: 'upkeep', host: 'other' } as const
  await HeldLease.take({ repository, domain, ...session, clock, onProblem: () => undefined })
  const swept = async () => (await pruneOnce()).swept[0]
  expect(await swept()).toMatchObject({ removedPacks: 2, removedMarks: 0, keptMarks: 1 })
  expect(await namesOf(store, 'marks/')).toHaveLength(1)
  await world.clock.advance(13 * DAY_MS)
  expect(await swept()).toMatchObject({ removedPacks: 0, removedMarks: 0 })
  await world.clock.advance(2 * DAY_MS)
  expect(await swept()).toMatchObject({ removedPacks: 0, removedMarks: 1 })
  expect(await namesOf(store, 'marks/')).toEqual([])
})

describe('one that was suspended, and whose lease was ended', () => {
  /** Just before it deletes, `act` happens; its lease is gone by then. */
  function suspended(act: () => Promise<void>): Store {
    let isDone = false
    return decorate(world.store, {
      async *list(prefix) {
        yield* world.store.list(prefix)
        if (prefix !== 'losses/' || isDone) return
        isDone = true
        for (const name of await namesOf(world.store, 'leases/')) await world.store.remove(name)
        await act()
      },
    })
  }

  const isMark = (name: string) => name.startsWith('marks/')

  test.each([
    ['deletes nothing that was put again since another one was done with the mark', false],
    ['nor where sync has brought that mark from elsewhere', true],
  ])('%s', async (_, isMarkedAgain) => {
    const gone = await save(['one'])
    await forget(gone)
    await pruneOnce()
    await world.clock.advance(25 * HOUR_MS)
    const before = await packs()
    const kept = [...before, ...(await namesOf(world.store, 'marks/'))]
    const bytes = new Map<string, Uint8Array>()
    for (const name of kept) bytes.set(name, await world.store.get(name))
    const store = suspended(async () => {
      expect((await pruneOnce()).swept[0]).toMatchObject({ removedPacks: 2, removedMarks: 1 })
      await world.clock.advance(HOUR_MS)
      for (const name of isMarkedAgain ? kept : before)
        await world.store.put(name, [bytes.get(name) as Uint8Array])
    })
    expect((await pruneOnce({ store })).swept[0]?.removedPacks).toBe(0)
    expect(await packs()).toEqual(before)
    expect((await namesOf(world.store, '')).filter(isMark)).toHaveLength(isMarkedAgain ? 1 : 0)
  })
})

test('what nobody confirmed and was marked stays where somebody holds it after all', async () => {
  const { snapshot } = await save(['one'])
  for (const name of await namesOf(world.store, 'receipts/')) await world.store.remove(name)
  await world.clock.advance(31 * DAY_MS)
  expect((await pruneOnce()).marks).toHaveLength(1)
  const repository = repositoryOf(world, { store: world.store, random: seeded(seed++) })
  const known = (await loadSnapshots(repository)).snapshots
  // Too late to be sure, as who holds it is told.
  const late = hold({ repository, known, chosen: known, clock: world.clock, reason: 'wanted' })
  await expect(late).rejects.toMatchObject({ code: 'snapshot-unconfirmed' })
  await world.clock.advance(25 * HOUR_MS)
  expect((await pruneOnce()).swept[0]).toMatchObject({ removedSnapshots: 0, removedPacks: 0 })
  expect(await namesOf(world.store, 'snapshots/')).toEqual([snapshot])
})

test('nor is one a leftover that lost its receipt and that something forgotten long ago followed', async () => {
  const first = await save(['one'])
  const [receipt = ''] = await namesOf(world.store, 'receipts/')
  await forget(await save(['two']))
  await world.store.remove(receipt)
  await world.clock.advance(40 * DAY_MS)
  expect((await pruneOnce()).plan.domains[0]?.mark.snapshots).toEqual([])
  expect(await namesOf(world.store, 'snapshots/')).toEqual([first.snapshot])
})

test('while a pack cannot be read, what was forgotten may need any other: nothing is marked', async () => {
  const first = await save(['one', 'two'])
  const [unread = ''] = await packs()
  await save(['three'])
  const before = await packs()
  const repository = repositoryOf(world, { store: world.store, random: seeded(seed++) })
  await forgetIds(repository, (first.snapshot ?? '').slice('snapshots/'.length))
  const store = decorate(world.store, {
    get: (name, range) => {
      if (name === unread) throw new CairnError('store-unreadable', 'not just now')
      return world.store.get(name, range)
    },
  })
  const { marks, plan } = await pruneOnce({ store })
  expect([marks, plan.domains[0]?.blocked]).toEqual([[], 'all'])
  expect((await pruneOnce()).plan.domains[0]?.blocked).toBeUndefined()
  expect(await packs()).toEqual(before)
})

test('on a full store a stamp of a time to come ends no grace', async () => {
  await forget(await save(['one']))
  await pruneOnce()
  const before = await packs()
  const full = decorate(world.store, {
    put: () => Promise.reject(new CairnError('no-space', 'full')),
    async *list(prefix) {
      for await (const info of world.store.list(prefix)) {
        const isAhead = info.name.startsWith('index/')
        yield isAhead ? { ...info, storedAtMs: info.storedAtMs + 365 * DAY_MS } : info
      }
    },
  })
  expect((await pruneOnce({ store: full })).swept[0]?.removedPacks).toBe(0)
  expect(await packs()).toEqual(before)
  await world.clock.advance(25 * HOUR_MS)
  // What the store has received since tells what time it is.
  await save(['two'])
  expect((await pruneOnce({ store: full })).swept[0]?.removedPacks).toBe(2)
})

test('a dry run changes nothing', async () => {
  await forget(await save(['one']))
  const before = await namesOf(world.store, '')
  const { store, clock } = world
  const random = seeded(seed++)
  const limits = { graceMs: 0, windowMs: 0, moveBytesMax: 1, unusedMax: 0 }
  const { plan } = await prune({
    repository: repositoryOf(world, { store, random }),
    limits,
    host: 'host',
    dryRun: true,
    clock,
    random,
    signal: new AbortController().signal,
    onPlan: () => undefined,
    onWarning: () => undefined,
  })
  expect(plan.domains[0]?.mark.packs).toHaveLength(2)
  expect(await namesOf(world.store, '')).toEqual(before)
})

describe('renewal', () => {
  /** One frame with four texts, of which one is needed. */
  async function wasteful(): Promise<void> {
    const first = await save(['a', 'b'.repeat(300), 'c'.repeat(300), 'd'.repeat(300)])
    await save(['a'])
    await forget(first)
  }

  test('a frame of which little is needed is asked for anew, and goes when that has stood a while', async () => {
    await wasteful()
    const before = await packs()
    await pruneOnce()
    expect(await namesOf(world.store, 'renewals/')).toHaveLength(1)
    // Nothing else can be done with it.
    await world.clock.advance(2 * DAY_MS)
    await pruneOnce()
    expect(await namesOf(world.store, 'renewals/')).toHaveLength(1)
    const again = await save(['a'])
    expect(again.addedBytes).toBeGreaterThan(0)
    expect((await save(['a'])).addedBytes).toBe(0)
    await world.clock.advance(3 * DAY_MS)
    // What was stored since has not stood for long enough.
    await pruneOnce()
    await world.clock.advance(2 * DAY_MS)
    await pruneOnce()
    const kept = (await packs()).filter((name) => before.includes(name))
    await world.clock.advance(14 * DAY_MS)
    await pruneOnce()
    await world.clock.advance(2 * DAY_MS)
    await pruneOnce()
    const left = (await packs()).filter((name) => before.includes(name))
    expect(left.length).toBeLessThan(kept.length)
    expect(await has('a')).toBe(true)
    expect(await has('b'.repeat(300))).toBe(false)
    await pruneOnce()
    expect(await namesOf(world.store, 'renewals/')).toEqual([])
  })

  test('where little is wasted nothing is asked for', async () => {
    await wasteful()
    await pruneOnce({ unusedMax: 1 })
    expect(await namesOf(world.store, 'renewals/')).toEqual([])
  })
})

test('what is needed and named in no index is named again', async () => {
  const gone = await save(['one'])
  await save(['two'])
  await forget(gone)
  await pruneOnce()
  for (const segment of await namesOf(world.store, 'index/')) await world.store.remove(segment)
  expect(await has('two')).toBe(false)
  await world.clock.advance(2 * DAY_MS)
  await pruneOnce()
  expect([await has('one'), await has('two')]).toEqual([false, true])
})

test.each(['backup', 'repair'] as const)(
  'what was stored since a %s at work began is spared, until that has ended',
  async (purpose) => {
    const { store, clock } = world
    const repository = repositoryOf(world, { store, random: seeded(seed++) })
    const domain = selectDomain(repository)
    const lease = await HeldLease.take({
      repository,
      domain,
      sessionId: new Uint8Array(16).fill(7),
      purpose,
      host: 'host',
      clock,
      onProblem: () => undefined,
    })
    await clock.advance(HOUR_MS)
    await forget(await save(['one']))
    const spared = await pruneOnce()
    expect(spared.marks).toEqual([])
    expect(spared.plan.domains[0]?.mark.sparedPacks).toBe(2)
    await lease.release()
    expect((await pruneOnce()).marks).toHaveLength(1)
  },
)

test('a snapshot that nobody confirmed is marked after a month, unless it is held', async () => {
  const { store, clock } = world
  await save(['one'])
  for (const receipt of await namesOf(store, 'receipts/')) await store.remove(receipt)
  const repository = repositoryOf(world, { store, random: seeded(seed++) })
  const [snapshot] = (await loadSnapshots(repository)).snapshots as [Snapshot]
  const domain = selectDomain(repository)
  const record = {
    snapshots: [digestInName(snapshot.name) as Uint8Array],
    releases: [],
    reason: '',
    heldMs: clock.nowMs(),
  }
  const hold = await putUpkeepRecord(repository, { kind: 'hold', domain, record })
  await clock.advance(31 * DAY_MS)
  expect((await pruneOnce()).plan.domains[0]?.mark.snapshots).toEqual([])
  await store.remove(hold)
  expect((await pruneOnce()).plan.domains[0]?.mark.snapshots).toEqual([snapshot.name])
})

test('in a copy the month begins when the snapshot came there', async () => {
  const { store, clock, copy } = world
  await save(['one'])
  await pruneOnce()
  await clock.advance(31 * DAY_MS)
  for (const name of await namesOf(store, ''))
    if (!/^(receipts|leases|config|keys)\//.test(name))
      await copy.put(name, [await store.get(name)])
  const marked = async () => (await pruneOnce({ store: copy })).plan.domains[0]?.mark.snapshots
  expect(await marked()).toEqual([])
  await clock.advance(31 * DAY_MS)
  expect(await marked()).toHaveLength(1)
})

test('a mark of a snapshot that was confirmed after all stays, and keeps no names of packs', async () => {
  const { store, clock } = world
  await save(['one'])
  const before = new Map<string, Uint8Array>()
  for (const name of await namesOf(store, 'receipts/')) {
    before.set(name, await store.get(name))
    await store.remove(name)
  }
  await clock.advance(31 * DAY_MS)
  await forget(await save(['two']))
  await pruneOnce()
  expect(await namesOf(store, 'marks/')).toHaveLength(2)
  for (const [name, bytes] of before) await store.put(name, [bytes])
  await clock.advance(25 * HOUR_MS)
  await pruneOnce()
  const repository = repositoryOf(world, { store, random: seeded(seed++) })
  const marked = await loadMarks(repository, selectDomain(repository))
  expect([marked.snapshots.size, marked.packs.size]).toEqual([1, 0])
  expect(await has('one')).toBe(true)
})
