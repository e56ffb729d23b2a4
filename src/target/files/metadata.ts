// Gives an entry the metadata of its snapshot, in the only order that works: the owner first, for
// chown clears setuid and capabilities; then extended attributes, ACLs and capabilities; then the
// mode, for an ACL changes it; times last. Everything goes through a descriptor, so that what is
// changed is what was opened, whatever stands under its name by now.
//
// Nothing throws: what could not be set is returned, and the rest is done.

import { type Libc, libc, type Result } from '../../base/libc.ts'
import { AT_EMPTY_PATH, AT_FDCWD } from '../../base/libc-constants.ts'
import { Errno } from '../../base/libc-error.ts'
import { NativeBuffer, PathSlot, procFdPath } from '../../base/libc-memory.ts'
import { type FileType, StatBuffer } from '../../base/libc-stat.ts'
import type { Xattr } from '../../base/libc-xattrs.ts'
import { type AttributeProblem, problemOf } from './attribute-problem.ts'
import { type OwnerPolicy, ownerOf } from './owner.ts'
import { hasTime, type ModificationTime, Timestamps } from './timestamps.ts'
import { areApplied, XattrWriter } from './xattr-writer.ts'

/** What a snapshot says of an entry, beyond its content. */
export interface EntryMetadata extends ModificationTime {
  readonly type: FileType
  /** The 12 permission bits. Of no meaning for a symlink. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly userName?: string | undefined
  readonly groupName?: string | undefined
  readonly xattrs: readonly Xattr[]
}

const SETUID = 0o4000
const SETGID = 0o2000
const NO_CHANGE = 0xffffffff

const NO_PROBLEMS: readonly AttributeProblem[] = []

export class MetadataWriter {
  readonly #libc: Libc = libc()
  readonly #owners: OwnerPolicy
  readonly #stat = new StatBuffer()
  readonly #xattrs = new XattrWriter()
  readonly #times = new Timestamps()
  readonly #emptyPath = new NativeBuffer(8)
  readonly #path = new PathSlot()

  constructor(owners: OwnerPolicy) {
    this.#owners = owners
  }

  /**
   * Applies all of it to what a descriptor stands for: an open file or folder, or anything opened
   * with O_PATH (TargetFolder.openForMetadata). Costs a stat, a list of attributes, and one call
   * for each thing that differs. After the content, for writing clears setuid and capabilities.
   */
  apply(fd: number, metadata: EntryMetadata): readonly AttributeProblem[] {
    const stat = this.#stat
    const result = stat.readFd(fd)
    if (result < 0) return [problemOf('type', result)]
    if (stat.type !== metadata.type) return [problemOf('type', -Errno.ESTALE)]
    const problems: AttributeProblem[] = []
    const chowned = this.#applyOwner(fd, metadata, problems)
    const changed = this.#xattrs.apply(fd, metadata.xattrs, problems)
    if (metadata.type !== 'symlink') {
      if (chowned || changed) stat.readFd(fd)
      this.#applyMode(fd, metadata, problems)
    }
    // Setting it again would move the ctime, and the next backup would take that for a change.
    if (!hasTime(stat, metadata)) this.#times.apply(fd, metadata, problems)
    return problems.length === 0 ? NO_PROBLEMS : problems
  }

  /** Whether `apply` would find nothing to change; `stat` and `xattrs` are of what is there. */
  isApplied(
    metadata: EntryMetadata,
    { stat, xattrs }: { readonly stat: StatBuffer; readonly xattrs: () => readonly Xattr[] },
  ): boolean {
    return (
      stat.type === metadata.type &&
      this.#isOwned(metadata, stat) &&
      // The mode of a link means nothing and cannot be set.
      (metadata.type === 'symlink' || this.#modeFor(metadata, stat) === stat.mode) &&
      hasTime(stat, metadata) &&
      areApplied(metadata.xattrs, xattrs())
    )
  }

  #isOwned(metadata: EntryMetadata, { uid, gid }: StatBuffer): boolean {
    if (this.#owners.kind === 'keep') return true
    const wanted = ownerOf(metadata, this.#owners)
    return wanted.uid === uid && wanted.gid === gid
  }

  /** Without the right to give files away, at least the group is set if that may be. */
  #applyOwner(fd: number, metadata: EntryMetadata, problems: AttributeProblem[]): boolean {
    const { uid, gid } = this.#stat
    const wanted = ownerOf(metadata, this.#owners)
    const otherUser = wanted.uid !== uid
    const otherGroup = wanted.gid !== gid
    if (this.#isOwned(metadata, this.#stat)) return false
    const result = this.#chown(fd, wanted)
    if (result === 0) return true
    if (otherUser) problems.push(problemOf('owner', result))
    if (!otherGroup) return false
    const groupResult = otherUser ? this.#chown(fd, { uid: NO_CHANGE, gid: wanted.gid }) : result
    if (groupResult < 0) problems.push(problemOf('group', groupResult))
    return groupResult === 0
  }

  #chown(fd: number, { uid, gid }: { uid: number; gid: number }): Result {
    return this.#libc.fchownat(fd, this.#emptyPath.address, uid, gid, AT_EMPTY_PATH)
  }

  /**
   * setuid and setgid let others act as the owner or group: they are only set where these are who
   * they were meant for.
   */
  #modeFor(metadata: EntryMetadata, { uid, gid }: StatBuffer): number {
    const wanted = ownerOf(metadata, this.#owners)
    let { mode } = metadata
    if (wanted.uid !== uid) mode &= ~SETUID
    if (wanted.gid !== gid) mode &= ~SETGID
    return mode
  }

  /** `#stat` is what the entry has now. Bits that another owner must not have are no problem where he was asked for. */
  #applyMode(fd: number, metadata: EntryMetadata, problems: AttributeProblem[]): void {
    const mode = this.#modeFor(metadata, this.#stat)
    const isWithheld = mode !== metadata.mode && this.#owners.kind !== 'keep'
    const result = mode === this.#stat.mode ? 0 : this.#chmod(fd, mode)
    if (result < 0) problems.push(problemOf('mode', result))
    else if (isWithheld || this.#lostBits(fd, mode)) problems.push(problemOf('mode', -Errno.EPERM))
  }

  #chmod(fd: number, mode: number): Result {
    const result = this.#libc.fchmod(fd, mode)
    if (result !== -Errno.EBADF) return result
    return this.#libc.fchmodat(AT_FDCWD, this.#path.put(procFdPath(fd)), mode, 0)
  }

  /** Linux drops setgid without a word where the user is not in the group. */
  #lostBits(fd: number, mode: number): boolean {
    if ((mode & (SETUID | SETGID)) === 0) return false
    return this.#stat.readFd(fd) === 0 && this.#stat.mode !== mode
  }
}
