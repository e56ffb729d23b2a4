// Found by samples of `large`: the pack that a sweep moves frames into is cut off by the store, the put
// is tried again, and 'exists' was taken for success. Then the only whole copy went.

import { expect, test } from 'vitest'
import { CairnError } from '../../src/base/errors.ts'
import { decorate } from '../../src/store/decorate.ts'
import { withRetry } from '../../src/store/retry.ts'
import type { Store } from '../../src/store/store.ts'
import { markAll } from './beginnings.ts'
import { START_MS } from './configuration.ts'
import { pruneOnce } from './sample-programs.ts'
import { backupTexts, HOUR_MS, newWorld, seeded, type World } from './world.ts'

test('a sweep removes nothing where the pack that it moves to was cut off, and the next one goes on', async () => {
  const world = await newWorld(START_MS)
  const parts = { store: world.store, clock: world.clock, random: seeded(1) }
  await backupTexts(world, { parts, source: 'source', texts: ['alpha', 'beta'] })
  const packs = await namesIn(world.store)
  await markAll(world, packs)
  await world.clock.advance(25 * HOUR_MS)
  await expect(pruned(world, { store: cutting(world.store), seed: 2 })).rejects.toMatchObject({
    code: 'object-damaged',
  })
  expect(await namesIn(world.store)).toEqual(expect.arrayContaining([...packs]))
  await pruned(world, { store: world.store, seed: 3 })
  expect(await namesIn(world.store)).not.toEqual(expect.arrayContaining([...packs]))
  await backupTexts(world, { parts, source: 'source', texts: ['alpha', 'beta'] })
})

/** As the program uses a store of which every first put of a pack fails half way. */
function cutting(store: Store): Store {
  const cut = new Set<string>()
  const torn = decorate(store, {
    put: async (name, given) => {
      if (!name.startsWith('packs/') || cut.has(name)) return store.put(name, given)
      cut.add(name)
      await store.put(name, [(given[0] as Uint8Array).subarray(0, 9)])
      throw new CairnError('store-unwritable', `Cannot write ${name}`)
    },
  })
  const clock = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() }
  const limits = { attemptsMax: 3, totalMs: 1000, firstDelayMs: 1, delayMsMax: 1 }
  return withRetry(torn, { ...limits, clock, random: () => 0 })
}

function pruned(
  world: World,
  { store, seed }: { readonly store: Store; readonly seed: number },
): Promise<unknown> {
  const parts = { store, clock: world.clock, random: seeded(seed) }
  return pruneOnce(world, { parts, graceMs: 24 * HOUR_MS })
}

async function namesIn(store: Store): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of store.list('packs/')) names.push(name)
  return names
}
