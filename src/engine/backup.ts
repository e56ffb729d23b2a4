// Backup: walk the source, split what is new, seal it, pack it, put it into the store; then commit.
// Everything that is relied upon is looked up again before the snapshot counts; where something was
// lost meanwhile, the run goes over the source once more and stores it again.

import { join } from 'node:path'
import { type Bytes, concat, toHex, utf8 } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { PROBLEMS_MAX } from '../format/limits.ts'
import type { Details, Summary } from '../format/snapshot.ts'
import { SESSION_ID_BYTES } from '../format/snapshot.ts'
import { loadIndex } from '../repository/index-load.ts'
import { HeldLease } from '../repository/lease.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshots, type Snapshot, sourceIdOf } from '../repository/snapshots.ts'
import { digestInName } from '../store/names.ts'
import { commit } from './backup/commit.ts'
import type { BackupOptions, BackupResult } from './backup/options.ts'
import { Pass } from './backup/pass.ts'
import { planBackup } from './backup/plan.ts'
import { Report } from './backup/report.ts'
import type { Root } from './backup/scan.ts'

/** Passes over the source before giving up on a store that keeps losing what is relied upon. */
const PASSES = 3

/** Backs up. Throws 'interrupted', 'source-unreadable' where no root could be read, or what failed. */
export async function backup(options: BackupOptions): Promise<BackupResult> {
  const { repository, domain, clock, random } = options
  if (options.dryRun) return dryRun(options)
  const sessionId = random(SESSION_ID_BYTES)
  const startedMs = clock.nowMs()
  const lease = await HeldLease.take({
    ...options,
    sessionId,
    purpose: 'backup',
    onProblem: options.onWarning,
  })
  try {
    const previous = await latestOf(repository, sourceIdOf(domain, options.sourceName))
    for (let attempt = 1; attempt <= PASSES; attempt++) {
      const result = await attemptBackup(options, { sessionId, startedMs, previous })
      if (result !== undefined) return result
    }
    throw new CairnError(
      'snapshot-unconfirmed',
      'Cannot confirm the snapshot: packs that it needs keep vanishing',
      {
        hint: 'What was uploaded is kept. See who else prunes this repository, then run the backup again.',
      },
    )
  } finally {
    await lease.release()
  }
}

/** A stream can be read only once, so what it would add is not known before. */
async function dryRun(options: BackupOptions): Promise<BackupResult> {
  const { source, clock } = options
  if (source.kind === 'stdin') {
    throw new CairnError(
      'usage',
      'Cannot do a dry run of the standard input: it could not be read again',
    )
  }
  const startedMs = clock.nowMs()
  const counts = await planBackup({ ...options, source, cachePath: cachePathOf(options) })
  const added = { addedBytes: counts.readBytes, addedStoredBytes: 0 }
  return {
    counts,
    ...added,
    startedMs,
    endedMs: clock.nowMs(),
    problems: [],
    snapshot: undefined,
    parent: undefined,
  }
}

/** The snapshot of the source that the next one follows. */
type Predecessor = Pick<Snapshot, 'name'> & {
  readonly summary: Pick<Snapshot['summary'], 'sequence' | 'roots'>
}

interface Attempt {
  readonly sessionId: Bytes
  readonly startedMs: number
  readonly previous: Predecessor | undefined
}

/** One pass over the source and its commit; undefined where something was lost on the way. */
async function attemptBackup(
  options: BackupOptions,
  attempt: Attempt,
): Promise<BackupResult | undefined> {
  const { repository, domain } = options
  const index = await loadIndex(repository, domain)
  const report = new Report(options)
  const pass = new Pass({ ...options, index, report, cachePath: cachePathOf(options) })
  const run: Run = { ...attempt, pass, report }
  try {
    const root = await pass.scan(async (partial) => {
      run.previous =
        (await commitRoot(options, run, { root: partial, isCheckpoint: true })) ?? run.previous
    })
    await pass.store()
    if (options.skipIfUnchanged && pass.addedBytes === 0 && isSameRoot(run.previous, root.tree)) {
      pass.keepCache()
      return resultOf(options, run, undefined)
    }
    const previous = run.previous?.name
    const committed = await commitRoot(options, run, { root, isCheckpoint: false })
    if (committed === undefined) return undefined
    pass.keepCache()
    return { ...resultOf(options, run, committed.name), parent: previous }
  } catch (error) {
    await pass.keepWhatIsStored()
    throw error
  } finally {
    await pass.end()
  }
}

interface Run extends Attempt {
  readonly pass: Pass
  readonly report: Report
  previous: Predecessor | undefined
}

/** Commits a root whose blobs are all stored; undefined where something that it needs was lost. */
async function commitRoot(
  options: BackupOptions,
  run: Run,
  { root, isCheckpoint }: { readonly root: Root; readonly isCheckpoint: boolean },
): Promise<Predecessor | undefined> {
  const summary = summaryOf(options, run, { root, isCheckpoint })
  const outcome = await commit({
    ...options,
    summary,
    details: detailsOf(options, { report: run.report, root }),
    stored: run.pass.stored,
    relied: run.pass.relied,
  })
  return outcome.kind === 'lost' ? undefined : { name: outcome.snapshot, summary }
}

function resultOf(options: BackupOptions, run: Run, snapshot: string | undefined): BackupResult {
  const { pass, report, startedMs } = run
  return {
    snapshot,
    parent: run.previous?.name,
    counts: report.counts,
    problems: report.problems,
    addedBytes: pass.addedBytes,
    addedStoredBytes: pass.addedStoredBytes,
    startedMs,
    endedMs: options.clock.nowMs(),
  }
}

function isSameRoot(previous: Predecessor | undefined, root: Bytes): boolean {
  const last = previous?.summary.roots[0]
  return last !== undefined && toHex(last) === toHex(root)
}

/** The newest confirmed snapshot of a source. */
async function latestOf(repository: Repository, sourceId: Bytes): Promise<Snapshot | undefined> {
  const { snapshots } = await loadSnapshots(repository)
  const wanted = toHex(sourceId)
  return snapshots
    .filter((snapshot) => snapshot.confirmed && toHex(snapshot.summary.sourceId) === wanted)
    .reduce<Snapshot | undefined>(
      (newest, one) =>
        newest === undefined || one.summary.sequence > newest.summary.sequence ? one : newest,
      undefined,
    )
}

function summaryOf(
  { domain, sourceName, program, clock }: BackupOptions,
  { report, pass, previous, sessionId, startedMs }: Run,
  { root, isCheckpoint }: { readonly root: Root; readonly isCheckpoint: boolean },
): Omit<Summary, 'detailsHash'> {
  const { files, folders, others, unreadable, sizeBytes } = report.counts
  const ending = isCheckpoint ? 'checkpoint' : unreadable > 0 ? 'incomplete' : 'complete'
  return {
    sourceId: sourceIdOf(domain, sourceName),
    roots: [root.tree],
    sequence: (previous?.summary.sequence ?? 0) + 1,
    predecessor: previous && digestInName(previous.name),
    sessionId,
    startedMs,
    endedMs: clock.nowMs(),
    ending,
    files,
    folders,
    others,
    unreadable,
    sizeBytes,
    addedBytes: pass.addedBytes,
    addedStoredBytes: pass.addedStoredBytes,
    program,
    replaces: undefined,
  }
}

function detailsOf(
  { source, sourceName, host, user, tags }: BackupOptions,
  { report, root }: { report: Report; root: Root },
): Details {
  const problems = report.problems.slice(0, PROBLEMS_MAX).map(({ path, what }) => ({ path, what }))
  const paths = source.kind === 'files' ? source.walk.roots : [concat([utf8('/'), source.name])]
  return { source: sourceName, host, user, paths, tags, problems, root: root.entry }
}

/** Where what was found is remembered for next time: one file for each source. */
export function cachePathOf(
  options: Pick<BackupOptions, 'cacheFolder' | 'domain' | 'sourceName'>,
): string {
  const { cacheFolder, domain, sourceName } = options
  return join(cacheFolder, `files-${domain.hex}-${toHex(sourceIdOf(domain, sourceName))}`)
}
