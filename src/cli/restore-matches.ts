// Whether the patterns of a restore matched anything: one with a typing error must not end as a success.

import { CairnError } from '../base/errors.ts'
import type { RestoreCounts } from '../engine/restore/counts.ts'
import type { Snapshot } from '../repository/snapshots.ts'
import { shortId } from './snapshot-text.ts'

export interface Restored {
  readonly snapshot: Snapshot
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly counts: RestoreCounts
}

/** Throws 'not-found' where there are include patterns and not one entry was found for them. */
export function expectMatches({ include, exclude, snapshot, counts }: Restored): void {
  if (include.length === 0 || !isNothing(counts)) return
  const patterns = include.map((pattern) => `--include '${pattern}'`).join(' or ')
  const left = exclude.length === 0 ? '' : ' that no --exclude leaves out'
  const id = shortId(snapshot.id)
  throw new CairnError('not-found', `Nothing in snapshot ${id} matches ${patterns}${left}`, {
    hint:
      `Nothing was restored. \`cairn ls -R ${id}\` lists what is in the snapshot. Patterns follow the ` +
      'rules of gitignore: one with a slash is a path from the restored folder, or from / down.',
  })
}

/** The folder that is restored into counts as one, if nothing goes into it. */
function isNothing({ files, folders, others, skipped, deleted, problems }: RestoreCounts): boolean {
  return folders <= 1 && files + others + skipped + deleted + problems === 0
}
