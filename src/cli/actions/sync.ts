// `cairn sync`: from two addresses to the engine, and from its result to the exit code. No key is needed.

import { CairnError, isCairnError } from '../../base/errors.ts'
import type { SyncProblem } from '../../engine/sync/plan.ts'
import { type SyncOptions, type SyncProgress, type SyncResult, sync } from '../../engine/sync.ts'
import { newestGeneration } from '../../repository/generations.ts'
import { FOLDERS } from '../../store/names.ts'
import type { Store } from '../../store/store.ts'
import type { Context } from '../context.ts'
import { expectEmpty } from '../empty-place.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { isKnownCopy, rememberCopy } from '../known-copies.ts'
import type { Output } from '../output.ts'
import { Progress } from '../progress.ts'
import { loadState, type RepositoryState, saveState } from '../repository-state.ts'
import { addressOf } from '../settings.ts'
import { sightSource } from '../sight-source.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import { isInside, isLocal, isSameStore, storeAt } from '../store.ts'
import { formatDuration } from '../times.ts'
import { keepRoom } from '../upkeep.ts'

export interface SyncFlags {
  readonly to: string
  readonly delete?: boolean
  readonly create?: boolean
  readonly dryRun?: boolean
}

export async function syncAction(
  context: Context,
  flags: SyncFlags,
): Promise<ExitCode | undefined> {
  const { settings, interruption, output } = context
  const { dryRun = false } = flags
  const source = storeAt(context, { address: settings.address })
  const target = storeAt(context, { address: addressOf('--to', flags.to), create: true })
  expectTwo(source, target)
  await expectPlace(context, { target, create: flags.create === true })
  if (!dryRun) await sightSource(context)
  const progress = new Progress(context)
  const problems: SyncProblem[] = []
  /** Something of the copy is there. */
  let begun = false
  const result = await run({
    source,
    target,
    delete: flags.delete === true,
    dryRun,
    clock: context.clock,
    signal: interruption.signal,
    onProgress: (so) => {
      begun ||= so.objects > 0 || so.objectsTotal === 0
      showProgress(progress, so)
    },
    onProblem: (problem) => {
      problems.push(problem)
      tellProblem(output, problem)
    },
    onPlanned: (action, { name }) => tellItem(output, { action, name, did: `would ${action}` }),
    onDeleted: (name) => tellItem(output, { action: 'delete', name, did: 'deleted' }),
  }).finally(() => {
    progress.end()
    // Also where it failed: what is there then is to be gone on with.
    if (begun && !dryRun) remember(context, { source, target })
  })
  if (!dryRun && result.problems === 0 && result.heldSnapshots === 0)
    await rememberSnapshots(context, { source, target })
  if (!dryRun) await keepRoom(context, target)
  tell(context, { result, problems, source, target, dryRun, elapsedMs: progress.elapsedMs })
  return result.problems > 0 ? EXIT.incomplete : undefined
}

interface Stores {
  readonly source: Store
  readonly target: Store
}

function expectTwo(source: Store, target: Store): void {
  if (!isSameStore(source, target)) {
    if (isInside(target, source) || isInside(source, target)) throw nested(source, target)
    return
  }
  const what = `Cannot copy ${source.address} to ${target.address}: that is the same place`
  throw new CairnError('usage', what, {
    hint: '`--to` names the copy, `--repository` what is copied.',
  })
}

function nested(source: Store, target: Store): CairnError {
  const what = `Cannot copy ${source.address} to ${target.address}: one lies inside the other`
  return new CairnError('usage', what, {
    hint: 'Give the copy a place of its own, best on another disk.',
  })
}

/** What the first run makes before the config: one that was killed then goes on. */
const UNFINISHED = [...FOLDERS, 'tmp']

/**
 * A copy may be made where nothing is, as `cairn init` makes a repository; but not where one was before,
 * because then its disk is not mounted, and the copy would fill the one below.
 */
async function expectPlace(
  context: Context,
  { target, create }: { readonly target: Store; readonly create: boolean },
): Promise<void> {
  if (isLocal(target.address)) expectEmpty(target.address, { allowed: UNFINISHED })
  const { address } = target
  const isKnown = loadState(context, address) !== undefined || isKnownCopy(context, address)
  if (create || !isKnown) return
  if (await hasBegun(target)) return
  throw new CairnError('no-repository', `The copy at ${target.address} is not there any more`, {
    hint: 'Is its disk mounted? `--create` makes a new copy there.',
  })
}

/** Keys come first, and a config next. */
async function hasBegun(target: Store): Promise<boolean> {
  for await (const _ of target.list('keys/')) return true
  return (await newestGeneration(target, 'config/')) !== undefined
}

async function run(options: SyncOptions): Promise<SyncResult> {
  try {
    return await sync(options)
  } catch (error) {
    if (!isCairnError(error, 'interrupted')) throw error
    throw new CairnError('interrupted', 'Interrupted: not everything is copied yet', {
      hint: 'What is copied stays: run the same command again, and it does only what is missing.',
      cause: error,
    })
  }
}

function showProgress(progress: Progress, so: SyncProgress): void {
  const { objects, objectsTotal, bytes, bytesTotal } = so
  progress.show({
    doneBytes: bytes,
    totalBytes: bytesTotal > 0 ? bytesTotal : undefined,
    counts: [`${objects} of ${formatNumber(objectsTotal, 'object')}`],
    fields: { objects, objectsTotal, bytes },
  })
}

function tellProblem(output: Output, { kind, object, what }: SyncProblem): void {
  output.problem(`${kind}: ${object}: ${what}`, { kind, object, what })
}

function tellItem(
  output: Output,
  { action, name, did }: { readonly action: string; readonly name: string; readonly did: string },
): void {
  output.detail(`${did} ${name}`)
  output.event({ event: 'item', action, object: name })
}

/**
 * What was known of the source holds for its copy: whoever opens that finds out where it was replaced, and
 * where it is not there any more. Of a source that nobody opened on this machine no more is known than that.
 */
function remember(context: Context, { source, target }: Stores): void {
  rememberCopy(context, target.address)
  const known = loadState(context, source.address)
  if (known === undefined || loadState(context, target.address) !== undefined) return
  const { repositoryId, ownerVerifyKey, configGeneration, grantName, passphraseConfirmed } = known
  const owners = { repositoryId, ownerVerifyKey, configGeneration, grantName, passphraseConfirmed }
  // Another store has a clock of its own.
  saveState(context, { ...owners, address: target.address, checkedTo: 0 })
}

/** The same of its snapshots, when all of them are there: what was known of the copy by itself stays known. */
async function rememberSnapshots(context: Context, { source, target }: Stores): Promise<void> {
  const { newest, missed } = loadState(context, source.address) ?? {}
  const copy = loadState(context, target.address)
  if (copy === undefined) return
  const all = { ...newest, ...(await onlyAtCopy(copy, source)) }
  saveState(context, {
    ...copy,
    newest: { ...copy.newest, ...all },
    ...(missed && !copy.missed && { missed }),
  })
}

/** What was the newest there, and the source does not have: it was forgotten, or this is no copy of that source. */
async function onlyAtCopy(
  { newest = {} }: RepositoryState,
  source: Store,
): Promise<Readonly<Record<string, string>>> {
  const own: Record<string, string> = {}
  for (const [key, id] of Object.entries(newest))
    if ((await source.stat(`snapshots/${id}`)) === undefined) own[key] = id
  return own
}

interface Done extends Stores {
  readonly result: SyncResult
  readonly problems: readonly SyncProblem[]
  readonly dryRun: boolean
  readonly elapsedMs: number
}

function tell({ output }: Context, done: Done): void {
  const { result, problems, source, target, dryRun, elapsedMs } = done
  const { objects, bytes } = result
  const what = `${formatNumber(objects, 'object')} (${formatBytes(bytes)})`
  const did = dryRun ? `Would copy ${what}` : `Copied ${what}`
  output.summary(
    `${did} from ${source.address} to ${target.address} in ${formatDuration(elapsedMs)}`,
  )
  for (const line of linesOf(result, dryRun)) output.summary(`  ${line}`)
  for (const hint of hintsFor(problems)) output.note(hint)
  const durationMs = Math.round(elapsedMs)
  const places = { source: source.address, target: target.address }
  output.event({ event: 'result', ...places, dryRun, ...result, durationMs })
}

function linesOf(result: SyncResult, dryRun: boolean): readonly string[] {
  const { snapshots, present, heldSnapshots, deleted, kept } = result
  const counts = [
    formatNumber(snapshots, 'new snapshot'),
    `${formatNumber(present, 'object')} there already`,
  ]
  return [
    counts.join(', '),
    ...(heldSnapshots > 0 ? [`${formatNumber(heldSnapshots, 'snapshot')} not copied yet`] : []),
    ...(deleted > 0
      ? [`${formatNumber(deleted, 'snapshot')} ${dryRun ? 'to be removed' : 'removed'}`]
      : []),
    ...(kept > 0
      ? [`${formatNumber(kept, 'snapshot')} not removed, though not in the source`]
      : []),
  ]
}

/** What to do about each kind. */
const HINTS: Readonly<Record<SyncProblem['kind'], string>> = {
  damaged: 'Run `cairn repair` on the source, then sync again.',
  unreadable: 'Look at the disk or the rights of the source, then sync again.',
  mismatch: 'Run `cairn check --read-data` on both: one of the two has damaged objects.',
  marked:
    'The copy is being pruned. Run `cairn prune` there until it has nothing left to do, then sync again. Where marks stay all the ' +
    'same, `cairn lease` there shows who is at work, and `cairn check` on both whether somebody has forged one.',
  missing:
    '`cairn check` on the source says whether it was lost, and `cairn repair --from COPY` brings it back. Where it was given up ' +
    'there, or the source is a copy and has forgotten it by itself, `cairn forget` takes it from the copy; what an interrupted backup had left goes with `cairn prune` of the copy.',
  unsettled: 'Run the same command again when the source is not being pruned.',
}

function hintsFor(problems: readonly SyncProblem[]): readonly string[] {
  return [...new Set(problems.map(({ kind }) => HINTS[kind]))]
}
