// What a sync would copy, worked out from a survey alone, in which order, and what must not be. What it removes
// says remove-gone.ts.
//
// The order of the puts: keys, config, packs, index, the records that explain what is missing, snapshots with
// receipts, holds, and marks last. So a target has no snapshot whose packs it lacks, and no mark of the source
// before the snapshots that may need what it names, whenever a run ends.

import type { ObjectInfo } from '../../store/store.ts'
import { groupRoots, type RootGroup } from './roots.ts'
import type { Listing, Survey, SyncFolder } from './survey.ts'

/** Why an object was not copied, or a run not finished. */
export interface SyncProblem {
  /**
   * `damaged` and `unreadable` at the source, `mismatch` where the target has other bytes of that name,
   * `marked` where a mark at the target forbids it, `unsettled` where the source was pruned all the while, `missing`
   * where the source has lost a snapshot.
   */
  readonly kind: 'damaged' | 'unreadable' | 'mismatch' | 'marked' | 'unsettled' | 'missing'
  readonly object: string
  readonly what: string
}

export interface SyncPlan {
  /** What the target lacks and may get. */
  readonly copy: Listing
  /** Snapshots and receipts, in the order in which they are put. */
  readonly roots: readonly RootGroup[]
  readonly objects: number
  readonly bytes: number
  /** Objects that both have. */
  readonly present: number
  /** Packs that a mark at the target names, and that may not be put or relied upon there. */
  readonly heldPacks: number
  /** Snapshots that are not put because of these. */
  readonly heldSnapshots: number
  readonly problems: readonly SyncProblem[]
}

export interface PlanOptions {
  /** Objects that could not be read at the source: told already, and not tried again. */
  readonly failed: ReadonlySet<string>
  /** The packs of the source could not all be had: what relies on them must wait. */
  readonly unsettled?: boolean
}

/** Pure: the same survey gives the same plan. */
export function planSync(found: Survey, options: PlanOptions): SyncPlan {
  const marked = markedFor(found, options)
  const lacking = mapFolders(found.source, (infos) =>
    infos.filter(({ name }) => !found.target.has(name) && !options.failed.has(name)),
  )
  const isHeld = marked.packs.size > 0 || options.unsettled === true
  const heldSnapshots = isHeld ? lacking.snapshots.length : 0
  const copy: Listing = {
    ...lacking,
    packs: lacking.packs.filter(({ name }) => !marked.packs.has(name)),
    snapshots: isHeld ? [] : lacking.snapshots.filter(({ name }) => !marked.snapshots.has(name)),
    // Which of them belong to the snapshots cannot be seen without a key.
    receipts: isHeld ? [] : lacking.receipts,
  }
  const all = Object.values(copy).flat()
  return {
    copy,
    roots: groupRoots(found.source, copy),
    objects: all.length,
    bytes: all.reduce((sum, { size }) => sum + size, 0),
    present: Object.values(found.source)
      .flat()
      .filter(({ name }) => found.target.has(name)).length,
    heldPacks: marked.packs.size,
    heldSnapshots,
    problems: [...mismatches(found, options), ...marked.problems],
  }
}

function mapFolders(
  listing: Listing,
  map: (infos: readonly ObjectInfo[]) => readonly ObjectInfo[],
): Listing {
  const entries = Object.entries(listing).map(([folder, infos]) => [folder, map(infos)] as const)
  return Object.fromEntries(entries) as Readonly<Record<SyncFolder, readonly ObjectInfo[]>>
}

interface MarkedNames {
  readonly packs: ReadonlySet<string>
  readonly snapshots: ReadonlySet<string>
  readonly problems: readonly SyncProblem[]
}

/**
 * What marks at the target forbid. A pack that is still listed there may be deleted at any moment: a mark
 * of the target's own says so without knowing of the source's snapshots, so that they cannot rely on it. A
 * mark that the source has as well was put there after the snapshots that may need the pack: whoever sweeps
 * finds them, and moves what they need. Unless one of them is not there: a sweep may have begun without it.
 */
function markedFor(found: Survey, { failed }: PlanOptions): MarkedNames {
  const { source, target, marks } = found
  const packs = new Set<string>()
  const snapshots = new Set<string>()
  const problems: SyncProblem[] = []
  if (marks.length === 0) return { packs, snapshots, problems }
  const shared = new Set(source.marks.map(({ name }) => name))
  const followed = new Set(marksAfterSnapshots(found))
  const listed = new Set([...source.packs, ...source.snapshots].map(({ name }) => name))
  for (const mark of marks) {
    const heldPacks = mark.packs.filter(
      (name) =>
        listed.has(name) && !failed.has(name) && !(target.has(name) && followed.has(mark.name)),
    )
    const heldSnapshots = mark.snapshots.filter((name) => listed.has(name) && !target.has(name))
    for (const name of heldPacks) packs.add(name)
    for (const name of heldSnapshots) snapshots.add(name)
    // A snapshot that the source is deleting too is missed by nobody.
    const told = shared.has(mark.name) ? heldPacks : [...heldPacks, ...heldSnapshots]
    const [first, ...more] = told
    if (first === undefined) continue
    const others = more.length > 0 ? ` and ${more.length} more` : ''
    const what = `it marks ${first}${others} at the target, which must not be put there again`
    problems.push({ kind: 'marked', object: mark.name, what })
  }
  return { packs, snapshots, problems }
}

/**
 * Those of the source of which the target has all snapshots that may need what they name. Whoever committed
 * a later one has seen the mark, and stored again what it names.
 */
function marksAfterSnapshots({ source, target, lagMs }: Survey): readonly string[] {
  const lacking = source.snapshots.filter(({ name }) => !target.has(name))
  const firstMs = Math.min(...lacking.map(({ storedAtMs }) => storedAtMs))
  return source.marks.filter((mark) => mark.storedAtMs + lagMs < firstMs).map(({ name }) => name)
}

/** Whichever of the two is damaged: nothing is ever overwritten. */
function mismatches({ source, target }: Survey, { failed }: PlanOptions): readonly SyncProblem[] {
  return Object.values(source)
    .flat()
    .filter(({ name, size }) => {
      const there = target.get(name)
      return there !== undefined && there !== size && !failed.has(name)
    })
    .map(({ name, size }) => ({
      kind: 'mismatch',
      object: name,
      what: `the target has ${target.get(name)} bytes under this name and the source ${size}: it is left as it is`,
    }))
}
