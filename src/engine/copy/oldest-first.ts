// The order in which snapshots are copied: by their times, but those of one source as they followed each other,
// for clocks may have gone back, and the target numbers its copies anew.

import { toHex } from '../../base/bytes.ts'
import { compareBySequence, compareByTime, type Snapshot } from '../../repository/snapshots.ts'

export function oldestFirst(snapshots: readonly Snapshot[]): readonly Snapshot[] {
  const keyOf = ({ domain, summary }: Snapshot) => `${domain.hex} ${toHex(summary.sourceId)}`
  const bySource = Map.groupBy(snapshots.toSorted(compareBySequence), keyOf)
  const next = new Map([...bySource].map(([key, own]) => [key, own.values()]))
  return snapshots
    .toSorted(compareByTime)
    .map((snapshot) => next.get(keyOf(snapshot))?.next().value as Snapshot)
}
