// Memory that system calls read and write. Handing koffi a typed array costs 0.2 us per argument
// and a subarray more; handing it the address as a plain number costs nothing, and a name inside
// an arena is then just address + offset. V8 never moves the backing store of an ArrayBuffer, and
// user addresses are below 2^47, so a number holds them exactly.
//
// The one rule: an address does not keep its memory. Ask the object for it right before each call,
// or be sure that something alive refers to the object until the last call has returned; a local
// variable that is not used again does not. Never transfer a NativeBuffer to another thread.

import { type Bytes, utf8 } from './bytes.ts'
import { addressOf } from './libc.ts'
import { Errno, SystemError } from './libc-error.ts'

export class NativeBuffer {
  readonly bytes: Bytes
  /** Where `bytes` begins, for as long as this object lives. */
  readonly address: number

  constructor(length: number, memory = new ArrayBuffer(length)) {
    // An explicit ArrayBuffer: small typed arrays without one live on the moving heap.
    this.bytes = new Uint8Array(memory)
    this.address = addressOf(this.bytes)
  }

  /** A longer one with the same content. This one is gone at once, not at the next collection. */
  grown(length: number): NativeBuffer {
    const memory = this.bytes.buffer as ArrayBuffer
    return new NativeBuffer(length, memory.transfer(length))
  }
}

// More than the kernel takes: it is the one to say that a path is too long.
const PATH_BYTES_MAX = 8 << 10

/** A place for one path or name on its way into a system call, ended by NUL as C wants it. */
export class PathSlot {
  readonly #buffer = new NativeBuffer(PATH_BYTES_MAX)

  /**
   * Copies the path in and returns its address, valid until the next call. Throws a SystemError:
   * ENAMETOOLONG beyond 8 KiB, EINVAL where it contains NUL (C would cut it short there).
   */
  put(path: Bytes): number {
    const { bytes, address } = this.#buffer
    if (path.length >= PATH_BYTES_MAX) throw new SystemError('path', Errno.ENAMETOOLONG)
    if (path.includes(0)) throw new SystemError('path', Errno.EINVAL)
    bytes.set(path)
    bytes[path.length] = 0
    return address
  }
}

/**
 * A path to what a descriptor stands for, for calls that take none or not one of O_PATH. It leads
 * to that very file, also if it is a symbolic link, and needs /proc.
 */
export function procFdPath(fd: number): Bytes {
  return utf8(`/proc/self/fd/${fd}`)
}

/** The bytes from `start` up to the NUL that ends them; a view. */
export function cStringAt(bytes: Bytes, start: number): Bytes {
  const end = bytes.indexOf(0, start)
  return bytes.subarray(start, end === -1 ? bytes.length : end)
}
