// What --delete removes: what stands in a restored folder and the snapshot does not have. Runs and dry runs
// both ask here, so that a dry run tells of exactly what the run removes.

import type { Bytes } from '../../base/bytes.ts'
import { DirectoryListing } from '../../base/libc-listing.ts'
import type { TargetFolder } from '../../target/files/target-folder.ts'
import type { Selection, Wanted } from './selection.ts'

/** A folder of the snapshot that was read to its end. */
export interface ReadFolder {
  readonly path: readonly Bytes[]
  /** Of all that the snapshot has in it, wanted or not. */
  readonly names: readonly Bytes[]
}

/** Only a folder that is restored as a whole says what must not be in it. */
export function isWhole({ wanted, only }: { wanted: Wanted; only?: Bytes | undefined }): boolean {
  return wanted === 'yes' && only === undefined
}

/** Paths below the target, none where there is no such folder; what is excluded stays. */
export function othersIn(
  target: TargetFolder,
  { path, names, selection }: ReadFolder & { readonly selection: Selection },
): readonly (readonly Bytes[])[] {
  const dirFd = target.openDirectory(path)
  const listing = new DirectoryListing()
  if (dirFd < 0 || target.list(dirFd, listing) < 0) return []
  const keep = new Set(names.map(keyOf))
  const others: (readonly Bytes[])[] = []
  for (let i = 0; i < listing.count; i++) {
    const name = listing.nameAt(i).slice()
    if (keep.has(keyOf(name))) continue
    const other = [...path, name]
    if (selection.wants(other, { isDirectory: false, folderWanted: 'yes' }) !== 'no')
      others.push(other)
  }
  return others
}

function keyOf(name: Bytes): string {
  return Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')
}
