// Going through a configuration from its beginning to every end.

import { UNDELETE_WINDOW_MS } from '../../src/repository/forgets.ts'
import type { Program } from './actor.ts'
import type { Checks } from './checked.ts'
import { type Configuration, DAY_MS, START_MS } from './configuration.ts'
import { type Explored, explore } from './explore.ts'
import { Histories } from './history.ts'
import { expectNoError, Invariants } from './invariants.ts'
import { COPY, isFixed, isLease, SOURCE } from './places.ts'
import { Objects, type StoreState, StoreStates } from './store-state.ts'
import { newWorld, repositoryOf, seeded, type World } from './world.ts'

export interface Outcome extends Explored {
  /** How many histories each actor has. */
  readonly histories: readonly number[]
}

export interface ExhaustOptions {
  /** More are an error. */
  readonly statesMax?: number
  /** Every order of all steps, also where it makes no difference. */
  readonly isWhole?: boolean
}

/** Throws Violation where something is lost. */
export async function exhaust(
  configuration: Configuration,
  { statesMax = Number.POSITIVE_INFINITY, isWhole = false }: ExhaustOptions = {},
): Promise<Outcome> {
  const world = await newWorld(START_MS - 60 * DAY_MS)
  await configuration.prepare(world)
  const objects = new Objects()
  const states = new StoreStates(objects)
  const first = await stateOf(world, states)
  const writers = configuration.writers?.(world) ?? []
  const actors = await actorsOf(
    { ...configuration, objects },
    [...writers, ...configuration.others(world)],
    writers.length,
  )
  const options = {
    repository: repositoryOf(world, { store: world.store, random: seeded(0) }),
    objects,
    windowMs: configuration.windowMs ?? UNDELETE_WINDOW_MS,
    snapshotsMin: configuration.snapshotsMin ?? 0,
    isFrozen: configuration.isFrozen ?? false,
    mayPutAgain: configuration.mayPutAgain ?? false,
  }
  const invariants = [SOURCE, COPY].map((place) => new Invariants({ ...options, place }))
  try {
    const explored = await explore({
      ...configuration,
      lagMs: configuration.lagMs ?? 0,
      isTimeWaitedFor: configuration.isTimeWaitedFor ?? false,
      before: configuration.before ?? [],
      isGlued: configuration.isGlued ?? false,
      isReduced: !isWhole && (configuration.lagMs ?? 0) === 0,
      actors,
      states,
      first,
      startMs: START_MS,
      checks: checksOf(invariants, configuration),
      statesMax,
    })
    return { ...explored, histories: actors.map(({ count }) => count) }
  } finally {
    for (const actor of actors) actor.abandon()
  }
}

function checksOf(invariants: readonly Invariants[], { isFrozen = false }: Configuration): Checks {
  return {
    call: (call, stored) => {
      for (const one of invariants) one.checkCall(call, stored)
    },
    ending: (ending, actor) => {
      // What is frozen may be told as an error.
      if (!isFrozen) expectNoError(ending, actor)
    },
    kept: (moment, reported) => {
      for (const one of invariants) one.checkKept(moment, reported)
    },
  }
}

async function actorsOf(
  {
    emptyFolders,
    lagMs = 0,
    hasLeases = false,
    objects,
  }: Configuration & { readonly objects: Objects },
  programs: readonly (Program | readonly Program[])[],
  writers: number,
): Promise<readonly Histories[]> {
  const actors: Histories[] = []
  const folderBit = (folder: string) => objects.folderBit(folder)
  for (const [i, program] of programs.entries()) {
    const runs = typeof program === 'function' ? [program] : program
    const seesStamps = i >= writers
    const strongListing = lagMs === 0
    actors.push(
      await Histories.of({
        runs,
        seed: 10 + i,
        strongListing,
        seesStamps,
        emptyFolders,
        hasLeases,
        folderBit,
      }),
    )
  }
  return actors
}

/** What is in the world's stores, with its stamps. */
async function stateOf(world: World, states: StoreStates): Promise<StoreState> {
  let state = states.empty
  for (const [place, store] of [
    [SOURCE, world.store],
    [COPY, world.copy],
  ] as const) {
    for await (const { name, storedAtMs } of store.list('')) {
      if (isFixed(name) || isLease(name)) continue
      state = state.with(states.objects.take(`${place}${name}`, await store.get(name)), storedAtMs)
    }
  }
  return state
}
