// How much one run of prune moves, and how much it leaves unused: packs of several frames, of which some are dead.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { PruneLimits } from '../../src/engine/prune/plan.ts'
import { GRACE_MS } from '../../src/engine/prune/timing.ts'
import { type PrunePlan, type PruneResult, prune } from '../../src/engine/prune.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { openMemory } from '../../src/store/memory.ts'
import { namesOf } from '../repositories/sample.ts'
import {
  backupFolder,
  expectSound,
  idOf,
  makeRepository,
  Scratch,
  type TestRepository,
} from './fixture.ts'
import { forgetIds } from './retention.ts'

const scratch = new Scratch()
let nowMs = 0
const clock: Clock = { ...systemClock, nowMs: () => nowMs, sleep: () => Promise.resolve() }
let repository: TestRepository

/** Two sources: of each a pack of about eight frames, of which the first half is not needed any more. */
beforeEach(async () => {
  nowMs = systemClock.nowMs()
  repository = await makeRepository({ store: openMemory({ clock }) })
  for (const name of ['one', 'two']) {
    const source = scratch.make(name)
    mkdirSync(join(source, 'gone'))
    mkdirSync(join(source, 'kept'))
    for (let i = 0; i < 20; i++)
      for (const folder of ['gone', 'kept'])
        writeFileSync(join(source, folder, `${i}`), systemRandom(100_000))
    const first = await backupFolder(repository, source, { clock, sourceName: name })
    rmSync(join(source, 'gone'), { recursive: true })
    nowMs += 60_000
    await backupFolder(repository, source, { clock, sourceName: name })
    await forgetIds(repository.repository, idOf(first))
  }
  nowMs += GRACE_MS
})

function pruneOnce(
  limits: Partial<PruneLimits>,
  onPlan: (plan: PrunePlan) => void = () => undefined,
): Promise<PruneResult> {
  return prune({
    repository: repository.repository,
    limits: { graceMs: GRACE_MS, windowMs: 0, moveBytesMax: 2 ** 40, unusedMax: 0, ...limits },
    host: 'host',
    dryRun: false,
    clock,
    random: systemRandom,
    signal: new AbortController().signal,
    onPlan,
    onWarning: () => undefined,
  })
}

const markOf = ({ plan }: PruneResult) => plan.domains[0]?.mark

test('packs are marked whose needed frames are moved, as many as one run may move', async () => {
  const all = markOf(await pruneOnce({}))
  const partly = all?.packs.filter(({ liveBytes }) => liveBytes > 0) ?? []
  expect(partly).toHaveLength(2)
  expect(all?.moveBytes).toBeGreaterThan(3_000_000)
})

test('one run marks no more than it may move', async () => {
  const mark = markOf(await pruneOnce({ moveBytesMax: 3_000_000 }))
  expect(mark?.packs.filter(({ liveBytes }) => liveBytes > 0)).toHaveLength(1)
  expect(mark?.moveBytes).toBeLessThanOrEqual(3_000_000)
})

test('nothing is moved where that much may stay unused', async () => {
  const mark = markOf(await pruneOnce({ unusedMax: 0.6 }))
  expect(mark?.moveBytes).toBe(0)
})

test('a sweep moves one pack at a time where it may not move more, and comes to its end', async () => {
  await pruneOnce({})
  const [mark = ''] = await namesOf(repository.store, 'marks/')
  const moved: number[] = []
  const marked: boolean[] = []
  for (let run = 0; run < 4; run++) {
    nowMs += GRACE_MS + 60_000
    const { swept } = await pruneOnce({ moveBytesMax: 3_000_000 })
    moved.push(swept[0]?.movedBytes ?? 0)
    marked.push((await repository.store.stat(mark)) !== undefined)
    await expectSound(repository)
  }
  // As long as one of its packs is there.
  expect(marked).toEqual([true, false, false, false])
  expect(Math.max(...moved)).toBeLessThanOrEqual(3_000_000)
  expect(moved.filter((bytes) => bytes > 0)).toHaveLength(2)
})

test('the plan is told before anything is put or removed', async () => {
  await pruneOnce({})
  nowMs += GRACE_MS + 60_000
  const names = async () => {
    const found: string[] = []
    for await (const { name } of repository.store.list('packs/')) found.push(name)
    return found.sort()
  }
  const before = await names()
  let then: Promise<readonly string[]> | undefined
  await pruneOnce({}, () => {
    then = names()
  })
  expect(await then).toEqual(before)
  expect(await names()).not.toEqual(before)
})
