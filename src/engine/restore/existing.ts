// What to do where the target already has something: decided from what is there, before anything is touched.

import type { StatBuffer } from '../../base/libc-stat.ts'
import type { Entry } from '../../format/tree.ts'
import type { TargetFolder } from '../../target/files/target-folder.ts'
import { hasTime } from '../../target/files/timestamps.ts'
import type { Attributes } from './attributes.ts'

export type OverwritePolicy = 'always' | 'if-changed' | 'if-newer' | 'never'

/** keep: leave it; attributes: its content is right; replace: put ours in its place; blocked: cannot. */
export type Decision = 'keep' | 'attributes' | 'replace' | 'blocked'

/** What stands where an entry is to go: in which folder, and what it is. */
export interface Standing {
  readonly target: TargetFolder
  readonly dirFd: number
  readonly stat: StatBuffer
  readonly attributes: Attributes
}

/** The entry is no folder. */
export function decide(entry: Entry, standing: Standing, policy: OverwritePolicy): Decision {
  const { stat } = standing
  if (policy === 'never') return 'keep'
  if (stat.isDirectory) return 'blocked'
  if (policy === 'always') return 'replace'
  if (policy === 'if-newer') return isNewer(entry, stat) ? 'replace' : 'keep'
  if (!sameContent(entry, standing)) return 'replace'
  if (standing.attributes.areThose(entry, standing)) return 'keep'
  // Its other names may lie outside of the target.
  return stat.links > 1 ? 'replace' : 'attributes'
}

/** The same for a folder: one that is there stays, with what is in it. */
export function decideFolder(entry: Entry, standing: Standing, policy: OverwritePolicy): Decision {
  if (!standing.stat.isDirectory) return policy === 'never' ? 'blocked' : 'replace'
  if (policy === 'never' || standing.attributes.areThose(entry, standing)) return 'keep'
  return 'attributes'
}

function isNewer(entry: Entry, stat: StatBuffer): boolean {
  if (entry.mtimeSeconds !== stat.mtimeSeconds) return entry.mtimeSeconds > stat.mtimeSeconds
  return entry.mtimeNanos > stat.mtimeNanos
}

/** Files by length and time, as rsync does; everything else by all that makes it what it is. */
function sameContent(entry: Entry, { target, dirFd, stat }: Standing): boolean {
  if (entry.type !== stat.type) return false
  if (entry.type === 'file') return entry.size === stat.size && hasTime(stat, entry)
  if (entry.target !== undefined) return target.isSymlinkTo(dirFd, entry.name, entry.target)
  if (entry.device === undefined) return true
  return entry.device.major === stat.rdevMajor && entry.device.minor === stat.rdevMinor
}
