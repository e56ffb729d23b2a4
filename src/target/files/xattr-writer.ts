// Makes the extended attributes of an entry those of the snapshot. A new file may have some already
// (an ACL that it inherited from its folder), an old one others: what users and ACLs have put there
// is removed where the snapshot does not have it; labels that the system gives by its own rules
// (security.selinux and its like) are replaced where the snapshot has one, and otherwise left alone.

import { type Bytes, compareBytes, equalBytes, fromUtf8Lossy } from '../../base/bytes.ts'
import { type Libc, libc, type Result } from '../../base/libc.ts'
import { Errno } from '../../base/libc-error.ts'
import { NativeBuffer, PathSlot, procFdPath } from '../../base/libc-memory.ts'
import { type Xattr, XattrReader } from '../../base/libc-xattrs.ts'
import { type AttributeProblem, problemOf } from './attribute-problem.ts'

const NAME_BYTES_MAX = 255
const VALUE_BYTES_MAX = 64 << 10

const REMOVABLE =
  /^(?:user\.|trusted\.|system\.posix_acl_(?:access|default)$|security\.capability$)/

export class XattrWriter {
  readonly #libc: Libc = libc()
  readonly #reader = new XattrReader()
  readonly #name = new PathSlot()
  readonly #value = new NativeBuffer(VALUE_BYTES_MAX)
  readonly #path = new PathSlot()

  /** Whether anything was changed: an ACL changes the mode. Any descriptor, also of O_PATH. */
  apply(fd: number, wanted: readonly Xattr[], problems: AttributeProblem[]): boolean {
    const { xattrs: present } = this.#reader.ofFd(fd)
    if (present.length === 0 && wanted.length === 0) return false
    let changed = false
    for (const { name } of present) {
      if (!isSurplus(name, wanted)) continue
      changed = true
      note(problems, name, this.#remove(fd, name))
    }
    // From the end of the alphabet: user.* before the ACL that may forbid writing them.
    for (const { name, value } of [...wanted].sort((a, b) => compareBytes(b.name, a.name))) {
      if (isAmong(present, { name, value })) continue
      changed = true
      note(problems, name, this.#set(fd, name, value))
    }
    return changed
  }

  #set(fd: number, name: Bytes, value: Bytes): Result {
    if (value.length > VALUE_BYTES_MAX) return -Errno.E2BIG
    const address = this.#nameAddress(name)
    if (address < 0) return address
    this.#value.bytes.set(value)
    const result = this.#libc.fsetxattr(fd, address, this.#value.address, value.length)
    if (result !== -Errno.EBADF) return result
    const path = this.#path.put(procFdPath(fd))
    return this.#libc.setxattr(path, address, this.#value.address, value.length)
  }

  #remove(fd: number, name: Bytes): Result {
    const address = this.#nameAddress(name)
    if (address < 0) return address
    let result = this.#libc.fremovexattr(fd, address)
    if (result === -Errno.EBADF) {
      result = this.#libc.removexattr(this.#path.put(procFdPath(fd)), address)
    }
    return result === -Errno.ENODATA ? 0 : result
  }

  /** Checked, for it comes from a snapshot. */
  #nameAddress(name: Bytes): number {
    if (name.length === 0 || name.length > NAME_BYTES_MAX || name.includes(0)) return -Errno.ERANGE
    return this.#name.put(name)
  }
}

/** Whether `apply` would find nothing to change. */
export function areApplied(wanted: readonly Xattr[], present: readonly Xattr[]): boolean {
  return (
    wanted.every((xattr) => isAmong(present, xattr)) &&
    !present.some(({ name }) => isSurplus(name, wanted))
  )
}

function isSurplus(name: Bytes, wanted: readonly Xattr[]): boolean {
  return (
    !wanted.some((xattr) => equalBytes(xattr.name, name)) && REMOVABLE.test(fromUtf8Lossy(name))
  )
}

function isAmong(xattrs: readonly Xattr[], { name, value }: Xattr): boolean {
  return xattrs.some((other) => equalBytes(other.name, name) && equalBytes(other.value, value))
}

function note(problems: AttributeProblem[], name: Bytes, result: Result): void {
  if (result < 0) problems.push(problemOf('xattr', result, name))
}
