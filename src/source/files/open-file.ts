// Opens a regular file for reading, and nothing else: opening a FIFO would wait for a writer, and
// opening some devices rewinds a tape or starts a watchdog. The entry was seen to be a file a
// moment ago; what it is now is asked of the descriptor itself.

import { type Address, libc, type Result } from '../../base/libc.ts'
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
} from '../../base/libc-constants.ts'
import { Errno } from '../../base/libc-error.ts'
import type { StatBuffer } from '../../base/libc-stat.ts'

/** No errno, which are at most 4,095: the entry is not, or no longer, a regular file. */
export const NOT_A_FILE = -4096

const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC

/**
 * Opens the file `name` in a folder and fills `stat` from the descriptor. The descriptor, or
 * NOT_A_FILE where it has become a link, socket or anything else, or -errno. Leaves the access
 * time as it is where the file is ours (O_NOATIME). The caller closes the descriptor.
 */
export function openFile(dirFd: number, name: Address, stat: StatBuffer): Result {
  const fd = openQuietly(dirFd, name, READ_FLAGS)
  if (fd === -Errno.ELOOP || fd === -Errno.ENXIO) return NOT_A_FILE
  if (fd < 0) return fd
  const result = stat.readFd(fd)
  if (result === 0 && stat.isFile) return fd
  libc().close(fd)
  return result < 0 ? result : NOT_A_FILE
}

/**
 * Opens a folder for listing, following no link; -ENOTDIR where it is something else, a link to a
 * folder included. The caller closes the descriptor.
 */
export function openDirectory(dirFd: number, name: Address): Result {
  return openQuietly(dirFd, name, READ_FLAGS | O_DIRECTORY)
}

/** The same, but following a link to a folder. */
export function openDirectoryFollowing(dirFd: number, name: Address): Result {
  return openQuietly(dirFd, name, (READ_FLAGS & ~O_NOFOLLOW) | O_DIRECTORY)
}

/**
 * Opens a folder that may not be listed, only passed through or looked at: what is in it can still
 * be reached by name as far as its permissions go.
 */
export function openDirectoryPath(dirFd: number, name: Address, follow: boolean): Result {
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW)
  return libc().openat(dirFd, name, flags, 0)
}

/** O_NOATIME is for the owner and root only; everyone else gets EPERM and opens without it. */
function openQuietly(dirFd: number, name: Address, flags: number): Result {
  const fd = libc().openat(dirFd, name, flags | O_NOATIME, 0)
  return fd === -Errno.EPERM ? libc().openat(dirFd, name, flags, 0) : fd
}
