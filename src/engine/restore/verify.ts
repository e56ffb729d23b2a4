// Reads back what was restored and compares it with the snapshot: length and CRC-32 of every file, as the
// snapshot recorded them from the source. Holes are not read: what they add to a CRC is known, and a disk
// image of terabytes may be little else.

import { readSync } from 'node:fs'
import type { Bytes } from '../../base/bytes.ts'
import { crc32Combine, crc32OfZeros } from '../../base/crc-combine.ts'
import { CairnError } from '../../base/errors.ts'
import { crc32 } from '../../base/hash.ts'
import { libc } from '../../base/libc.ts'
import { errnoMessage } from '../../base/libc-error.ts'
import { PathSlot } from '../../base/libc-memory.ts'
import { type FileType, StatBuffer } from '../../base/libc-stat.ts'
import type { Entry } from '../../format/tree.ts'
import { dataExtents, type Extent, mayHaveHoles } from '../../source/files/extents.ts'
import { NOT_A_FILE, openFile } from '../../source/files/open-file.ts'
import type { TargetFolder } from '../../target/files/target-folder.ts'
import type { SelectedEntry } from './selected-entries.ts'

const READ_BYTES = 1024 * 1024
/** Of a file that is more divided than this, the smallest holes are read. */
const EXTENTS_MAX = 1_000_000

const KINDS: Readonly<Record<FileType, string>> = {
  // It has become one since it was opened as something else.
  file: 'another file',
  directory: 'a folder',
  symlink: 'a symbolic link',
  fifo: 'a pipe',
  socket: 'a socket',
  'char-device': 'a device',
  'block-device': 'a device',
}

export interface VerifyOptions {
  readonly target: TargetFolder
  readonly signal: AbortSignal
  readonly onProblem: (names: readonly Bytes[], what: string) => void
}

/** Compares every file; how many were compared. */
export async function verifyTarget(
  entries: AsyncIterable<SelectedEntry>,
  { target, signal, onProblem }: VerifyOptions,
): Promise<number> {
  const reader = new FileReader(target)
  let compared = 0
  for await (const { folder, entry } of entries) {
    if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
    if (entry.type !== 'file') continue
    compared++
    const difference = reader.compare(folder, entry)
    if (difference !== undefined) onProblem([...folder, entry.name], difference)
  }
  return compared
}

class FileReader {
  readonly #target: TargetFolder
  readonly #stat = new StatBuffer()
  readonly #name = new PathSlot()
  readonly #buffer = new Uint8Array(READ_BYTES)

  constructor(target: TargetFolder) {
    this.#target = target
  }

  /** What differs, or nothing. */
  compare(folder: readonly Bytes[], entry: Entry): string | undefined {
    const dirFd = this.#target.openDirectory(folder)
    const fd = dirFd < 0 ? dirFd : openFile(dirFd, this.#name.put(entry.name), this.#stat)
    if (fd === NOT_A_FILE) return this.#whatElse(dirFd, entry.name)
    if (fd < 0) return `cannot read it back: ${errnoMessage(-fd)}`
    try {
      return this.#compareOpen(fd, entry)
    } catch (error) {
      return `cannot read it back: ${errnoMessage(Math.abs((error as NodeJS.ErrnoException).errno ?? 0))}`
    } finally {
      libc().close(fd)
    }
  }

  #whatElse(dirFd: number, name: Bytes): string {
    const result = this.#target.statEntry(dirFd, name, this.#stat)
    if (result < 0) return `cannot read it back: ${errnoMessage(-result)}`
    return `cannot read it back: ${KINDS[this.#stat.type]} stands in its place`
  }

  /** What differs in the file that `#stat` is of. */
  #compareOpen(fd: number, { size, crc32: expected }: Entry): string | undefined {
    if (this.#stat.size !== size) return `it is ${this.#stat.size} instead of ${size} bytes long`
    const crc = this.#crc(fd, size)
    // Where data is looked for, a hole at the end and an end that was cut off look the same.
    const errno = -this.#stat.readFd(fd)
    if (errno > 0) return `cannot read it back: ${errnoMessage(errno)}`
    if (this.#stat.size !== size)
      return `it is now ${this.#stat.size} instead of ${size} bytes long`
    return crc === expected ? undefined : 'its content is not that of the snapshot'
  }

  #crc(fd: number, size: number): number {
    const extents = mayHaveHoles(this.#stat)
      ? dataExtents(fd, size, EXTENTS_MAX)
      : [{ offset: 0, length: size }]
    let crc = 0
    let position = 0
    for (const extent of extents) {
      crc = this.#crcOfData(fd, extent, withZeros(crc, extent.offset - position))
      position = extent.offset + extent.length
    }
    return withZeros(crc, size - position)
  }

  /** Goes on from `before` with a run of data; stops where the file has been cut off meanwhile. */
  #crcOfData(fd: number, { offset, length }: Extent, before: number): number {
    let crc = before
    for (let done = 0; done < length; ) {
      const wanted = Math.min(READ_BYTES, length - done)
      const got = readSync(fd, this.#buffer, 0, wanted, offset + done)
      if (got === 0) break
      crc = crc32(this.#buffer.subarray(0, got), crc)
      done += got
    }
    return crc
  }
}

function withZeros(crc: number, zeros: number): number {
  return zeros > 0 ? crc32Combine(crc, crc32OfZeros(zeros), zeros) : crc
}
