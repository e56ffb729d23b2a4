// What goes on in a repository: who is at work, what waits to be deleted, how old the last snapshot of each
// source is. Reads records only, and changes nothing.

import { toHex } from '../base/bytes.ts'
import { type FoundMark, findMarks } from '../repository/marks.ts'
import type { ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { LEASE_HONOURED_MS, loadSessions, type Session } from '../repository/sessions.ts'
import { compareBySequence, loadSnapshots, type Snapshot } from '../repository/snapshots.ts'

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
  readonly unconfirmed: readonly Snapshot[]
  /** Snapshots of domains that the key does not hold. */
  readonly closed: number
  readonly problems: readonly ObjectProblem[]
}

/** `nowMs` is by this machine's clock: nothing is decided by it. Throws what the store throws. */
export async function status(repository: Repository, nowMs: number): Promise<Status> {
  const { sessions, problems } = await loadSessions(repository)
  const aboutMarks: ObjectProblem[] = []
  const marks = await findMarks(repository, repository.domains, (one) => aboutMarks.push(one))
  const list = await loadSnapshots(repository, { onlyReading: true })
  return {
    sessions: sessions.map((session) => ({
      ...session,
      isHonoured: nowMs - session.renewedMs <= LEASE_HONOURED_MS,
    })),
    marks: marks.toSorted((a, b) => a.storedAtMs - b.storedAtMs),
    sources: sourcesOf(list.snapshots.filter(({ confirmed }) => confirmed)),
    unconfirmed: list.snapshots.filter(({ confirmed }) => !confirmed),
    closed: list.closed.length,
    problems: [...problems, ...aboutMarks, ...list.problems],
  }
}

function sourcesOf(snapshots: readonly Snapshot[]): readonly SourceStatus[] {
  const counted = snapshots.filter(({ summary }) => summary.ending !== 'checkpoint')
  const groups = Map.groupBy(
    counted,
    ({ domain, summary }) => `${domain.hex} ${toHex(summary.sourceId)}`,
  )
  return [...groups.values()].map((own) => ({
    newest: own.toSorted(compareBySequence).at(-1) as Snapshot,
    snapshots: own.length,
  }))
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
