// Canonical CBOR (RFC 8949, section 4.2.1), the part of it that the format uses: integers of up to
// 64 bits, byte strings, UTF-8 text, arrays and maps with ascending unsigned keys. Every head has
// its shortest form and every length a maximum that is checked before anything is allocated.
// Written here rather than taken from a library because a reader of hostile bytes must know its
// bounds while it reads; docs/decisions/0003-own-cbor.md has the comparison.

import { type Bytes, fromUtf8, utf8, viewOf } from '../base/bytes.ts'
import { assert, CairnError } from '../base/errors.ts'

/** A 64-bit integer: a number wherever that is exact, a bigint beyond. */
export type Wide = number | bigint

const MAJOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const
const MAJOR_NAMES = [
  'an unsigned integer',
  'a negative integer',
  'bytes',
  'text',
  'an array',
  'a map',
]

export class CborWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(initialBytes = 256) {
    this.#bytes = new Uint8Array(initialBytes)
    this.#view = viewOf(this.#bytes)
  }

  get length(): number {
    return this.#length
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    this.#length = 0
  }

  /** What was written behind the first `position` bytes: a view, good until more is written. */
  since(position: number): Bytes {
    return this.#bytes.subarray(position, this.#length)
  }

  /** A copy of what was written. */
  finish(): Bytes {
    return this.#bytes.slice(0, this.#length)
  }

  uint(value: Wide): void {
    this.#head(MAJOR.uint, value)
  }

  int(value: Wide): void {
    if (value >= 0) this.#head(MAJOR.uint, value)
    else this.#head(MAJOR.negative, typeof value === 'bigint' ? -1n - value : -1 - value)
  }

  bytes(value: Bytes): void {
    this.#head(MAJOR.bytes, value.length)
    this.raw(value)
  }

  text(value: string): void {
    const encoded = utf8(value)
    this.#head(MAJOR.text, encoded.length)
    this.raw(encoded)
  }

  array(count: number): void {
    this.#head(MAJOR.array, count)
  }

  map(count: number): void {
    this.#head(MAJOR.map, count)
  }

  /** Appends bytes that are one or more encoded items already. */
  raw(encoded: Bytes): void {
    this.#reserve(encoded.length)
    this.#bytes.set(encoded, this.#length)
    this.#length += encoded.length
  }

  #head(major: number, value: Wide): void {
    this.#reserve(9)
    const first = major << 5
    if (typeof value === 'bigint') return this.#wideHead(first, value)
    assert(Number.isSafeInteger(value) && value >= 0, `CBOR cannot carry ${value}`)
    if (value < 24) {
      this.#bytes[this.#length++] = first | value
    } else if (value < 0x100) {
      this.#bytes[this.#length++] = first | 24
      this.#bytes[this.#length++] = value
    } else if (value < 0x10000) {
      this.#bytes[this.#length] = first | 25
      this.#view.setUint16(this.#length + 1, value)
      this.#length += 3
    } else if (value < 0x100000000) {
      this.#bytes[this.#length] = first | 26
      this.#view.setUint32(this.#length + 1, value)
      this.#length += 5
    } else this.#longHead(first, BigInt(value))
  }

  #wideHead(first: number, value: bigint): void {
    assert(value >= 0n && value < 1n << 64n, `CBOR cannot carry ${value}`)
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) this.#head(first >> 5, Number(value))
    else this.#longHead(first, value)
  }

  #longHead(first: number, value: bigint): void {
    this.#bytes[this.#length] = first | 27
    this.#view.setBigUint64(this.#length + 1, value)
    this.#length += 9
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#view = viewOf(grown)
  }
}

/** What a decoder throws on bytes that are not what the format says. */
export function malformed(what: string, at: number): CairnError {
  return new CairnError('object-damaged', `Cannot decode byte ${at}: ${what}`)
}

export class CborReader {
  readonly #bytes: Bytes
  readonly #view: DataView
  #at: number

  constructor(bytes: Bytes) {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
    this.#at = 0
  }

  /** Where the next item begins, in bytes. */
  get position(): number {
    return this.#at
  }

  /** An unsigned integer that is exact as a number and at most `max`. */
  uint(max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#head(MAJOR.uint)
    if (value > max) throw malformed(`${value} is more than the maximum of ${max}`, this.#at)
    return Number(value)
  }

  wideUint(): Wide {
    return this.#head(MAJOR.uint)
  }

  wideInt(): Wide {
    const major = this.#peekMajor()
    const isNegative = major === MAJOR.negative
    const value = this.#head(isNegative ? major : MAJOR.uint)
    if (typeof value === 'bigint' && value > 0x7fffffffffffffffn) {
      const beyond = isNegative ? 'below -2^63' : 'above 2^63 - 1'
      throw malformed(`an integer is ${beyond}`, this.#at)
    }
    if (!isNegative) return value
    if (typeof value === 'number' && value < Number.MAX_SAFE_INTEGER) return -1 - value
    return -1n - BigInt(value)
  }

  /** A view of the bytes, not a copy. */
  bytes(maxBytes: number): Bytes {
    return this.#take(this.#length(MAJOR.bytes, maxBytes))
  }

  fixedBytes(count: number): Bytes {
    return this.#take(this.#fixedLength(count))
  }

  /** The same as copies, which do not keep the whole alive. */
  bytesCopy(maxBytes: number): Bytes {
    return this.#takeCopy(this.#length(MAJOR.bytes, maxBytes))
  }

  /** A copy, or `previous` itself where that is what is here again. */
  bytesAgain(previous: Bytes, maxBytes: number): Bytes {
    const length = this.#length(MAJOR.bytes, maxBytes)
    const at = this.#at
    if (length === previous.length && at + length <= this.#bytes.length) {
      let same = 0
      while (same < length && this.#bytes[at + same] === previous[same]) same++
      if (same === length) {
        this.#at = at + length
        return previous
      }
    }
    return this.#takeCopy(length)
  }

  fixedBytesCopy(count: number): Bytes {
    return this.#takeCopy(this.#fixedLength(count))
  }

  text(maxBytes: number): string {
    const text = fromUtf8(this.#take(this.#length(MAJOR.text, maxBytes)))
    if (text === undefined) throw malformed('text is not UTF-8', this.#at)
    return text
  }

  array(maxItems: number): number {
    return this.#count(MAJOR.array, maxItems, 1)
  }

  map(maxItems: number): number {
    return this.#count(MAJOR.map, maxItems, 2)
  }

  /** To be called when all was read: bytes left over are an error. */
  end(): void {
    const rest = this.#bytes.length - this.#at
    if (rest !== 0) throw malformed(`${rest} bytes are left over`, this.#at)
  }

  #length(major: number, maxBytes: number): number {
    const length = this.#head(major)
    if (length > maxBytes) {
      throw malformed(`a length of ${length} is more than the maximum of ${maxBytes}`, this.#at)
    }
    return Number(length)
  }

  /** Items that cannot fit into the bytes that are left are refused before any is read. */
  #count(major: number, maxItems: number, bytesEach: number): number {
    const count = this.#length(major, maxItems)
    if (count * bytesEach > this.#bytes.length - this.#at)
      throw malformed('it ends too early', this.#at)
    return count
  }

  #fixedLength(count: number): number {
    const length = this.#length(MAJOR.bytes, count)
    if (length !== count) throw malformed(`${length} bytes instead of ${count}`, this.#at)
    return length
  }

  #take(length: number): Bytes {
    const start = this.#pass(length)
    return this.#bytes.subarray(start, start + length)
  }

  #takeCopy(length: number): Bytes {
    const start = this.#pass(length)
    return this.#bytes.slice(start, start + length)
  }

  /** Goes on behind so many bytes, which must be there; where they begin. */
  #pass(length: number): number {
    const start = this.#at
    if (start + length > this.#bytes.length) throw malformed('it ends too early', start)
    this.#at = start + length
    return start
  }

  #peekMajor(): number {
    const first = this.#bytes[this.#at]
    if (first === undefined) throw malformed('it ends too early', this.#at)
    return first >> 5
  }

  #head(major: number): Wide {
    const found = this.#peekMajor()
    if (found !== major) {
      throw malformed(
        `${MAJOR_NAMES[found] ?? 'a tag or float'} instead of ${MAJOR_NAMES[major]}`,
        this.#at,
      )
    }
    const short = (this.#bytes[this.#at] as number) & 31
    this.#at += 1
    if (short < 24) return short
    if (short > 27) throw malformed('a head of indefinite or reserved length', this.#at)
    return this.#argument(1 << (short - 24))
  }

  #argument(size: number): Wide {
    if (this.#at + size > this.#bytes.length) throw malformed('it ends too early', this.#at)
    const at = this.#at
    this.#at += size
    if (size === 8) return this.#longArgument(at)
    const value =
      size === 1
        ? (this.#bytes[at] as number)
        : size === 2
          ? this.#view.getUint16(at)
          : this.#view.getUint32(at)
    const least = size === 1 ? 24 : size === 2 ? 0x100 : 0x10000
    if (value < least) throw malformed('a number is not in its shortest form', at)
    return value
  }

  #longArgument(at: number): Wide {
    const value = this.#view.getBigUint64(at)
    if (value < 0x100000000n) throw malformed('a number is not in its shortest form', at)
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
  }
}
