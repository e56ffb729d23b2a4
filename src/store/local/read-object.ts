// Reading one object of a local store. A whole pack is one open and one read, straight into memory
// of its own, on libuv's threads.
//
// What a disk may take its time for, finding and reading, is done there. Asking an open file for its length
// and closing it wait for nothing, and are done here: a trip to a thread takes ten times as long. FileHandles
// would make four such trips and take half the time of reading many small objects.

import { closeSync, constants, fstatSync, open, read } from 'node:fs'
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
  const file = await opened(object.path)
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw notAFile()
    const sized = { ...object, size: stat.size }
    const slice = sliceOf(sized, range)
    const bytes = await readSlice(file, slice)
    if (bytes.length < slice.length) {
      throw tooShort({ ...object, size: slice.offset + bytes.length }, slice)
    }
    return bytes
  } finally {
    closeSync(file)
  }
}

function opened(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, READ, (error, file) => (error === null ? resolve(file) : reject(error)))
  })
}

/** Fewer bytes than asked for only where the file ends meanwhile. */
async function readSlice(file: number, { offset, length }: Slice): Promise<Bytes> {
  // Not from Buffer's pool, and not cleared: it is overwritten, and cut where it is not.
  const memory = Buffer.allocUnsafeSlow(roundedUp(length)).buffer
  const bytes = new Uint8Array(memory, 0, length)
  let filled = 0
  while (filled < length) {
    const bytesRead = await readSome(file, bytes.subarray(filled), offset + filled)
    if (bytesRead === 0) return bytes.slice(0, filled)
    filled += bytesRead
  }
  return bytes
}

function readSome(file: number, into: Bytes, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, into, 0, into.length, position, (error, bytesRead) =>
      error === null ? resolve(bytesRead) : reject(error),
    )
  })
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
