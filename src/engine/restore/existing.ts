// What to do where the target already has something: decided from what is there, before anything is touched.

import type { StatBuffer } from '../../base/libc-stat.ts'
import type { Entry } from '../../format/tree.ts'

export type OverwritePolicy = 'always' | 'if-changed' | 'if-newer' | 'never'

/** keep: leave it; attributes: its content is right; replace: put ours in its place; blocked: cannot. */
export type Decision = 'keep' | 'attributes' | 'replace' | 'blocked'

/** `stat` is of what stands where the entry, which is no folder, is to go. */
export function decide(entry: Entry, stat: StatBuffer, policy: OverwritePolicy): Decision {
  if (policy === 'never') return 'keep'
  if (stat.isDirectory) return 'blocked'
  if (policy === 'always') return 'replace'
  if (policy === 'if-newer') return isNewer(entry, stat) ? 'replace' : 'keep'
  if (!sameContent(entry, stat)) return 'replace'
  return sameAttributes(entry, stat) ? 'keep' : 'attributes'
}

function isNewer(entry: Entry, stat: StatBuffer): boolean {
  if (entry.mtimeSeconds !== stat.mtimeSeconds) return entry.mtimeSeconds > stat.mtimeSeconds
  return entry.mtimeNanos > stat.mtimeNanos
}

/** Files by type, length and time, as rsync does; everything else is made anew. */
function sameContent(entry: Entry, stat: StatBuffer): boolean {
  return (
    entry.type === 'file' &&
    stat.isFile &&
    entry.size === stat.size &&
    entry.mtimeSeconds === stat.mtimeSeconds &&
    entry.mtimeNanos === stat.mtimeNanos
  )
}

function sameAttributes(entry: Entry, stat: StatBuffer): boolean {
  return (
    entry.mode === stat.mode &&
    entry.uid === stat.uid &&
    entry.gid === stat.gid &&
    entry.xattrs === undefined
  )
}
