// A new file until it is whole and gets its name. Till then it has none at all (O_TMPFILE), so that nothing
// is left of it when the process is killed. Not every file system can do that: there it is written under
// a temporary name, which a kill leaves behind.

import type { Bytes } from '../../base/bytes.ts'
import { libc, type Result } from '../../base/libc.ts'
import { Errno } from '../../base/libc-error.ts'
import type { TargetFolder } from './target-folder.ts'
import { temporaryName } from './temporary-name.ts'

/** Where an entry is: a folder that is open, and a name in it. */
interface Place {
  readonly dirFd: number
  readonly name: Bytes
}

export class PendingFile {
  readonly fd: number
  readonly #target: TargetFolder
  /** Undefined while it has no name. */
  #name: Bytes | undefined

  /** Takes over the descriptor. */
  private constructor(target: TargetFolder, fd: number, name?: Bytes) {
    this.#target = target
    this.fd = fd
    this.#name = name
  }

  /** Opened for writing, to be placed in this folder; the mode is as for `createFile`. Or -ENOSPC and others. */
  static create(target: TargetFolder, dirFd: number, finalMode?: number): PendingFile | Result {
    const unnamed = target.createUnnamed(dirFd, finalMode)
    if (unnamed >= 0) return new PendingFile(target, unnamed)
    // It depends on the kernel and on the file system what says that they cannot: ask again, in the other way.
    const name = temporaryName()
    const fd = target.createFile(dirFd, name, finalMode)
    return fd < 0 ? fd : new PendingFile(target, fd, name)
  }

  /** Gives it its name, in its folder. -EEXIST where anything is there; the folder's errno where that is none. */
  place(to: Place): Result {
    if (to.dirFd < 0) return to.dirFd
    if (this.#name === undefined) return this.#target.nameUnnamed(this.fd, to)
    const from = { dirFd: to.dirFd, name: this.#name }
    const linked = this.#target.makeHardLink(from, to)
    if (linked === 0) this.#target.removeEntry(to.dirFd, this.#name)
    if (linked === 0) this.#name = undefined
    // Without hard links there is no way to rename that never replaces.
    return linked === 0 || linked === -Errno.EEXIST ? linked : this.#rename(to)
  }

  /** Puts it in the place of another, atomically. */
  replace(to: Place): Result {
    if (to.dirFd < 0) return to.dirFd
    if (this.#name === undefined) {
      const name = temporaryName()
      const named = this.#target.nameUnnamed(this.fd, { dirFd: to.dirFd, name })
      if (named < 0) return named
      this.#name = name
    }
    return this.#rename(to)
  }

  #rename(to: Place): Result {
    const renamed = this.#target.rename({ dirFd: to.dirFd, name: this.#name as Bytes }, to)
    if (renamed === 0) this.#name = undefined
    return renamed
  }

  /** In the end, with the folder again. What has not got its name is gone. */
  close(dirFd: number): void {
    libc().close(this.fd)
    if (this.#name !== undefined && dirFd >= 0) this.#target.removeEntry(dirFd, this.#name)
  }
}
