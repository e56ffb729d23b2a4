// `cairn check`: from the command line to the engine, and from its findings to the exit code.

import { CairnError, isCairnError } from '../../base/errors.ts'
import { endOf } from '../../engine/check/choose-packs.ts'
import { UNCONFIRMED_INCOMPLETE } from '../../engine/check/domain-check.ts'
import type { CheckProblem } from '../../engine/check/problems.ts'
import { type CheckMode, type CheckOptions, type CheckResult, check } from '../../engine/check.ts'
import type { Repository } from '../../repository/repository.ts'
import { jsonNote, showCheckProgress, tellNote, tellProblems } from '../check-text.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { missingHolds } from '../known-holds.ts'
import { newestKnown } from '../newest-known.ts'
import { openConfigured } from '../open-repository.ts'
import { workersFor } from '../option-values.ts'
import { Progress } from '../progress.ts'
import { isWithoutSnapshots } from '../prune-refusals.ts'
import { loadState, rememberChecked } from '../repository-state.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import { closedText, shortId } from '../snapshot-text.ts'
import { formatDuration } from '../times.ts'

export interface CheckFlags {
  readonly readData?: boolean
  readonly readDataSubset?: number
  readonly workers?: number
}

export async function checkAction(
  context: Context,
  flags: CheckFlags,
): Promise<ExitCode | undefined> {
  const { output, interruption } = context
  const { readData, readDataSubset } = flags
  if (readData === true && readDataSubset !== undefined) {
    throw new CairnError('usage', '--read-data reads everything: leave --read-data-subset out')
  }
  const { repository } = await openConfigured(context)
  const progress = new Progress(context)
  const mode = modeOf(context, { flags, repository })
  const checked = await run({
    repository,
    mode,
    known: newestKnown(context, repository),
    workers: workersFor({ ...flags, memory: 'normal' }),
    signal: interruption.signal,
    onProgress: (so) => showCheckProgress(progress, so),
    onProblem: ({ object, what }) => output.detail(`${object}: ${what}`),
  }).finally(() => progress.end())
  const result = withProblems(checked, await missingHolds(context, repository))
  if (typeof mode === 'object')
    rememberChecked(context, repository.store.address, endOf(mode.subset))
  const isDataRead = flags.readData === true || flags.readDataSubset !== undefined
  if (await isForNothing(repository, result)) context.output.warning('no-snapshot', NO_SNAPSHOT)
  tell(context, { result, repository, isDataRead, elapsedMs: progress.elapsedMs })
  return result.problemCount > 0 ? EXIT.failed : undefined
}

function withProblems(result: CheckResult, more: readonly CheckProblem[]): CheckResult {
  const { problems, problemCount } = result
  return {
    ...result,
    problems: [...problems, ...more],
    problemCount: problemCount + more.length,
  }
}

function modeOf(
  context: Context,
  { flags, repository }: { readonly flags: CheckFlags; readonly repository: Repository },
): CheckMode {
  if (flags.readData === true) return 'read-data'
  const { readDataSubset: percent } = flags
  if (percent === undefined) return 'structure'
  const { checkedTo = 0 } = loadState(context, repository.store.address) ?? {}
  return { subset: { percent, start: checkedTo } }
}

async function run(options: CheckOptions): Promise<CheckResult> {
  try {
    return await check(options)
  } catch (error) {
    if (!isCairnError(error, 'interrupted')) throw error
    throw new CairnError('interrupted', 'Interrupted: the check is not complete', { cause: error })
  }
}

interface Done {
  readonly result: CheckResult
  readonly repository: Repository
  readonly isDataRead: boolean
  readonly elapsedMs: number
}

function tell({ output }: Context, { result, repository, isDataRead, elapsedMs }: Done): void {
  const { problems, problemCount, notes, ...counts } = result
  tellProblems(output, problems)
  for (const note of notes) tellNote(output, note)
  output.summary(verdict(result, repository.store.address))
  output.summary(`  ${whatWasChecked(result, isDataRead)}, in ${formatDuration(elapsedMs)}`)
  for (const { object, what } of notes)
    if (what === UNCONFIRMED_INCOMPLETE) output.note(inTheWayText(object))
  if (result.closed > 0) output.note(closedText(result.closed))
  if (problemCount > 0) {
    output.note('Keep all copies of the repository as they are until the damage is understood.')
  }
  const more = {
    problems: problemCount,
    notes: notes.map(jsonNote),
    durationMs: Math.round(elapsedMs),
  }
  output.event({ event: 'result', ...counts, ...more })
}

function inTheWayText(snapshot: string): string {
  const id = shortId(snapshot.slice('snapshots/'.length))
  return `Snapshot ${id} was never confirmed and is not whole: \`cairn prune\` deletes nothing before it is 30 days old or forgotten (\`cairn forget ${id}\`).`
}

function verdict({ problemCount }: CheckResult, address: string): string {
  if (problemCount === 0) return `No problems found in ${address}`
  return `${formatNumber(problemCount, 'problem')} found in ${address}: listed above`
}

const NO_SNAPSHOT =
  'There are packs, and no snapshot that this key can see: nothing can be restored. A first backup that was ' +
  'interrupted leaves it so. If there were snapshots, see who can delete from the store.'

/**
 * No problem, for a first backup that was interrupted leaves packs so. Where all was forgotten somebody wanted it;
 * damaged snapshots are told as such.
 */
async function isForNothing(
  repository: Repository,
  { notes, problems }: CheckResult,
): Promise<boolean> {
  if (!notes.some(({ object }) => object === 'snapshots/')) return false
  if (problems.some(({ object }) => object.startsWith('snapshots/'))) return false
  return isWithoutSnapshots(repository, { snapshots: [], problems: [] })
}

/** What was not read is said too: a check of the structure is no proof of the data. */
function whatWasChecked(
  { snapshots, unconfirmed, objects, packs, packsRead, bytesRead, blobsRead }: CheckResult,
  isDataRead: boolean,
): string {
  const without = unconfirmed > 0 ? ` (${unconfirmed} unconfirmed)` : ''
  const checked = `${formatNumber(snapshots, 'snapshot')}${without}, ${formatNumber(objects, 'object')}`
  if (!isDataRead) return `${checked}; the data itself was not read (--read-data does)`
  const part = packsRead === packs ? 'all' : `${packsRead} of`
  const blobs = formatNumber(blobsRead, 'blob')
  return `${checked}; read ${part} ${formatNumber(packs, 'pack')} (${formatBytes(bytesRead)}, ${blobs})`
}
