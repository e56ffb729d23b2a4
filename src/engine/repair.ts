// Repair: make a damaged repository whole again as far as that can be done (LESSONS, 1 and 5). It only adds: what
// is damaged is put into quarantine as it was found before it goes. It finds what check finds, saves whole
// frames, names packs in the index anew, and takes from a copy what is damaged or missing here. What stays lost
// is told, and given up only where somebody says so.

import { type Bytes, toHex } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { CairnError } from '../base/errors.ts'
import { SESSION_ID_BYTES } from '../format/snapshot.ts'
import type { DomainAccess } from '../repository/access.ts'
import { HeldLease } from '../repository/lease.ts'
import type { Repository } from '../repository/repository.ts'
import { isOtherAtUpkeep } from '../repository/sessions.ts'
import { upkeepSignatory } from '../repository/upkeep-signatory.ts'
import type { Random } from '../sealer/random.ts'
import { digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import type { KnownSnapshot } from './check/history.ts'
import type { CheckProblem } from './check/problems.ts'
import { type CheckProgress, type CheckResult, check } from './check.ts'
import { Headers } from './prune/headers.ts'
import { listingLagMs } from './prune/timing.ts'
import { executeRepair, markLost, takeAway } from './repair/execute.ts'
import { openCopy } from './repair/good-copies.ts'
import { type Inspection, inspect } from './repair/inspect.ts'
import { planRepair, type RepairPlan } from './repair/plan.ts'
import { isIdle } from './repair/steps.ts'

export interface RepairOptions {
  readonly repository: Repository
  /** Where a copy of the repository is. */
  readonly from: Store | undefined
  /** Snapshots that were known to count: see check. */
  readonly known?: readonly KnownSnapshot[]
  /** Whether all that is stored is read to find what is damaged. */
  readonly readData: boolean
  readonly markLost: boolean
  /** Names of objects of another version, or of somebody else, that are to go into quarantine. */
  readonly setAside: readonly string[]
  readonly dryRun: boolean
  readonly host: string
  readonly workers: number
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly onProgress: (progress: CheckProgress) => void
  readonly onProblem: (problem: CheckProblem) => void
  /** Told before anything happens. */
  readonly onPlan: (plan: RepairPlan) => void
  readonly onStep: (object: string) => void
  readonly onWarning: (error: unknown) => void
}

export interface RepairResult {
  readonly plan: RepairPlan
  readonly before: CheckResult
  /** What is still wrong; of a dry run what it was before. */
  readonly after: CheckResult
}

/** Throws 'not-permitted' without the rights, 'object-foreign' for another repository, or what stores throw. */
export async function repair(options: RepairOptions): Promise<RepairResult> {
  const { repository, from, dryRun, random } = options
  const domain = expectRights(repository)
  const copy = from && (await openCopy(repository, from))
  const before = await checkNow(options)
  const headers = new Headers(repository)
  if (dryRun) {
    const at = { copy, before, headers, nowMs: options.clock.nowMs() }
    const plan = await planNow(options, at)
    options.onPlan(plan)
    return { plan, before, after: before }
  }
  const sessionId = random(SESSION_ID_BYTES)
  const held = { ...options, domain, sessionId, purpose: 'repair' as const }
  const lease = await HeldLease.take({ ...held, onProblem: options.onWarning })
  try {
    const at = { nowMs: await lease.storeNowMs(), sessionId }
    const plan = await planNow(options, { copy, before, headers, ...at })
    options.onPlan(plan)
    await guarded(held, { plan, act: () => executeRepair(plan, { ...options, headers }) })
    const isGivenUp = options.markLost && (await giveUp(options, { plan, ...at }))
    const isChanged = isGivenUp || !isIdle(plan)
    return { plan, before, after: isChanged ? await checkNow(options) : before }
  } finally {
    await lease.release()
  }
}

/**
 * With a lease in each other domain that something is stored in: who prunes spares what is stored in its domain since a
 * session there began.
 */
async function guarded(
  held: RepairOptions & { readonly domain: DomainAccess },
  { plan, act }: { readonly plan: RepairPlan; readonly act: () => Promise<void> },
): Promise<void> {
  const { domain: first, random, onWarning: onProblem } = held
  const others = plan.domains.filter(({ domain, taken }) => domain !== first && taken.length > 0)
  const leases: HeldLease[] = []
  try {
    for (const { domain } of others) {
      const sessionId = random(SESSION_ID_BYTES)
      const lease = { ...held, domain, sessionId, purpose: 'repair' as const, onProblem }
      leases.push(await HeldLease.take(lease))
    }
    await act()
  } finally {
    for (const lease of leases) await lease.release()
  }
}

/** The domain that leases are put in. */
function expectRights(repository: Repository): DomainAccess {
  for (const domain of repository.domains) upkeepSignatory(repository, domain)
  const [first] = repository.domains
  if (first !== undefined) return first
  throw new CairnError('not-permitted', 'Not permitted: this key holds no domain')
}

function checkNow(options: RepairOptions): Promise<CheckResult> {
  const mode = options.readData ? 'read-data' : 'structure'
  return check({ ...options, mode })
}

interface Planning extends PlanningAt {
  readonly copy: Repository | undefined
  readonly before: CheckResult
  readonly headers: Headers
}

interface PlanningAt {
  /** By the store's clock, where nothing less will do. */
  readonly nowMs: number
  /** Of our own lease. */
  readonly sessionId?: Bytes
}

async function planNow(
  { repository, markLost: isMarking, setAside: asked }: RepairOptions,
  { copy, before: { problems }, headers, ...at }: Planning,
): Promise<RepairPlan> {
  const setAside = new Set(asked)
  const inspection = await inspect({ repository, copy, problems, headers, nowMs: at.nowMs })
  await expectUnknown(repository, { asked, inspection })
  const isPruning = await isOtherAtUpkeep(repository, { own: at.sessionId, nowMs: at.nowMs })
  return planRepair(inspection, { markLost: isMarking, setAside, isPruning })
}

/** What is known is not set aside because somebody says so. What is gone already was, by a run before. */
async function expectUnknown(
  { store }: Repository,
  { asked, inspection }: { readonly asked: readonly string[]; readonly inspection: Inspection },
): Promise<void> {
  const objects = inspection.objects.filter(({ state }) => state === 'unknown')
  const packs = inspection.packs.filter(({ isUnknown = false }) => isUnknown)
  const unknown = new Set([...objects, ...packs].map(({ name }) => name))
  for (const name of asked) {
    if (unknown.has(name) || (await store.stat(name)) === undefined) continue
    const what = `Cannot set ${name} aside: it is damaged, or what this version and key know`
    throw new CairnError('usage', what, {
      hint: 'A repair without `--set-aside` says what there is to be done.',
    })
  }
}

/**
 * Says that what is lost is lost, where it still is: looked at once more when what was put shows in every
 * listing, because what is only not listed yet is not lost; nor is what a pack may hold that cannot be read now.
 * Returns whether anything was said.
 */
async function giveUp(
  options: RepairOptions,
  { plan, ...at }: PlanningAt & { readonly plan: RepairPlan },
): Promise<boolean> {
  const { repository, clock } = options
  const gone = new Set([...plan.lostSnapshots, ...plan.removed.map(({ name }) => name)])
  const isNothingLost = plan.domains.every(({ lost }) => lost.length === 0)
  if (isNothingLost && ![...gone].some((name) => name.startsWith('snapshots/'))) return false
  const lagMs = listingLagMs(repository.store.capabilities)
  if (lagMs > 0) await clock.sleep(lagMs)
  const before = await checkNow({ ...options, onProblem: () => undefined })
  const headers = new Headers(repository)
  const now = await planNow(options, { copy: undefined, before, headers, ...at })
  if (now.unsure.length > 0) return false
  // Of which domain a snapshot was that is gone nobody can tell.
  const snapshots = now.lostSnapshots.filter((name) => gone.has(name))
  const ids = snapshots.map((name) => toHex(digestInName(name) as Bytes))
  let isSaid = false
  for (const { domain, lost } of now.domains) {
    const planned = plan.domains.find((one) => one.domain === domain)?.lost ?? []
    const still = [...lost.filter((hex) => planned.includes(hex)), ...ids]
    if (still.length > 0) await markLost(repository, { domain, lost: still, clock })
    isSaid ||= still.length > 0
  }
  // They would tell of it for ever.
  const orphans = now.orphans.filter(({ snapshot }) => snapshots.includes(snapshot))
  for (const { name } of orphans) await takeAway(name, options)
  return isSaid
}
