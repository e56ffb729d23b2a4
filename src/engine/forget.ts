// Forgetting snapshots, by a policy or by their ids: what is forgotten is listed no longer, and what only it
// needs is deleted by a later prune. The plan is told before anything is done, and is all that a dry run
// makes. Old and new are told apart by the store's clock, never by anybody else's.

import type { Clock } from '../base/clock.ts'
import { isCairnError } from '../base/errors.ts'
import type { Details } from '../format/snapshot.ts'
import type { CatalogPlace } from '../repository/catalog.ts'
import { forEachInParallel, type ObjectProblem } from '../repository/object-problem.ts'
import { readObject } from '../repository/read-object.ts'
import { type Repository, selectDomain } from '../repository/repository.ts'
import {
  confirmationOf,
  openDetails,
  type Snapshot,
  type SnapshotFacts,
  type SnapshotList,
} from '../repository/snapshots.ts'
import { upkeepSignatory } from '../repository/upkeep-signatory.ts'
import type { Random } from '../sealer/random.ts'
import { type Executed, executeForget } from './forget/execute.ts'
import type { Accepted } from './forget/guards.ts'
import { type ForgetPlan, goingIn, planForget, planIds } from './forget/plan.ts'
import type { Policy } from './forget/policy.ts'
import { type Retained, type Survey, stampsOf, survey } from './forget/survey.ts'
import type { SnapshotFilter } from './select-snapshot.ts'
import { writeDownSightings } from './sight.ts'
import { takeUpkeepLease } from './upkeep-lease.ts'

const PARALLEL = 16

/** What is to be forgotten. */
export type Forgetting =
  | {
      readonly kind: 'policy'
      readonly policy: Policy
      /** Which snapshots it is for; the others stay. */
      readonly filter: SnapshotFilter
      readonly accepted: Accepted
      /** The latest that this machine has known the store's time to be. */
      readonly rememberedMs: number | undefined
    }
  | {
      readonly kind: 'ids'
      readonly select: (known: SnapshotList) => readonly Snapshot[]
      /** So many complete ones must be left of each source. */
      readonly minimum: number
    }

export interface ForgetOptions {
  readonly repository: Repository
  readonly forgetting: Forgetting
  readonly dryRun: boolean
  readonly host: string
  readonly clock: Clock
  readonly random: Random
  /** Told of what cannot be read, and is neither counted nor forgotten. */
  readonly onProblem: (problem: ObjectProblem) => void
  /** Told before anything is done, with what the newest snapshot of each source says, as far as it opens. */
  readonly onPlan: (plan: ForgetPlan<Retained>, details: ReadonlyMap<string, Details>) => void
  /** What this machine knows already. */
  readonly catalog: CatalogPlace
  readonly onForgotten: (retained: Retained) => void
  /** What the lease tells when it cannot be renewed. */
  readonly onWarning: (error: unknown) => void
}

export interface ForgetResult extends Executed {
  readonly plan: ForgetPlan<Retained>
  /** By the store's clock, when the plan was made. */
  readonly storeMs: number
  /** How many there are of domains that the key does not hold: the plan is not about these. */
  readonly closed: number
  /** All that there were, also what others stand for. */
  readonly snapshots: readonly SnapshotFacts[]
  /** See onProblem. */
  readonly problems: readonly ObjectProblem[]
}

/**
 * Forgets. Throws 'not-permitted' without the right, as survey does, and what the store throws; then the plan
 * is done in part, and the same command goes on with it.
 */
export async function forget(options: ForgetOptions): Promise<ForgetResult> {
  const { repository, dryRun } = options
  for (const domain of repository.domains) upkeepSignatory(repository, domain)
  const domain = selectDomain(repository)
  const lease = await takeUpkeepLease({ ...options, domain }, { onlyReading: dryRun })
  try {
    const storeMs = await lease.storeNowMs()
    const { found, plan } = await planFor({ ...options, storeMs })
    for (const problem of found.problems) options.onProblem(problem)
    // A time that is wrong would be for ever.
    if (!dryRun && plan.refusals.length === 0) await writeDownSightings(repository, found)
    options.onPlan(plan, await detailsIn(repository, plan))
    const going = dryRun ? [] : goingIn(plan)
    const storeNowMs = () => lease.storeNowMs()
    const minimum = minimumOf(options.forgetting)
    const execution = { ...options, survey: found, going, minimum, storeNowMs }
    const done = dryRun ? NOTHING_DONE : await executeForget(execution)
    const { snapshots, closed } = found.known
    const { problems } = found
    return { plan, ...done, storeMs, closed: closed.length, snapshots, problems }
  } finally {
    await lease.release()
  }
}

const NOTHING_DONE: Executed = { forgotten: [], spared: [], contested: [] }

/** No policy leaves nothing of a source. */
function minimumOf(forgetting: Forgetting): number {
  return forgetting.kind === 'ids' ? forgetting.minimum : Math.max(1, forgetting.policy.minimum)
}

/** By source. A snapshot whose details do not open is forgotten all the same, without its name. */
async function detailsIn(
  repository: Repository,
  { sources }: ForgetPlan<Retained>,
): Promise<ReadonlyMap<string, Details>> {
  const found = new Map<string, Details>()
  await forEachInParallel(sources, PARALLEL, async ({ source, decisions }) => {
    const shown = decisions[0]?.candidate.lineage.shown
    if (shown?.domain.canOpen !== true) return
    try {
      const object = await readObject(repository.store, shown.name)
      found.set(source, openDetails(repository, { ...shown, object }))
    } catch (error) {
      if (!isCairnError(error)) throw error
    }
  })
  return found
}

interface Planned {
  readonly found: Survey
  readonly plan: ForgetPlan<Retained>
}

type Planning = ForgetOptions & { readonly storeMs: number }

/**
 * What this machine knows of what stays may be damaged in the store by now: nothing goes for it then, and all is
 * planned again by what the store gives out.
 */
async function planFor(options: Planning): Promise<Planned> {
  const planned = await planBy(options)
  if (await isReadable(options.repository, stayingIn(planned))) return planned
  const { catalog } = options
  return planBy({ ...options, catalog: { ...catalog, read: () => undefined } })
}

async function planBy(options: Planning): Promise<Planned> {
  const { repository, forgetting, catalog } = options
  const needsTags = forgetting.kind === 'policy' && forgetting.policy.tags.length > 0
  const found = await survey(repository, { choice: forgetting, needsTags, catalog })
  return { found, plan: planOf(found, options) }
}

/** Names of what stays of the sources of which something goes, with the receipts. */
function stayingIn({ found: { retained, known }, plan }: Planned): readonly string[] {
  const going = new Set(goingIn(plan))
  const sources = new Set([...going].map(({ source }) => source))
  const staying = retained.filter((one) => sources.has(one.source) && !going.has(one))
  const members = staying.flatMap(({ lineage }) => lineage.members)
  return members.flatMap((one) => [one.name, ...(known.receipts.get(confirmationOf(one)) ?? [])])
}

async function isReadable({ store }: Repository, names: readonly string[]): Promise<boolean> {
  let isAnyUnread = false
  await forEachInParallel(names, PARALLEL, async (name) => {
    try {
      if (!isAnyUnread) await readObject(store, name)
    } catch (error) {
      if (!isCairnError(error)) throw error
      isAnyUnread = true
    }
  })
  return !isAnyUnread
}

function planOf(found: Survey, { forgetting, clock, storeMs }: Planning): ForgetPlan<Retained> {
  const { retained } = found
  if (forgetting.kind === 'ids') return planIds(retained, forgetting)
  const { policy, accepted, rememberedMs } = forgetting
  const clocks = { storeMs, machineMs: clock.nowMs(), rememberedMs }
  return planForget(retained, { policy, clocks, stampsMs: stampsOf(found), accepted })
}
