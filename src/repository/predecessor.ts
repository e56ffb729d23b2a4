// What the next snapshot of a source follows. A snapshot that cannot be read is not one that is not there:
// were its number given to the next one as well, nobody would ever miss it. So the next number leaves
// room for every snapshot that cannot be read and may be newer than the newest that can. If it comes back
// the numbers are as they should be; if it does not, there is a gap, which is the truth.
//
// It stops no backup: a disk that loses one snapshot is no reason to save nothing any more.

import { type Bytes, equalBytes } from '../base/bytes.ts'
import type { Summary } from '../format/snapshot.ts'
import type { DomainAccess } from './access.ts'
import type { CatalogPlace } from './catalog.ts'
import type { ObjectProblem } from './object-problem.ts'
import type { Repository } from './repository.ts'
import { loadSnapshotFacts } from './snapshot-facts.ts'
import {
  compareBySequence,
  orderOfSource,
  type SnapshotFacts,
  withoutReplaced,
} from './snapshots.ts'

/** What the next snapshot takes its number from. */
export interface Followed {
  /**
   * The name of the one with the highest number that can be read: the next one says to follow it, so that it
   * would be missed. Where copies came after what is newer, that is not the newest.
   */
  readonly follows: string
  readonly summary: Pick<Summary, 'sequence'>
}

export interface Predecessor extends Followed {
  /** Of the newest snapshot that can be read. */
  readonly name: string
  /**
   * The highest number that may have been given out; and the roots of the newest snapshot, or none
   * where it is not certain that this is the newest.
   */
  readonly summary: Pick<Summary, 'sequence' | 'roots'>
}

/**
 * The predecessor of the next snapshot of a source; undefined where no snapshot of it can be read.
 * What cannot be read is told. Throws where the store cannot be read at all.
 */
export async function loadPredecessor(
  repository: Repository,
  options: {
    /** A source is one of its domain: what another one says of the same id is not of it. */
    readonly domain: DomainAccess
    readonly sourceId: Bytes
    readonly catalog: CatalogPlace
    readonly onProblem: (problem: ObjectProblem) => void
  },
): Promise<Predecessor | undefined> {
  const { domain, sourceId, catalog, onProblem } = options
  const { snapshots, problems } = await loadSnapshotFacts(repository, catalog)
  for (const problem of problems) onProblem(problem)
  const own = withoutReplaced(snapshots)
    .filter((one) => one.domain.hex === domain.hex && equalBytes(one.summary.sourceId, sourceId))
    .sort(compareBySequence)
  const confirmed = own.filter((one) => one.confirmed)
  const highest = confirmed.at(-1)
  const newest = confirmed.toSorted(orderOfSource(own)).at(-1)
  if (highest === undefined || newest === undefined) return undefined
  const { sequence, isCertain } = await highestTaken(repository, { highest, own, problems })
  const roots = isCertain ? newest.summary.roots : []
  return { name: newest.name, follows: highest.name, summary: { sequence, roots } }
}

/**
 * The number of the snapshot that follows this one. Whoever may write the source may have given out the last
 * number there is: then it stays at that, and time says which is the later one.
 */
export function nextSequence(
  previous: { readonly summary: Pick<Summary, 'sequence'> } | undefined,
): number {
  return lastAtMost((previous?.summary.sequence ?? 0) + 1)
}

function lastAtMost(sequence: number): number {
  return Math.min(sequence, Number.MAX_SAFE_INTEGER)
}

/** The highest number that a snapshot of the source has or may have; whether `highest` surely has it. */
async function highestTaken(
  { store }: Repository,
  {
    highest,
    own,
    problems,
  }: {
    readonly highest: SnapshotFacts
    readonly own: readonly SnapshotFacts[]
    readonly problems: readonly ObjectProblem[]
  },
): Promise<{ readonly sequence: number; readonly isCertain: boolean }> {
  // What is intact and not ours is nobody's snapshot.
  const unread = problems.filter(({ error }) => error.code !== 'object-foreign')
  const known = highest.summary.sequence
  if (unread.length === 0) return { sequence: known, isCertain: true }
  const since = (await store.stat(highest.name))?.storedAtMs ?? 0
  let hidden = 0
  let isReceiptHidden = false
  for (const { name } of unread) {
    // What the store had before the one with the highest number was known to whoever wrote that one.
    if (((await store.stat(name))?.storedAtMs ?? 0) < since) continue
    if (name.startsWith('snapshots/')) hidden++
    else isReceiptHidden = true
  }
  const last = (isReceiptHidden ? own.at(-1) : undefined) ?? highest
  const sequence = lastAtMost(last.summary.sequence + hidden)
  return { sequence, isCertain: last === highest && hidden === 0 }
}
