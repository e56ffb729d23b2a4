// Numbers of the Linux interface. Those that differ between architectures (O_DIRECTORY and others
// do between x86-64 and arm64) are taken from Node; the rest are the same everywhere we run.

import { constants } from 'node:fs'

export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_REMOVEDIR = 0x200
export const AT_SYMLINK_FOLLOW = 0x400
export const AT_NO_AUTOMOUNT = 0x800
export const AT_EMPTY_PATH = 0x1000

export const O_RDONLY = constants.O_RDONLY
export const O_WRONLY = constants.O_WRONLY
export const O_RDWR = constants.O_RDWR
export const O_CREAT = constants.O_CREAT
export const O_EXCL = constants.O_EXCL
export const O_NONBLOCK = constants.O_NONBLOCK
export const O_NOCTTY = constants.O_NOCTTY
// Undefined on some other systems, where nothing of this is used.
export const O_DIRECTORY = constants.O_DIRECTORY
export const O_NOFOLLOW = constants.O_NOFOLLOW
export const O_NOATIME = constants.O_NOATIME
export const O_CLOEXEC = 0x80000
export const O_PATH = 0x200000
export const O_TMPFILE = 0x400000 | constants.O_DIRECTORY

export const STATX_BASIC_STATS = 0x7ff

export const SEEK_DATA = 3
export const SEEK_HOLE = 4

export const FALLOC_FL_KEEP_SIZE = 1
export const FALLOC_FL_PUNCH_HOLE = 2

export const RESOLVE_NO_MAGICLINKS = 0x02
export const RESOLVE_NO_SYMLINKS = 0x04
export const RESOLVE_BENEATH = 0x08

export const S_IFIFO = constants.S_IFIFO
export const S_IFCHR = constants.S_IFCHR
export const S_IFBLK = constants.S_IFBLK

/** The type byte of a directory entry as getdents64 gives it; 0 where the file system does not say. */
export const DirentType = {
  unknown: 0,
  fifo: 1,
  charDevice: 2,
  directory: 4,
  blockDevice: 6,
  file: 8,
  symlink: 10,
  socket: 12,
} as const
