// Writes the content of a file by position. What is not written of a new file stays a hole; in a
// file that was there before, a hole is punched, or zeros are written where that is not possible.
// Failures are SystemErrors (ENOSPC, EIO, ...) that the engine names as errors of writing.

import { writeSync } from 'node:fs'
import type { Bytes } from '../../base/bytes.ts'
import { libc } from '../../base/libc.ts'
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE } from '../../base/libc-constants.ts'
import { Errno, must, SystemError } from '../../base/libc-error.ts'

const ZEROS = new Uint8Array(64 << 10)

/** Writes all of `bytes` at `offset`, whatever the descriptor's own position. */
export function writeAt(fd: number, bytes: Bytes, offset: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += writeSome(fd, bytes, { written, offset: offset + written })
  }
}

/**
 * Makes the file exactly `size` bytes long: a hole at its end, or an end that was there before,
 * needs this. Not needed where the last byte has been written to a new file.
 */
export function setSize(fd: number, size: number): void {
  must('ftruncate', libc().ftruncate(fd, size))
}

/** Makes a run of an existing file read as zeros, without disk space if the file system can. */
export function writeHole(fd: number, offset: number, length: number): void {
  if (length === 0) return
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
  const result = libc().fallocate(fd, mode, offset, length)
  if (result === -Errno.ENOTSUP || result === -Errno.ENOSYS) writeZeros(fd, offset, length)
  else must('fallocate', result)
}

function writeZeros(fd: number, offset: number, length: number): void {
  for (let at = 0; at < length; at += ZEROS.length) {
    writeAt(fd, ZEROS.subarray(0, Math.min(ZEROS.length, length - at)), offset + at)
  }
}

function writeSome(fd: number, bytes: Bytes, at: { written: number; offset: number }): number {
  try {
    return writeSync(fd, bytes, at.written, bytes.length - at.written, at.offset)
  } catch (error) {
    throw new SystemError('write', (error as NodeJS.ErrnoException).errno ?? Errno.EINVAL)
  }
}
