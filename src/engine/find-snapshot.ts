// Finding the snapshot that is meant where only facts of all are known, as a machine keeps them: only what may be
// it is read and opened, with its details, the newest first. What selectSnapshot finds among all is found here
// too; where nothing is found, selectSnapshot is to say why.

import { isCairnError } from '../base/errors.ts'
import { type ObjectProblem, ObjectProblems } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import {
  compareAmongSources,
  compareByTime,
  expectDetails,
  isCopyThatCounts,
  orderOfSource,
  readSnapshot,
  replacements,
  type Snapshot,
  type SnapshotFacts,
  sourceKeyOf,
  withoutReplaced,
} from '../repository/snapshots.ts'
import {
  filterSnapshots,
  mayBeLatest,
  parseWanted,
  type SelectSnapshot,
} from './select-snapshot.ts'

export interface FindSnapshot extends SelectSnapshot {
  /** All, those that others stand for too. */
  readonly snapshots: readonly SnapshotFacts[]
}

export interface FoundSnapshot {
  /** Undefined where none fits, several do, or too many of those that would cannot be used. */
  readonly snapshot: Snapshot | undefined
  /** What would have been it, and cannot be used. */
  readonly problems: readonly ObjectProblem[]
}

/** So many that cannot be used are passed over. */
const UNUSABLE_MAX = 64

/** Throws as selectSnapshot does for what can be no snapshot and what the key may not read. */
export async function findAmongFacts(options: FindSnapshot): Promise<FoundSnapshot> {
  const candidates = new Candidates(options.repository)
  while (candidates.unusable.size < UNUSABLE_MAX) {
    const before = candidates.unusable.size
    const snapshot = await find(options, candidates)
    // One that cannot be used may have stood for another one, or been before it: it is looked for again.
    if (candidates.unusable.size === before) return { snapshot, problems: candidates.problems }
  }
  return { snapshot: undefined, problems: candidates.problems }
}

async function find(options: FindSnapshot, candidates: Candidates): Promise<Snapshot | undefined> {
  const { snapshots, wanted } = options
  const usable = snapshots.filter(({ name }) => !candidates.unusable.has(name))
  const asked = parseWanted(wanted)
  const listed = withoutReplaced(usable)
  if (asked.kind === 'latest') {
    if (!(await areHidersUsable(usable, candidates))) return undefined
    return findLatest(options, { listed, back: asked.back, candidates })
  }
  const [first, ...more] = listed.filter(({ id }) => id.startsWith(asked.prefix))
  return first && more.length === 0 ? candidates.open(first) : undefined
}

/** What hides one that might be the latest, and is none that might be it, would not be come upon. */
async function areHidersUsable(
  usable: readonly SnapshotFacts[],
  candidates: Candidates,
): Promise<boolean> {
  for (const [hider, hidden] of replacements(usable)) {
    if (mayBeLatest(hider) || !mayBeLatest(hidden)) continue
    if ((await candidates.open(hider)) === undefined) return false
  }
  return true
}

interface Latest {
  readonly listed: readonly SnapshotFacts[]
  readonly back: number
  readonly candidates: Candidates
}

async function findLatest(
  { repository, filter }: FindSnapshot,
  { listed, back, candidates }: Latest,
): Promise<Snapshot | undefined> {
  const { source, atMs } = filter
  const complete = listed.filter(mayBeLatest)
  const latest = filterSnapshots(complete, { repository, filter: { source, atMs } })
  /** Those that fit, up to the first that cannot be used. */
  const fitting = async function* (ordered: readonly SnapshotFacts[]): AsyncGenerator<Snapshot> {
    for (const one of ordered) {
      const opened = await candidates.open(one)
      if (opened === undefined) return
      if (filterSnapshots([opened], { repository, filter }).length > 0) yield opened
    }
  }
  for await (const newest of fitting(latest.toSorted((a, b) => compareAmongSources(b, a)))) {
    const source = sourceKeyOf(newest)
    const isSame = (one: SnapshotFacts) => sourceKeyOf(one) === source
    const all = listed.filter(isSame)
    if (!(await isCopyUsable(all, candidates))) return undefined
    const order = orderOfSource(all)
    let left = back
    for await (const one of fitting(latest.filter(isSame).sort((a, b) => order(b, a))))
      if (left-- === 0) return one
    return undefined
  }
  return undefined
}

/** A copy changes the order of its source, where it is one: of several, the first to be come upon tells. */
async function isCopyUsable(
  all: readonly SnapshotFacts[],
  candidates: Candidates,
): Promise<boolean> {
  const copy = all.filter(isCopyThatCounts).sort(compareByTime).at(-1)
  return copy === undefined || (await candidates.open(copy)) !== undefined
}

/** Those that were read, each once. */
class Candidates {
  readonly unusable = new Set<string>()
  readonly #repository: Repository
  readonly #opened = new Map<string, Snapshot>()
  readonly #problems = new ObjectProblems()

  constructor(repository: Repository) {
    this.#repository = repository
  }

  get problems(): readonly ObjectProblem[] {
    return this.#problems.found
  }

  /** Undefined where it cannot be used. */
  async open(facts: SnapshotFacts): Promise<Snapshot | undefined> {
    const { name } = facts
    const known = this.#opened.get(name)
    if (known !== undefined) return known
    try {
      const opened = await readSnapshot(this.#repository, facts)
      expectDetails(this.#repository, opened)
      this.#opened.set(name, opened)
      return opened
    } catch (error) {
      this.unusable.add(name)
      // Removed since it was listed: then it is not there, and nobody misses it.
      if (!isCairnError(error, 'object-missing')) this.#problems.take(name, error)
      return undefined
    }
  }
}
