// A dry run of a restore: what would be written, kept, removed or stand in the way, without touching the
// target.

import { type Bytes, utf8 } from '../../base/bytes.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import { TargetFolder } from '../../target/files/target-folder.ts'
import { type Decision, decide, type OverwritePolicy, type Standing } from './existing.ts'
import { othersIn, type ReadFolder } from './others.ts'
import type { RestoreCounts } from './restorer.ts'
import { type SelectedEntry, type SelectedOptions, selectedEntries } from './selected-entries.ts'

export interface PlannedEntry {
  readonly path: readonly Bytes[]
  readonly action: 'create' | Decision | 'delete'
}

export interface PlanOptions {
  readonly target: string
  readonly overwrite: OverwritePolicy
  readonly delete: boolean
  readonly onPlanned: (planned: PlannedEntry) => void
}

/** Counts what a restore would do. */
export async function planRestore(
  selected: SelectedOptions,
  { target: path, overwrite, onPlanned, delete: deletes }: PlanOptions,
): Promise<RestoreCounts> {
  const counts = {
    files: 0,
    folders: 0,
    others: 0,
    bytes: 0,
    skipped: 0,
    deleted: 0,
    problems: 0,
    verified: 0,
  }
  const opened = TargetFolder.open(utf8(path))
  const target = typeof opened === 'number' ? undefined : opened
  const stat = new StatBuffer()
  const planDeleted = ({ path, names }: ReadFolder) => {
    if (target === undefined) return
    for (const other of othersIn(target, { path, names, selection: selected.selection })) {
      counts.deleted++
      onPlanned({ path: other, action: 'delete' })
    }
  }
  const onWhole = deletes ? planDeleted : undefined
  try {
    for await (const place of selectedEntries({ ...selected, onWhole })) {
      const { folder, entry } = place
      const action = target ? actionAt(place, { target, stat, overwrite }) : 'create'
      if (action === 'blocked') counts.problems++
      else if (action === 'keep' || action === 'attributes') counts.skipped++
      else if (entry.type === 'file') {
        counts.files++
        counts.bytes += Number(entry.size)
      } else counts.others++
      onPlanned({ path: [...folder, entry.name], action })
    }
  } finally {
    target?.close()
  }
  return counts
}

function actionAt(
  { folder, entry }: SelectedEntry,
  { target, stat, overwrite }: Omit<Standing, 'dirFd'> & { readonly overwrite: OverwritePolicy },
): 'create' | Decision {
  const dirFd = target.openDirectory(folder)
  const isThere = dirFd >= 0 && target.statEntry(dirFd, entry.name, stat) === 0
  return isThere ? decide(entry, { target, dirFd, stat }, overwrite) : 'create'
}
