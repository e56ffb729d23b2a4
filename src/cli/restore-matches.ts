// Whether the patterns of a restore match anything. Only asked where nothing was restored: a pattern with
// a typing error must not end as a success, and one that fits nothing but empty folders is none.

import type { Bytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import type { RestoreCounts } from '../engine/restore/restorer.ts'
import { Selection } from '../engine/restore/selection.ts'
import { SnapshotReaders } from '../engine/snapshot-readers.ts'
import { findEntry, walkTree } from '../engine/tree-reader.ts'
import type { BlobId } from '../format/ids.ts'
import type { Repository } from '../repository/repository.ts'
import type { Snapshot } from '../repository/snapshots.ts'
import { shortId } from './snapshot-text.ts'

export interface Restored {
  readonly repository: Repository
  readonly snapshot: Snapshot
  readonly path: readonly Bytes[]
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly counts: RestoreCounts
}

/** Throws 'not-found' where there are include patterns and not one entry was found for them. */
export async function expectMatches(restored: Restored): Promise<void> {
  const { include, exclude, snapshot, counts } = restored
  if (include.length === 0 || !isNothing(counts) || (await matchesFolder(restored))) return
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

/** Empty folders that match: a dry run does not count folders. */
async function matchesFolder(restored: Restored): Promise<boolean> {
  const { repository, snapshot, path } = restored
  const reader = await new SnapshotReaders(repository).readerFor(snapshot)
  const top = snapshot.summary.roots[0] as BlobId
  const root = path.length === 0 ? top : (await findEntry(reader, { root: top, names: path }))?.tree
  if (root === undefined) return false
  const selection = new Selection({ ...restored, above: path })
  const wants = (names: readonly Bytes[]) =>
    selection.wants(names, { isDirectory: true, folderWanted: 'inside' })
  const folders = walkTree(reader, {
    root,
    enter: ({ names }) => wants(names) === 'inside',
    // The restore has told of what it could not read; a dry run passes over it.
    onError: () => undefined,
  })
  for await (const { names, entry } of folders) {
    if (entry.tree !== undefined && wants(names) === 'yes') return true
  }
  return false
}
