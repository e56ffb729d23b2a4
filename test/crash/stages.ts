// A life of a repository, stopped at the moments at which something is about to happen to it: so that each
// operation can be begun again and again, on a full store or a failing one. What must hold after each:
//
// 1. `check` finds nothing wrong, and every object is what its name says.
// 2. Every confirmed snapshot that nobody asked to forget is listed, and whole.
// 3. What was forgotten within the window is listed still, or can be had back.
// 4. With the trouble over, the same operation does what it was to do.

import type { Bytes } from '../../src/base/bytes.ts'
import type { Clock } from '../../src/base/clock.ts'
import { type CheckResult, check } from '../../src/engine/check.ts'
import { forget } from '../../src/engine/forget.ts'
import { GRACE_MS } from '../../src/engine/prune/timing.ts'
import { prune } from '../../src/engine/prune.ts'
import { loadUndeletable, undelete } from '../../src/engine/undelete.ts'
import { UNDELETE_WINDOW_MS } from '../../src/repository/forgets.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { putMark } from '../../src/repository/marks.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { getVerified } from '../../src/store/content.ts'
import { openMemory } from '../../src/store/memory.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { DAY_MS, HOUR_MS, Siege } from '../attacks/siege.ts'
import { policy } from '../engine/candidates.ts'
import { NO_CATALOG } from '../repositories/no-catalog.ts'
import { newSecret } from '../repositories/sample.ts'

export interface Stored {
  readonly name: string
  readonly bytes: Bytes
  readonly storedAtMs: number
}

/** A repository as it was at a moment, opened anew. */
export interface World {
  readonly repository: Repository
  readonly clock: Clock & { forwardMs: number }
}

export interface Stage {
  readonly name: string
  readonly objects: readonly Stored[]
  readonly nowMs: number
  /** Opened by who does it. */
  readonly owner: Repository
  /** Opened by who may read, too. */
  readonly reader: Repository
  readonly act: (world: World) => Promise<unknown>
  readonly isDone: (world: World) => Promise<boolean>
  /** What is wrong with it; nothing in what was not harmed. */
  readonly faults: (world: World) => Promise<readonly string[]>
}

/** The same repository in a store of its own, with the stamps of then. */
export async function open(stage: Stage): Promise<World> {
  const { store, clock } = await storeOf(stage)
  return { repository: through(stage.owner, store), clock }
}

/** A store of its own with these objects, and a clock that goes forward by hand. */
export async function storeOf({
  objects,
  nowMs,
}: Pick<Stage, 'objects' | 'nowMs'>): Promise<{ store: Store; clock: World['clock'] }> {
  const clock = clockAt(nowMs)
  const store = openMemory({ clock })
  for (const { name, bytes, storedAtMs } of objects) {
    clock.forwardMs = storedAtMs - nowMs
    await store.put(name, [bytes])
  }
  clock.forwardMs = 0
  return { store, clock }
}

export function through(repository: Repository, store: Store): Repository {
  return { ...repository, store, segmentDomains: new Map<string, string>() }
}

/** Whoever sleeps gives all others their turn, and no time passes. */
function clockAt(nowMs: number): World['clock'] {
  return {
    forwardMs: 0,
    nowMs() {
      return nowMs + this.forwardMs
    },
    monotonicMs() {
      return nowMs + this.forwardMs
    },
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

export async function objectsIn(store: Store): Promise<readonly Stored[]> {
  const objects: Stored[] = []
  for await (const { name, storedAtMs } of store.list(''))
    objects.push({ name, bytes: await store.get(name), storedAtMs })
  return objects
}

export const quiet = {
  host: 'host',
  random: systemRandom,
  signal: new AbortController().signal,
  onWarning: () => undefined,
  onProblem: () => undefined,
  onForgotten: () => undefined,
  onPlan: () => undefined,
  onProgress: () => undefined,
} as const

function pruneIn({ repository, clock }: World): Promise<unknown> {
  const limits = {
    graceMs: GRACE_MS,
    windowMs: UNDELETE_WINDOW_MS,
    moveBytesMax: 1 << 30,
    unusedMax: 0,
  }
  return prune({ ...quiet, repository, clock, limits, dryRun: false })
}

/** Forgets by a policy, which looks at everything, all but the newest. */
function forgetIn({ repository, clock }: World): Promise<unknown> {
  return forget({
    ...quiet,
    repository,
    clock,
    forgetting: {
      kind: 'policy',
      policy: policy({ last: 1 }),
      filter: {},
      accepted: { clock: true, flood: true },
      rememberedMs: undefined,
    },
    dryRun: false,
    catalog: NO_CATALOG,
  })
}

/** Brings back whatever is on offer, as whoever goes on with what was interrupted. */
async function undeleteIn({ repository, clock }: World): Promise<unknown> {
  const options = { ...quiet, repository, clock }
  const { offered } = await loadUndeletable(options)
  return undelete({ ...options, wanted: offered.map(({ id }) => id) })
}

function checkIn(repository: Repository): Promise<CheckResult> {
  return check({ ...quiet, repository, mode: 'structure', workers: 1 })
}

async function listed(store: Store, folder: string): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of store.list(folder)) names.push(name)
  return names
}

/** The stages of one life, in its order: three snapshots, of which the first goes. */
export async function stagesOfALife(): Promise<readonly Stage[]> {
  const siege = await Siege.begin()
  const { store } = siege
  const owner = await upkeepOf(siege)
  const ids = [await siege.save(['a', 'b', 'c']), await siege.save(['c', 'd'])]
  ids.push(await siege.save(['d', 'e']))
  const [one, two, three] = ids as [string, string, string]
  const world = () => ({ repository: owner, clock: { ...siege.clock, forwardMs: 0 } })
  const faultsBeside = (kept: readonly string[], had: readonly string[]) => (later: World) =>
    faultsIn(siege, later, { kept, had })
  const stage = async (name: string, rest: Pick<Stage, 'act' | 'isDone' | 'faults'>) => {
    const { nowMs } = siege
    return {
      name,
      nowMs,
      owner,
      reader: siege.owner,
      objects: await objectsIn(store),
      ...rest,
    } satisfies Stage
  }
  siege.nowMs += HOUR_MS
  const forgetting = await stage('forget', {
    act: forgetIn,
    isDone: async ({ repository }) =>
      (await listed(repository.store, 'snapshots/')).join() === `snapshots/${three}` &&
      (await listed(repository.store, 'receipts/')).length === 1,
    faults: faultsBeside([three], [one, two]),
  })
  await forgetIn(world())
  const undeleting = await stage('undelete', {
    act: undeleteIn,
    isDone: async ({ repository }) => {
      const { snapshots } = await loadSnapshots(repository)
      return snapshots.filter(({ confirmed }) => confirmed).length === 3
    },
    faults: faultsBeside([three], [one, two]),
  })
  siege.nowMs += 8 * DAY_MS
  const marking = await stage('prune that marks', {
    act: pruneIn,
    isDone: async ({ repository }) => (await listed(repository.store, 'marks/')).length > 0,
    faults: faultsBeside([three], []),
  })
  await pruneIn(world())
  // Of another pruner, who saw less: what is needed has to be moved.
  await markAllPacks(owner)
  const marked = new Set([...(await listed(store, 'packs/')), ...(await listed(store, 'marks/'))])
  siege.nowMs += DAY_MS + HOUR_MS
  const sweeping = await stage('prune that sweeps', {
    act: pruneIn,
    isDone: async ({ repository }) =>
      (await listed(repository.store, '')).every((name) => !marked.has(name)),
    faults: faultsBeside([three], []),
  })
  return [forgetting, undeleting, marking, sweeping]
}

/** No key that reads: deleting and checking the structure need none. */
async function upkeepOf({ owner, store, clock }: Siege): Promise<Repository> {
  const key = newSecret()
  const grant = { ...key, label: 'upkeep', role: 'upkeep' as const, random: systemRandom, clock }
  await addGrant(owner, grant)
  return openRepository(store, key)
}

async function markAllPacks(repository: Repository): Promise<void> {
  const [domain] = repository.domains
  if (domain === undefined) throw new Error('no domain')
  const packs = await listed(repository.store, 'packs/')
  const mark = { packs: packs.map((name) => digestInName(name) as Bytes), snapshots: [] }
  const signatory = upkeepSignatory(repository, domain)
  await putMark(repository, { domain, signatory, mark: { ...mark, markedMs: 1 } })
}

/** Of `kept` all must be listed; of `had` all that is not must be on offer. */
async function faultsIn(
  siege: Siege,
  { repository, clock }: World,
  { kept, had }: { readonly kept: readonly string[]; readonly had: readonly string[] },
): Promise<readonly string[]> {
  const { store } = repository
  const { problems } = await checkIn(repository)
  const faults = problems
    .filter(({ what }) => !what.startsWith('it is marked'))
    .map(({ kind, object, what }) => `${kind} ${object} ${what}`)
  for (const name of await listed(store, ''))
    if (digestInName(name) !== undefined) await getVerified(store, name)
  const there = new Set((await listed(store, 'snapshots/')).map((name) => name.slice(10)))
  const { undeletable } = await loadUndeletable({ ...quiet, repository, clock })
  const offered = new Set(undeletable.map(({ id }) => id))
  faults.push(...had.filter((id) => !there.has(id) && !offered.has(id)).map((id) => `gone ${id}`))
  const whole = [...kept, ...had.filter((id) => there.has(id))]
  faults.push(...(await siege.lost(whole, store)).map((id) => `lost ${id}`))
  return faults
}
