// Removes an entry and all below it, following no link: each step is an unlinkat of one name in a
// folder that was opened without following. Deep trees do not need a descriptor for each level:
// from a certain depth on, folders are first moved up into the one that is being removed.

import { type Bytes, utf8 } from '../../base/bytes.ts'
import { type Libc, libc, type Result } from '../../base/libc.ts'
import {
  AT_REMOVEDIR,
  DirentType,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from '../../base/libc-constants.ts'
import { Errno } from '../../base/libc-error.ts'
import { DirectoryListing } from '../../base/libc-listing.ts'
import { PathSlot } from '../../base/libc-memory.ts'

const FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
const DEPTH_MAX = 50

/** 0, or the first errno: then what could be removed is gone, and the rest is still there. */
export function removeTree(dirFd: number, name: Bytes): Result {
  return new TreeRemoval().remove(dirFd, name)
}

class TreeRemoval {
  readonly #libc: Libc = libc()
  readonly #name = new PathSlot()
  #topFd = -1
  #liftedCount = 0
  #result: Result = 0

  remove(dirFd: number, name: Bytes): Result {
    const result = this.#libc.unlinkat(dirFd, this.#name.put(name), 0)
    if (!isFolder(result)) return result
    const fd = this.#libc.openat(dirFd, this.#name.put(name), FLAGS, 0)
    // Not a folder after all: the EPERM was meant.
    if (fd < 0) return fd === -Errno.ENOTDIR ? result : fd
    this.#topFd = fd
    this.#emptyTop(fd)
    this.#libc.close(fd)
    this.#note(this.#libc.unlinkat(dirFd, this.#name.put(name), AT_REMOVEDIR))
    return this.#result
  }

  /** Again for as long as folders were lifted: they are then among the contents. */
  #emptyTop(fd: number): void {
    let lifted: number
    do {
      lifted = this.#liftedCount
      this.#empty(fd, 0)
    } while (lifted !== this.#liftedCount)
  }

  /** Removes what is in an open folder. */
  #empty(fd: number, depth: number): void {
    const listing = new DirectoryListing()
    this.#libc.lseek(fd, 0, 0)
    this.#note(listing.read(fd))
    for (let i = 0; i < listing.count; i++) {
      // The name's address is asked for anew for each call: that is what keeps its memory alive.
      const isDirectory = listing.typeAt(i) === DirentType.directory
      const result = isDirectory
        ? -Errno.EISDIR
        : this.#libc.unlinkat(fd, listing.nameAddressAt(i), 0)
      if (isFolder(result)) this.#removeFolder(fd, { listing, index: i }, depth)
      else this.#note(result)
    }
  }

  #removeFolder(dirFd: number, at: Listed, depth: number): void {
    const name = () => at.listing.nameAddressAt(at.index)
    if (this.#libc.unlinkat(dirFd, name(), AT_REMOVEDIR) === 0) return
    if (depth >= DEPTH_MAX) {
      this.#lift(dirFd, at)
      return
    }
    const fd = this.#libc.openat(dirFd, name(), FLAGS, 0)
    if (fd < 0) {
      this.#note(fd === -Errno.ENOTDIR ? -Errno.EPERM : fd)
      return
    }
    this.#empty(fd, depth + 1)
    this.#libc.close(fd)
    this.#note(this.#libc.unlinkat(dirFd, name(), AT_REMOVEDIR))
  }

  #lift(dirFd: number, { listing, index }: Listed): void {
    const lifted = this.#name.put(utf8(`.cairn-removing-${this.#liftedCount}`))
    const name = listing.nameAddressAt(index)
    const result = this.#libc.renameat(dirFd, name, this.#topFd, lifted)
    if (result === 0) this.#liftedCount++
    else this.#note(result)
  }

  #note(result: Result): void {
    if (result < 0 && this.#result === 0 && result !== -Errno.ENOENT) this.#result = result
  }
}

interface Listed {
  readonly listing: DirectoryListing
  readonly index: number
}

/** What unlinkat says of folders: EISDIR, or EPERM on some file systems. */
function isFolder(result: Result): boolean {
  return result === -Errno.EISDIR || result === -Errno.EPERM
}
