// Who copies: production sync between the two repositories of the world, and upkeep of the copy.

import type { Clock } from '../../src/base/clock.ts'
import { isCairnError } from '../../src/base/errors.ts'
import type { SyncProblem } from '../../src/engine/sync/plan.ts'
import { sync } from '../../src/engine/sync.ts'
import { decorate } from '../../src/store/decorate.ts'
import type { Store } from '../../src/store/store.ts'
import type { Program, Reported } from './actor.ts'
import { COPY } from './places.ts'
import { copyThrough, sourceThrough } from './views.ts'
import type { World } from './world.ts'

export interface SyncerOptions {
  /** Remove at the copy what the source does not list any more. */
  readonly delete?: boolean
  /** Nobody is at work at the source: reading there is no step. */
  readonly isSourceAtRest?: boolean
}

/**
 * Copies once. Reports the snapshots of the beginning, where nothing was held back: each was copied or
 * forgotten.
 */
export function syncer(
  world: World,
  { delete: removes = false, isSourceAtRest = false }: SyncerOptions = {},
): Program {
  return async ({ store, clock }) => {
    const source = isSourceAtRest ? world.store : sourceThrough(world, store)
    const target = withoutOrigins(copyThrough(world, store))
    const told = await syncOnce({ source, target, clock, delete: removes })
    return told.length === 0 ? confirmedIn(world.store) : undefined
  }
}

/** What the origin had is advice: nothing may rest upon it, and with it a prune of the copy would mark less. */
export function withoutOrigins(store: Store): Store {
  const isOrigin = (name: string) => name.startsWith('origins/')
  return decorate(store, {
    put: (name, parts) =>
      isOrigin(name) ? Promise.resolve('created' as const) : store.put(name, parts),
    async *list(prefix) {
      if (!isOrigin(prefix)) yield* store.list(prefix)
    },
  })
}

/** Copies; returns what sync says was not copied, in words. */
export async function syncOnce(options: {
  readonly source: Store
  readonly target: Store
  readonly clock: Clock
  readonly delete?: boolean
}): Promise<readonly string[]> {
  const told: string[] = []
  const onProblem = ({ kind, object, what }: SyncProblem) =>
    void told.push(`${kind} ${object}: ${what}`)
  try {
    const { heldSnapshots } = await sync({ ...QUIET, delete: false, ...options, onProblem })
    return heldSnapshots > 0 ? [...told, `${heldSnapshots} snapshots are held back`] : told
  } catch (error) {
    // All was forgotten, and nothing is saved yet.
    if (options.delete === true && isCairnError(error, 'not-found')) return [error.message]
    throw error
  }
}

const QUIET = {
  dryRun: false,
  signal: new AbortController().signal,
  onProgress: nothing,
  onPlanned: nothing,
  onDeleted: nothing,
} as const

function nothing(): void {
  // Nobody watches.
}

/** Of the beginning, where each snapshot has its receipt. */
async function confirmedIn(source: Store): Promise<Reported> {
  const names: string[] = []
  for await (const { name } of source.list('snapshots/')) names.push(`${COPY}${name}`)
  return names
}

/** A program that takes the copy for its repository. */
export function atCopy(world: World, program: Program): Program {
  return async (parts) => {
    await program({ ...parts, store: copyThrough(world, parts.store) })
    return undefined
  }
}
