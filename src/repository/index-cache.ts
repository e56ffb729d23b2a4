// What this machine keeps of a domain's index between runs: the image as it lies in memory, and of what it
// was made. It is read instead of the segments that it was made of; whether it still says what these and the
// store's listings say is for the loader to see. Bound to its repository and domain by a keyed BLAKE3 over
// all of it: a file that is damaged, cut off, another's or of another version of Cairn is as good as none.
// A file is written beside the old one and takes its place when it is whole. Losing it costs time only.

import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Bytes, concat, equalBytes, release, toHex, utf8, viewOf } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { KeyedHasher } from '../base/hash.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import { systemRandom } from '../sealer/random.ts'
import type { DomainAccess } from './access.ts'
import { FRAME_WORDS, IndexImage, lookupBytes } from './index-image.ts'
import { decodeKept, encodeKept, type KeptIndex } from './index-kept.ts'

/** Changes with everything that is in the file. */
const MAGIC = utf8('cairnix2')
const LENGTHS_AT = MAGIC.length
const PARTS = 4
const MAC_AT = LENGTHS_AT + 8 * PARTS
const HEAD_BYTES = MAC_AT + 32

/** Smaller indexes are as quickly made of their segments. */
const BLOBS_MIN = 16_384
/** What one call reads at most. */
const FILE_BYTES_MAX = 2 ** 31 - 1
/** What is read at a time, and hashed while the next one is read. */
const PIECE_BYTES = 4 * 1024 * 1024
/** Room for what is new since: memory that is not written to costs nothing. */
const GROWTH = 1.25
const BLOBS_MORE_MIN = 65_536

const TEMPORARY_MAX_MS = 60 * 60 * 1000
const UNUSED_MAX_MS = 60 * 24 * 60 * 60 * 1000

export interface IndexCacheOptions {
  /** Of one repository; made when it is needed. */
  readonly folder: string
  readonly clock: Clock
  readonly blobsMin?: number
  /** Told of what is wrong with the folder, which fails nothing. */
  readonly onProblem?: (error: unknown) => void
}

export interface KeptPlace {
  readonly domain: DomainAccess
  readonly onlyReading: boolean
}

export class IndexCache {
  readonly #options: IndexCacheOptions
  #writing: Promise<void> = Promise.resolve()

  constructor(options: IndexCacheOptions) {
    this.#options = options
  }

  /** What was kept last; undefined where there is nothing that can be used. */
  async read(place: KeptPlace): Promise<KeptIndex | undefined> {
    try {
      const file = await open(this.#path(place))
      try {
        return await readKept(file, place)
      } finally {
        await file.close()
      }
    } catch (error) {
      if (!isAbsent(error)) this.#options.onProblem?.(error)
      return undefined
    }
  }

  /** Keeps an index for the next run, in the background: see settled. It must not change any more. */
  keep(index: KeptIndex, place: KeptPlace): void {
    const { blobsMin = BLOBS_MIN, onProblem } = this.#options
    if (index.image.blobs < blobsMin) return
    this.#writing = this.#writing
      .then(() => this.#write(index, place))
      .catch((error: unknown) => onProblem?.(error))
  }

  /** When everything that is to be kept is in place. */
  settled(): Promise<void> {
    return this.#writing
  }

  #path({ domain, onlyReading }: KeptPlace): string {
    return join(this.#options.folder, `${domain.hex}-${onlyReading ? 'reading' : 'writing'}`)
  }

  async #write(index: KeptIndex, place: KeptPlace): Promise<void> {
    const { folder } = this.#options
    const parts = partsOf(index)
    const head = headOf(parts, place)
    if (parts.reduce((sum, part) => sum + part.length, 0) > FILE_BYTES_MAX) return
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await this.#tidy()
    const path = this.#path(place)
    const temporary = `${path}.${toHex(systemRandom(8))}.tmp`
    try {
      const file = await open(temporary, 'wx', 0o600)
      try {
        for (const part of [head, ...parts]) await writeAll(file, part)
      } finally {
        await file.close()
      }
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  /** Removes what runs that were killed have left, and what nobody asks for any more. */
  async #tidy(): Promise<void> {
    const { folder, clock } = this.#options
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      try {
        const ageMs = clock.nowMs() - (await stat(path)).mtimeMs
        const ageMaxMs = name.endsWith('.tmp') ? TEMPORARY_MAX_MS : UNUSED_MAX_MS
        if (ageMs > ageMaxMs) await rm(path, { force: true })
      } catch (error) {
        // Another run may have removed it, or put its own in place.
        if (!isAbsent(error)) throw error
      }
    }
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function partsOf(index: KeptIndex): readonly Bytes[] {
  const { handle } = index.image
  const { blobs, frames } = handle
  return [
    encodeKept(index),
    new Uint8Array(handle.lookup, 0, lookupBytes(handle)),
    new Uint8Array(handle.frameWords, 0, 4 * FRAME_WORDS * frames),
    new Uint8Array(handle.ids, 0, BLOB_ID_BYTES * blobs),
  ]
}

function headOf(parts: readonly Bytes[], place: KeptPlace): Bytes {
  const head = new Uint8Array(HEAD_BYTES)
  head.set(MAGIC)
  parts.forEach((part, i) => {
    viewOf(head).setFloat64(LENGTHS_AT + 8 * i, part.length, true)
  })
  head.set(macOf(head, { parts, place }), MAC_AT)
  return head
}

function macOf(
  head: Bytes,
  { parts, place }: { readonly parts: readonly Bytes[]; readonly place: KeptPlace },
): Bytes {
  return hasherFor(place).hash(...boundTo(head, place), ...parts)
}

function hasherFor({ domain }: KeptPlace): KeyedHasher {
  return new KeyedHasher(domain.localKey('index cache'))
}

/** What the parts are hashed behind: the beginning of the file, and whose it is. */
function boundTo(head: Bytes, { domain, onlyReading }: KeptPlace): readonly Bytes[] {
  const { repositoryId } = domain.scope
  const whose = concat([repositoryId, domain.id, Uint8Array.of(Number(onlyReading))])
  return [head.subarray(0, MAC_AT), whose]
}

async function readKept(file: FileHandle, place: KeptPlace): Promise<KeptIndex | undefined> {
  const head = new Uint8Array(HEAD_BYTES)
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0)
  if (bytesRead < HEAD_BYTES || !equalBytes(head.subarray(0, MAGIC.length), MAGIC)) return undefined
  const lengths = Array.from({ length: PARTS }, (_, i) =>
    viewOf(head).getFloat64(LENGTHS_AT + 8 * i, true),
  )
  if (lengths.some((length) => !Number.isSafeInteger(length) || length < 0)) return undefined
  const length = lengths.reduce((sum, one) => sum + one, 0)
  if (length > FILE_BYTES_MAX || (await file.stat()).size !== HEAD_BYTES + length) return undefined
  const [metaBytes, lookupBytes, wordsBytes, idsBytes] = lengths as [number, number, number, number]
  const meta = new Uint8Array(metaBytes)
  const lookup = new SharedArrayBuffer(lookupBytes)
  const moreIds = BLOB_ID_BYTES * BLOBS_MORE_MIN
  const frameWords = new SharedArrayBuffer(Math.ceil((GROWTH * wordsBytes + moreIds) / 4) * 4)
  const ids = new SharedArrayBuffer(Math.ceil(GROWTH * idsBytes + moreIds))
  const parts = [
    meta,
    new Uint8Array(lookup),
    new Uint8Array(frameWords, 0, wordsBytes),
    new Uint8Array(ids, 0, idsBytes),
  ]
  const hashed = readInto(parts, { file, before: boundTo(head, place) })
  const mac = await hasherFor(place).hashEach(hashed)
  if (!equalBytes(head.subarray(MAC_AT), mac)) return undefined
  const { counts, ...kept } = decodeKept(meta)
  release(meta)
  return { ...kept, image: new IndexImage({ ...counts, lookup, frameWords, ids }) }
}

/**
 * Reads the parts, and hands out what comes before them and then each piece of them while the next one is
 * being read: hashing takes as long as reading. Ends early where the file does.
 */
async function* readInto(
  parts: readonly Uint8Array[],
  { file, before }: { readonly file: FileHandle; readonly before: readonly Bytes[] },
): AsyncGenerator<Bytes> {
  yield* before
  let at = HEAD_BYTES
  let read: Bytes | undefined
  for (const piece of parts.flatMap(piecesOf)) {
    const reading = readAll(file, piece, at)
    if (read !== undefined) yield read
    if (!(await reading)) return
    at += piece.length
    read = piece
  }
  if (read !== undefined) yield read
}

/** Views. */
function piecesOf(part: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(part.length / PIECE_BYTES)
  return Array.from({ length: count }, (_, i) =>
    part.subarray(PIECE_BYTES * i, PIECE_BYTES * (i + 1)),
  )
}

async function readAll(file: FileHandle, part: Uint8Array, position: number): Promise<boolean> {
  for (let at = 0; at < part.length; ) {
    const { bytesRead } = await file.read(part, at, part.length - at, position + at)
    if (bytesRead === 0) return false
    at += bytesRead
  }
  return true
}

async function writeAll(file: FileHandle, part: Bytes): Promise<void> {
  for (let at = 0; at < part.length; )
    at += (await file.write(part, at, part.length - at)).bytesWritten
}
