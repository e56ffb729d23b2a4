// The two files in a folder that say something about the folder: CACHEDIR.TAG (bford.info/cachedir)
// marks it as a cache, `.cairnignore` has patterns for what to leave out.

import { readSync } from 'node:fs'
import { type Bytes, equalBytes, utf8 } from '../../base/bytes.ts'
import { libc, type Result } from '../../base/libc.ts'
import { Errno } from '../../base/libc-error.ts'
import type { DirectoryListing } from '../../base/libc-listing.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import { parsePatternBytes } from './exclude.ts'
import type { IgnorePattern } from './ignore-pattern.ts'
import { NOT_A_FILE, openFile } from './open-file.ts'

export const IGNORE_FILE_NAME = utf8('.cairnignore')
const IGNORE_FILE_BYTES_MAX = 1 << 20

const CACHE_TAG_NAME = utf8('CACHEDIR.TAG')
const CACHE_TAG_SIGNATURE = utf8('Signature: 8a477f597d28d172789f06886806bc55')

let stat: StatBuffer | undefined

/** Where in the listing a valid cache tag is, or -1. */
export function findCacheTag(dirFd: number, listing: DirectoryListing): number {
  const index = listing.indexOf(CACHE_TAG_NAME)
  if (index < 0) return -1
  const start = readStart(dirFd, listing, index, CACHE_TAG_SIGNATURE.length)
  return typeof start !== 'number' && equalBytes(start, CACHE_TAG_SIGNATURE) ? index : -1
}

/**
 * The patterns of the folder's `.cairnignore`; none where it has no such regular file. The -errno
 * of reading it; -EFBIG beyond 1 MiB.
 */
export function readIgnoreFile(
  dirFd: number,
  listing: DirectoryListing,
): readonly IgnorePattern[] | Result {
  const index = listing.indexOf(IGNORE_FILE_NAME)
  if (index < 0) return []
  const content = readStart(dirFd, listing, index, IGNORE_FILE_BYTES_MAX + 1)
  if (content === NOT_A_FILE || content === -Errno.ENOENT) return []
  if (typeof content === 'number') return content
  return content.length > IGNORE_FILE_BYTES_MAX ? -Errno.EFBIG : parsePatternBytes(content)
}

/** Up to `length` bytes from the start of a file, or -errno, or NOT_A_FILE. */
function readStart(
  dirFd: number,
  listing: DirectoryListing,
  index: number,
  length: number,
): Bytes | Result {
  stat ??= new StatBuffer()
  const fd = openFile(dirFd, listing.nameAddressAt(index), stat)
  if (fd < 0) return fd
  try {
    const content = new Uint8Array(Math.min(length, stat.size + 1))
    return content.subarray(0, readFully(fd, content))
  } catch (error) {
    // Node has it negative already.
    return (error as NodeJS.ErrnoException).errno ?? -Errno.EINVAL
  } finally {
    libc().close(fd)
  }
}

function readFully(fd: number, into: Bytes): number {
  let filled = 0
  while (filled < into.length) {
    const count = readSync(fd, into, filled, into.length - filled, filled)
    if (count === 0) break
    filled += count
  }
  return filled
}
