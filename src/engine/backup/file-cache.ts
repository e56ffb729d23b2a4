// What the last run found, in walk order, so that an unchanged file is not opened and an unchanged
// folder not encoded again. A cache and nothing more: losing it costs one full read, and every id
// that is taken from it is looked up in the index before it is used.
//
// The file is a run of blocks, each with its length and CRC-32, of records:
//     enter: a folder begins (name)                leave: it ends (key, entry)
//     entry: anything else (name, key, entry)      ids:   blobs that the next entry or leave needs
// A block that is cut off or damaged ends what is known; what follows is read anew.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type Bytes, compareBytes, concat, utf8, viewOf } from '../../base/bytes.ts'
import { crc32 } from '../../base/hash.ts'
import { BLOB_ID_BYTES, type BlobId, blobId } from '../../format/ids.ts'
import { CACHE_KEY_BYTES } from './cache-keys.ts'

const MAGIC = utf8('cairn file cache 2\n')
const BLOCK_BYTES = 256 * 1024
const BLOCK_BYTES_MAX = 64 * 1024 * 1024
const HEAD_BYTES = 8
/** A record's type and length. */
const RECORD_HEAD_BYTES = 5
/** So many ids go into one record at most. */
const IDS_MAX = 4096

const RECORD = { enter: 1, leave: 2, entry: 3, ids: 4 } as const

/** What is remembered of a file, link or device, and of a folder at its end. */
export interface CachedEntry {
  /** See CACHE_KEY_BYTES. */
  readonly key: Bytes
  /** The entry as it stands in its folder's node. */
  readonly encoded: Bytes
  /** Every blob that the entry needs, nodes of lists and folders included; not what is below. */
  readonly ids: Bytes
}

/** What a run that ended early has left. */
export function partialPath(path: string): string {
  return `${path}.partial`
}

/**
 * Writes what this run finds to a file beside `path`. Never fails a run: what cannot be written is told
 * once, and then forgotten, for a cache that is not there costs one full read.
 */
export class FileCacheWriter {
  readonly #path: string
  readonly #new: string
  readonly #onProblem: (error: unknown) => void
  #fd: number | undefined
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES + HEAD_BYTES)
  #length = HEAD_BYTES

  constructor(path: string, onProblem: (error: unknown) => void) {
    this.#path = path
    // By process: two runs of the same source at once must not write into each other's.
    this.#new = `${path}.${process.pid}.new`
    this.#onProblem = onProblem
    this.#guard(() => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      adoptLeftovers(path)
      this.#fd = openSync(this.#new, 'w', 0o600)
      writeSync(this.#fd, MAGIC)
    })
  }

  enter(name: Bytes): void {
    this.#record(RECORD.enter, name)
  }

  /** A folder's end; without an entry where the folder must be encoded anew next time. */
  leave(entry: CachedEntry | undefined): void {
    if (entry !== undefined) this.#ids(entry.ids)
    this.#record(RECORD.leave, ...(entry === undefined ? [] : [entry.key, entry.encoded]))
  }

  entry(name: Bytes, entry: CachedEntry): void {
    this.#ids(entry.ids)
    this.#record(
      RECORD.entry,
      Uint8Array.of(name.length & 0xff, name.length >> 8),
      name,
      entry.key,
      entry.encoded,
    )
  }

  /** All was found and stored: this is what is known next time. */
  commit(): void {
    this.#finish(() => {
      renameSync(this.#new, this.#path)
      rmSync(partialPath(this.#path), { force: true })
    })
  }

  /** The run ended early: what it found so far counts before what was known. */
  keepPartial(): void {
    this.#finish(() => keepLonger(this.#new, partialPath(this.#path)))
  }

  abandon(): void {
    this.#guard(() => {
      if (this.#fd !== undefined) closeSync(this.#fd)
      rmSync(this.#new, { force: true })
    })
    this.#fd = undefined
  }

  #finish(then: () => void): void {
    this.#writeBlock()
    if (this.#fd === undefined) return
    const fd = this.#fd
    this.#fd = undefined
    this.#guard(() => {
      fsyncSync(fd)
      closeSync(fd)
      then()
    })
  }

  /** Runs what may fail; after a failure nothing more is written. */
  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fd = undefined
      this.#onProblem(error)
    }
  }

  #ids(ids: Bytes): void {
    for (let at = 0; at < ids.length; at += IDS_MAX * BLOB_ID_BYTES) {
      this.#record(RECORD.ids, ids.subarray(at, at + IDS_MAX * BLOB_ID_BYTES))
    }
  }

  #record(type: number, ...parts: readonly Bytes[]): void {
    let length = 0
    for (const part of parts) length += part.length
    this.#reserve(RECORD_HEAD_BYTES + length)
    this.#block[this.#length] = type
    this.#block.writeUInt32LE(length, this.#length + 1)
    let at = this.#length + RECORD_HEAD_BYTES
    for (const part of parts) {
      this.#block.set(part, at)
      at += part.length
    }
    this.#length = at
  }

  /** Records are never divided: one that does not fit begins the next block. */
  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#block.length) return
    this.#writeBlock()
    const needed = HEAD_BYTES + bytes
    if (needed > this.#block.length) this.#block = Buffer.allocUnsafeSlow(needed)
  }

  #writeBlock(): void {
    const block = this.#block.subarray(0, this.#length)
    block.writeUInt32LE(this.#length - HEAD_BYTES, 0)
    block.writeUInt32LE(crc32(block.subarray(HEAD_BYTES)), 4)
    this.#length = HEAD_BYTES
    const fd = this.#fd
    if (fd !== undefined) this.#guard(() => writeSync(fd, block))
  }
}

/** Puts what a run has left in the place of what an earlier one left, where it got further. */
function keepLonger(left: string, partial: string): void {
  const before = statSync(partial, { throwIfNoEntry: false })?.size ?? 0
  if (statSync(left).size > before) renameSync(left, partial)
  else rmSync(left)
}

/** What runs that were killed have written so far is as good as what an interrupted one leaves. */
function adoptLeftovers(path: string): void {
  const folder = dirname(path)
  for (const name of readdirSync(folder)) {
    const pid = /\.(\d+)\.new$/.exec(name)?.[1]
    if (pid === undefined || !name.startsWith(`${basename(path)}.`)) continue
    if (!isRunning(Number(pid))) keepLonger(join(folder, name), partialPath(path))
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false // an earlier process had our number
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

interface Record {
  readonly type: number
  readonly body: Bytes
  /** Of the ids records before it. */
  readonly ids: Bytes
}

const NO_IDS = new Uint8Array(0)

/** Where a walk stands: whether the cache knows that folder, and had names that are gone. */
interface Level {
  readonly known: boolean
  lostSome: boolean
}

/** Follows a walk through the cache. Names are asked for in the order in which they were written. */
export class FileCacheReader {
  readonly #fd: number
  readonly #levels: Level[] = []
  #block: Bytes = new Uint8Array(0)
  #at = 0
  #next: Record | undefined

  private constructor(fd: number) {
    this.#fd = fd
    this.#next = this.#readNext()
  }

  /** Undefined where there is no cache, or none of this kind. */
  static open(path: string): FileCacheReader | undefined {
    let fd: number
    try {
      fd = openSync(path, 'r')
    } catch {
      return undefined // no cache, or one that is not ours to read: as if there were none
    }
    const magic = new Uint8Array(MAGIC.length)
    if (readWhole(fd, magic) && compareBytes(magic, MAGIC) === 0) return new FileCacheReader(fd)
    closeSync(fd)
    return undefined
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** The walk goes into a folder. */
  enter(name: Bytes): void {
    const level = this.#levels[this.#levels.length - 1]
    const known = (level === undefined || level.known) && this.#seek(name, RECORD.enter)
    if (known) this.#next = this.#readNext()
    this.#levels.push({ known, lostSome: false })
  }

  /** What is known of an entry of the folder that the walk stands in. */
  entry(name: Bytes): CachedEntry | undefined {
    if (!this.#levels[this.#levels.length - 1]?.known || !this.#seek(name, RECORD.entry))
      return undefined
    const { body, ids } = this.#next as Record
    this.#next = this.#readNext()
    return cachedEntry(body.subarray(2 + name.length), ids)
  }

  /** The walk leaves a folder: what is known of it, and whether any of its names are gone. */
  leave(): { readonly entry: CachedEntry | undefined; readonly lostSome: boolean } {
    const level = this.#levels.pop()
    if (!level?.known) return { entry: undefined, lostSome: true }
    while (this.#next !== undefined && this.#next.type !== RECORD.leave) this.#skip(level)
    const last = this.#next
    this.#next = this.#readNext()
    const entry =
      last === undefined || last.body.length === 0 ? undefined : cachedEntry(last.body, last.ids)
    return { entry, lostSome: level.lostSome }
  }

  /** Passes over what sorts before `name`; true where a record of this type and name is next. */
  #seek(name: Bytes, type: number): boolean {
    for (;;) {
      const next = this.#next
      if (next === undefined || next.type === RECORD.leave) return false
      const order = compareBytes(nameOf(next), name)
      if (order > 0) return false
      if (order === 0 && next.type === type) return true
      this.#skip(this.#levels.at(-1))
    }
  }

  /** Passes over one entry, or one folder with all that is in it. */
  #skip(level: Level | undefined): void {
    if (level !== undefined) level.lostSome = true
    let depth = 0
    do {
      if (this.#next?.type === RECORD.enter) depth++
      else if (this.#next?.type === RECORD.leave) depth--
      this.#next = this.#readNext()
    } while (depth > 0 && this.#next !== undefined)
  }

  /** The next record that is not ids, with the ids before it. */
  #readNext(): Record | undefined {
    let ids: Bytes = NO_IDS
    for (;;) {
      const record = this.#readRecord(ids)
      if (record?.type !== RECORD.ids) return record
      ids = ids.length === 0 ? record.body : concat([ids, record.body])
    }
  }

  #readRecord(ids: Bytes): Record | undefined {
    if (this.#at === this.#block.length && !this.#readBlock()) return undefined
    const head = this.#at
    const start = head + RECORD_HEAD_BYTES
    if (start > this.#block.length) return undefined
    const end = start + viewOf(this.#block).getUint32(head + 1, true)
    if (end > this.#block.length) return undefined
    this.#at = end
    return { type: this.#block[head] as number, body: this.#block.subarray(start, end), ids }
  }

  #readBlock(): boolean {
    const head = new Uint8Array(HEAD_BYTES)
    if (!readWhole(this.#fd, head)) return false
    const length = viewOf(head).getUint32(0, true)
    if (length > BLOCK_BYTES_MAX) return false
    const block = new Uint8Array(length)
    if (!readWhole(this.#fd, block) || crc32(block) !== viewOf(head).getUint32(4, true))
      return false
    this.#block = block
    this.#at = 0
    return true
  }
}

/** False where there is less, and where it cannot be read: a bad sector in the cache fails no backup. */
function readWhole(fd: number, into: Bytes): boolean {
  try {
    return readSync(fd, into) === into.length
  } catch {
    return false
  }
}

function nameOf({ type, body }: Record): Bytes {
  return type === RECORD.enter ? body : body.subarray(2, 2 + viewOf(body).getUint16(0, true))
}

function cachedEntry(body: Bytes, ids: Bytes): CachedEntry {
  return { key: body.subarray(0, CACHE_KEY_BYTES), encoded: body.subarray(CACHE_KEY_BYTES), ids }
}

/** The ids of a column, as views. */
export function* eachId(ids: Bytes): Generator<BlobId> {
  for (let at = 0; at < ids.length; at += BLOB_ID_BYTES)
    yield blobId(ids.subarray(at, at + BLOB_ID_BYTES))
}
