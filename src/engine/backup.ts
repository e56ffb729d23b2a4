// Backup: walk the source, split what is new, seal it, pack it, put it into the store; then commit.
// Everything that is relied upon is looked up again before the snapshot counts; where something was
// lost meanwhile, the run goes over the source once more and stores it again.

import { join } from 'node:path'
import { type Bytes, toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { SESSION_ID_BYTES } from '../format/snapshot.ts'
import { loadIndex } from '../repository/index-load.ts'
import { HeldLease } from '../repository/lease.ts'
import { aboutObject } from '../repository/object-problem.ts'
import { type Followed, loadPredecessor, type Predecessor } from '../repository/predecessor.ts'
import { sourceIdOf } from '../repository/snapshots.ts'
import { commit } from './backup/commit.ts'
import { checkMayWrite, detailsOf, summaryOf } from './backup/describe.ts'
import type { BackupOptions, BackupResult } from './backup/options.ts'
import { type BackupPass, Pass, type PassOptions } from './backup/pass.ts'
import { planBackup } from './backup/plan.ts'
import { Report } from './backup/report.ts'
import type { Root } from './backup/scan.ts'

/** Passes over the source before giving up on a store that keeps losing what is relied upon. */
const PASSES = 3
const PASS_PAUSE_MS = 2000

export type NewPass = (options: PassOptions) => BackupPass

/** Backs up. Throws 'interrupted', 'source-unreadable' where no root could be read, or what failed. */
export async function backup(
  options: BackupOptions,
  newPass: NewPass = (given) => new Pass(given),
): Promise<BackupResult> {
  const { repository, domain, clock, random } = options
  checkMayWrite(options)
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
    const before = await loadPredecessor(repository, {
      domain,
      sourceId: sourceIdOf(domain, options.sourceName),
      catalog: options.catalog,
      onProblem: (problem) => options.onWarning(aboutObject(problem)),
    })
    const attempt: Attempt = { sessionId, startedMs, before, newPass, previous: before }
    for (let passes = 1; passes <= PASSES; passes++) {
      const result = await attemptBackup(options, attempt)
      if (result !== undefined) return result
      // What is gone may only be late in a listing.
      await clock.sleep(PASS_PAUSE_MS * passes)
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

interface Attempt {
  readonly newPass: NewPass
  readonly sessionId: Bytes
  readonly startedMs: number
  /** What there was before this run. */
  readonly before: Predecessor | undefined
  /** What the next snapshot follows: also a checkpoint of this run. */
  previous: Followed | undefined
}

/** One pass over the source and its commit; undefined where something was lost on the way. */
async function attemptBackup(
  options: BackupOptions,
  attempt: Attempt,
): Promise<BackupResult | undefined> {
  const { repository, domain } = options
  const index = await loadIndex(repository, domain, { isRenewing: true })
  const report = new Report(options)
  const pass = attempt.newPass({ ...options, index, report, cachePath: cachePathOf(options) })
  const run: Run = { attempt, pass, report }
  try {
    const root = await pass.scan(async (partial) => {
      const checkpoint = await commitRoot(options, run, { root: partial, isCheckpoint: true })
      attempt.previous = checkpoint ?? attempt.previous
    })
    await pass.store()
    if (options.skipIfUnchanged && pass.addedBytes === 0 && isSameRoot(attempt.before, root.tree)) {
      pass.keepCache()
      return resultOf(options, run, undefined)
    }
    const committed = await commitRoot(options, run, { root, isCheckpoint: false })
    if (committed === undefined) return undefined
    pass.keepCache()
    return resultOf(options, run, committed.name)
  } catch (error) {
    await pass.keepWhatIsStored()
    throw error
  } finally {
    await pass.end()
  }
}

interface Run {
  readonly attempt: Attempt
  readonly pass: BackupPass
  readonly report: Report
}

/** Commits a root whose blobs are all stored; undefined where something that it needs was lost. */
async function commitRoot(
  options: BackupOptions,
  run: Run,
  { root, isCheckpoint }: { readonly root: Root; readonly isCheckpoint: boolean },
): Promise<(Followed & { readonly name: string }) | undefined> {
  const { attempt, pass, report } = run
  const summary = summaryOf(options, { ...attempt, pass, report, root, isCheckpoint })
  const outcome = await commit({
    ...options,
    summary,
    details: detailsOf(options, { report, root }),
    stored: pass.stored,
    relied: pass.relied,
  })
  if (outcome.kind === 'lost') return undefined
  return { name: outcome.snapshot, follows: outcome.snapshot, summary }
}

function resultOf(options: BackupOptions, run: Run, snapshot: string | undefined): BackupResult {
  const { attempt, pass, report } = run
  return {
    snapshot,
    parent: attempt.before?.name,
    counts: report.counts,
    problems: report.problems,
    addedBytes: pass.addedBytes,
    addedStoredBytes: pass.addedStoredBytes,
    startedMs: attempt.startedMs,
    endedMs: options.clock.nowMs(),
  }
}

function isSameRoot(previous: Predecessor | undefined, root: Bytes): boolean {
  const last = previous?.summary.roots[0]
  return last !== undefined && toHex(last) === toHex(root)
}

/** Where what was found is remembered for next time: one file for each source. */
function cachePathOf(
  options: Pick<BackupOptions, 'cacheFolder' | 'domain' | 'sourceName'>,
): string {
  const { cacheFolder, domain, sourceName } = options
  return join(cacheFolder, `files-${domain.hex}-${toHex(sourceIdOf(domain, sourceName))}`)
}
