// `cairn prune`: from the command line to the engine, and from its plan and result to what is printed.

import { hostname } from 'node:os'
import { CairnError, isCairnError, messageOf } from '../../base/errors.ts'
import type { DomainPlan, Obstacle, WaitingMark } from '../../engine/prune/plan.ts'
import { GRACE_MS, shortestGraceMs } from '../../engine/prune/timing.ts'
import { type PruneOptions, type PrunePlan, type PruneResult, prune } from '../../engine/prune.ts'
import { UNDELETE_WINDOW_MS } from '../../repository/forgets.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { fewOfEach, folderOf } from '../few-of-each.ts'
import { openConfigured } from '../open-repository.ts'
import type { Output } from '../output.ts'
import { type PruneRefusal, refusalsToPrune, type SeenSnapshots } from '../prune-refusals.ts'
import { loadState, rememberStoreTime } from '../repository-state.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import { closedText } from '../snapshot-text.ts'
import { formatDuration, formatTime, isoTime } from '../times.ts'
import { withUpkeep } from '../upkeep.ts'

export interface PruneFlags {
  readonly dryRun?: boolean
  /** Milliseconds. */
  readonly grace?: number
  readonly wait?: boolean
  /** Milliseconds. */
  readonly undeleteWindow?: number
  readonly maxMove?: number
  /** From 0 to 1. */
  readonly maxUnused?: number
  readonly compact?: boolean
  readonly alone?: boolean
  readonly acceptClock?: boolean
}

const MAX_MOVE_BYTES = 8 * 1024 ** 3
const MAX_UNUSED = 0.05

export async function pruneAction(
  context: Context,
  flags: PruneFlags,
): Promise<ExitCode | undefined> {
  const { repository, cacheFolder } = await openConfigured(context)
  const { dryRun = false } = flags
  const { code, counts } = await withUpkeep(context, { repository, dryRun }, (upkept) =>
    pruneRepository(context, { repository: upkept, cacheFolder, flags }),
  )
  context.output.event({ event: 'result', ...counts })
  return code
}

export interface Pruned {
  readonly code: ExitCode | undefined
  /** For programs. */
  readonly counts: Readonly<Record<string, unknown>>
}

interface Pruning {
  readonly repository: Repository
  readonly cacheFolder: string
  readonly flags: PruneFlags
  /** What a forget before it has listed, and warned of. */
  readonly seen?: SeenSnapshots
}

/** Also what `cairn forget --prune` does. */
export async function pruneRepository(
  context: Context,
  { repository, cacheFolder, flags, seen }: Pruning,
): Promise<Pruned> {
  const { dryRun = false } = flags
  const graceMs = graceOf(context, { repository, flags })
  const runs = flags.wait === true && !dryRun ? 2 : 1
  for (let run = 1; ; run++) {
    const known = run === 1 ? seen : undefined
    const refusals = await refusalsToPrune(context, { repository, cacheFolder, seen: known })
    if (refusals.length > 0) return refuse(context, { refusals, dryRun })
    const result = await runOnce(context, { repository, flags, graceMs })
    const counts = tellResult(context, { result, dryRun, graceMs })
    if (result.refusals.length > 0) return { code: EXIT.incomplete, counts }
    if (!dryRun) {
      const { address } = repository.store
      const wentBack = flags.acceptClock === true
      rememberStoreTime(context, { address, storeMs: result.storeMs, wentBack })
    }
    const waitMs = run === runs ? 0 : untilAllRipeMs(result, graceMs)
    if (waitMs === 0) return { code: isStuck(result) ? EXIT.incomplete : undefined, counts }
    await pause(context, waitMs)
  }
}

/**
 * So long until all is ripe that this run has marked, and what others marked before it. What waits for a session
 * for longer than the grace is not waited for. 0 where there is nothing.
 */
function untilAllRipeMs({ plan, marks, storeMs }: PruneResult, graceMs: number): number {
  if (marks.length > 0) return graceMs
  const waiting = plan.domains.flatMap(({ sweep }) => sweep.waiting)
  const left = waiting.map(({ ripeAtMs }) => ripeAtMs - storeMs).filter((ms) => ms <= graceMs)
  return Math.max(0, ...left)
}

/** Before anything is planned: what is needed cannot be told. */
function refuse(
  { output }: Context,
  { refusals, dryRun }: { readonly refusals: readonly PruneRefusal[]; readonly dryRun: boolean },
): Pruned {
  for (const { refusal, what, hint } of refusals)
    output.problem(`Nothing is deleted or marked: ${what}. ${hint}`, { refusal, what, hint })
  return {
    code: EXIT.incomplete,
    counts: { dryRun, ...countsOf({ swept: [], compacted: [] }), marks: [], refused: true },
  }
}

/** Safety has its own shortest grace, whatever is asked for. */
function graceOf(
  { output }: Context,
  { repository, flags }: { readonly repository: Repository; readonly flags: PruneFlags },
): number {
  const wanted = flags.grace ?? GRACE_MS
  const shortest = shortestGraceMs(repository.store.capabilities)
  if (wanted < shortest && flags.grace !== undefined)
    output.note(
      `The shortest grace that is safe here is ${formatDuration(shortest)}: taken instead`,
    )
  return Math.max(wanted, shortest)
}

async function runOnce(
  context: Context,
  {
    repository,
    flags,
    graceMs,
  }: { readonly repository: Repository; readonly flags: PruneFlags; readonly graceMs: number },
): Promise<PruneResult> {
  const { output, clock, random, interruption } = context
  const { dryRun = false, compact = false, alone = false } = flags
  const { maxMove = MAX_MOVE_BYTES, maxUnused = MAX_UNUSED } = flags
  const windowMs = flags.undeleteWindow ?? UNDELETE_WINDOW_MS
  const options: PruneOptions = {
    repository,
    limits: { graceMs, windowMs, moveBytesMax: maxMove, unusedMax: maxUnused, compact, alone },
    host: hostname(),
    dryRun,
    ...(flags.acceptClock !== true && {
      clocks: { rememberedMs: storeTimeOf(context, repository) },
    }),
    clock,
    random,
    signal: interruption.signal,
    onPlan: (plan) => tellPlan(output, plan),
    onWarning: (error) => output.warning('lease', messageOf(error)),
  }
  try {
    return await prune(options)
  } catch (error) {
    if (!isCairnError(error, 'interrupted')) throw error
    throw new CairnError('interrupted', 'Interrupted: not everything is done yet', {
      hint: 'Nothing is lost. Run the same command again, and it goes on.',
      cause: error,
    })
  }
}

function storeTimeOf(context: Context, { store }: Repository): number | undefined {
  return loadState(context, store.address)?.storeTimeMs
}

function isStuck({ plan, swept, compacted }: PruneResult): boolean {
  return [...plan.domains, ...swept, ...compacted].some(({ obstacles }) => obstacles.length > 0)
}

function tellPlan(output: Output, { domains, notes }: PrunePlan): void {
  const isOne = domains.length === 1
  for (const plan of domains) {
    const label = isOne ? '' : `${plan.survey.domain.label}: `
    for (const line of planLines(plan)) output.summary(`${label}${line}`)
    tellObstacles(output, plan.obstacles)
    output.event({ event: 'item', action: 'plan', ...jsonPlan(plan) })
  }
  const closed = domains[0]?.survey.roots.closed ?? 0
  if (closed > 0) output.note(`${closedText(closed)} What they need is left alone.`)
  for (const { name, error } of notes) output.detail(`note: ${name}: ${error.message}`)
}

/** Of those in one folder a few: whoever may put objects may make thousands. */
function tellObstacles(output: Output, obstacles: readonly Obstacle[]): void {
  const kind = 'obstacle'
  const { named, more } = fewOfEach(output, obstacles, ({ object }) => folderOf(object) ?? '')
  for (const { object, why: what } of named)
    output.problem(`${kind}: ${object}: ${what}`, { kind, object, what })
  for (const { count, example } of more) {
    const folder = folderOf(example.object)
    const what = folder === undefined ? 'more blob' : 'more object'
    const where = folder === undefined ? '' : ` in ${folder}`
    output.problem(`${kind}: ${formatNumber(count, what)}${where} (--verbose lists all)`, { kind })
  }
}

/** Why `forget --prune` frees nothing at once. */
function forgottenLine({ survey, liveness }: DomainPlan): string {
  const { domain, roots, windowMs } = survey
  const own = roots.forgotten.filter((one) => one.domain === domain)
  const last = Math.max(...own.map(({ storedAtMs }) => storedAtMs + windowMs))
  return `${formatBytes(liveness.forgottenBytes)} of them only for what was forgotten and can be had back, the last of it until ${formatTime(last)}`
}

function planLines(plan: DomainPlan): readonly string[] {
  const { sweep, mark, renewal, compaction, liveness, blocked } = plan
  const stored = liveness.packs.reduce((sum, { packBytes }) => sum + packBytes, 0)
  const needed = liveness.packs.reduce((sum, { liveBytes }) => sum + liveBytes, 0)
  const packs = formatNumber(liveness.packs.length, 'pack')
  return [
    `${formatBytes(needed)} of ${formatBytes(stored)} in ${packs} are needed`,
    ...(liveness.forgottenBytes > 0 ? [forgottenLine(plan)] : []),
    ...(blocked === undefined ? [] : [BLOCKED[blocked]]),
    ...(sweep.packs.length + sweep.snapshots.length > 0 ? [sweepLine(plan)] : []),
    ...sweep.waiting.map(waitingLine),
    ...(mark.packs.length + mark.snapshots.length > 0 ? [markLine(plan)] : []),
    ...(mark.tooLargeBytes === undefined ? [] : [tooLargeLine(mark.tooLargeBytes)]),
    ...(renewal.packs.length > 0 ? [renewalLine(plan)] : []),
    ...(compaction.frames.length > 0 ? [compactionLine(plan)] : []),
    ...(mark.sparedPacks > 0
      ? [
          `Spares ${formatNumber(mark.sparedPacks, 'pack')} (${formatBytes(mark.sparedBytes)}) that sessions at work may still need`,
        ]
      : []),
    ...originLines(plan),
  ]
}

const BLOCKED = {
  all: 'Deletes nothing, because what is needed cannot be told (listed below; `cairn check` says for which snapshots)',
  marking:
    'Marks nothing more, because a snapshot is missing (listed below): until it is back, or given up, all that is stored counts as needed',
} as const

/** Said each time: who has made it the repository since must know. */
function originLines({ mark, survey }: DomainPlan): readonly string[] {
  const { newest } = survey.origins
  if (newest === undefined) return []
  const packs = `${formatNumber(mark.originPacks, 'pack')} (${formatBytes(mark.originBytes)})`
  const leaves = mark.originPacks > 0 ? ` It leaves ${packs} that only that may still need.` : ''
  return [
    `This is a copy, last synced at ${formatTime(newest.storedAtMs)}.${leaves} If its source is no more, say --alone`,
  ]
}

function sweepLine({ sweep }: DomainPlan): string {
  const { packs, bytes, moveBytes, snapshots } = sweep
  const moves = moveBytes > 0 ? `, after ${formatBytes(moveBytes)} that are needed were moved` : ''
  const unconfirmed = formatNumber(snapshots.length, 'unconfirmed snapshot')
  if (packs.length === 0) return `Deletes what was marked: ${unconfirmed}`
  const others = snapshots.length > 0 ? ` and ${unconfirmed}` : ''
  return `Deletes what was marked: ${formatNumber(packs.length, 'pack')} (${formatBytes(bytes)})${others}${moves}`
}

function waitingLine({ mark, ripeAtMs, session }: WaitingMark): string {
  const [count, noun] =
    mark.packs.length > 0 ? [mark.packs.length, 'pack'] : [mark.snapshots.length, 'snapshot']
  const packs = formatNumber(count, noun)
  const [they, are] = count === 1 ? ['it was', 'is'] : ['they were', 'are']
  const why =
    session === undefined ? '' : `, because ${session.host} was at work when ${they} marked`
  return `Waits with ${packs} that ${are} marked until ${formatTime(ripeAtMs)}${why}`
}

function markLine({ mark }: DomainPlan): string {
  const { packs, freeBytes, moveBytes, snapshots } = mark
  const moves = moveBytes > 0 ? `, and moves ${formatBytes(moveBytes)}` : ''
  const unconfirmed = `${formatNumber(snapshots.length, 'snapshot')} that nobody confirmed for 30 days`
  if (packs.length === 0) return `Marks ${unconfirmed}`
  const others = snapshots.length > 0 ? `; ${unconfirmed}` : ''
  return `Marks ${formatNumber(packs.length, 'pack')}: deleting them frees ${formatBytes(freeBytes)}${moves}${others}`
}

function tooLargeLine(bytes: number): string {
  return `Moves nothing: the smallest pack that is worth it has ${formatBytes(bytes)} that are needed, more than --max-move allows`
}

function renewalLine({ renewal: { packs, wastedBytes } }: DomainPlan): string {
  const some = formatNumber(packs.length, 'pack')
  return `Asks backups to store anew what they need of ${some}: about ${formatBytes(wastedBytes)} lie between what is needed`
}

function compactionLine({
  compaction: { frames, packs, storedBytes, freeBytes },
}: DomainPlan): string {
  const some = `${formatNumber(frames.length, 'frame')} of ${formatNumber(packs, 'pack')}`
  return `Splits ${some}: stores about ${formatBytes(storedBytes)} anew, so that about ${formatBytes(freeBytes)} more can be freed`
}

function jsonPlan(plan: DomainPlan) {
  const { survey, sweep, mark, renewal, compaction, liveness, obstacles, blocked } = plan
  const { waiting, marks, packs, bytes, moveBytes, snapshots } = sweep
  return {
    domain: survey.domain.hex,
    packs: liveness.packs.length,
    storedBytes: liveness.packs.reduce((sum, { packBytes }) => sum + packBytes, 0),
    neededBytes: liveness.packs.reduce((sum, { liveBytes }) => sum + liveBytes, 0),
    forgottenBytes: liveness.forgottenBytes,
    sweep: { marks: marks.map(({ name }) => name), packs, bytes, moveBytes, snapshots },
    waiting: waiting.map((one) => ({ mark: one.mark.name, ripeAt: isoTime(one.ripeAtMs) })),
    mark: { ...mark, packs: mark.packs.map(({ name }) => name) },
    renewal: { ...renewal, packs: renewal.packs.map(({ name }) => name) },
    compaction: { ...compaction, frames: compaction.frames.length },
    obstacles,
    ...(blocked === undefined ? {} : { blocked }),
  }
}

function tellResult(
  { output, clock }: Context,
  {
    result: { plan, swept, compacted, marks, refusals },
    dryRun,
    graceMs,
  }: { readonly result: PruneResult; readonly dryRun: boolean; readonly graceMs: number },
): Readonly<Record<string, unknown>> {
  tellObstacles(
    output,
    [...swept, ...compacted].flatMap(({ obstacles }) => obstacles),
  )
  const counts = countsOf({ swept, compacted })
  for (const { kind, what, hint } of refusals) {
    output.problem(`Nothing is deleted or marked: ${what}`, { refusal: kind, what, hint })
    output.note(hint)
  }
  if (dryRun) output.summary('Nothing was changed: this was a dry run')
  else if (refusals.length === 0) {
    const moved = counts.movedBytes > 0 ? `, moved ${formatBytes(counts.movedBytes)}` : ''
    const packs = formatNumber(counts.removedPacks, 'pack')
    output.summary(`Deleted ${packs} (${formatBytes(counts.removedBytes)})${moved}`)
    if (counts.splitBytes > 0)
      output.summary(
        `Split ${formatBytes(counts.splitBytes)}, of which ${formatBytes(counts.compactedBytes)} are stored anew`,
      )
    if (counts.keptMarks > 0) output.note(KEPT_MARKS)
    if (marks.length > 0) output.summary(nextTime(plan, clock.nowMs() + graceMs))
  }
  return { dryRun, ...counts, marks, refused: refusals.length > 0 }
}

const KEPT_MARKS =
  'What is deleted stays marked for now, because somebody else is at upkeep: `cairn lease` shows who, and ends what was killed.'

function countsOf({ swept, compacted }: Pick<PruneResult, 'swept' | 'compacted'>) {
  const sum = (amount: (one: (typeof swept)[number]) => number) =>
    swept.reduce((total, one) => total + amount(one), 0)
  return {
    removedPacks: sum((one) => one.removedPacks),
    removedBytes: sum((one) => one.removedBytes),
    movedBytes: sum((one) => one.movedBytes),
    removedSnapshots: sum((one) => one.removedSnapshots),
    removedMarks: sum((one) => one.removedMarks),
    keptMarks: sum((one) => one.keptMarks),
    splitBytes: compacted.reduce((total, one) => total + one.splitBytes, 0),
    compactedBytes: compacted.reduce((total, one) => total + one.storedBytes, 0),
  }
}

function nextTime({ domains }: PrunePlan, ripeAtMs: number): string {
  const freeBytes = domains.reduce((total, { mark }) => total + mark.freeBytes, 0)
  return `Marked what frees ${formatBytes(freeBytes)}: the first prune after ${formatTime(ripeAtMs)} deletes it`
}

/** In short steps, so that a signal ends it. */
async function pause({ clock, output, interruption }: Context, waitMs: number): Promise<void> {
  output.note(`Waiting for ${formatDuration(waitMs)}`)
  const untilMs = clock.monotonicMs() + waitMs + 1000
  while (clock.monotonicMs() < untilMs) {
    if (interruption.signal.aborted)
      throw new CairnError('interrupted', 'Interrupted: what is marked goes with the next prune')
    await clock.sleep(Math.min(500, Math.max(1, untilMs - clock.monotonicMs())))
  }
}
