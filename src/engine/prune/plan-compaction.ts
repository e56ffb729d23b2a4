// Which frames a prune splits that may open them: those with the largest part that nobody needs.

import type { Liveness, PartlyNeeded } from './liveness.ts'

export interface CompactionPlan {
  /** In the order of their packs. */
  readonly frames: readonly PartlyNeeded[]
  /** How many packs they are in. */
  readonly packs: number
  /** About what is sealed anew of them, and what is not needed in them, by the numbers of blobs. */
  readonly storedBytes: number
  readonly freeBytes: number
}

export const NOTHING_TO_COMPACT: CompactionPlan = {
  frames: [],
  packs: 0,
  storedBytes: 0,
  freeBytes: 0,
}

/** Pure. The most wasteful first, until what stays wasted is little enough or the limit is reached. */
export function planCompaction(
  liveness: Liveness,
  { unusedMax, moveBytesMax }: { readonly unusedMax: number; readonly moveBytesMax: number },
): CompactionPlan {
  const partly = liveness.partlyNeeded()
  const total = liveness.packs
    .filter(({ isMarked }) => !isMarked)
    .reduce((sum, { liveBytes, deadBytes }) => sum + liveBytes + deadBytes, 0)
  let wasted = partly.reduce((sum, frame) => sum + wastedBytes(frame), 0)
  let storedBytes = 0
  let freeBytes = 0
  const chosen = new Set<PartlyNeeded>()
  for (const frame of [...partly].sort((a, b) => neededPart(a) - neededPart(b))) {
    if (wasted <= unusedMax * total) break
    const needed = frame.storedBytes - wastedBytes(frame)
    if (storedBytes + needed > moveBytesMax) continue
    storedBytes += needed
    freeBytes += wastedBytes(frame)
    wasted -= wastedBytes(frame)
    chosen.add(frame)
  }
  const frames = partly.filter((frame) => chosen.has(frame))
  const packs = new Set(frames.map(({ pack }) => pack)).size
  return { frames, packs, storedBytes, freeBytes }
}

function neededPart({ neededBlobs, blobCount }: PartlyNeeded): number {
  return neededBlobs / blobCount
}

function wastedBytes({ storedBytes, neededBlobs, blobCount }: PartlyNeeded): number {
  return Math.round((storedBytes * (blobCount - neededBlobs)) / blobCount)
}
