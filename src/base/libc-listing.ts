// The names in one folder, sorted bytewise, in one growing run of memory: a folder of a million
// names takes some 25 MB instead of the 600 MB that an array of strings would. Each entry is its
// type (1 byte), the length of its name (2 bytes), the name, and a NUL, so that a name's address
// can go into a system call as it is.

import type { Bytes } from './bytes.ts'
import { compareBytes } from './bytes.ts'
import { type Address, type Libc, libc, type Result } from './libc.ts'
import { compareEntries, NAME_AT, sortEntries } from './libc-listing-sort.ts'
import { NativeBuffer } from './libc-memory.ts'

const READ_BYTES = 64 << 10
const ARENA_BYTES_FIRST = 1 << 10
/** What a cleared listing keeps at most for the next folder. */
const ARENA_BYTES_KEPT = 1 << 20
const COUNT_FIRST = 32

// struct linux_dirent64: inode 8, offset 8, length of the record 2, type 1, the name ended by NUL.
const RECORD_LENGTH_AT = 16
const RECORD_TYPE_AT = 18
const RECORD_NAME_AT = 19

const DOT = 0x2e

/** One for all listings of a thread: it is only used during `read`. */
let readBuffer: NativeBuffer | undefined

export class DirectoryListing {
  readonly #libc: Libc = libc()
  #arena = new NativeBuffer(ARENA_BYTES_FIRST)
  #used = 0
  #offsets = new Uint32Array(COUNT_FIRST)
  #count = 0

  get count(): number {
    return this.#count
  }

  /**
   * Reads all names of an open folder, without '.' and '..', each once, in byte order. 0, or the
   * -errno with which reading broke off: then the names up to there are present.
   */
  read(fd: number): Result {
    this.clear()
    readBuffer ??= new NativeBuffer(READ_BYTES)
    let result: Result
    do {
      result = this.#libc.getdents64(fd, readBuffer.address, READ_BYTES)
      if (result > 0) this.#take(readBuffer.bytes, result)
    } while (result > 0)
    sortEntries(this.#arena.bytes, this.#offsets, this.#count)
    this.#dropDuplicates()
    return result
  }

  /** Forgets everything, and gives back the memory of a large folder. */
  clear(): void {
    this.#used = 0
    this.#count = 0
    if (this.#arena.bytes.length <= ARENA_BYTES_KEPT) return
    this.#arena = new NativeBuffer(ARENA_BYTES_FIRST)
    this.#offsets = new Uint32Array(COUNT_FIRST)
  }

  /** A view, valid until the next `read` or `clear`. */
  nameAt(index: number): Bytes {
    const offset = this.#offsets[index] as number
    const { bytes } = this.#arena
    const length = (bytes[offset + 1] as number) | ((bytes[offset + 2] as number) << 8)
    return bytes.subarray(offset + NAME_AT, offset + NAME_AT + length)
  }

  /** The same name for a system call, ended by NUL. */
  nameAddressAt(index: number): Address {
    return this.#arena.address + (this.#offsets[index] as number) + NAME_AT
  }

  /** The type as the folder gives it, one of DirentType. A hint: it may be unknown, or outdated. */
  typeAt(index: number): number {
    return this.#arena.bytes[this.#offsets[index] as number] as number
  }

  /** Where a name is, or -1. */
  indexOf(name: Bytes): number {
    let low = 0
    let high = this.#count - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const order = compareBytes(this.nameAt(middle), name)
      if (order === 0) return middle
      if (order < 0) low = middle + 1
      else high = middle - 1
    }
    return -1
  }

  /** Copies the records of one call into the arena. */
  #take(records: Bytes, length: number): void {
    this.#reserve(length)
    const arena = this.#arena.bytes
    let used = this.#used
    for (let at = 0; at < length; ) {
      const next =
        at + ((records[at + RECORD_LENGTH_AT] as number) | ((records[at + 17] as number) << 8))
      const name = at + RECORD_NAME_AT
      if (!isDotOrDotDot(records, name)) {
        this.#addOffset(used)
        arena[used] = records[at + RECORD_TYPE_AT] as number
        let to = used + NAME_AT
        for (let from = name; records[from] !== 0; ) arena[to++] = records[from++] as number
        const nameLength = to - used - NAME_AT
        arena[used + 1] = nameLength & 0xff
        arena[used + 2] = nameLength >> 8
        arena[to++] = 0
        used = to
      }
      at = next
    }
    this.#used = used
  }

  #addOffset(offset: number): void {
    if (this.#count === this.#offsets.length) {
      const larger = new Uint32Array(this.#count * 2)
      larger.set(this.#offsets)
      this.#offsets = larger
    }
    this.#offsets[this.#count++] = offset
  }

  /** An entry is never longer than its record, so `length` more bytes suffice. */
  #reserve(length: number): void {
    const needed = this.#used + length
    let size = this.#arena.bytes.length
    if (needed <= size) return
    while (size < needed) size = size < 4 << 20 ? size * 2 : size + (size >> 1)
    this.#arena = this.#arena.grown(size)
  }

  /** A folder that changes while it is read may give a name twice. */
  #dropDuplicates(): void {
    const offsets = this.#offsets
    const { bytes } = this.#arena
    let kept = 0
    for (let i = 0; i < this.#count; i++) {
      const offset = offsets[i] as number
      if (kept > 0 && compareEntries(bytes, offsets[kept - 1] as number, offset, 0) === 0) continue
      offsets[kept++] = offset
    }
    this.#count = kept
  }
}

function isDotOrDotDot(bytes: Bytes, at: number): boolean {
  if (bytes[at] !== DOT) return false
  return bytes[at + 1] === 0 || (bytes[at + 1] === DOT && bytes[at + 2] === 0)
}
