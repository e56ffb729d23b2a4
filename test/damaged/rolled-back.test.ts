// `repair --from` where a repository was rolled back: newest snapshots are gone with all that belongs to them, and
// nothing that is left tells of it, so that a check finds nothing. Killed at any change it is as a writer leaves
// it: a check still finds nothing, and the next run goes on.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { isCairnError } from '../../src/base/errors.ts'
import { hold } from '../../src/engine/hold.ts'
import { putBackOf } from '../../src/engine/repair/plan.ts'
import { changeTags } from '../../src/engine/tag.ts'
import { loadUndeletable } from '../../src/engine/undelete.ts'
import { loadForgotten } from '../../src/repository/forgets.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { putMark } from '../../src/repository/marks.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import { loadRoots } from '../../src/repository/roots.ts'
import { loadSessions } from '../../src/repository/sessions.ts'
import type { Snapshot } from '../../src/repository/snapshots.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { decorate } from '../../src/store/decorate.ts'
import { openMemory } from '../../src/store/memory.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import {
  backupFolder,
  expectSound,
  makeRepository,
  Scratch,
  SMALL_CHUNKER,
  snapshotsOf,
  type TestRepository,
  throughStore,
} from '../engine/fixture.ts'
import { forgetIds, working } from '../engine/retention.ts'
import { forgetLongAgo } from '../repositories/forgotten.ts'
import { namesOf, newSecret, noise } from '../repositories/sample.ts'
import { namesToCopy, runSync } from '../repositories/syncing.ts'
import { checkSample, repairSample } from './observe.ts'
import { dyingAfter } from './repaired.ts'

const scratch = new Scratch()
const SOURCES = ['letters', 'pictures']

interface RolledBack {
  readonly whole: TestRepository
  /** What it had before its last snapshots were made. */
  readonly before: ReadonlySet<string>
}

const rolledBack = makeRolledBack()

/** Each source has one snapshot from before, and three from after; one of these is held. */
async function makeRolledBack(): Promise<RolledBack> {
  const whole = await makeRepository({ chunker: SMALL_CHUNKER })
  const folder = scratch.make()
  let before = new Set<string>()
  for (let run = 0; run < 4; run++) {
    for (const [at, sourceName] of SOURCES.entries()) {
      writeFileSync(join(folder, sourceName), noise(4000, 10 * run + at))
      await backupFolder(whole, join(folder, sourceName), { sourceName })
    }
    if (run === 0) before = new Set(await namesToCopy(whole.store))
  }
  const known = await snapshotsOf(whole)
  const chosen = known.slice(4, 5)
  await hold({ repository: whole.repository, known, chosen, clock: systemClock, reason: 'proof' })
  return { whole, before }
}

/** A copy of the repository in memory, without what `isGone` names. */
async function without(
  { whole }: RolledBack,
  isGone: (name: string) => boolean,
): Promise<TestRepository> {
  const store = openMemory({ clock: systemClock })
  for (const name of await namesToCopy(whole.store))
    if (!isGone(name)) await store.put(name, [await whole.store.get(name)])
  return throughStore(whole, store)
}

async function confirmedIn(repository: TestRepository): Promise<readonly string[]> {
  const snapshots = await snapshotsOf(repository)
  return snapshots.filter(({ confirmed }) => confirmed).map(({ name }) => name)
}

/** The same, in which some of those were forgotten since, each by itself, and one has other tags. */
async function makeEdited(): Promise<RolledBack> {
  const { whole, before } = await rolledBack
  const test = await without({ whole, before }, () => false)
  const later = (await snapshotsOf(test)).filter(({ name }) => !before.has(name))
  for (const { id } of later.slice(0, 1)) await forgetIds(test.repository, id)
  for (const { id } of later.slice(3, 4)) await forgetIds(test.repository, id)
  const snapshot = later.at(-1) as Snapshot
  const making = { clock: systemClock, random: systemRandom }
  const { repository } = test
  await changeTags({ repository, snapshot, change: { add: ['kept'] }, ...making })
  return { whole: test, before }
}

const edited = makeEdited()

/** Ids of what was forgotten and is whole. */
async function offeredIn({ repository }: TestRepository): Promise<readonly string[]> {
  const { offered, notWhole } = await loadUndeletable(working(repository))
  expect(notWhole).toEqual([])
  return offered.map(({ id }) => id).sort()
}

const quickly = { readData: false }

const GONE: readonly {
  what: string
  made: Promise<RolledBack>
  isKept: (name: string) => boolean
}[] = [
  { what: 'all of it', made: rolledBack, isKept: () => false },
  { what: 'all but the packs', made: rolledBack, isKept: (name) => /^(packs|index)\//.test(name) },
  { what: 'all, and some was forgotten or tagged,', made: edited, isKept: () => false },
]

describe('killed at any change a check finds nothing', () => {
  test.each(GONE)('where $what is gone', async ({ made, isKept }) => {
    const all = await made
    const { whole, before } = all
    const isGone = (name: string) => !before.has(name) && !isKept(name)
    const there = await confirmedIn(whole)
    const found = new Set<number>()
    for (let changes = 0; ; changes++) {
      const test = await without(all, isGone)
      const dying = await throughStore(test, dyingAfter(test.store, changes))
      const from = whole.store
      const isKilled = await repairSample(dying.repository, { from, ...quickly }).then(
        () => false,
        () => true,
      )
      await expectSound(test)
      found.add((await confirmedIn(test)).length)
      await repairSample(test.repository, { from, ...quickly })
      await expectSound(test)
      expect(await confirmedIn(test), `after ${changes} changes`).toEqual(there)
      expect(await offeredIn(test)).toEqual(await offeredIn(whole))
      if (!isKilled) break
    }
    // One after the other of each source, and none is confirmed before what it follows.
    const counts = Array.from({ length: there.length - 1 }, (_, i) => i + 2)
    expect([...found]).toEqual(counts)
  })
})

/** Somebody deletes while the repair stands still, just before it puts its first snapshot. */
async function repairWhile(
  test: TestRepository,
  { from, act }: { readonly from: Store; readonly act: () => Promise<void> },
): Promise<unknown> {
  let isDone = false
  const store = decorate(test.store, {
    put: async (name, parts) => {
      if (name.startsWith('snapshots/') && !isDone) {
        isDone = true
        await act()
      }
      return test.store.put(name, parts)
    },
  })
  const { repository } = await throughStore(test, store)
  return repairSample(repository, { from, ...quickly }).then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('what it has fetched is looked at again before a snapshot counts', () => {
  const prepare = async () => {
    const all = await rolledBack
    const test = await without(all, (name) => !all.before.has(name))
    const fetched = async () =>
      (await namesOf(test.store, 'packs/')).filter((name) => !all.before.has(name))
    return { test, fetched, from: all.whole.store, whole: all.whole }
  }

  test.each(['marked', 'removed'])(
    '%s meanwhile, none does, and the next run goes on',
    async (how) => {
      const { test, fetched, from, whole } = await prepare()
      const error = await repairWhile(test, {
        from,
        act: async () => {
          const packs = (await fetched()).map((name) => digestInName(name) as Uint8Array)
          if (how === 'removed') for (const name of await fetched()) await test.store.remove(name)
          else {
            const domain = selectDomain(test.repository)
            const signatory = upkeepSignatory(test.repository, domain)
            const mark = { packs, snapshots: [], markedMs: 1 }
            await putMark(test.repository, { domain, signatory, mark })
          }
        },
      })
      expect(isCairnError(error, 'snapshot-unconfirmed')).toBe(true)
      expect(await confirmedIn(test)).toHaveLength(2)
      await repairSample(test.repository, { from, ...quickly })
      await expectSound(test)
      expect(await confirmedIn(test)).toEqual(await confirmedIn(whole))
    },
  )
})

describe('a snapshot that has lost its receipt counts again', () => {
  /** `act` happens when it is known what is relied upon: sightings are listed then, and once more by the check after it. */
  async function repairWhileActing(act?: (test: TestRepository, of: Snapshot) => Promise<void>) {
    const { whole } = await rolledBack
    const of = (await snapshotsOf(whole))[0] as Snapshot
    const run = async (actAt: number) => {
      const test = await withoutReceipt({ whole, of })
      let lists = 0
      const store = decorate(test.store, {
        async *list(prefix) {
          yield* test.store.list(prefix)
          if (prefix === 'sightings/' && ++lists === actAt) await act?.(test, of)
        },
      })
      const { repository } = await throughStore(test, store)
      const error = await repairSample(repository, quickly).catch((thrown: unknown) => thrown)
      const hasReceipt = (await receiptOf(test, of)) !== ''
      return { lists, isRefused: isCairnError(error, 'snapshot-unconfirmed'), hasReceipt }
    }
    const { lists } = await run(0)
    return run(lists - 1)
  }

  test('where nothing else happens', async () => {
    expect(await repairWhileActing()).toMatchObject({ isRefused: false, hasReceipt: true })
  })

  test('not where what it needs is removed meanwhile', async () => {
    const outcome = await repairWhileActing(async ({ store }) => {
      for (const name of await namesOf(store, 'packs/')) await store.remove(name)
    })
    expect(outcome).toMatchObject({ isRefused: true, hasReceipt: false })
  })

  test('nor where it is removed or marked itself', async () => {
    const removed = await repairWhileActing(({ store }, { name }) => store.remove(name))
    expect(removed).toMatchObject({ hasReceipt: false })
    const marked = await repairWhileActing(async ({ repository }, { name }) => {
      const domain = selectDomain(repository)
      const signatory = upkeepSignatory(repository, domain)
      const snapshots = [digestInName(name) as Uint8Array]
      await putMark(repository, { domain, signatory, mark: { packs: [], snapshots, markedMs: 1 } })
    })
    expect(marked).toMatchObject({ hasReceipt: false })
  })
})

async function withoutReceipt({
  whole,
  of,
}: {
  readonly whole: TestRepository
  readonly of: Snapshot
}): Promise<TestRepository> {
  const own = await receiptOf(whole, of)
  return without({ whole, before: new Set() }, (name) => name === own)
}

async function receiptOf({ repository }: TestRepository, { name }: Snapshot): Promise<string> {
  const { receipts } = await loadRoots(repository, { nowMs: 0, windowMs: 0 })
  return receipts.find((one) => one.snapshot === name)?.name ?? ''
}

test('what the copy has without a receipt, or a mark names here, does not come back', async () => {
  const { whole } = await rolledBack
  const last = (await snapshotsOf(whole)).at(-1) as Snapshot
  const own = [last.name, await receiptOf(whole, last)]
  const test = await without({ whole, before: new Set() }, (name) => own.includes(name))
  const unconfirmed = await withoutReceipt({ whole, of: last })
  await repairSample(test.repository, { from: unconfirmed.store, ...quickly })
  expect(await test.store.stat(last.name)).toBeUndefined()
  const domain = selectDomain(test.repository)
  const signatory = upkeepSignatory(test.repository, domain)
  const snapshots = [digestInName(last.name) as Uint8Array]
  const mark = { packs: [], snapshots, markedMs: 1 }
  await putMark(test.repository, { domain, signatory, mark })
  await repairSample(test.repository, { from: whole.store, ...quickly })
  expect(await test.store.stat(last.name)).toBeUndefined()
})

test('what only the copy has forgotten, and was lost here, is not forgotten here: it comes back', async () => {
  const { whole } = await rolledBack
  const [test, copy] = [
    await without({ whole, before: new Set() }, () => false),
    await without({ whole, before: new Set() }, () => false),
  ]
  const there = await confirmedIn(test)
  const gone = (await snapshotsOf(copy)).at(-1) as Snapshot
  await forgetIds(copy.repository, gone.id)
  await test.store.remove(gone.name)
  await repairSample(test.repository, { from: copy.store, ...quickly })
  await expectSound(test)
  expect(await confirmedIn(test)).toEqual(there)
  expect((await loadForgotten(test.repository)).forgotten).toEqual([])
})

test('what only the copy has forgotten and is here is not forgotten here', async () => {
  const { whole } = await rolledBack
  const [test, copy] = [
    await without({ whole, before: new Set() }, () => false),
    await without({ whole, before: new Set() }, () => false),
  ]
  const [gone, there] = (await snapshotsOf(copy)).slice(-2) as [Snapshot, Snapshot]
  await forgetIds(copy.repository, gone.id, there.id)
  expect(await namesOf(copy.store, 'forgets/')).toHaveLength(1)
  for (const name of [gone.name, await receiptOf(test, gone)]) await test.store.remove(name)
  for (let runs = 0; runs < 2; runs++) {
    const { plan } = await repairSample(test.repository, { from: copy.store, ...quickly })
    expect(putBackOf(plan)).toHaveLength(runs === 0 ? 1 : 0)
    await expectSound(test)
    const { forgotten } = await loadForgotten(test.repository)
    expect(forgotten.map(({ id }) => id)).toEqual([gone.id])
    expect(await offeredIn(test)).toEqual([gone.id])
  }
  // Nobody forgot it here: who loses it now is told.
  await test.store.remove(there.name)
  const { problems } = await checkSample(test.repository, 'structure')
  expect(problems.map(({ object }) => object)).toContain(there.name)
})

test('it is at work in each domain that it stores something in', async () => {
  const whole = await makeRepository({ chunker: SMALL_CHUNKER })
  const making = { random: systemRandom, clock: systemClock }
  const folder = scratch.make()
  writeFileSync(join(folder, 'file'), noise(4000, 99))
  const before = new Set<string>()
  const writers: Repository[] = []
  for (const label of ['one', 'two']) {
    const key = newSecret()
    await addGrant(await openRepository(whole.store, whole.key), {
      role: 'writer',
      label,
      ...key,
      ...making,
    })
    writers.push(await openRepository(whole.store, key))
  }
  for (const name of await namesToCopy(whole.store)) before.add(name)
  for (const [i, repository] of writers.entries())
    await backupFolder({ repository }, folder, {
      sourceName: `source ${i}`,
      cacheFolder: scratch.path(),
    })
  const test = await without({ whole, before }, (name) => !before.has(name))
  let leases: readonly string[] = []
  await repairWhile(test, {
    from: whole.store,
    act: async () => {
      const { sessions } = await loadSessions(test.repository)
      leases = sessions.map(({ purpose, domain }) => `${purpose} ${domain.label}`).sort()
    },
  })
  expect(leases).toEqual(['repair default', 'repair one', 'repair two'])
  expect(await namesOf(test.store, 'leases/')).toEqual([])
})

describe('what a copy has forgotten by itself and was lost here', () => {
  /** Two copies of all. The first has forgotten the two oldest of a source, and has them still or not. */
  async function forgottenThere(isKept: boolean) {
    const { whole } = await rolledBack
    const test = await without({ whole, before: new Set() }, () => false)
    const [store, full] = [openMemory({ clock: systemClock }), openMemory({ clock: systemClock })]
    for (const copy of [store, full]) await runSync(test.store, copy)
    const { repository } = await throughStore(whole, store)
    const all = await snapshotsOf(test)
    const lost = all.filter(({ summary }) => summary.sequence <= 2).slice(0, 2)
    if (isKept) await forgetIds(repository, ...lost.map(({ id }) => id))
    for (const { name } of isKept ? [] : lost)
      await forgetLongAgo(repository, { name, nowMs: systemClock.nowMs(), isOfCopy: true })
    for (const one of lost)
      for (const name of [one.name, await receiptOf(test, one)]) await test.store.remove(name)
    return { test, store, full, there: all.map(({ name }) => name) }
  }

  test.each([
    ['comes back where that still has it', true],
    ['is missing until a copy that has it brings it back', false],
  ])('%s', async (_, isKept) => {
    const { test, store, full, there } = await forgottenThere(isKept)
    // Its receipts are nowhere any more: the second run puts others.
    for (let run = 0; run < 2; run++)
      await repairSample(test.repository, { from: store, ...quickly })
    expect((await loadForgotten(test.repository)).forgotten).toEqual([])
    expect((await confirmedIn(test)).length === there.length).toBe(isKept)
    const { problems } = await checkSample(test.repository, 'structure')
    expect(problems.length > 0).toBe(!isKept)
    await repairSample(test.repository, { from: full, ...quickly })
    await expectSound(test)
    expect([...(await confirmedIn(test))].sort()).toEqual([...there].sort())
  })
})

test('a record of a forget that was interrupted, which only the copy has, explains nothing that is missing here', async () => {
  const { whole } = await rolledBack
  const test = await without({ whole, before: new Set() }, () => false)
  const store = openMemory({ clock: systemClock })
  const there = await confirmedIn(test)
  const all = await snapshotsOf(test)
  const lost = all.find(({ summary }) => summary.sequence === 1) as Snapshot
  const kept = [lost.name, await receiptOf(test, lost)]
  const bytes = await Promise.all(kept.map((name) => test.store.get(name)))
  const nowMs = systemClock.nowMs() - 16 * 24 * 3_600_000
  await forgetLongAgo(test.repository, { name: lost.name, nowMs })
  await test.store.put(lost.name, [bytes[0] as Uint8Array])
  await runSync(test.store, store)
  // A prune has taken the record back, and then the snapshot is lost.
  for (const name of [...(await namesOf(test.store, 'forgets/')), ...kept])
    await test.store.remove(name)
  await repairSample(test.repository, { from: store, ...quickly })
  await expectSound(test)
  expect([...(await confirmedIn(test))].sort()).toEqual([...there].sort())
  expect((await loadForgotten(test.repository)).forgotten).toEqual([])
})
