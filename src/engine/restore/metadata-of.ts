// From an entry to what the target sets.

import { fromUtf8, fromUtf8Lossy } from '../../base/bytes.ts'
import type { Entry } from '../../format/tree.ts'
import type { AttributeProblem } from '../../target/files/attribute-problem.ts'
import type { EntryMetadata } from '../../target/files/metadata.ts'

export function metadataOf(entry: Entry): EntryMetadata {
  return {
    type: entry.type,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    userName: entry.user && fromUtf8(entry.user),
    groupName: entry.group && fromUtf8(entry.group),
    mtimeSeconds: entry.mtimeSeconds,
    mtimeNanos: entry.mtimeNanos,
    xattrs: entry.xattrs ?? [],
  }
}

/** What could not be set, for people: `owner (EPERM), xattr trusted.x (EPERM)`. */
export function attributeText(problems: readonly AttributeProblem[]): string {
  const each = problems.map(({ attribute, name, code }) => {
    const which = name === undefined ? attribute : `${attribute} ${fromUtf8Lossy(name)}`
    return `${which} (${code})`
  })
  return `cannot set ${each.join(', ')}`
}
