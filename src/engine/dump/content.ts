// The content of a file, in order, holes as zeros. The next pieces are fetched while one is taken; length
// and CRC-32 are compared at the end with what was read when the file was backed up.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import { crc32 } from '../../base/hash.ts'
import type { Entry } from '../../format/tree.ts'
import type { BlobReader } from '../blob-reader.ts'
import { extentsOf, pieceRunsOf } from '../tree-reader.ts'

export interface ContentReaders {
  readonly trees: BlobReader
  readonly contents: BlobReader
}

/** Pieces on their way before they are asked for. */
const AHEAD = 3
const ZEROS = new Uint8Array(64 * 1024)

/**
 * The bytes of a file, exactly as many as its size says. Throws what the readers throw, and
 * 'object-damaged' at the end where they are not what was backed up.
 */
export async function* contentOf(readers: ContentReaders, entry: Entry): AsyncGenerator<Bytes> {
  const size = Number(entry.size ?? 0)
  let crc = 0
  let length = 0
  for await (const bytes of spread(readers, entry, size)) {
    length += bytes.length
    if (length > size) break
    crc = crc32(bytes, crc)
    yield bytes
  }
  if (length !== size || crc !== entry.crc32) throw otherContent(length, size)
}

/** Data and holes in turn, up to the size. */
async function* spread(readers: ContentReaders, entry: Entry, size: number): AsyncGenerator<Bytes> {
  const data = dataOf(readers, entry)
  const extents = await extentsOf(readers.trees, entry)
  if (extents === undefined) {
    yield* data
    return
  }
  let end = 0
  const source = new DataSource(data)
  for (const { hole, data: length } of extents) {
    yield* zeros(Number(hole))
    yield* source.take(Number(length))
    end += Number(hole) + Number(length)
  }
  yield* zeros(size - end)
}

function* zeros(count: number): Generator<Bytes> {
  for (let left = count; left > 0; left -= ZEROS.length)
    yield ZEROS.subarray(0, Math.min(left, ZEROS.length))
}

/** Hands out exactly as many bytes as are asked for, wherever pieces end. */
class DataSource {
  readonly #data: AsyncGenerator<Bytes>
  #rest: Bytes = new Uint8Array(0)

  constructor(data: AsyncGenerator<Bytes>) {
    this.#data = data
  }

  async *take(count: number): AsyncGenerator<Bytes> {
    for (let left = count; left > 0; ) {
      if (this.#rest.length === 0) {
        const next = await this.#data.next()
        if (next.done === true) return
        this.#rest = next.value
      }
      const taken = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(taken.length)
      left -= taken.length
      yield taken
    }
  }
}

async function* dataOf(readers: ContentReaders, entry: Entry): AsyncGenerator<Bytes> {
  const ahead: Promise<Bytes>[] = []
  for await (const pieces of pieceRunsOf(readers.trees, entry)) {
    for (const { id, length } of pieces) {
      const piece = readers.contents.read('data', id).then((blob) => ofLength(blob, length))
      piece.catch(() => undefined) // told when it is its turn
      if (ahead.push(piece) > AHEAD) yield await (ahead.shift() as Promise<Bytes>)
    }
  }
  for (const piece of ahead) yield await piece
}

function ofLength(blob: Bytes, length: number): Bytes {
  if (blob.length === length) return blob
  throw new CairnError('object-damaged', 'The content has a piece of another length than recorded')
}

function otherContent(length: number, size: number): CairnError {
  const what = length === size ? 'its CRC-32 is another' : `it has ${length} of ${size} bytes`
  return new CairnError('object-damaged', `The content is not what was backed up: ${what}`, {
    hint: 'Run `cairn check --read-data`. What was written out is not to be trusted.',
  })
}
