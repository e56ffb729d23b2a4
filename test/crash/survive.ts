// One operation on a store that fails somewhere: what it leaves, and that it can be gone on with.

import { expect } from 'vitest'
import { type CairnError, isCairnError } from '../../src/base/errors.ts'
import type { Store } from '../../src/store/store.ts'
import { open, type Stage, through, type World } from './stages.ts'

const HOUR_MS = 3_600_000
/** So many turns of the loop give everything that is late the time to happen. */
const TURNS = 5

export interface Survived {
  /** How it ended, where it did not end well. */
  readonly error: CairnError | undefined
  readonly world: World
}

/** Runs the operation on a store that fails as `wrap` makes it, and then looks at what is there. */
export async function survive(
  stage: Stage,
  wrap: (world: World) => Store,
  what: () => string,
): Promise<Survived> {
  const world = await open(stage)
  const repository = through(stage.owner, wrap(world))
  const error = await errorOf(() => stage.act({ ...world, repository }))
  for (let turn = 0; turn < TURNS; turn++) await world.clock.sleep(0)
  expect(await stage.faults(world), `${what()}, ended with ${error?.message ?? 'nothing'}`).toEqual(
    [],
  )
  return { error, world }
}

/** Without trouble the same operation does what it was to do. */
export async function expectGoesOn(stage: Stage, { world, error }: Survived, what: string) {
  world.clock.forwardMs += HOUR_MS
  await endSessions(world.repository.store)
  if (error !== undefined || !(await stage.isDone(world))) await orDone(stage, world)
  expect(await stage.isDone(world), `${what}, then the same again`).toBe(true)
  expect(await stage.faults(world), `${what}, then the same again`).toEqual([])
}

/** What was done before its error may be more than it knew. */
async function orDone(stage: Stage, world: World): Promise<void> {
  const error = await errorOf(() => stage.act(world))
  if (error !== undefined && !(await stage.isDone(world))) throw error
}

/** As the next command on the same machine does with what a killed one left. */
async function endSessions(store: Store): Promise<void> {
  for await (const { name } of store.list('leases/')) await store.remove(name)
}

async function errorOf(act: () => Promise<unknown>): Promise<CairnError | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (isCairnError(error)) return error
    throw error
  }
}
