// Counts of differences, for the last lines of a diff.

import type { Entry } from '../../format/tree.ts'
import type { Difference } from '../diff.ts'

export interface DiffCounts {
  readonly files: number
  readonly folders: number
  readonly others: number
  /** Length of the files. */
  readonly bytes: number
}

export interface DiffStatistics {
  readonly added: DiffCounts
  readonly removed: DiffCounts
  /** Entries of another type, other content, or other metadata only. */
  readonly type: number
  readonly content: number
  readonly metadata: number
}

const NONE: DiffCounts = { files: 0, folders: 0, others: 0, bytes: 0 }
export const NO_DIFFERENCES: DiffStatistics = {
  added: NONE,
  removed: NONE,
  type: 0,
  content: 0,
  metadata: 0,
}

/** The statistics with one difference more. */
export function countDifference(sum: DiffStatistics, difference: Difference): DiffStatistics {
  if (difference.kind === 'added') return { ...sum, added: withEntry(sum.added, difference.after) }
  if (difference.kind === 'removed')
    return { ...sum, removed: withEntry(sum.removed, difference.before) }
  const { type, content } = difference.change
  if (type) return { ...sum, type: sum.type + 1 }
  if (content) return { ...sum, content: sum.content + 1 }
  return { ...sum, metadata: sum.metadata + 1 }
}

function withEntry(sum: DiffCounts, { type, size = 0 }: Entry): DiffCounts {
  if (type === 'file') return { ...sum, files: sum.files + 1, bytes: sum.bytes + Number(size) }
  if (type === 'directory') return { ...sum, folders: sum.folders + 1 }
  return { ...sum, others: sum.others + 1 }
}
