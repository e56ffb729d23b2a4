// Folders on their way to the workers. Names are sent once and not again for each folder below: of a tree
// that is some thousand folders deep, a window's paths would be millions of names.

import type { Bytes } from '../../base/bytes.ts'
import type { WireFolder } from './messages.ts'

/** The other half of `unwireFolders`. Names that two paths share are one object in both. */
export function wireFolders(folders: readonly (readonly Bytes[])[]): readonly WireFolder[] {
  return folders.map((folder, i) => {
    const before = folders[i - 1] ?? []
    let shared = 0
    while (shared < folder.length && before[shared] === folder[shared]) shared++
    return { shared, names: folder.slice(shared) }
  })
}

export function unwireFolders(wire: readonly WireFolder[]): readonly (readonly Bytes[])[] {
  const folders: (readonly Bytes[])[] = []
  for (const { shared, names } of wire)
    folders.push([...(folders.at(-1) ?? []).slice(0, shared), ...names])
  return folders
}
