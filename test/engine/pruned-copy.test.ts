// A copy that is pruned by itself, day after day, beside a source that is pruned too: what each of them would delete
// differs by what has happened in between. Every sync must bring what is new all the same.

import { beforeEach, expect, test } from 'vitest'
import { GRACE_MS } from '../../src/engine/prune/timing.ts'
import { type PruneResult, prune } from '../../src/engine/prune.ts'
import { UNDELETE_WINDOW_MS } from '../../src/repository/forgets.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import type { Store } from '../../src/store/store.ts'
import { backupTexts, newWorld, repositoryOf, seeded, type World } from '../model/world.ts'
import { namesOf, noise } from '../repositories/sample.ts'
import { runSync } from '../repositories/syncing.ts'
import { forgetIds } from './retention.ts'

const HOUR_MS = 3_600_000
const DAYS = 40
const KEPT = 4

let world: World
let seed = 1

beforeEach(async () => {
  world = await newWorld(1_800_000_000_000)
})

function viewOf(store: Store) {
  return repositoryOf(world, { store, random: seeded(seed++) })
}

function pruneOf(store: Store, { alone = false } = {}): Promise<PruneResult> {
  const [moveBytesMax, unusedMax] = [1 << 30, 0.05]
  return prune({
    repository: viewOf(store),
    limits: { graceMs: GRACE_MS, windowMs: UNDELETE_WINDOW_MS, moveBytesMax, unusedMax, alone },
    host: 'host',
    dryRun: false,
    clock: world.clock,
    random: seeded(seed++),
    signal: new AbortController().signal,
    onPlan: () => undefined,
    onWarning: () => undefined,
  })
}

async function idsIn(store: Store): Promise<readonly string[]> {
  return (await loadSnapshots(viewOf(store))).snapshots.map(({ id }) => id)
}

/**
 * Backs up, prunes, forgets what is older than the newest few: so what can be had back no longer since an hour is
 * deleted by a prune of the copy before one of the source.
 */
async function dayAtSource(texts: readonly string[]): Promise<void> {
  const { store, clock } = world
  await backupTexts(world, { parts: { store, clock, random: seeded(seed++) }, source: 's', texts })
  await pruneOf(store)
  await clock.advance(HOUR_MS)
  const old = (await idsIn(store)).slice(0, -KEPT)
  if (old.length > 0) await forgetIds(viewOf(store), ...old)
}

/** Of what a few large files were, one is new each day. */
function* days(): Generator<readonly string[]> {
  const random = seededRandom(1)
  const texts = Array.from({ length: 12 }, (_, i) => textOf(i))
  for (let day = 0; day < DAYS; day++) {
    texts[Math.floor(random() * texts.length)] = textOf(100 + day)
    yield [...texts]
  }
}

function textOf(number: number): string {
  return Buffer.from(noise(30_000, number)).toString('latin1')
}

test.each([
  ['each day, a few hours later', 1],
  ['each third day', 3],
])('pruned %s, it has every day what the source has', async (_, every) => {
  let day = 0
  for (const texts of days()) {
    await dayAtSource(texts)
    if (day++ % every === 0) {
      const { problems, result } = await runSync(world.store, world.copy, {
        delete: true,
        clock: world.clock,
      })
      expect([day, problems, result.heldSnapshots]).toEqual([day, [], 0])
      expect(await idsIn(world.copy)).toEqual(await idsIn(world.store))
      await world.clock.advance(2 * HOUR_MS)
      await pruneOf(world.copy)
      await world.clock.advance(21 * HOUR_MS)
    } else await world.clock.advance(23 * HOUR_MS)
  }
  const there = new Set(await namesOf(world.store, 'packs/'))
  const extra = (await namesOf(world.copy, 'packs/')).filter((name) => !there.has(name))
  expect(extra.length).toBeLessThan(there.size / 2)
  expect(await namesOf(world.copy, 'origins/')).toHaveLength(1)
})

/** Until something that the source has and the copy needs no more could be deleted there. */
async function untilDead(): Promise<readonly string[]> {
  for (const texts of days()) {
    await dayAtSource(texts)
    await runSync(world.store, world.copy, { delete: true, clock: world.clock })
    await world.clock.advance(2 * HOUR_MS)
    const { plan } = await pruneOf(world.copy, { alone: true })
    const [own] = plan.domains
    const named = own?.mark.packs.map(({ name }) => name) ?? []
    const there = new Set(await namesOf(world.store, 'packs/'))
    const both = named.filter((name) => there.has(name))
    if (both.length > 0) return both
    await world.clock.advance(21 * HOUR_MS)
  }
  throw new Error('nothing was dead in the copy before it was in the source')
}

test('that what it is a copy of is no more is said once, and then all of it can be deleted', async () => {
  const dead = await untilDead()
  expect(await namesOf(world.copy, 'origins/')).toEqual([])
  await world.clock.advance(25 * HOUR_MS)
  await pruneOf(world.copy)
  const left = new Set(await namesOf(world.copy, 'packs/'))
  expect(dead.filter((name) => left.has(name))).toEqual([])
})

test('where it was said and is not so, the next prune but one has put it right', async () => {
  await untilDead()
  for (const [day, texts] of Array.from(days()).slice(-4).entries()) {
    await world.clock.advance(21 * HOUR_MS)
    await dayAtSource(texts)
    const { problems } = await runSync(world.store, world.copy, { clock: world.clock })
    if (day > 1) {
      expect(problems).toEqual([])
      expect(await idsIn(world.copy)).toEqual(
        expect.arrayContaining([...(await idsIn(world.store))]),
      )
    }
    await world.clock.advance(2 * HOUR_MS)
    await pruneOf(world.copy)
  }
  expect((await pruneOf(world.copy)).plan.domains[0]?.obstacles).toEqual([])
})

test('what it made itself and needs no more goes, however often it was copied', async () => {
  for (const texts of Array.from(days()).slice(0, 10)) await dayAtSource(texts)
  await runSync(world.store, world.copy, { clock: world.clock })
  const { store } = world
  const parts = { store: world.copy, clock: world.clock, random: seeded(seed++) }
  await backupTexts(world, { parts, source: 'other', texts: [textOf(9999)] })
  const onlyThere = async (list: (from: Store) => Promise<readonly string[]>) => {
    const both = new Set(await list(store))
    return (await list(world.copy)).filter((name) => !both.has(name))
  }
  const own = await onlyThere((from) => namesOf(from, 'packs/'))
  expect(own.length).toBeGreaterThan(0)
  await forgetIds(viewOf(world.copy), ...(await onlyThere(idsIn)))
  await world.clock.advance(8 * 24 * HOUR_MS)
  const { plan } = await pruneOf(world.copy)
  expect(plan.domains[0]?.mark.packs.map(({ name }) => name).sort()).toEqual([...own].sort())
})
