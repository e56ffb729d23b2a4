// The files of a window that are one blob each, in columns: thousands of them wait at a time, and as
// objects the collector would copy them again and again.

import type { Bytes } from '../../base/bytes.ts'
import { assert } from '../../base/errors.ts'
import { BLOB_ID_BYTES, type BlobId, blobId } from '../../format/ids.ts'
import { NAME_BYTES_MAX } from '../../format/limits.ts'
import type { Entry, Xattr } from '../../format/tree.ts'
import type { OwnerNames, WireWholes, WriterSetup } from './messages.ts'
import { ownerNamesOf } from './metadata-of.ts'

/** A file of one blob, and where it is to go. */
export interface Whole {
  readonly id: Bytes
  /** Which blob of its frame it is. */
  readonly position: number
  readonly entry: Entry
  readonly folder: readonly Bytes[]
  readonly replaces: boolean
}

/** Usual names are much shorter: the run of names grows where they are not. */
const NAME_BYTES_USUAL = 32

export class Wholes {
  readonly #owners: WriterSetup['owners']
  readonly #positions: Uint32Array
  readonly #ids: Uint8Array
  readonly #crcs: Uint32Array
  readonly #sizes: Float64Array
  readonly #folderNumbers: Uint32Array
  readonly #nameEnds: Uint32Array
  readonly #replaces: Uint8Array
  readonly #modes: Uint16Array
  readonly #uids: Uint32Array
  readonly #gids: Uint32Array
  readonly #mtimeSeconds: BigInt64Array
  readonly #mtimeNanos: Uint32Array
  #names: Uint8Array
  readonly #folders: (readonly Bytes[])[] = []
  readonly #xattrs = new Map<number, readonly Xattr[]>()
  readonly #ownerNames: OwnerNames[] = []
  #count = 0

  /** Room for `capacity` files. */
  constructor({ capacity, owners }: { capacity: number; owners: WriterSetup['owners'] }) {
    this.#owners = owners
    this.#positions = new Uint32Array(capacity)
    this.#ids = new Uint8Array(BLOB_ID_BYTES * capacity)
    this.#crcs = new Uint32Array(capacity)
    this.#sizes = new Float64Array(capacity)
    this.#folderNumbers = new Uint32Array(capacity)
    this.#nameEnds = new Uint32Array(capacity)
    this.#replaces = new Uint8Array(capacity)
    this.#modes = new Uint16Array(capacity)
    this.#uids = new Uint32Array(capacity)
    this.#gids = new Uint32Array(capacity)
    this.#mtimeSeconds = new BigInt64Array(capacity)
    this.#mtimeNanos = new Uint32Array(capacity)
    this.#names = new Uint8Array(NAME_BYTES_USUAL * capacity + NAME_BYTES_MAX)
  }

  get count(): number {
    return this.#count
  }

  /** The number by which the file is known from now on. */
  add({ id, position, entry, folder, replaces }: Whole): number {
    const i = this.#count++
    assert(i < this.#positions.length, 'a window has room for its files')
    this.#positions[i] = position
    this.#ids.set(id, BLOB_ID_BYTES * i)
    this.#crcs[i] = entry.crc32 as number
    this.#sizes[i] = Number(entry.size)
    this.#folderNumbers[i] = this.#folderNumber(folder)
    this.#addName(i, entry.name)
    this.#replaces[i] = replaces ? 1 : 0
    this.#modes[i] = entry.mode
    this.#uids[i] = entry.uid
    this.#gids[i] = entry.gid
    this.#mtimeSeconds[i] = BigInt(entry.mtimeSeconds)
    this.#mtimeNanos[i] = entry.mtimeNanos
    if (entry.xattrs !== undefined) this.#xattrs.set(i, entry.xattrs)
    if (this.#owners === 'names') this.#ownerNames.push(ownerNamesOf(entry))
    return i
  }

  idOf(number: number): BlobId {
    return blobId(this.#ids.slice(BLOB_ID_BYTES * number, BLOB_ID_BYTES * (number + 1)))
  }

  /** Its blob is another one of its frame: another copy is tried. */
  move(number: number, position: number): void {
    this.#positions[number] = position
  }

  /** Names from the target's root down. */
  pathOf(number: number): readonly Bytes[] {
    const folder = this.#folders[this.#folderNumbers[number] as number] ?? []
    return [...folder, this.#nameOf(number)]
  }

  sizeOf(number: number): number {
    return this.#sizes[number] as number
  }

  /** Some of them for a worker. Adds the folders that they go into to `folders`. */
  wire(numbers: readonly number[], folders: (readonly Bytes[])[]): WireWholes {
    const folderNumbers = pickNumbers(this.#folderNumbers, numbers)
    const wireNumbers = new Map<number, number>()
    for (const number of folderNumbers)
      if (!wireNumbers.has(number))
        wireNumbers.set(number, folders.push(this.#folders[number] ?? []) - 1)
    const ids = new Uint8Array(BLOB_ID_BYTES * numbers.length)
    numbers.forEach((number, i) => {
      const at = BLOB_ID_BYTES * number
      ids.set(this.#ids.subarray(at, at + BLOB_ID_BYTES), BLOB_ID_BYTES * i)
    })
    return {
      positions: pickNumbers(this.#positions, numbers),
      ids,
      crcs: pickNumbers(this.#crcs, numbers),
      folderNumbers: folderNumbers.map((number) => wireNumbers.get(number) as number),
      ...this.#wireNames(numbers),
      replaces: Uint8Array.from(numbers, (number) => this.#replaces[number] as number),
      modes: Uint16Array.from(numbers, (number) => this.#modes[number] as number),
      uids: pickNumbers(this.#uids, numbers),
      gids: pickNumbers(this.#gids, numbers),
      mtimeSeconds: BigInt64Array.from(numbers, (number) => this.#mtimeSeconds[number] as bigint),
      mtimeNanos: pickNumbers(this.#mtimeNanos, numbers),
      xattrs: this.#wireXattrs(numbers),
      ownerNames:
        this.#owners === 'names' ? numbers.map((n) => this.#ownerNames[n] as OwnerNames) : [],
    }
  }

  #wireNames(numbers: readonly number[]): Pick<WireWholes, 'names' | 'nameLengths'> {
    const all = numbers.map((number) => this.#nameOf(number))
    const nameLengths = Uint16Array.from(all, (name) => name.length)
    const names = new Uint8Array(nameLengths.reduce((sum, length) => sum + length, 0))
    let at = 0
    for (const name of all) {
      names.set(name, at)
      at += name.length
    }
    return { names, nameLengths }
  }

  #wireXattrs(numbers: readonly number[]): WireWholes['xattrs'] {
    const some = new Map<number, readonly Xattr[]>()
    if (this.#xattrs.size === 0) return some
    numbers.forEach((number, i) => {
      const xattrs = this.#xattrs.get(number)
      if (xattrs !== undefined) some.set(i, xattrs)
    })
    return some
  }

  /** Files of one folder come one after the other. */
  #folderNumber(folder: readonly Bytes[]): number {
    if (this.#folders.at(-1) !== folder) this.#folders.push(folder)
    return this.#folders.length - 1
  }

  #addName(i: number, name: Bytes): void {
    const start = this.#nameStart(i)
    const end = start + name.length
    if (end > this.#names.length) {
      const grown = new Uint8Array(2 * end)
      grown.set(this.#names.subarray(0, start))
      this.#names = grown
    }
    this.#names.set(name, start)
    this.#nameEnds[i] = end
  }

  #nameStart(i: number): number {
    return i === 0 ? 0 : (this.#nameEnds[i - 1] as number)
  }

  #nameOf(i: number): Bytes {
    return this.#names.subarray(this.#nameStart(i), this.#nameEnds[i])
  }
}

function pickNumbers(column: Uint32Array, numbers: readonly number[]): Uint32Array {
  return Uint32Array.from(numbers, (number) => column[number] as number)
}
