// `cairn forget`: tells the plan, then does it. What it refuses it tells, does the rest, and exits with 3.

import { hostname } from 'node:os'
import { CairnError, messageOf } from '../../base/errors.ts'
import type { Duration, Period } from '../../engine/forget/periods.ts'
import { goingIn, isRefusing } from '../../engine/forget/plan.ts'
import { hasRule, type Policy } from '../../engine/forget/policy.ts'
import { type ForgetResult, type Forgetting, forget } from '../../engine/forget.ts'
import { selectSnapshot } from '../../engine/select-snapshot.ts'
import { aboutObject, isNobodys, type ObjectProblem } from '../../repository/object-problem.ts'
import { loadOrigins } from '../../repository/origins.ts'
import type { Repository } from '../../repository/repository.ts'
import { catalogIn } from '../catalog-file.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { showPlan } from '../forget-text.ts'
import { expectHolds } from '../known-holds.ts'
import { type KnownList, noticeMissing } from '../newest-known.ts'
import { openConfigured } from '../open-repository.ts'
import { loadState, rememberStoreTime } from '../repository-state.ts'
import { formatNumber } from '../sizes.ts'
import { warnOfSkipped } from '../skipped-objects.ts'
import { filterOf, type SnapshotFlags } from '../snapshot-options.ts'
import { closedText, shortId } from '../snapshot-text.ts'
import { withUpkeep } from '../upkeep.ts'
import { pruneRepository } from './prune.ts'

type CountFlags = { readonly [P in Period as `keep${Capitalize<P>}`]?: number }
type WithinFlags = { readonly [P in Period as `keepWithin${Capitalize<P>}`]?: Duration }

export interface ForgetFlags extends Omit<SnapshotFlags, 'at'>, CountFlags, WithinFlags {
  readonly keepLast?: number
  readonly keepWithin?: Duration
  readonly keepTag?: readonly string[]
  readonly min?: number
  readonly dryRun?: boolean
  readonly prune?: boolean
  readonly acceptClock?: boolean
  readonly acceptFlood?: boolean
}

type Flags = ForgetFlags & { readonly snapshots: readonly string[] }

export async function forgetAction(context: Context, flags: Flags): Promise<ExitCode | undefined> {
  const policy = policyOf(flags)
  checkFlags(flags, policy)
  const { repository, cacheFolder } = await openConfigured(context)
  const { dryRun = false } = flags
  return withUpkeep(context, { repository, dryRun }, (upkept) =>
    forgetIn(context, { repository: upkept, cacheFolder, flags, policy }),
  )
}

interface Forget {
  readonly repository: Repository
  readonly cacheFolder: string
  readonly flags: Flags
  readonly policy: Policy
}

async function forgetIn(
  context: Context,
  { repository, cacheFolder, flags, policy }: Forget,
): Promise<ExitCode | undefined> {
  const { output, clock, random } = context
  const { address } = repository.store
  const { dryRun = false, acceptClock = false } = flags
  await expectHolds(context, repository)
  let problems = 0
  const skipped: ObjectProblem[] = []
  const result = await forget({
    repository,
    forgetting: forgettingOf(context, { flags, policy, repository }),
    dryRun,
    host: hostname(),
    clock,
    random,
    onProblem: (problem) => {
      const { name, error } = problem
      // Whoever may put objects must not make every run of the owner fail.
      if (isNobodys(problem)) {
        skipped.push(problem)
        return
      }
      problems++
      const text = `${aboutObject(problem).message}. It is left as it is`
      output.problem(text, { object: name, what: error.message })
    },
    onPlan: (plan, details) => showPlan({ output, details }, plan, { asked: dryRun }),
    catalog: catalogIn(context, cacheFolder),
    onForgotten: ({ id }) => output.detail(`Forgot ${shortId(id)}`),
    onWarning: (error) => output.warning('lease', messageOf(error)),
  }).finally(() => warnOfSkipped(output, skipped))
  const missing = await noticeMissing(context, repository, result)
  if (missing.length === 0 && result.forgotten.length > 0)
    await noticeMissing(context, repository, withoutForgotten(result))
  // What was refused must be refused again.
  if (!dryRun && result.plan.refusals.length === 0) {
    const wentBack = acceptClock
    rememberStoreTime(context, { address, storeMs: result.storeMs, wentBack })
  }
  report(context, { result, dryRun })
  await tellCopy(context, { repository, result })
  const pruned =
    flags.prune === true
      ? await pruneRepository(context, {
          repository,
          cacheFolder,
          flags: { dryRun, acceptClock },
          seen: { list: result, missing },
        })
      : undefined
  output.event({
    event: 'result',
    ...countsOf(result, { dryRun, problems }),
    ...(pruned && { prune: pruned.counts }),
  })
  if (problems > 0) return EXIT.failed
  return isIncomplete(result) ? EXIT.incomplete : pruned?.code
}

/** Who uses it as the repository, because that is no more, would wonder why no copy goes by what is forgotten. */
async function tellCopy(
  { output }: Context,
  { repository, result }: { readonly repository: Repository; readonly result: ForgetResult },
): Promise<void> {
  if (result.forgotten.length === 0) return
  const at = { nowMs: result.storeMs, isAlone: false }
  const { newest } = await loadOrigins(repository.store, at)
  if (newest !== undefined && !newest.isOfCopy) output.note(OF_A_COPY)
}

const OF_A_COPY =
  'This is a copy, and no other copy goes by what is forgotten here. If it is the repository now: `cairn prune --alone`.'

/** So that this machine does not miss what it has just forgotten. */
function withoutForgotten({ snapshots, problems, forgotten }: ForgetResult): KnownList {
  const gone = new Set(forgotten.flatMap(({ lineage }) => lineage.members.map(({ id }) => id)))
  return { snapshots: snapshots.filter(({ id }) => !gone.has(id)), problems }
}

function isIncomplete({ plan, spared, contested }: ForgetResult): boolean {
  return isRefusing(plan) || spared.length > 0 || contested.length > 0
}

function policyOf(flags: Flags): Policy {
  const { keepTag = [], min = 1 } = flags
  return {
    last: flags.keepLast,
    counts: withoutUndefined({
      hourly: flags.keepHourly,
      daily: flags.keepDaily,
      weekly: flags.keepWeekly,
      monthly: flags.keepMonthly,
      yearly: flags.keepYearly,
    }),
    within: flags.keepWithin,
    withins: withoutUndefined({
      hourly: flags.keepWithinHourly,
      daily: flags.keepWithinDaily,
      weekly: flags.keepWithinWeekly,
      monthly: flags.keepWithinMonthly,
      yearly: flags.keepWithinYearly,
    }),
    tags: keepTag.map((tags) => tags.split(',')),
    minimum: min,
  }
}

function withoutUndefined<T>(
  values: Readonly<Record<Period, T | undefined>>,
): Readonly<Partial<Record<Period, T>>> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given)
}

/** Throws 'usage'. */
function checkFlags(flags: Flags, policy: Policy): void {
  if (policy.tags.some((tags) => tags.includes('')))
    throw new CairnError('usage', 'A tag of --keep-tag is empty')
  const isPolicy = hasRule(policy)
  if (flags.snapshots.length === 0) {
    if (isPolicy) return
    throw new CairnError(
      'usage',
      'Which snapshots? Give a policy, such as --keep-daily 7, or ids',
      {
        hint: 'Without a rule that keeps something, nothing is forgotten.',
      },
    )
  }
  const { host, source, path, tag, acceptClock, acceptFlood } = flags
  const others = {
    host,
    source,
    path,
    tag,
    'accept-clock': acceptClock,
    'accept-flood': acceptFlood,
  }
  const [other] = Object.entries(others).find(([, value]) => value !== undefined) ?? []
  const [what, which] = isPolicy
    ? ['A policy', 'a policy']
    : [`--${other ?? ''}`, `--${other ?? ''}`]
  if (!isPolicy && other === undefined) return
  throw new CairnError('usage', `${what} does not go with snapshots that are named`, {
    hint: `Leave out the ids, or ${which}.`,
  })
}

function forgettingOf(
  context: Context,
  {
    flags,
    policy,
    repository,
  }: { readonly flags: Flags; readonly policy: Policy; readonly repository: Repository },
): Forgetting {
  if (flags.snapshots.length > 0) {
    return {
      kind: 'ids',
      minimum: policy.minimum,
      select: (known) =>
        flags.snapshots.map((wanted) => selectSnapshot(known, { repository, wanted, filter: {} })),
    }
  }
  const { acceptClock: clock = false, acceptFlood: flood = false } = flags
  return {
    kind: 'policy',
    policy,
    filter: filterOf(flags),
    accepted: { clock, flood },
    rememberedMs: loadState(context, repository.store.address)?.storeTimeMs,
  }
}

function report(
  { output }: Context,
  { result, dryRun }: { readonly result: ForgetResult; readonly dryRun: boolean },
): void {
  const { plan, forgotten, spared, contested, closed } = result
  const decisions = plan.sources.flatMap((source) => source.decisions)
  const going = goingIn(plan).length
  for (const { id } of spared) {
    const text = `Snapshot ${shortId(id)} was held in the meantime, and stays`
    output.problem(text, { snapshot: id, what: 'it was held in the meantime' })
  }
  for (const { id } of contested) {
    const what = 'somebody else is forgetting others of its source, and too few would be left'
    output.problem(`Snapshot ${shortId(id)} stays: ${what}`, { snapshot: id, what })
  }
  if (contested.length > 0) output.note(CONTESTED_HINT)
  const stay = formatNumber(decisions.length - going, 'snapshot')
  if (decisions.length === 0) output.note('No snapshots fit.')
  else if (dryRun) output.note(`${stay} would stay, ${going} would be forgotten. Nothing was done.`)
  else output.summary(`${formatNumber(forgotten.length, 'snapshot')} forgotten`)
  if (forgotten.length > 0)
    output.note('They can be had back for seven days: `cairn undelete` lists them.')
  if (closed > 0) output.note(closedText(closed))
}

/** Also where the other one was interrupted. */
const CONTESTED_HINT =
  'Look at what is left (`cairn snapshots`) and forget again, with --min 0 if this is meant.'

function countsOf(
  { plan, forgotten, spared, contested, closed }: ForgetResult,
  { dryRun, problems }: { readonly dryRun: boolean; readonly problems: number },
): Readonly<Record<string, unknown>> {
  const decisions = plan.sources.flatMap((source) => source.decisions)
  const going = goingIn(plan).length
  const refused = plan.sources.filter(
    ({ refusals }) => refusals.length > 0 || plan.refusals.length > 0,
  ).length
  return {
    dryRun,
    sources: plan.sources.length,
    refused,
    kept: decisions.length - going,
    planned: going,
    forgotten: forgotten.map(({ id }) => id),
    held: spared.map(({ id }) => id),
    contested: contested.map(({ id }) => id),
    closed,
    problems,
  }
}
