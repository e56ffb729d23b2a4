// The order in which snapshots are copied: by their times, but those of one source as they followed each other,
// for clocks may have gone back, and the target numbers its copies anew.

import {
  compareByTime,
  orderOfSource,
  type Snapshot,
  sourceKeyOf,
} from '../../repository/snapshots.ts'

export function oldestFirst(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const bySource = Map.groupBy(snapshots, sourceKeyOf)
  const next = new Map(
    [...bySource].map(([key, own]) => [key, own.toSorted(orderOfSource(own)).values()]),
  )
  return snapshots
    .toSorted(compareByTime)
    .map((snapshot) => next.get(sourceKeyOf(snapshot))?.next().value as Snapshot)
}
