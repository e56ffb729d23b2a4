// From an entry to what the target sets.

import { fromUtf8, fromUtf8Lossy } from '../../base/bytes.ts'
import type { Entry, Xattr } from '../../format/tree.ts'
import type { AttributeProblem } from '../../target/files/attribute-problem.ts'
import type { EntryMetadata } from '../../target/files/metadata.ts'
import type { OwnerNames, WriterSetup } from './messages.ts'

/** `owners` as in RestoreOptions. */
export function metadataOf(entry: Entry, owners: WriterSetup['owners']): EntryMetadata {
  return {
    type: entry.type,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    ...(owners === 'names' && ownerNamesOf(entry)),
    mtimeSeconds: entry.mtimeSeconds,
    mtimeNanos: entry.mtimeNanos,
    xattrs: entry.xattrs ?? [],
  }
}

export function ownerNamesOf({ user, group }: Pick<Entry, 'user' | 'group'>): OwnerNames {
  return { userName: user && fromUtf8(user), groupName: group && fromUtf8(group) }
}

/** The mode that a file may have from the beginning, if any: see TargetFolder.createFile. */
export function modeAtOnce({
  mode,
  xattrs = [],
}: {
  readonly mode: number
  readonly xattrs?: readonly Xattr[] | undefined
}): number | undefined {
  return xattrs.length === 0 ? mode : undefined
}

/** What could not be set, for people: `owner (EPERM), xattr trusted.x (EPERM)`. */
export function attributeText(problems: readonly AttributeProblem[]): string {
  const each = problems.map(({ attribute, name, code }) => {
    const which = name === undefined ? attribute : `${attribute} ${fromUtf8Lossy(name)}`
    return `${which} (${code})`
  })
  return `cannot set ${each.join(', ')}`
}
