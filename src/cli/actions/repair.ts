// `cairn repair`: from the command line to the engine; its plan, what it did and what is left.

import { hostname } from 'node:os'
import { CairnError, isCairnError, messageOf } from '../../base/errors.ts'
import type { CheckProblem } from '../../engine/check/problems.ts'
import { putBackOf, type RepairPlan } from '../../engine/repair/plan.ts'
import { isIdle, type RepairStep, stepsOf } from '../../engine/repair/steps.ts'
import { type RepairOptions, type RepairResult, repair } from '../../engine/repair.ts'
import type { Store } from '../../store/store.ts'
import { showCheckProgress, tellProblems } from '../check-text.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { fewOfEach, folderOf } from '../few-of-each.ts'
import { missingHolds } from '../known-holds.ts'
import { newestKnown } from '../newest-known.ts'
import { openForRepair } from '../open-for-repair.ts'
import { workersFor } from '../option-values.ts'
import type { Output } from '../output.ts'
import { Progress } from '../progress.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import { closedText, shortId } from '../snapshot-text.ts'
import { isSameStore, storeAt } from '../store.ts'
import { formatDuration } from '../times.ts'
import { withUpkeep } from '../upkeep.ts'

export interface RepairFlags {
  readonly from?: string
  readonly readData?: boolean
  readonly markLost?: boolean
  readonly setAside?: readonly string[]
  readonly dryRun?: boolean
  readonly workers?: number
}

export async function repairAction(
  context: Context,
  flags: RepairFlags,
): Promise<ExitCode | undefined> {
  const { output, clock, random, interruption } = context
  const { from, readData = false, markLost = false, setAside = [], dryRun = false } = flags
  const copy = from === undefined ? undefined : storeAt(context, { address: from })
  expectTwo(storeAt(context, { address: context.settings.address }), copy)
  const repository = await openForRepair(context, { from, setAside: dryRun ? [] : setAside })
  const progress = new Progress(context)
  const options: Omit<RepairOptions, 'repository'> = {
    from: copy,
    known: newestKnown(context, repository),
    readData,
    markLost,
    setAside,
    dryRun,
    host: hostname(),
    workers: workersFor({ ...flags, memory: 'normal' }),
    clock,
    random,
    signal: interruption.signal,
    onProgress: (so) => showCheckProgress(progress, so),
    onProblem: ({ object, what }) => output.detail(`${object}: ${what}`),
    onPlan: (plan) => {
      progress.end()
      tellPlan(context, { plan, dryRun })
    },
    onStep: (object) => output.detail(object),
    onWarning: (error) => output.warning('store', messageOf(error)),
  }
  const done = await withUpkeep(context, { repository, dryRun }, (upkept) =>
    run({ ...options, repository: upkept }),
  ).finally(() => progress.end())
  const result = withHolds(done, await missingHolds(context, repository))
  tell(context, { result, flags, address: repository.store.address, elapsedMs: progress.elapsedMs })
  return result.after.problemCount > 0 ? EXIT.failed : undefined
}

/** What a check on this machine would tell too. */
function withHolds(done: RepairResult, missing: readonly CheckProblem[]): RepairResult {
  const { problems, problemCount } = done.after
  const after = {
    ...done.after,
    problems: [...problems, ...missing],
    problemCount: problemCount + missing.length,
  }
  return { ...done, after }
}

function expectTwo(damaged: Store, copy: Store | undefined): void {
  if (copy === undefined || !isSameStore(damaged, copy)) return
  const what = `Cannot repair ${damaged.address} from ${copy.address}: that is the same place`
  throw new CairnError('usage', what, { hint: '`--from` names a copy of it.' })
}

async function run(options: RepairOptions): Promise<RepairResult> {
  try {
    return await repair(options)
  } catch (error) {
    if (!isCairnError(error, 'interrupted')) throw error
    throw new CairnError('interrupted', 'Interrupted: the next repair goes on', { cause: error })
  }
}

function tellPlan(
  { output }: Context,
  { plan, dryRun }: { readonly plan: RepairPlan; readonly dryRun: boolean },
): void {
  const steps = stepsOf(plan)
  if (!isIdle(plan)) output.summary(dryRun ? 'A repair would:' : 'The repair:')
  for (const step of steps) output.event({ event: 'item', ...step })
  const { named, more } = fewOfEach(output, steps, foldedKind)
  for (const step of named) tellStep(output, step, textOf(step))
  for (const { count, example } of more) tellStep(output, example, moreText(example, count))
}

function tellStep(output: Output, { action }: RepairStep, text: string): void {
  const isTold = ['leave', 'lost', 'lost-snapshot'].includes(action)
  if (isTold) output.note(text)
  else output.summary(`  ${text}`)
}

/** Of what may be there by the thousand. */
const FOLDED = {
  'put-back': 'put back',
  quarantine: 'put into quarantine',
  leave: 'Left alone',
  'lost-snapshot': 'Lost',
}

function foldedKind(step: RepairStep): string | undefined {
  return step.action in FOLDED && 'object' in step && !step.object.startsWith('packs/')
    ? `${step.action} ${folderOf(step.object) ?? ''}`
    : undefined
}

function moreText(step: RepairStep, count: number): string {
  const { action, object } = step as RepairStep & { action: keyof typeof FOLDED; object: string }
  const what = `${formatNumber(count, 'more object')} in ${folderOf(object) ?? ''}`
  const isTold = action === 'leave' || action === 'lost-snapshot'
  return `${FOLDED[action]}${isTold ? ':' : ''} ${what} (--verbose lists all)`
}

function textOf(step: RepairStep): string {
  switch (step.action) {
    case 'save':
      return `save ${framesText(step)} of ${step.object}, which is damaged`
    case 'fetch':
      return `fetch ${framesText(step)} of ${step.object} from the copy`
    case 'move':
      return `move ${framesText(step)} of ${step.object}, which is about to be deleted`
    case 'put-back':
      return `put back ${step.object} from the copy`
    case 'index':
      return `name ${formatNumber(step.packs, 'pack')} in the index`
    case 'quarantine':
      return `put ${step.object} into quarantine: ${step.why}`
    case 'confirm':
      return `confirm ${step.object}, of which everything is there`
    case 'leave':
      return `Left alone: ${step.object}: ${step.why}`
    case 'lost-snapshot':
      return `Lost: ${step.object}, which nobody forgot, can be had from nowhere`
    case 'lost':
      return `Lost: ${formatNumber(step.blobs, 'blob')} that snapshots need can be had from nowhere`
  }
}

function framesText({ frames, bytes }: { frames: number; bytes: number }): string {
  return `${formatNumber(frames, 'frame')} (${formatBytes(bytes)})`
}

interface Done {
  readonly result: RepairResult
  readonly flags: RepairFlags
  readonly address: string
  readonly elapsedMs: number
}

function tell({ output }: Context, { result, flags, address, elapsedMs }: Done): void {
  const { plan, before, after } = result
  tellProblems(output, after.problems)
  output.summary(`${verdict(result, flags)} ${address}, in ${formatDuration(elapsedMs)}`)
  if (after.closed > 0) output.note(closedText(after.closed))
  for (const hint of hintsFor(result, flags)) output.note(hint)
  const newest = plan.overtaken.at(-1)
  if (newest !== undefined) output.note(overtakenText(newest))
  const frames = plan.domains.flatMap(({ taken }) => taken)
  const { packs, removed, confirmed, left, lostSnapshots, domains } = plan
  const putBack = putBackOf(plan)
  output.event({
    event: 'result',
    dryRun: flags.dryRun === true,
    problemsBefore: before.problemCount,
    problems: after.problemCount,
    closed: after.closed,
    frames: frames.reduce((sum, taken) => sum + taken.frames.length, 0),
    putBack: putBack.length,
    quarantined: packs.length + removed.length + putBack.filter((one) => one.isDamaged).length,
    indexed: domains.reduce((sum, { unnamed }) => sum + unnamed.length, 0),
    confirmed: confirmed.length,
    left: left.length,
    lost: domains.reduce((sum, { lost }) => sum + lost.length, 0),
    lostSnapshots: lostSnapshots.length,
    durationMs: Math.round(elapsedMs),
  })
}

function verdict({ plan, after }: RepairResult, { dryRun = false }: RepairFlags): string {
  if (after.problemCount === 0) {
    return isIdle(plan) || dryRun ? 'No problems found in' : 'Everything is whole in'
  }
  const problems = formatNumber(after.problemCount, 'problem')
  if (dryRun) return `${problems} found (listed above) in`
  return `${problems} left (listed above) in`
}

function hintsFor(
  { plan, after }: RepairResult,
  { from, markLost = false, readData = false, dryRun: isDry = false }: RepairFlags,
): readonly string[] {
  if (after.problemCount === 0) {
    return readData ? [] : ['The data itself was not read: --read-data finds more.']
  }
  const isLost = plan.lostSnapshots.length > 0 || plan.domains.some(({ lost }) => lost.length > 0)
  const hasKeys = plan.left.some(
    ({ name, why }) => name.startsWith('keys/') && why.includes('--mark-lost'),
  )
  const isMarked = after.problems.some(({ kind }) => kind === 'lost')
  return [
    ...(isIdle(plan) || isDry ? [] : [AGAIN]),
    ...(from === undefined ? ['Is there a copy of the repository? Name it with --from.'] : []),
    ...(isLost && markLost && plan.unsure.length > 0 ? [`${UNSURE}${plan.unsure.join(', ')}`] : []),
    ...(hasKeys && !markLost ? [KEYS_LEFT] : []),
    ...(isLost && !markLost ? ['--mark-lost gives up what is lost, so that prune can go on.'] : []),
    ...(isMarked || plan.domains.some(({ lost }) => lost.length > 0)
      ? ['The way out is to forget the snapshots that are affected.']
      : []),
  ]
}

function overtakenText(newest: string): string {
  return `Backups went on here while some were missing: \`latest\` is one of those that came back until the next backup. The newest by time is ${shortId(newest)}.`
}

const AGAIN = 'Run it again: what could not be seen before may be seen now, and be mended too.'
const KEYS_LEFT =
  '--mark-lost also puts damaged objects of keys/ into quarantine. Whoever has a key that is damaged cannot open the repository with it any more.'
const UNSURE = 'Nothing was given up, because what seems to be lost may be in '
