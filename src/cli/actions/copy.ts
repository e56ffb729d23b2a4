// `cairn copy`: from two addresses and what names snapshots to the engine, and from its result to the exit code.

import { hostname } from 'node:os'
import { CairnError, isCairnError, messageOf } from '../../base/errors.ts'
import type {
  CopyOptions,
  CopyOutcome,
  CopyProblem,
  CopyProgress,
  CopyResult,
} from '../../engine/copy/options.ts'
import { copy } from '../../engine/copy.ts'
import { filterSnapshots, selectSnapshot } from '../../engine/select-snapshot.ts'
import { type Repository, selectDomain } from '../../repository/repository.ts'
import { type Snapshot, type SnapshotList, withoutReplaced } from '../../repository/snapshots.ts'
import { catalogIn } from '../catalog-file.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { openConfigured } from '../open-repository.ts'
import { otherContext } from '../other-repository.ts'
import { jsonPath, printable } from '../printable.ts'
import { programName } from '../program-version.ts'
import { Progress } from '../progress.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import { filterOf, type SnapshotFlags } from '../snapshot-options.ts'
import { loadKnownSnapshots } from '../snapshot-place.ts'
import { closedText, fullId, shortId } from '../snapshot-text.ts'
import { formatDuration, isoTime } from '../times.ts'

export interface CopyFlags extends SnapshotFlags {
  readonly to: string
  readonly toPassphraseFile?: string
  readonly toPassphraseCommand?: string
  readonly toKeyFile?: string
  readonly dryRun?: boolean
}

type Flags = CopyFlags & { readonly snapshots: readonly string[] }

export async function copyAction(context: Context, flags: Flags): Promise<ExitCode | undefined> {
  const toTarget = targetContext(context, flags)
  const { repository: source } = await openConfigured(context)
  const { repository: target, cacheFolder } = await openConfigured(toTarget)
  const all = await loadKnownSnapshots(context, source, { withReplaced: true })
  const known = { ...all, snapshots: withoutReplaced(all.snapshots) }
  const { dryRun = false } = flags
  const progress = new Progress(context)
  const result = await run({
    ...runOptions(context, progress),
    source,
    target,
    domain: selectDomain(target),
    catalog: catalogIn(context, cacheFolder),
    known: all.snapshots,
    snapshots: chosen(known, { repository: source, flags }),
    dryRun,
  }).finally(() => progress.end())
  if (known.closed.length > 0) context.output.note(closedText(known.closed.length))
  const unusable = flags.snapshots.length === 0 ? known.problems.length : 0
  tell(context, { result, source, target, dryRun, unusable, elapsedMs: progress.elapsedMs })
  const isWhole = unusable === 0 && result.outcomes.every(({ kind }) => kind !== 'damaged')
  return isWhole ? undefined : EXIT.incomplete
}

function targetContext(context: Context, flags: CopyFlags): Context {
  const { to: given, toPassphraseFile, toPassphraseCommand, toKeyFile } = flags
  const secrets = {
    passphraseFile: toPassphraseFile,
    passphraseCommand: toPassphraseCommand,
    keyFile: toKeyFile,
  }
  return otherContext(context, { other: 'to', given, flags: secrets })
}

/** Those that are named; otherwise all confirmed ones that fit. */
function chosen(
  known: SnapshotList,
  { repository, flags }: { readonly repository: Repository; readonly flags: Flags },
): readonly Snapshot[] {
  const filter = filterOf(flags)
  if (flags.snapshots.length === 0) {
    const fitting = filterSnapshots(known.snapshots, { repository, filter })
    return fitting.filter(({ confirmed }) => confirmed)
  }
  const named = flags.snapshots.map((wanted) =>
    selectSnapshot(known, { repository, wanted, filter }),
  )
  return [...new Set(named)]
}

type RunOptions = Omit<
  CopyOptions,
  'source' | 'target' | 'domain' | 'catalog' | 'snapshots' | 'dryRun'
>

function runOptions(context: Context, progress: Progress): RunOptions {
  const { output, clock, random, interruption } = context
  return {
    program: programName(),
    host: hostname(),
    clock,
    random,
    signal: interruption.signal,
    onProgress: (so) => showProgress(progress, so),
    onProblem: (problem) => tellProblem(context, problem),
    onSnapshot: (outcome) => tellOutcome(context, outcome),
    onWarning: (error) => output.warning('copy', messageOf(error)),
  }
}

async function run(options: CopyOptions): Promise<CopyResult> {
  try {
    return await copy(options)
  } catch (error) {
    if (!isCairnError(error, 'interrupted')) throw error
    throw new CairnError('interrupted', 'Interrupted: not everything is copied yet', {
      hint: 'What is copied stays: run the same command again, and it stores only what is missing.',
      cause: error,
    })
  }
}

function showProgress(progress: Progress, so: CopyProgress): void {
  const { snapshots, snapshotsTotal, bytes, bytesTotal } = so
  progress.show({
    doneBytes: bytes,
    totalBytes: bytesTotal > 0 ? bytesTotal : undefined,
    counts: [`${snapshots} of ${formatNumber(snapshotsTotal, 'snapshot')}`],
    fields: { snapshots, snapshotsTotal, bytes },
  })
}

function tellProblem({ output }: Context, { snapshot, path, error }: CopyProblem): void {
  output.problem(`Snapshot ${shortId(snapshot.id)}: ${printable(path)}: ${error.message}`, {
    snapshot: snapshot.id,
    ...jsonPath(path),
    code: error.code,
    what: error.message,
  })
}

function tellOutcome({ output }: Context, outcome: CopyOutcome): void {
  const { kind, snapshot } = outcome
  const copied = 'name' in outcome ? { copy: fullId(outcome.name) } : {}
  const short = shortId(snapshot.id)
  const startedAt = isoTime(snapshot.summary.startedMs)
  output.event({ event: 'item', action: kind, snapshot: snapshot.id, startedAt, ...copied })
  if (kind === 'copied') output.summary(`Copied ${short}: it is ${shortId(outcome.name)} there`)
  else if (kind === 'present') output.detail(`${short} is there as ${shortId(outcome.name)}`)
  else if (kind === 'planned') output.summary(`Would copy ${short}`)
  else output.note(`Not copied: ${short}, of which something is damaged or missing.`)
}

interface Done {
  readonly result: CopyResult
  readonly source: Repository
  readonly target: Repository
  readonly dryRun: boolean
  /** Snapshots that cannot be read themselves. */
  readonly unusable: number
  readonly elapsedMs: number
}

function tell({ output }: Context, done: Done): void {
  const { result, source, target, dryRun, unusable, elapsedMs } = done
  const { outcomes, ...bytes } = result
  const count = (wanted: CopyOutcome['kind']) =>
    outcomes.filter(({ kind }) => kind === wanted).length
  const counts = {
    copied: count('copied'),
    planned: count('planned'),
    present: count('present'),
    damaged: count('damaged') + unusable,
  }
  const did = dryRun
    ? `Would copy ${formatNumber(counts.planned, 'snapshot')}`
    : `Copied ${formatNumber(counts.copied, 'snapshot')}`
  output.summary(
    `${did} from ${source.store.address} to ${target.store.address} in ${formatDuration(elapsedMs)}`,
  )
  for (const line of linesOf(counts, { result, dryRun })) output.summary(`  ${line}`)
  if (counts.damaged > 0) {
    output.note(
      'Run `cairn check --read-data` on the source, and look for what it lacks elsewhere.',
    )
  }
  const places = { source: source.store.address, target: target.store.address }
  const durationMs = Math.round(elapsedMs)
  output.event({ event: 'result', ...places, dryRun, ...counts, ...bytes, durationMs })
}

function linesOf(
  { present, damaged }: { readonly present: number; readonly damaged: number },
  { result, dryRun }: { readonly result: CopyResult; readonly dryRun: boolean },
): readonly string[] {
  const { readBytes, addedBytes, addedStoredBytes } = result
  const added = `${formatBytes(addedBytes)} new, ${formatBytes(addedStoredBytes)} stored`
  return [
    ...(dryRun ? [] : [`${formatBytes(readBytes)} read, ${added}`]),
    ...(present > 0 ? [`${formatNumber(present, 'snapshot')} there already`] : []),
    ...(damaged > 0 ? [`${formatNumber(damaged, 'snapshot')} not copied: damaged`] : []),
  ]
}
