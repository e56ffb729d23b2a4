// Sets the modification time and leaves the access time as it is. Seconds are written as 64 bits
// whatever their size. A file system that cannot hold a time rounds it and says nothing, so times
// out of the common range are read back.

import { viewOf } from '../../base/bytes.ts'
import { type Libc, libc, type Result } from '../../base/libc.ts'
import { AT_FDCWD } from '../../base/libc-constants.ts'
import { Errno } from '../../base/libc-error.ts'
import { NativeBuffer, PathSlot, procFdPath } from '../../base/libc-memory.ts'
import { type ExactInteger, StatBuffer } from '../../base/libc-stat.ts'
import { type AttributeProblem, problemOf } from './attribute-problem.ts'

export interface ModificationTime {
  readonly mtimeSeconds: ExactInteger
  readonly mtimeNanos: number
}

const UTIME_OMIT = 2 ** 30 - 2
const TWO_32 = 2 ** 32
const TWO_31 = 2 ** 31

// Two struct timespec of 16 bytes: access, modification.
const ACCESS_NANOS_AT = 8
const SECONDS_AT = 16
const NANOS_AT = 24

export class Timestamps {
  readonly #libc: Libc = libc()
  readonly #times = new NativeBuffer(32)
  readonly #view = viewOf(this.#times.bytes)
  readonly #path = new PathSlot()
  readonly #stat = new StatBuffer()

  constructor() {
    this.#view.setUint32(ACCESS_NANOS_AT, UTIME_OMIT, true)
  }

  /** Adds to `problems` where it fails, or where the file system has another time afterwards. */
  apply(fd: number, time: ModificationTime, problems: AttributeProblem[]): void {
    // Beyond, utimensat takes them for 'now' and 'leave as it is'.
    const valid = time.mtimeNanos < 1_000_000_000
    if (valid) this.#fill(time)
    const result = valid ? this.#set(fd) : -Errno.EINVAL
    if (result < 0) problems.push(problemOf('times', result))
    else if (!isCommon(time.mtimeSeconds) && !this.#has(fd, time)) {
      problems.push(problemOf('times', -Errno.ENOTSUP))
    }
  }

  #fill({ mtimeSeconds, mtimeNanos }: ModificationTime): void {
    const view = this.#view
    if (typeof mtimeSeconds === 'bigint') view.setBigInt64(SECONDS_AT, mtimeSeconds, true)
    else {
      view.setUint32(SECONDS_AT, mtimeSeconds % TWO_32, true)
      view.setInt32(SECONDS_AT + 4, Math.floor(mtimeSeconds / TWO_32), true)
    }
    view.setUint32(NANOS_AT, mtimeNanos, true)
  }

  #set(fd: number): Result {
    const result = this.#libc.futimens(fd, this.#times.address)
    if (result !== -Errno.EBADF) return result
    // A descriptor of O_PATH; AT_EMPTY_PATH would need Linux 5.8.
    const path = this.#path.put(procFdPath(fd))
    return this.#libc.utimensat(AT_FDCWD, path, this.#times.address, 0)
  }

  #has(fd: number, time: ModificationTime): boolean {
    return this.#stat.readFd(fd) === 0 && hasTime(this.#stat, time)
  }
}

export function hasTime(stat: ModificationTime, time: ModificationTime): boolean {
  return stat.mtimeSeconds === time.mtimeSeconds && stat.mtimeNanos === time.mtimeNanos
}

/** What every file system in use can hold: 1970 to 2038. */
function isCommon(seconds: ExactInteger): boolean {
  return seconds >= 0 && seconds < TWO_31
}
