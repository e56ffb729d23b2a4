// The small configurations that are gone through exhaustively: who is at work in which repository, and how time
// may jump. Each is as small as it can be for what it is about.

import { systemClock } from '../../src/base/clock.ts'
import type { Program } from './actor.ts'
import { type Explored, explore } from './explore.ts'
import { Histories } from './history.ts'
import { Invariants } from './invariants.ts'
import { Objects, StoreState } from './store-state.ts'
import { backupTexts, HOUR_MS, newWorld, pruner, seeded, type World, writer } from './world.ts'

const START_MS = 1_800_000_000_000

export interface Configuration {
  readonly what: string
  /** Makes what is stored at the beginning. */
  readonly prepare: (world: World) => Promise<void>
  readonly writers: (world: World) => readonly Program[]
  readonly others: (world: World) => readonly Program[]
  readonly jumpsMs: readonly number[]
  readonly lagMs: number
  readonly emptyFolders: readonly string[]
}

/** A snapshot of these texts that is gone without a trace: its packs are dead. */
async function deadPacks(world: World): Promise<void> {
  await saved(world, ['alpha', 'beta'])
  for (const folder of ['snapshots/', 'receipts/'])
    for await (const { name } of world.store.list(folder)) await world.store.remove(name)
}

async function saved(world: World, texts: readonly string[], seed = 1): Promise<void> {
  const parts = { store: world.store, clock: systemClock, random: seeded(seed) }
  await backupTexts(world, { parts, source: 'source', texts })
}

/** As long as the listing lag that prune reckons with where a store promises nothing. */
const LAG_MS = 600_000

export const CONFIGURATIONS: Readonly<Record<string, Configuration>> = {
  'writer-and-two-pruners': {
    what: 'a writer relies on dead packs, two pruners mark and sweep, anyone may be suspended',
    prepare: deadPacks,
    writers: (world) => [writer(world, { source: 'source', texts: ['alpha', 'beta'] })],
    others: (world) => [pruner(world, { runs: 1 }), pruner(world, { runs: 1 })],
    jumpsMs: [25 * HOUR_MS, 25 * HOUR_MS],
    lagMs: 0,
    emptyFolders: ['forgets/', 'losses/'],
  },
  'writer-and-pruner-under-lag': {
    what: 'a writer and a pruner that marks, waits and sweeps, while listings lag behind',
    prepare: deadPacks,
    writers: (world) => [writer(world, { source: 'source', texts: ['alpha', 'beta'] })],
    others: (world) => [pruner(world, { runs: 2 })],
    jumpsMs: [25 * HOUR_MS, LAG_MS + 1],
    lagMs: LAG_MS,
    emptyFolders: ['forgets/', 'losses/'],
  },
  'writer-and-pruner-twice': {
    what: 'a writer and one pruner that marks, waits and sweeps',
    prepare: deadPacks,
    writers: (world) => [writer(world, { source: 'source', texts: ['alpha', 'beta'] })],
    others: (world) => [pruner(world, { runs: 2 })],
    jumpsMs: [25 * HOUR_MS, 25 * HOUR_MS],
    lagMs: 0,
    emptyFolders: ['forgets/', 'losses/'],
  },
}

export interface Outcome extends Explored {
  readonly histories: readonly number[]
}

/** Goes through a configuration. Throws Violation. */
export async function exhaust(configuration: Configuration, statesMax?: number): Promise<Outcome> {
  const world = await newWorld()
  await configuration.prepare(world)
  const objects = new Objects()
  const first = await stateOf(world, objects)
  const writers = configuration.writers(world)
  const programs = [...writers, ...configuration.others(world)]
  const actors: Histories[] = []
  for (const [i, program] of programs.entries()) {
    const seesStamps = i >= writers.length
    const { emptyFolders } = configuration
    const options = {
      program,
      seed: 10 + i,
      strongListing: configuration.lagMs === 0,
      seesStamps,
      emptyFolders,
    }
    actors.push(await Histories.of(options))
  }
  const invariants = new Invariants({
    repository: world.repository,
    objects,
    writers: writers.map((_, i) => i),
  })
  try {
    const explored = await explore({
      ...configuration,
      actors,
      objects,
      first,
      startMs: START_MS,
      check: (state, step) => invariants.check(state, step),
      ...(statesMax === undefined ? {} : { statesMax }),
    })
    return { ...explored, histories: actors.map(({ count }) => count) }
  } finally {
    for (const actor of actors) actor.abandon()
  }
}

/** What is in the world's store, put long ago. */
async function stateOf(world: World, objects: Objects): Promise<StoreState> {
  let state = new StoreState(objects)
  for await (const { name } of world.store.list('')) {
    if (/^(config|keys|leases)\//.test(name)) continue
    const id = objects.take(name, await world.store.get(name))
    state = state.with(id, START_MS - 60 * 24 * HOUR_MS)
  }
  return state
}
