// Extended attributes, ACLs and file capabilities among them: Linux shows all of these as xattrs
// (system.posix_acl_access, system.posix_acl_default, security.capability). trusted.* is listed
// only for root. Read when an entry is new or its ctime has moved, for nothing changes an xattr
// without moving that.
//
// What cannot be opened (links, devices, FIFOs) has no descriptor to ask, and Linux before 6.13 has
// no listxattrat: it is reached through /proc/self/fd/<folder>/<name>, without following.

import { type Bytes, compareBytes, concat, utf8 } from './bytes.ts'
import { sha256 } from './hash.ts'
import { type Address, type Libc, libc, type Result } from './libc.ts'
import { Errno, errnoName } from './libc-error.ts'
import { cStringAt, NativeBuffer, PathSlot, procFdPath } from './libc-memory.ts'

export interface Xattr {
  /** With its namespace: `user.comment`. */
  readonly name: Bytes
  readonly value: Bytes
}

export interface XattrProblem {
  /** The attribute that could not be read; undefined where not even their list could. */
  readonly name: Bytes | undefined
  readonly errno: number
  /** 'EACCES' and its like. */
  readonly code: string
}

export interface XattrReading {
  /** Sorted by the bytes of their names. */
  readonly xattrs: readonly Xattr[]
  readonly problems: readonly XattrProblem[]
}

// The kernel's limits (XATTR_LIST_MAX, XATTR_SIZE_MAX): nothing can need more.
const LIST_BYTES = 64 << 10
const VALUE_BYTES = 64 << 10

/** Asked for first: the kernel allocates and clears what it is offered, 1.2 us for 64 KiB. */
const SMALL_BYTES = 1024

const SLASH = utf8('/')

const NOTHING: XattrReading = { xattrs: [], problems: [] }

/** How often reading starts again where attributes come and go meanwhile. */
const ATTEMPTS = 5

/** The two calls on one entry; both write to the reader's buffers and return a length or -errno. */
interface Subject {
  list(length: number): Result
  get(name: Address, length: number): Result
}

export class XattrReader {
  readonly #libc: Libc = libc()
  readonly #list = new NativeBuffer(LIST_BYTES)
  readonly #value = new NativeBuffer(VALUE_BYTES)
  readonly #path = new PathSlot()

  /** All attributes of what a descriptor (also of O_PATH) stands for. */
  ofFd(fd: number): XattrReading {
    const listed = this.#libc.flistxattr(fd, this.#list.address, SMALL_BYTES)
    if (listed === 0) return NOTHING
    if (listed === -Errno.EBADF) return this.#ofPathFd(fd)
    return this.#read({
      list: (length) => this.#libc.flistxattr(fd, this.#list.address, length),
      get: (name, length) => this.#libc.fgetxattr(fd, name, this.#value.address, length),
    })
  }

  /** All attributes of an entry of a folder, without following it if it is a link. */
  at(dirFd: number, name: Bytes): XattrReading {
    const path = this.#path.put(concat([procFdPath(dirFd), SLASH, name]))
    return this.#read({
      list: (length) => this.#libc.llistxattr(path, this.#list.address, length),
      get: (xattr, length) => this.#libc.lgetxattr(path, xattr, this.#value.address, length),
    })
  }

  #ofPathFd(fd: number): XattrReading {
    const path = this.#path.put(procFdPath(fd))
    return this.#read({
      list: (length) => this.#libc.listxattr(path, this.#list.address, length),
      get: (xattr, length) => this.#libc.getxattr(path, xattr, this.#value.address, length),
    })
  }

  /** Reads what was listed; again from the start where the list or a value grew meanwhile. */
  #read(subject: Subject): XattrReading {
    for (let attempt = 1; ; attempt++) {
      const reading = this.#readOnce(subject)
      const grew = reading.problems.some((problem) => problem.errno === Errno.ERANGE)
      if (!grew || attempt === ATTEMPTS) return reading
    }
  }

  #readOnce(subject: Subject): XattrReading {
    const listed = withRoom(LIST_BYTES, (length) => subject.list(length))
    if (listed === 0 || listed === -Errno.ENOTSUP) return NOTHING
    if (listed < 0) return { xattrs: [], problems: [problemOf(undefined, listed)] }
    const xattrs: Xattr[] = []
    const problems: XattrProblem[] = []
    for (let at = 0; at < listed; ) {
      const name = cStringAt(this.#list.bytes, at)
      const address = this.#list.address + at
      const length = withRoom(VALUE_BYTES, (room) => subject.get(address, room))
      if (length >= 0)
        xattrs.push({ name: name.slice(), value: this.#value.bytes.slice(0, length) })
      // ENODATA: gone since it was listed.
      else if (length !== -Errno.ENODATA) problems.push(problemOf(name.slice(), length))
      at += name.length + 1
    }
    xattrs.sort((a, b) => compareBytes(a.name, b.name))
    return { xattrs, problems }
  }
}

/** Calls with little room, and again with all of it where that was not enough. */
function withRoom(bytesMax: number, call: (length: number) => Result): Result {
  const result = call(SMALL_BYTES)
  return result === -Errno.ERANGE ? call(bytesMax) : result
}

export const NO_XATTRS_DIGEST = new Uint8Array(32)

/**
 * 32 bytes that differ where names or values do: SHA-256 over each name and value, preceded by
 * their lengths; all zeros for no attributes. Local only, never part of the format.
 */
export function digestXattrs(xattrs: readonly Xattr[]): Bytes {
  if (xattrs.length === 0) return NO_XATTRS_DIGEST
  const lengths = new Uint32Array(xattrs.length * 2)
  const parts: Bytes[] = [new Uint8Array(lengths.buffer)]
  for (const [index, { name, value }] of xattrs.entries()) {
    lengths[2 * index] = name.length
    lengths[2 * index + 1] = value.length
    parts.push(name, value)
  }
  return sha256(concat(parts))
}

function problemOf(name: Bytes | undefined, result: Result): XattrProblem {
  return { name, errno: -result, code: errnoName(result) }
}
