// Syncs that end anywhere. Whatever call of a store is the last one that a run makes:
//
// 1. once the copy has a config it opens, and check finds nothing wrong with it, all data read;
// 2. every snapshot in it that has a receipt restores byte for byte;
// 3. the next run copies what is missing, and the copy is then the same as the source;
// 4. what failed at the target is told as a failure of the target.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { CairnError, isCairnError } from '../../src/base/errors.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import { type CallRecord, type FaultOptions, withFaults } from '../../src/store/fault.ts'
import { randomFaults } from '../../src/store/fault-rates.ts'
import { withListingLag } from '../../src/store/listing-lag.ts'
import { DEFAULT_RETRIES, withRetry } from '../../src/store/retry.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import type { Store } from '../../src/store/store.ts'
import { VirtualClock } from '../../src/store/virtual-clock.ts'
import { noise } from '../repositories/sample.ts'
import {
  emptyTarget,
  expectSoundCopy,
  mark,
  namesToCopy,
  runSync,
} from '../repositories/syncing.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  expectSame,
  makeRepository,
  restoreFolder,
  snapshotsOf,
  type TestRepository,
} from './fixture.ts'

const scratch = mkdtempSync(join(tmpdir(), 'cairn-sync-kills-'))
let source: TestRepository
/** What each snapshot, by its sequence, restores. */
const trees = new Map<number, ReturnType<typeof describeTree>>()

beforeAll(async () => {
  source = await makeRepository()
  const folder = join(scratch, 'source')
  mkdirSync(folder)
  for (const sequence of [1, 2, 3]) {
    writeFileSync(join(folder, `file-${sequence}`), noise(100_000, sequence))
    await backupFolder(source, folder)
    trees.set(sequence, describeTree(folder))
  }
  // A mark makes a run list everything twice.
  await mark({ store: source.store, owner: source.key }, { packs: [`packs/00/${'0'.repeat(64)}`] })
})

afterAll(() => execFileSync('rm', ['-rf', scratch]))

let serial = 0
/** How many confirmed snapshots were restored last, so that the same copy is not restored again. */
let restored = 0

async function expectGood(store: Store): Promise<void> {
  if ((await store.stat('config/00000001')) === undefined) return
  await expectSoundCopy({ store, owner: source.key })
  const repository = await openRepository(store, source.key)
  const confirmed = (await snapshotsOf({ repository })).filter((one) => one.confirmed)
  if (confirmed.length === restored) return
  restored = confirmed.length
  for (const snapshot of confirmed) await expectRestores(repository, snapshot)
}

async function expectRestores(
  repository: Repository,
  snapshot: Awaited<ReturnType<typeof snapshotsOf>>[number],
): Promise<void> {
  const target = join(scratch, `restored-${serial++}`)
  const from = join(scratch, 'source')
  const { problems } = await restoreFolder({ repository }, target, { snapshot, from })
  expect(problems).toEqual([])
  expectSame(trees.get(snapshot.summary.sequence) as ReturnType<typeof describeTree>, target)
}

/** A store that takes no call any more from this one on, as for a program that was killed. */
function dyingAt(store: Store, at: number, log: CallRecord[], puts: boolean): Store {
  let count = 0
  const error = new CairnError('store-unwritable', 'the run was killed', {
    context: { retry: false },
  })
  const decide: FaultOptions['decide'] = ({ operation }) => {
    if (!puts || operation === 'put') count++
    return count > at ? { kind: 'fail', error } : undefined
  }
  return withFaults(store, { clock: systemClock, log, decide })
}

test.each([
  ['put', true],
  ['call of the target', false],
])('killed at every %s', { timeout: 300_000 }, async (_, puts) => {
  for (let at = 0; ; at++) {
    const target = emptyTarget()
    const dying = dyingAt(target, at, [], puts)
    const ended = await runSync(source.store, dying).then(
      () => 'done',
      (error: unknown) => (isCairnError(error) ? error.code : 'bug'),
    )
    if (ended === 'done') {
      expect(at).toBeGreaterThan(15)
      return
    }
    expect(ended).toBe('store-unwritable')
    await expectGood(target)
    expect((await runSync(source.store, target)).problems).toEqual([])
    expect(await namesToCopy(target)).toEqual(await namesToCopy(source.store))
  }
})

test.each([1, 2, 3])('killed again and again, after %i puts each time', async (puts) => {
  const target = emptyTarget()
  for (let runs = 1; ; runs++) {
    const ended = await runSync(source.store, dyingAt(target, puts, [], true)).then(
      () => 'done',
      (error: unknown) => (isCairnError(error) ? error.code : 'bug'),
    )
    await expectGood(target)
    if (ended === 'done') break
    expect(ended).toBe('store-unwritable')
    expect(runs).toBeLessThan(50)
  }
  expect(await namesToCopy(target)).toEqual(await namesToCopy(source.store))
})

test('the source gone at every call', { timeout: 300_000 }, async () => {
  for (let at = 0; ; at++) {
    const target = emptyTarget()
    const ended = await runSync(dyingAt(source.store, at, [], false), target).then(
      () => 'done',
      (error: unknown) => (isCairnError(error) ? error.code : 'bug'),
    )
    if (ended === 'done') break
    await expectGood(target)
    expect((await runSync(source.store, target)).problems).toEqual([])
  }
})

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]

test.each(SEEDS)('faults and lagging listings on both sides, seed %i', async (seed) => {
  const clock = new VirtualClock(systemClock.nowMs())
  const random = seededRandom(seed)
  const target = emptyTarget()
  const rates = { fail: 0.05, 'lose-reply': 0.05, delay: 0.1 }
  const faulty = (store: Store) =>
    withRetry(withFaults(store, { clock, decide: randomFaults({ random, rates }) }), {
      ...DEFAULT_RETRIES,
      clock,
      random,
    })
  const lagging = withListingLag(target, { clock, lagMs: () => 60_000 * random() })
  for (let run = 0; run < 20; run++) {
    const work = runSync(faulty(source.store), faulty(lagging))
    const done = await clock.run(
      work.then(
        ({ problems }) => problems,
        (error: unknown) => error,
      ),
    )
    if (!Array.isArray(done)) expect(done).toBeInstanceOf(CairnError)
    else if (done.length === 0) break
    await expectGood(target)
    await clock.advance(60_000)
  }
  expect(await namesToCopy(target)).toEqual(await namesToCopy(source.store))
  await expectGood(target)
})
