// Prune: free what nobody needs, in two phases and with only the upkeep key (design, section 5). A run first
// sweeps the marks that are ripe, then marks what is dead now; in between days pass, in which whoever relied
// on marked packs notices. It takes no lock, reads no tree and no content, and may be ended at any point. Only
// where it is asked to split frames (`limits.compact`) does it open them, in between.

import type { Bytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import type { DomainAccess } from '../repository/access.ts'
import { putMark } from '../repository/marks.ts'
import type { ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { putUpkeepRecord } from '../repository/upkeep-records.ts'
import { upkeepSignatory } from '../repository/upkeep-signatory.ts'
import type { Random } from '../sealer/random.ts'
import { digestInName } from '../store/names.ts'
import { clockRefusals, type Refusal } from './forget/guards.ts'
import { type CompactResult, compact } from './prune/compact.ts'
import { Headers } from './prune/headers.ts'
import { mergeRecords } from './prune/merge-records.ts'
import { type DomainPlan, type PruneLimits, planDomain } from './prune/plan.ts'
import { type DomainSurvey, surveyOf, takeSurvey } from './prune/survey.ts'
import { type SweepResult, sweep } from './prune/sweep.ts'
import { removeReceiptsLeft, sayOpenly, withdrawForgets } from './prune/tidy-forgets.ts'
import { unlessFull } from './prune/unless-full.ts'
import { recordSightings } from './sightings.ts'
import { newestStampMs, takeUpkeepLease, type UpkeepLease } from './upkeep-lease.ts'

export interface PruneOptions {
  readonly repository: Repository
  readonly limits: PruneLimits
  readonly host: string
  readonly dryRun: boolean
  /** The latest that this machine has known the store's time to be. Where it is not given no clock is doubted. */
  readonly clocks?: { readonly rememberedMs: number | undefined }
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Told before anything happens. */
  readonly onPlan: (plan: PrunePlan) => void
  readonly onWarning: (error: unknown) => void
}

export interface PrunePlan {
  readonly domains: readonly DomainPlan[]
  readonly notes: readonly ObjectProblem[]
}

export interface PruneResult {
  readonly plan: PrunePlan
  readonly swept: readonly SweepResult[]
  /** Of domains in which frames were split. */
  readonly compacted: readonly CompactResult[]
  /** Names of the marks that were put. */
  readonly marks: readonly string[]
  /** What is wrong with clocks: then nothing was done. */
  readonly refusals: readonly Refusal[]
  /** By the store's clock. */
  readonly storeMs: number
}

/** Throws 'not-permitted' without the right, 'interrupted' between two steps, or what the store throws. */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  const { repository, clock, random, dryRun } = options
  const [first] = repository.domains
  if (first === undefined) throw new CairnError('not-permitted', 'This key holds no domain')
  for (const domain of repository.domains) expectRights(options, domain)
  const lease = await takeLease(options, first)
  try {
    const headers = new Headers(repository, options)
    const storeMs = await storeTime(options, lease)
    const plan = await planPrune(options, { nowMs: storeMs, headers })
    options.onPlan(plan)
    expectGoingOn(options)
    // On a full store nobody knows what time it is, and nothing seems older than it is.
    const refusals = lease === undefined ? [] : refusalsOf(options, { plan, storeMs })
    if (dryRun || refusals.length > 0)
      return { plan, swept: [], compacted: [], marks: [], refusals, storeMs }
    await writeDownSightings(repository, plan)
    const swept: SweepResult[] = []
    const { moveBytesMax } = options.limits
    const sweeping = { clock, random, moveBytesMax, signal: options.signal }
    for (const domain of plan.domains) {
      expectGoingOn(options)
      swept.push(await sweep(domain, { ...sweeping, sessionId: lease?.sessionId }))
    }
    const compacted = await compactAll(options, plan)
    // What was split is dead now, and can be marked.
    const now =
      compacted.length === 0
        ? plan
        : await planPrune(options, { nowMs: await storeTime(options, lease), headers })
    expectGoingOn(options)
    const marks = await markAll(now, { swept, clock })
    let isTidy = true
    for (const { survey } of plan.domains)
      isTidy = (await unlessFull(() => tidyRecords(survey, options))) === true && isTidy
    // Last: that it is a copy no more is not done before its records say so.
    for (const name of isTidy ? (plan.domains[0]?.survey.origins.past ?? []) : [])
      await repository.store.remove(name)
    return { plan: now, swept, compacted, marks, refusals, storeMs }
  } finally {
    await lease?.release()
  }
}

async function tidyRecords(
  survey: DomainSurvey,
  { limits: { windowMs, alone = false } }: Pick<PruneOptions, 'limits'>,
): Promise<true> {
  await removeReceiptsLeft(survey)
  const untrue = alone ? await sayOpenly(survey) : await withdrawForgets(survey)
  await mergeRecords(survey, { windowMs, untrue })
  return true
}

/** Between steps: each of them leaves what a kill may leave. What is marked together is. */
function expectGoingOn({ signal }: PruneOptions): void {
  if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
}

/** A clock that jumped ends every window and every grace at once. */
function refusalsOf(
  { clocks, clock }: PruneOptions,
  { plan, storeMs }: { readonly plan: PrunePlan; readonly storeMs: number },
): readonly Refusal[] {
  const [first] = plan.domains
  if (clocks === undefined || first === undefined) return []
  const { roots, sightings } = first.survey
  const stampsMs = [
    ...roots.snapshots.map(({ storedAtMs }) => storedAtMs),
    ...sightings.receivedMs.values(),
  ]
  return clockRefusals({ ...clocks, storeMs, machineMs: clock.nowMs() }, stampsMs)
}

function expectRights({ repository, limits }: PruneOptions, domain: DomainAccess): void {
  upkeepSignatory(repository, domain)
  if (limits.compact !== true || domain.canOpen) return
  throw new CairnError(
    'not-permitted',
    `Not permitted: this key cannot open what is stored in domain ${domain.label}, which --compact does`,
    { hint: 'Leave out --compact, or use a key of the owner.' },
  )
}

/** None where the store is full: who frees it must not need room for that. */
async function takeLease(
  options: PruneOptions,
  domain: DomainAccess,
): Promise<UpkeepLease | undefined> {
  const take = () => takeUpkeepLease({ ...options, domain }, { onlyReading: options.dryRun })
  // It is told: without a lease nobody knows what time it is, and what was marked last waits.
  return unlessFull(take, options.onWarning)
}

/**
 * By the store's clock. On a full store that is the newest stamp of anything that it has: too early by what has
 * passed since, so that everything seems younger than it is, and is spared. A stamp of a time to come says nothing.
 */
async function storeTime(
  { repository, clock }: PruneOptions,
  lease: UpkeepLease | undefined,
): Promise<number> {
  const nowMs = lease && (await unlessFull(() => lease.storeNowMs()))
  return nowMs ?? Math.min(await newestStampMs(repository.store), clock.nowMs())
}

async function compactAll(
  options: PruneOptions,
  { domains }: PrunePlan,
): Promise<readonly CompactResult[]> {
  const compacted: CompactResult[] = []
  for (const domain of domains)
    if (domain.compaction.frames.length > 0) compacted.push(await compact(domain, options))
  return compacted
}

/** What a run would do. Reads, and changes nothing. Headers that were read before are not read again. */
export async function planPrune(
  { repository, limits }: Pick<PruneOptions, 'repository' | 'limits'>,
  {
    nowMs,
    headers = new Headers(repository),
  }: { readonly nowMs: number; readonly headers?: Headers },
): Promise<PrunePlan> {
  const { windowMs, alone: isAlone = false } = limits
  const survey = await takeSurvey(repository, { nowMs, windowMs, headers, isAlone })
  const domains = repository.domains.map((domain) => planDomain(surveyOf(survey, domain), limits))
  return { domains, notes: survey.notes }
}

/** So that what is known of the age of snapshots survives this store. Not where it is full. */
async function writeDownSightings(repository: Repository, { domains }: PrunePlan): Promise<void> {
  const [first] = domains
  if (first === undefined) return
  const { roots, sightings } = first.survey
  const { snapshots } = roots
  await unlessFull(() => recordSightings(repository, { snapshots, sightings }))
}

/** Throws 'no-space', which says that what was marked before is gone, where there is no room for a mark. */
async function markAll(
  { domains }: PrunePlan,
  { swept, clock }: { readonly swept: readonly SweepResult[]; readonly clock: Clock },
): Promise<readonly string[]> {
  const marks: string[] = []
  try {
    for (const domain of domains) {
      marks.push(...(await mark(domain, clock)))
      await renew(domain, clock)
    }
    return marks
  } catch (error) {
    if (!isCairnError(error, 'no-space')) throw error
    const removed = swept.reduce((sum, { removedPacks }) => sum + removedPacks, 0)
    throw new CairnError('no-space', `Cannot mark what nobody needs: ${error.message}`, {
      hint: `${removed} packs that were marked before are deleted. Make room and run the same command again.`,
      context: { ...error.context, removedPacks: removed },
      cause: error,
    })
  }
}

/** Asks writers to store anew what they need of wasteful packs, where there is room; removes what is done. */
async function renew({ survey, renewal }: DomainPlan, clock: Clock): Promise<void> {
  const { repository, domain } = survey
  const packs = renewal.packs.map(({ name }) => digestInName(name) as Bytes).slice(0, NAMES_MAX)
  const record = { packs, renewedMs: clock.nowMs() }
  if (packs.length > 0)
    await unlessFull(() => putUpkeepRecord(repository, { kind: 'renewal', domain, record }))
  for (const name of renewal.done) await repository.store.remove(name)
}

/** So many names are in one mark at most: it must be one object. */
const NAMES_MAX = 100_000

/**
 * Puts marks of what is dead: one of packs, one of snapshots. One that spares a snapshot stays for good (step 16), and
 * what it names beside that could never be put again, which in a copy may be what the source still has. Returns names.
 */
async function mark(
  { survey, mark: { packs, snapshots } }: DomainPlan,
  clock: Clock,
): Promise<readonly string[]> {
  if (packs.length + snapshots.length === 0) return []
  const { repository, domain } = survey
  const named = [...packs.map(({ name }) => name), ...snapshots].slice(0, NAMES_MAX)
  const hashes = (folder: string) =>
    named.filter((name) => name.startsWith(folder)).map((name) => digestInName(name) as Bytes)
  const signatory = upkeepSignatory(repository, domain)
  const markedMs = clock.nowMs()
  const names: string[] = []
  for (const one of [
    { packs: hashes('packs/'), snapshots: [] },
    { packs: [], snapshots: hashes('snapshots/') },
  ]) {
    if (one.packs.length + one.snapshots.length === 0) continue
    names.push(await putMark(repository, { domain, signatory, mark: { ...one, markedMs } }))
  }
  return names
}
