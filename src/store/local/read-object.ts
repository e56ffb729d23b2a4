// Reading one object of a local store. A whole pack is one open and one read, straight into memory
// of its own, on libuv's threads.

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Bytes } from '../../base/bytes.ts'
import { type Slice, sliceOf, tooShort } from '../range.ts'
import type { ByteRange } from '../store.ts'

// O_NONBLOCK: opening a FIFO that somebody put there must not wait for its writer.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export interface ObjectFile {
  readonly path: string
  readonly address: string
  readonly name: string
}

/** The bytes of a range, alone in their ArrayBuffer. Throws the system's errors as they come. */
export async function readObject(object: ObjectFile, range?: ByteRange): Promise<Bytes> {
  const file = await open(object.path, READ)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw notAFile()
    const sized = { ...object, size: stat.size }
    const slice = sliceOf(sized, range)
    const bytes = await readSlice(file, slice)
    if (bytes.length < slice.length) {
      throw tooShort({ ...object, size: slice.offset + bytes.length }, slice)
    }
    return bytes
  } finally {
    await file.close()
  }
}

/** Fewer bytes than asked for only where the file ends meanwhile. */
async function readSlice(file: FileHandle, { offset, length }: Slice): Promise<Bytes> {
  // Not from Buffer's pool, and not cleared: it is overwritten, and cut where it is not.
  const memory = Buffer.allocUnsafeSlow(roundedUp(length)).buffer
  const bytes = new Uint8Array(memory, 0, length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled)
    if (bytesRead === 0) return bytes.slice(0, filled)
    filled += bytesRead
  }
  return bytes
}

/** Memory of packs, which are of about the same length, shall fit where that of another one was. */
const LARGE_BYTES = 8 * 1024 * 1024
const LARGE_STEP_BYTES = 4 * 1024 * 1024

function roundedUp(length: number): number {
  if (length < LARGE_BYTES) return length
  return Math.ceil(length / LARGE_STEP_BYTES) * LARGE_STEP_BYTES
}

function notAFile(): Error {
  return Object.assign(new Error('not a regular file'), { code: 'ELOOP' })
}
