// Going through a configuration from its beginning to every end.

import { UNDELETE_WINDOW_MS } from '../../src/repository/forgets.ts'
import type { Program } from './actor.ts'
import { type Configuration, DAY_MS, START_MS } from './configuration.ts'
import { type Explored, explore } from './explore.ts'
import { Histories } from './history.ts'
import { Invariants } from './invariants.ts'
import { COPY, isFixed, isLease, SOURCE } from './places.ts'
import { Objects, StoreState } from './store-state.ts'
import { newWorld, repositoryOf, seeded, type World } from './world.ts'

export interface Outcome extends Explored {
  /** How many histories each actor has. */
  readonly histories: readonly number[]
}

/** Throws Violation where something is lost, or an error where there are more states than that. */
export async function exhaust(
  configuration: Configuration,
  statesMax = Number.POSITIVE_INFINITY,
): Promise<Outcome> {
  const world = await newWorld(START_MS - 60 * DAY_MS)
  await configuration.prepare(world)
  const objects = new Objects()
  const first = await stateOf(world, objects)
  const writers = configuration.writers?.(world) ?? []
  const actors = await actorsOf(
    configuration,
    [...writers, ...configuration.others(world)],
    writers.length,
  )
  const options = {
    repository: repositoryOf(world, { store: world.store, random: seeded(0) }),
    objects,
    windowMs: configuration.windowMs ?? UNDELETE_WINDOW_MS,
    isFrozen: configuration.isFrozen ?? false,
    mayPutAgain: configuration.mayPutAgain ?? false,
  }
  const invariants = [SOURCE, COPY].map((place) => new Invariants({ ...options, place }))
  try {
    const explored = await explore({
      ...configuration,
      lagMs: configuration.lagMs ?? 0,
      before: configuration.before ?? [],
      isGlued: configuration.isGlued ?? false,
      actors,
      objects,
      first,
      startMs: START_MS,
      check: (state, step) => {
        for (const one of invariants) one.check(state, step)
      },
      statesMax,
    })
    return { ...explored, histories: actors.map(({ count }) => count) }
  } finally {
    for (const actor of actors) actor.abandon()
  }
}

async function actorsOf(
  { emptyFolders, lagMs = 0 }: Configuration,
  programs: readonly Program[],
  writers: number,
): Promise<readonly Histories[]> {
  const actors: Histories[] = []
  for (const [i, program] of programs.entries()) {
    const seesStamps = i >= writers
    const strongListing = lagMs === 0
    actors.push(
      await Histories.of({ program, seed: 10 + i, strongListing, seesStamps, emptyFolders }),
    )
  }
  return actors
}

/** What is in the world's stores, with its stamps. */
async function stateOf(world: World, objects: Objects): Promise<StoreState> {
  let state = new StoreState(objects)
  for (const [place, store] of [
    [SOURCE, world.store],
    [COPY, world.copy],
  ] as const) {
    for await (const { name, storedAtMs } of store.list('')) {
      if (isFixed(name) || isLease(name)) continue
      state = state.with(objects.take(`${place}${name}`, await store.get(name)), storedAtMs)
    }
  }
  return state
}
