// What goes on in a repository: who is at work, what waits to be deleted, how old the last snapshot of each
// source is. Reads records only, and changes nothing.

import { isCairnError } from '../base/errors.ts'
import type { CatalogPlace } from '../repository/catalog.ts'
import { type FoundMark, findMarks } from '../repository/marks.ts'
import { type ObjectProblem, ObjectProblems } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { LEASE_HONOURED_MS, loadSessions, type Session } from '../repository/sessions.ts'
import { loadSnapshotFacts } from '../repository/snapshot-facts.ts'
import {
  compareByTime,
  orderOfSource,
  readSnapshot,
  type Snapshot,
  type SnapshotFacts,
  sourceKeyOf,
  withoutReplaced,
} from '../repository/snapshots.ts'
import { offeredAmong, type Undeletable } from './undelete/select.ts'

/** A session, and whether its leases are still honoured. */
export interface SessionStatus extends Session {
  readonly isHonoured: boolean
}

/** A source by its newest snapshot that counts. */
export interface SourceStatus {
  readonly newest: Snapshot
  readonly snapshots: number
}

export interface Status {
  readonly sessions: readonly SessionStatus[]
  /** Oldest first: what they name goes with the first prune after the grace. */
  readonly marks: readonly FoundMark[]
  readonly sources: readonly SourceStatus[]
  /** Snapshots without receipt: a run that is not at its end, or that never came to it. */
  readonly unconfirmed: readonly SnapshotFacts[]
  /** What was forgotten and can be had back, if all that it needs is there; what goes first comes first. */
  readonly undeletable: readonly Undeletable[]
  /** All that is listed, also what others stand for. */
  readonly snapshots: readonly SnapshotFacts[]
  /** Snapshots of domains that the key does not hold. */
  readonly closed: number
  readonly problems: readonly ObjectProblem[]
}

export interface StatusOptions {
  /** By this machine's clock: nothing is decided by it. */
  readonly nowMs: number
  readonly catalog: CatalogPlace
}

/** Throws what the store throws. */
export async function status(repository: Repository, options: StatusOptions): Promise<Status> {
  const { sessions, problems } = await sessionsAt(repository, options.nowMs)
  const aboutMarks: ObjectProblem[] = []
  const marks = await findMarks(repository, repository.domains, (one) => aboutMarks.push(one))
  const list = await loadSnapshotFacts(repository, options.catalog)
  const snapshots = withoutReplaced(list.snapshots).toSorted(compareByTime)
  const aboutNewest = new ObjectProblems()
  const { nowMs } = options
  const forgotten = await offeredAmong(repository, { snapshots: list.snapshots, nowMs })
  const counted = snapshots.filter(({ confirmed }) => confirmed)
  return {
    sessions,
    marks: marks.toSorted((a, b) => a.storedAtMs - b.storedAtMs),
    sources: await sourcesOf(repository, { snapshots: counted, problems: aboutNewest }),
    unconfirmed: snapshots.filter(({ confirmed }) => !confirmed),
    undeletable: forgotten.offered,
    snapshots: list.snapshots,
    closed: list.closed.length,
    problems: [
      ...problems,
      ...aboutMarks,
      ...list.problems,
      ...aboutNewest.found,
      ...forgotten.problems,
    ],
  }
}

/** What runs go on, by this machine's clock. Throws what the store throws. */
export async function sessionsAt(
  repository: Repository,
  nowMs: number,
): Promise<{
  readonly sessions: readonly SessionStatus[]
  readonly problems: readonly ObjectProblem[]
}> {
  const { sessions, problems } = await loadSessions(repository)
  const isHonoured = ({ renewedMs }: Session) => nowMs - renewedMs <= LEASE_HONOURED_MS
  return { sessions: sessions.map((one) => ({ ...one, isHonoured: isHonoured(one) })), problems }
}

interface Counted {
  readonly snapshots: readonly SnapshotFacts[]
  /** Takes what is wrong with those that cannot be read any more, which count no more either. */
  readonly problems: ObjectProblems
}

async function sourcesOf(
  repository: Repository,
  { snapshots, problems }: Counted,
): Promise<readonly SourceStatus[]> {
  const sources: SourceStatus[] = []
  for (const own of Map.groupBy(snapshots, sourceKeyOf).values()) {
    const counted = own.filter(({ summary }) => summary.ending !== 'checkpoint')
    const ordered = counted.sort(orderOfSource(own))
    for (let newest = ordered.pop(); newest !== undefined; newest = ordered.pop()) {
      const read = await readOrTell(repository, { facts: newest, problems })
      if (read === undefined) continue
      sources.push({ newest: read, snapshots: ordered.length + 1 })
      break
    }
  }
  return sources
}

async function readOrTell(
  repository: Repository,
  { facts, problems }: { readonly facts: SnapshotFacts; readonly problems: ObjectProblems },
): Promise<Snapshot | undefined> {
  try {
    return await readSnapshot(repository, facts)
  } catch (error) {
    // Removed since it was listed: then it is not there, and nobody misses it.
    if (!isCairnError(error, 'object-missing')) problems.take(facts.name, error)
    return undefined
  }
}

/**
 * Removes the leases of a session that has ended without doing so: nobody waits for it any more. Those of one
 * that is at work after all cost it nothing but effort. Returns how many there were.
 */
export async function endSession({ store }: Repository, { id }: Session): Promise<number> {
  const names: string[] = []
  for await (const { name } of store.list(`leases/${id}/`)) names.push(name)
  for (const name of names) await store.remove(name)
  return names.length
}
