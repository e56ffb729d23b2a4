// Copies that end anywhere. Whatever call of the target is the last one that a run makes:
//
// 1. check finds nothing wrong with the target, all data read;
// 2. every confirmed snapshot in it restores byte for byte, and embeds its original;
// 3. the next run copies what is missing, each snapshot once, and stores no pack again that was named;
// 4. what failed at the target is told as a failure of the target.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toHex } from '../../src/base/bytes.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { CairnError, isCairnError } from '../../src/base/errors.ts'
import type { CopyOptions } from '../../src/engine/copy/options.ts'
import { Headers } from '../../src/engine/prune/headers.ts'
import { FrameMover } from '../../src/engine/prune/move-frames.ts'
import { surveyOf, takeSurvey } from '../../src/engine/prune/survey.ts'
import type { Original } from '../../src/format/snapshot.ts'
import { verifyOriginal } from '../../src/repository/original.ts'
import { openRepository, selectDomain } from '../../src/repository/repository.ts'
import { openDetails, type Snapshot } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { decorate } from '../../src/store/decorate.ts'
import { type FaultOptions, withFaults } from '../../src/store/fault.ts'
import { randomFaults } from '../../src/store/fault-rates.ts'
import { withListingLag } from '../../src/store/listing-lag.ts'
import { DEFAULT_RETRIES, withRetry } from '../../src/store/retry.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import type { Store } from '../../src/store/store.ts'
import { VirtualClock } from '../../src/store/virtual-clock.ts'
import { type CopyRun, makeOther, runCopy } from '../repositories/copying.ts'
import { flipBit, noise, replaceObject, withBadSectors } from '../repositories/sample.ts'
import { mark } from '../repositories/syncing.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  copyRepository,
  expectSame,
  expectSound,
  makeRepository,
  namesIn,
  restoreFolder,
  SHORT_FRAMES,
  snapshotsOf,
  type TestRepository,
  throughStore,
} from './fixture.ts'

const scratch = mkdtempSync(join(tmpdir(), 'cairn-copy-kills-'))
const folder = join(scratch, 'source')
let source: TestRepository
/** What the original of each copy, by its id, restores. */
const trees = new Map<string, ReturnType<typeof describeTree>>()

beforeAll(async () => {
  source = await makeRepository({ chunker: SHORT_FRAMES })
  mkdirSync(folder)
  for (const number of [1, 2, 3]) {
    writeFileSync(join(folder, `file-${number}`), noise(300_000, number))
    writeFileSync(join(folder, `small-${number}`), `small ${number}`)
    const { result } = await backupFolder(source, folder, { cacheFolder: join(scratch, 'cache') })
    trees.set(result.snapshot?.slice('snapshots/'.length) as string, describeTree(folder))
  }
})

afterAll(() => execFileSync('rm', ['-rf', scratch]))

let serial = 0
/** Packs are so small that a snapshot has several. */
const small: Partial<CopyOptions> = { packBytes: 100_000 }

async function expectRestores(target: TestRepository, snapshot: Snapshot): Promise<void> {
  const original = openDetails(target.repository, snapshot).original as Original
  verifyOriginal(original, snapshot.summary.copyOf)
  const restored = join(scratch, `restored-${serial++}`)
  const { problems } = await restoreFolder(target, restored, { snapshot, from: folder })
  expect(problems).toEqual([])
  const tree = trees.get(toHex(snapshot.summary.copyOf ?? new Uint8Array(0)))
  expectSame(tree as ReturnType<typeof describeTree>, restored)
  execFileSync('rm', ['-rf', restored])
}

/** How many confirmed snapshots were restored last, so that the same are not restored again. */
let restored = 0

async function expectGood(target: TestRepository): Promise<void> {
  await expectSound(target)
  const confirmed = (await snapshotsOf(target)).filter((one) => one.confirmed)
  if (confirmed.length === restored) return
  restored = confirmed.length
  for (const snapshot of confirmed) await expectRestores(target, snapshot)
}

async function expectAll(target: TestRepository): Promise<void> {
  const confirmed = (await snapshotsOf(target)).filter((one) => one.confirmed)
  const originals = confirmed.map(({ summary }) => toHex(summary.copyOf ?? new Uint8Array(0)))
  expect(originals.sort()).toEqual([...trees.keys()].sort())
  expect(confirmed.map(({ summary }) => summary.sequence)).toEqual([1, 2, 3])
}

/** A store that takes no call any more from this one on, as for a program that was killed. */
function dyingAt(store: Store, at: number, puts: boolean): Store {
  let count = 0
  const error = new CairnError('store-unwritable', 'the run was killed', {
    context: { retry: false },
  })
  const decide: FaultOptions['decide'] = ({ operation }) => {
    if (!puts || operation === 'put') count++
    return count > at ? { kind: 'fail', error } : undefined
  }
  return withFaults(store, { clock: systemClock, decide })
}

/** How the run into a store ends. */
async function endOf(target: TestRepository, store: Store): Promise<string> {
  const { repository } = target
  try {
    const { result } = await runCopy(source.repository, { ...repository, store }, small)
    return result.outcomes.every(({ kind }) => kind !== 'damaged') ? 'done' : 'damaged'
  } catch (error) {
    return isCairnError(error) ? error.code : `a bug: ${String(error)}`
  }
}

test.each([
  ['put', true],
  ['call of the target', false],
])('killed at every %s, and gone on with', { timeout: 300_000 }, async (_, puts) => {
  for (let at = 0; ; at++) {
    const target = await makeOther(source)
    const ended = await endOf(target, dyingAt(target.store, at, puts))
    if (ended === 'done') {
      expect(at).toBeGreaterThan(15)
      return
    }
    expect(ended).toBe('store-unwritable')
    await expectGood(target)
    expect(await endOf(target, target.store)).toBe('done')
    await expectAll(target)
  }
})

test.each([5, 9])('killed again and again, after %i puts each time', async (puts) => {
  const target = await makeOther(source)
  for (let runs = 1; ; runs++) {
    const ended = await endOf(target, dyingAt(target.store, puts, true))
    await expectGood(target)
    if (ended === 'done') break
    expect(ended).toBe('store-unwritable')
    expect(runs).toBeLessThan(30)
  }
  await expectAll(target)
})

test('what was stored before an interruption is not stored again', async () => {
  const target = await makeOther(source)
  const controller = new AbortController()
  const interrupted = runCopy(source.repository, target.repository, {
    ...small,
    signal: controller.signal,
    onProgress: ({ bytes }) => bytes > 0 && controller.abort(),
  })
  await expect(interrupted).rejects.toMatchObject({ code: 'interrupted' })
  const before = await namesIn(target.store, 'packs/')
  expect(before.length).toBeGreaterThan(0)
  await expectGood(target)
  const put: string[] = []
  const watched = decorate(target.store, {
    put: (name, parts) => {
      put.push(name)
      return target.store.put(name, parts)
    },
  })
  const { result } = await runCopy(
    source.repository,
    { ...target.repository, store: watched },
    small,
  )
  expect(put.filter((name) => before.includes(name))).toEqual([])
  await expectAll(target)
  await expectGood(target)
  // All of it but what the first run has stored.
  const data = 900_000
  expect(result.addedBytes).toBeLessThan(data)
})

/** What is recorded is in whole milliseconds, as the system's clock is. */
function inWholeMs(clock: Clock): Clock {
  return {
    nowMs: () => Math.floor(clock.nowMs()),
    monotonicMs: () => clock.monotonicMs(),
    sleep: (ms) => clock.sleep(ms),
  }
}

const SEEDS = [1, 2, 3, 4, 5, 6]

test.each(SEEDS)('faults and lagging listings on both sides, seed %i', async (seed) => {
  const clock = new VirtualClock(systemClock.nowMs())
  const random = seededRandom(seed)
  const target = await makeOther(source)
  const rates = { fail: 0.05, 'lose-reply': 0.05, delay: 0.1 }
  const faulty = (store: Store) =>
    withRetry(withFaults(store, { clock, decide: randomFaults({ random, rates }) }), {
      ...DEFAULT_RETRIES,
      clock,
      random,
    })
  const lagging = withListingLag(target.store, { clock, lagMs: () => 60_000 * random() })
  for (let run = 0; run < 20; run++) {
    const from = { ...source.repository, store: faulty(source.store) }
    const to = { ...target.repository, store: faulty(lagging) }
    const work = runCopy(from, to, { ...small, clock: inWholeMs(clock) })
    const done = await clock.run(
      work.then(
        ({ result }) => result.outcomes.every(({ kind }) => kind !== 'damaged'),
        (error: unknown) => error,
      ),
    )
    if (done === true) break
    if (typeof done !== 'boolean') expect(done).toBeInstanceOf(CairnError)
    await expectGood(target)
    await clock.advance(60_000)
  }
  await clock.advance(60_000)
  const originals = (await snapshotsOf(target)).filter((one) => one.confirmed)
  const ids = new Set(originals.map(({ summary }) => toHex(summary.copyOf ?? new Uint8Array(0))))
  expect([...ids].sort()).toEqual([...trees.keys()].sort())
  await expectGood(target)
})

describe('packs of the target that are marked or gone meanwhile', () => {
  test.each(['marked', 'removed'])(
    '%s before the receipt: what they had is stored again',
    async (how) => {
      const target = await makeOther(source)
      const { store } = target
      let done = false
      const pruned = decorate(store, {
        put: async (name, parts) => {
          const result = await store.put(name, parts)
          if (done || !name.startsWith('snapshots/')) return result
          done = true
          const packs = await namesIn(store, 'packs/')
          if (how === 'removed') for (const pack of packs) await store.remove(pack)
          else await mark({ store, owner: target.key }, { packs })
          return result
        },
      })
      expect(await endOf(target, pruned)).toBe('done')
      await expectAll(target)
      const fresh = await throughStore(target, store)
      for (const one of (await snapshotsOf(fresh)).filter(({ confirmed }) => confirmed))
        await expectRestores(fresh, one)
    },
  )
})

describe('a source of which something is damaged', () => {
  /** Packs of data that are in the newest snapshot only. */
  async function lastPacks(): Promise<{ damaged: TestRepository; pack: string }> {
    const damaged = await copyRepository(source)
    const before = await namesIn(damaged.store, 'packs/')
    writeFileSync(join(folder, 'last'), noise(200_000, 99))
    await backupFolder(damaged, folder, { cacheFolder: join(scratch, 'cache-2') })
    execFileSync('rm', [join(folder, 'last')])
    const packs = (await namesIn(damaged.store, 'packs/')).filter((name) => !before.includes(name))
    const sizes = await Promise.all(packs.map((name) => damaged.store.stat(name)))
    const largest = sizes.toSorted((a, b) => (b?.size ?? 0) - (a?.size ?? 0))[0]
    return { damaged, pack: largest?.name as string }
  }

  function expectOthers({ result, problems }: CopyRun, code: string): void {
    const kinds = result.outcomes.map(({ kind }) => kind)
    expect(kinds).toEqual(['copied', 'copied', 'copied', 'damaged'])
    expect(problems.map(({ path }) => Buffer.from(path).toString())).toEqual([join(folder, 'last')])
    expect(problems[0]?.error.code).toBe(code)
  }

  test.each<[string, string, (store: Store, pack: string) => Promise<Store>]>([
    [
      'a bit is flipped',
      'object-damaged',
      async (store, name) => {
        await flipBit(store, { name, offset: 1000 })
        return store
      },
    ],
    [
      'a pack is cut off',
      'object-missing',
      async (store, name) => {
        const bytes = (await store.get(name)).slice(0, 5000)
        await replaceObject(store, { name, bytes })
        return store
      },
    ],
    [
      'a pack is gone',
      'object-missing',
      async (store, name) => {
        await store.remove(name)
        return store
      },
    ],
    [
      'a pack is on a bad sector',
      'store-unreadable',
      (store, name) => Promise.resolve(withBadSectors(store, (one) => one === name)),
    ],
  ])('%s: what needs it is told and not copied, all else is', async (_, code, damage) => {
    const { damaged, pack } = await lastPacks()
    const store = await damage(damaged.store, pack)
    const repository = await openRepository(store, damaged.key)
    const target = await makeOther(source)
    expectOthers(await runCopy(repository, target.repository), code)
    await expectSound(target)
    expect((await snapshotsOf(target)).map(({ confirmed }) => confirmed)).toEqual([
      true,
      true,
      true,
    ])
    restored = 0
    await expectGood(target)
  })

  test('a pack that was moved while the copy ran is found where it is now', async () => {
    const moving = await copyRepository(source)
    const target = await makeOther(source)
    const packs = await namesIn(moving.store, 'packs/')
    expect(packs.length).toBeGreaterThan(3)
    let gets = 0
    // What lies in the other store is what a prune has moved: the same frames in other packs.
    const store = decorate(moving.store, {
      get: async (name, range) => {
        if (name.startsWith('packs/') && ++gets === 3) await moveAll(moving)
        return moving.store.get(name, range)
      },
    })
    const { result, problems } = await runCopy({ ...moving.repository, store }, target.repository)
    expect(problems).toEqual([])
    expect(result.outcomes.map(({ kind }) => kind)).toEqual(['copied', 'copied', 'copied'])
    restored = 0
    await expectGood(target)
  })
})

/** As a prune that is at its end: all frames are in other packs now. */
async function moveAll({ store, repository }: TestRepository): Promise<void> {
  const headers = new Headers(repository)
  const taken = await takeSurvey(repository, { nowMs: 0, windowMs: 0, headers, isAlone: false })
  const survey = surveyOf(taken, selectDomain(repository))
  const moving = { random: systemRandom, receivedMs: () => 1, bytes: 1_000_000 }
  const mover = new FrameMover({ repository, survey, ...moving })
  for (const { name } of survey.ownPacks) {
    const frames = headers.get(name)?.header.frames ?? []
    await mover.take(name, [...frames.keys()])
  }
  await mover.flush()
  for (const { name } of survey.ownPacks) await store.remove(name)
}
