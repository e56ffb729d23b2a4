// `cairn restore`: from the command line to the engine, and from its result to the exit code. What
// could not be restored is listed, the rest is restored, and the exit code is then 1.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import { joinPathBelow, splitPath } from '../../engine/paths.ts'
import type { RestoreCounts } from '../../engine/restore/counts.ts'
import type { PlannedEntry } from '../../engine/restore/plan.ts'
import type { RestoreProblem } from '../../engine/restore/problem.ts'
import { type RestoreOptions, restore } from '../../engine/restore.ts'
import type { Repository } from '../../repository/repository.ts'
import { openDetails, type Snapshot } from '../../repository/snapshots.ts'
import { patternFrom } from '../backup-excludes.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { openConfigured } from '../open-repository.ts'
import { type MemoryUse, workersFor } from '../option-values.ts'
import { jsonPath, printable } from '../printable.ts'
import { Progress } from '../progress.ts'
import { absolutePath, bytesOfArgument, recordedPath } from '../raw-arguments.ts'
import { expectMatches } from '../restore-matches.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import type { SnapshotFlags } from '../snapshot-options.ts'
import { findSnapshot, parsePlace } from '../snapshot-place.ts'
import { shortId } from '../snapshot-text.ts'
import { formatDuration } from '../times.ts'

export interface RestoreFlags extends SnapshotFlags {
  readonly target: string
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  readonly overwrite: 'always' | 'if-changed' | 'if-newer' | 'never'
  readonly delete?: boolean
  readonly dryRun?: boolean
  readonly verify?: boolean
  readonly owner?: boolean
  readonly workers?: number
  readonly memory: MemoryUse
}

type Flags = RestoreFlags & { readonly place: string }

export async function restoreAction(context: Context, flags: Flags): Promise<ExitCode | undefined> {
  const { wanted, path } = parsePlace(flags.place)
  checkFlags(flags)
  const opened = await openConfigured(context)
  const { repository } = opened
  const snapshot = await findSnapshot(context, { opened, wanted, flags })
  if (flags.delete === true) checkDelete(repository, { snapshot, path })
  const target = recordedPath(absolutePath(bytesOfArgument(flags.target)))
  const progress = new Progress(context)
  const totalBytes = isWhole(flags, path) ? snapshot.summary.sizeBytes : undefined
  const chosen = { ...optionsOf(context, flags), repository, snapshot, path: path ?? [] }
  const counts = await run({
    ...chosen,
    target,
    onProgress: (so) => showProgress(progress, { counts: so, totalBytes }),
  }).finally(() => progress.end())
  expectMatches({ ...chosen, counts })
  const { dryRun = false } = flags
  tell(context, { counts, snapshot, target, dryRun, elapsedMs: progress.elapsedMs })
  return counts.problems > 0 ? EXIT.failed : undefined
}

async function run(options: RestoreOptions): Promise<RestoreCounts> {
  try {
    return await restore(options)
  } catch (error) {
    if (!isCairnError(error, 'interrupted')) throw error
    throw new CairnError('interrupted', 'Interrupted: not everything is restored yet', {
      hint: 'What is restored stays: run the same command again, and it does only what is missing.',
      cause: error,
    })
  }
}

function isWhole(
  { include = [], exclude = [] }: Flags,
  path: readonly Bytes[] | undefined,
): boolean {
  return path === undefined && include.length === 0 && exclude.length === 0
}

type Usual = Omit<RestoreOptions, 'repository' | 'snapshot' | 'path' | 'target' | 'onProgress'>

function optionsOf({ output, interruption }: Context, flags: Flags): Usual {
  const owner = flags.owner ?? process.geteuid?.() === 0
  return {
    include: flags.include ?? [],
    exclude: flags.exclude ?? [],
    overwrite: flags.overwrite,
    delete: flags.delete ?? false,
    owners: owner ? 'numbers' : 'keep',
    workers: workersFor(flags),
    signal: interruption.signal,
    dryRun: flags.dryRun ?? false,
    verify: flags.verify ?? false,
    onProblem: (problem) => tellProblem(output, problem),
    onPlanned: (planned) => tellPlanned(output, planned),
    onDeleted: (path) => tellDeleted(output, path),
  }
}

/**
 * Throws 'usage' on flags that cannot be meant. A pattern that is none would leave the others to decide:
 * alone, it would choose everything.
 */
function checkFlags({ include = [], exclude = [], overwrite, delete: removes }: Flags): void {
  for (const pattern of [...include, ...exclude]) patternFrom(pattern)
  if (overwrite !== 'never' || removes !== true) return
  throw new CairnError('usage', '--overwrite never keeps all that is there, and --delete removes', {
    hint: 'Leave one of them out.',
  })
}

/**
 * Only folders that were backed up as a whole say what must not be in them: those above have nothing
 * but the way to them, and everything else in there would be removed.
 */
function checkDelete(
  repository: Repository,
  { snapshot, path }: { snapshot: Snapshot; path: readonly Bytes[] | undefined },
): void {
  const { paths } = openDetails(repository, snapshot)
  const isInside = paths.some((root) => beginsWith(path ?? [], splitPath(root)))
  if (isInside) return
  const roots = paths.map(printable).join(' ')
  throw new CairnError('usage', `--delete needs a folder that was backed up as a whole: ${roots}`, {
    hint: 'Name it: `cairn restore SNAPSHOT:FOLDER --target FOLDER --delete`.',
  })
}

function beginsWith(names: readonly Bytes[], start: readonly Bytes[]): boolean {
  return start.every((name, at) => {
    const own = names[at]
    return own !== undefined && equalBytes(own, name)
  })
}

function tellProblem(output: Context['output'], { kind, path, what }: RestoreProblem): void {
  output.problem(`${printable(path)}: ${what}`, { kind, ...jsonPath(path), what })
}

const ACTIONS: Readonly<Record<PlannedEntry['action'], string>> = {
  create: 'create',
  replace: 'replace',
  attributes: 'set attributes of',
  keep: 'keep',
  blocked: 'cannot replace',
  delete: 'delete',
}

/** What stays as it is is told with --verbose only. */
function tellPlanned(output: Context['output'], { path: names, action }: PlannedEntry): void {
  const path = joinPathBelow(names)
  const text = `${ACTIONS[action]} ${printable(path)}`
  if (action === 'keep') output.detail(text)
  else output.line(text)
  output.event({ event: 'item', action, ...jsonPath(path) })
}

/** What was done is told with --verbose only: a plain run tells how many there were. */
function tellDeleted(output: Context['output'], names: readonly Bytes[]): void {
  const path = joinPathBelow(names)
  output.detail(`deleted ${printable(path)}`)
  output.event({ event: 'item', action: 'delete', ...jsonPath(path) })
}

function showProgress(
  progress: Progress,
  { counts, totalBytes }: { counts: RestoreCounts; totalBytes: number | undefined },
): void {
  progress.show({
    doneBytes: counts.bytes,
    totalBytes,
    counts: [formatNumber(counts.files, 'file')],
    fields: { ...counts },
  })
}

interface Done {
  readonly counts: RestoreCounts
  readonly snapshot: Snapshot
  readonly target: Bytes
  readonly dryRun: boolean
  readonly elapsedMs: number
}

function tell({ output }: Context, { counts, snapshot, target, dryRun, elapsedMs }: Done): void {
  const did = dryRun ? 'Would restore' : 'Restored'
  const where = printable(target)
  const took = formatDuration(elapsedMs)
  output.summary(`${did} from snapshot ${shortId(snapshot.id)} to ${where} in ${took}`)
  for (const line of linesOf(counts)) output.summary(`  ${line}`)
  if (counts.problems > 0) output.note(`${formatNumber(counts.problems, 'problem')}: see above.`)
  const durationMs = Math.round(elapsedMs)
  output.event({
    event: 'result',
    snapshot: snapshot.id,
    ...jsonTarget(target),
    dryRun,
    ...counts,
    durationMs,
  })
}

function jsonTarget(target: Bytes): { readonly target: string; readonly targetBytes?: string } {
  const { path, pathBytes } = jsonPath(target)
  return { target: path, ...(pathBytes !== undefined && { targetBytes: pathBytes }) }
}

function linesOf(counts: RestoreCounts): readonly string[] {
  const { files, folders, others, bytes, skipped, deleted, verified } = counts
  const parts = [
    `${formatNumber(files, 'file')} (${formatBytes(bytes)})`,
    formatNumber(folders, 'folder'),
    ...(others > 0 ? [formatNumber(others, 'link or device', 'links and devices')] : []),
  ]
  return [
    parts.join(', '),
    ...(skipped > 0 ? [`${formatNumber(skipped, 'entry', 'entries')} left as they were`] : []),
    ...(deleted > 0 ? [`${formatNumber(deleted, 'entry', 'entries')} removed`] : []),
    ...(verified > 0 ? [`${formatNumber(verified, 'file')} read back and compared`] : []),
  ]
}
