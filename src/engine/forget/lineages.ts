// Snapshots that stand for each other are one to retention: a snapshot whose tags were changed, and those that
// it took the place of, stay or go together, count once, and are as old as the oldest of them. So nobody can
// make a snapshot younger by changing its tags, or fill a rule with copies of one.

import { replacements, type SnapshotFacts } from '../../repository/snapshots.ts'

export interface Lineage<T extends SnapshotFacts = SnapshotFacts> {
  /** What stands for it: of several that were put for one, the newest. */
  readonly shown: T
  /** Those that are listed: nothing stands for them. */
  readonly listed: readonly T[]
  /**
   * All, each after those that it stands for: removed in this order, what is listed stays so until
   * nothing is left of what it hides.
   */
  readonly members: readonly T[]
}

export function lineagesOf<T extends SnapshotFacts>(
  snapshots: readonly T[],
): readonly Lineage<T>[] {
  const originals = replacements(snapshots)
  const members = new Map<T, T[]>()
  for (const snapshot of snapshots) {
    const first = firstOf(snapshot, originals)
    const known = members.get(first)
    if (known === undefined) members.set(first, [snapshot])
    else known.push(snapshot)
  }
  const hidden = new Set(originals.values())
  return [...members.values()].map((own) => lineageOf(own, { originals, hidden }))
}

function lineageOf<T extends SnapshotFacts>(
  own: readonly T[],
  { originals, hidden }: { readonly originals: ReadonlyMap<T, T>; readonly hidden: ReadonlySet<T> },
): Lineage<T> {
  const listed = own.filter((one) => !hidden.has(one)).sort((a, b) => b.storedAtMs - a.storedAtMs)
  const depths = new Map(own.map((one) => [one, depthOf(one, originals)]))
  const members = own.toSorted((a, b) => (depths.get(a) as number) - (depths.get(b) as number))
  return { shown: (listed[0] ?? own[0]) as T, listed, members }
}

/** What a chain of replacements began with. Names are hashes of what names them: there are no circles. */
function firstOf<T>(snapshot: T, originals: ReadonlyMap<T, T>): T {
  let first = snapshot
  for (let next = originals.get(first); next !== undefined; next = originals.get(next)) first = next
  return first
}

function depthOf<T>(snapshot: T, originals: ReadonlyMap<T, T>): number {
  let depth = 0
  let at: T | undefined = snapshot
  while (at !== undefined) {
    at = originals.get(at)
    depth++
  }
  return depth
}
