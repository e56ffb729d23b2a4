// What to do where the target already has something: decided from what is there, before anything is touched.

import type { StatBuffer } from '../../base/libc-stat.ts'
import type { Entry } from '../../format/tree.ts'
import type { TargetFolder } from '../../target/files/target-folder.ts'

export type OverwritePolicy = 'always' | 'if-changed' | 'if-newer' | 'never'

/** keep: leave it; attributes: its content is right; replace: put ours in its place; blocked: cannot. */
export type Decision = 'keep' | 'attributes' | 'replace' | 'blocked'

/** What stands where an entry is to go: in which folder, and what it is. */
export interface Standing {
  readonly target: TargetFolder
  readonly dirFd: number
  readonly stat: StatBuffer
}

/** The entry is no folder. */
export function decide(entry: Entry, standing: Standing, policy: OverwritePolicy): Decision {
  const { stat } = standing
  if (policy === 'never') return 'keep'
  if (stat.isDirectory) return 'blocked'
  if (policy === 'always') return 'replace'
  if (policy === 'if-newer') return isNewer(entry, stat) ? 'replace' : 'keep'
  if (!sameContent(entry, standing)) return 'replace'
  return sameAttributes(entry, stat) ? 'keep' : 'attributes'
}

/** The same for a folder: one that is there stays, with what is in it. */
export function decideFolder(
  entry: Entry,
  { stat }: Pick<Standing, 'stat'>,
  policy: OverwritePolicy,
): Decision {
  if (!stat.isDirectory) return policy === 'never' ? 'blocked' : 'replace'
  return policy === 'never' || sameAttributes(entry, stat) ? 'keep' : 'attributes'
}

function isNewer(entry: Entry, stat: StatBuffer): boolean {
  if (entry.mtimeSeconds !== stat.mtimeSeconds) return entry.mtimeSeconds > stat.mtimeSeconds
  return entry.mtimeNanos > stat.mtimeNanos
}

/** Files by length and time, as rsync does; everything else by all that makes it what it is. */
function sameContent(entry: Entry, { target, dirFd, stat }: Standing): boolean {
  if (entry.type !== stat.type) return false
  if (entry.type === 'file') return entry.size === stat.size && sameTime(entry, stat)
  if (entry.target !== undefined) return target.isSymlinkTo(dirFd, entry.name, entry.target)
  if (entry.device === undefined) return true
  return entry.device.major === stat.rdevMajor && entry.device.minor === stat.rdevMinor
}

function sameTime(entry: Entry, stat: StatBuffer): boolean {
  return entry.mtimeSeconds === stat.mtimeSeconds && entry.mtimeNanos === stat.mtimeNanos
}

function sameAttributes(entry: Entry, stat: StatBuffer): boolean {
  return (
    // The mode of a link means nothing and cannot be set.
    (entry.type === 'symlink' || entry.mode === stat.mode) &&
    entry.uid === stat.uid &&
    entry.gid === stat.gid &&
    sameTime(entry, stat) &&
    entry.xattrs === undefined
  )
}
