// Opens a folder below another one without passing through any link: with openat2 where the kernel
// has it (5.6), else component by component. Both refuse what the other refuses.

import type { Bytes } from '../../base/bytes.ts'
import { viewOf } from '../../base/bytes.ts'
import { type Libc, libc, type Result } from '../../base/libc.ts'
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from '../../base/libc-constants.ts'
import { Errno } from '../../base/libc-error.ts'
import { NativeBuffer, PathSlot } from '../../base/libc-memory.ts'

const FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
const SLASH = 0x2f

/** One call takes paths shorter than PATH_MAX (4096). */
const PATH_BYTES_MAX = 4000

// struct open_how: flags, mode, resolve; 64 bits each.
const HOW_BYTES = 24
const RESOLVE_AT = 16

export interface BeneathOptions {
  /** Never openat2: as on an old kernel, or in a sandbox that does not know it. */
  readonly componentWise?: boolean
}

export class BeneathOpener {
  readonly #libc: Libc = libc()
  readonly #path = new PathSlot()
  readonly #how = new NativeBuffer(HOW_BYTES)
  #componentWise: boolean

  constructor(options: BeneathOptions = {}) {
    this.#componentWise = options.componentWise ?? false
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
    const how = viewOf(this.#how.bytes)
    how.setBigUint64(0, BigInt(FLAGS), true)
    how.setBigUint64(RESOLVE_AT, BigInt(resolve), true)
  }

  /**
   * A new descriptor of the folder `path`, one or more valid names, below `dirFd`. -ELOOP or
   * -ENOTDIR where a link is on the way.
   */
  open(dirFd: number, path: readonly Bytes[]): Result {
    let fd = dirFd
    for (let start = 0; start < path.length; ) {
      const end = this.#componentWise ? start + 1 : endOfStretch(path, start)
      const next = this.#openStretch(fd, path.slice(start, end))
      if (this.#unsupported(next)) continue
      if (fd !== dirFd) this.#libc.close(fd)
      if (next < 0) return next
      fd = next
      start = end
    }
    return fd
  }

  /** A new descriptor of the folder `name` in `dirFd`. */
  openComponent(dirFd: number, name: Bytes): Result {
    return this.#libc.openat(dirFd, this.#path.put(name), FLAGS, 0)
  }

  #openStretch(dirFd: number, names: readonly Bytes[]): Result {
    if (this.#componentWise) return this.openComponent(dirFd, names[0] as Bytes)
    return this.#libc.openat2(dirFd, this.#path.put(joined(names)), this.#how.address)
  }

  /** EPERM is what old sandboxes say of calls that they do not know. */
  #unsupported(result: Result): boolean {
    const refused = result === -Errno.ENOSYS || result === -Errno.EPERM
    if (this.#componentWise || !refused) return false
    this.#componentWise = true
    return true
  }
}

/** As many components as one call takes, and one at the least. */
function endOfStretch(path: readonly Bytes[], start: number): number {
  let length = 0
  let end = start
  while (end < path.length) {
    length += (path[end] as Bytes).length + 1
    if (length > PATH_BYTES_MAX && end > start) break
    end++
  }
  return end
}

function joined(names: readonly Bytes[]): Bytes {
  let length = names.length - 1
  for (const name of names) length += name.length
  const path = new Uint8Array(length).fill(SLASH)
  let at = 0
  for (const name of names) {
    path.set(name, at)
    at += name.length + 1
  }
  return path
}
