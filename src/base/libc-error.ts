// What a failed system call leaves behind. Hot paths get the negative errno as the call's result;
// everyone else gets a SystemError. Names come from the platform's own table, so that 'EACCES' is
// the same on every architecture although its number need not be.

import { constants } from 'node:os'
import { getSystemErrorMessage } from 'node:util'

/** Errors of Linux file systems that Node's own table leaves out. */
const MORE_ERRNOS: Readonly<Record<string, number>> = {
  ENODEV: 19,
  EUCLEAN: 117,
  EMEDIUMTYPE: 124,
  ENOKEY: 126,
  EKEYEXPIRED: 127,
  EKEYREVOKED: 128,
  EKEYREJECTED: 129,
}

const NAMES = new Map<number, string>()
for (const [name, number] of Object.entries(MORE_ERRNOS)) NAMES.set(number, name)
for (const [name, number] of Object.entries(constants.errno)) {
  // EWOULDBLOCK and EOPNOTSUPP are second names of EAGAIN and ENOTSUP.
  if (name !== 'EWOULDBLOCK' && name !== 'EOPNOTSUPP') NAMES.set(number, name)
}

/** Whether the process, or the system, has as many files open as it may: no matter of any one file. */
export function isShortOfFiles(errno: number): boolean {
  return errno === constants.errno.EMFILE || errno === constants.errno.ENFILE
}

/** What can be done about that. */
export const MORE_FILES =
  'Let Cairn open more files (`ulimit -n 1024`) or use fewer workers (`--workers 1`)'

/** Error numbers that the code decides by. Positive, as in errno.h of every Linux. */
export const Errno = {
  EPERM: constants.errno.EPERM,
  ENOENT: constants.errno.ENOENT,
  ENXIO: constants.errno.ENXIO,
  E2BIG: constants.errno.E2BIG,
  EBADF: constants.errno.EBADF,
  EAGAIN: constants.errno.EAGAIN,
  EACCES: constants.errno.EACCES,
  EEXIST: constants.errno.EEXIST,
  EXDEV: constants.errno.EXDEV,
  ENODEV: constants.errno.ENODEV,
  ENOTDIR: constants.errno.ENOTDIR,
  EISDIR: constants.errno.EISDIR,
  EINVAL: constants.errno.EINVAL,
  EFBIG: constants.errno.EFBIG,
  ERANGE: constants.errno.ERANGE,
  ENAMETOOLONG: constants.errno.ENAMETOOLONG,
  ENOSYS: constants.errno.ENOSYS,
  ENOTEMPTY: constants.errno.ENOTEMPTY,
  ELOOP: constants.errno.ELOOP,
  EMLINK: constants.errno.EMLINK,
  ENOSPC: constants.errno.ENOSPC,
  ENODATA: constants.errno.ENODATA,
  ENOTSUP: constants.errno.ENOTSUP,
  ESTALE: constants.errno.ESTALE,
} as const

/** 'EACCES' and its like; 'E123' for a number without a name. Takes either sign. */
export function errnoName(errno: number): string {
  const number = Math.abs(errno)
  return NAMES.get(number) ?? `E${number}`
}

/** 'permission denied' and its like, for people. Takes either sign. */
export function errnoMessage(errno: number): string {
  return getSystemErrorMessage(-Math.abs(errno))
}

/** A system call that failed where failing is not an everyday result. */
export class SystemError extends Error {
  readonly syscall: string
  /** Positive. */
  readonly errno: number
  /** 'EACCES' and its like. */
  readonly code: string

  /** `errno` of either sign, so that results of calls can be handed on as they are. */
  constructor(syscall: string, errno: number) {
    super(`${syscall}: ${errnoMessage(errno)}`)
    this.name = 'SystemError'
    this.syscall = syscall
    this.errno = Math.abs(errno)
    this.code = errnoName(errno)
  }
}

/** The result of a call that must not fail: throws a SystemError where it is negative. */
export function must(syscall: string, result: number): number {
  if (result < 0) throw new SystemError(syscall, result)
  return result
}
