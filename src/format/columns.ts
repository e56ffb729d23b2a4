// Little-endian columns of fixed width, as pack headers and index segments have them: read by
// copying whole columns, not by parsing entries.

import { type Bytes, viewOf } from '../base/bytes.ts'
import { malformed } from './cbor.ts'

export class ColumnWriter {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(length: number) {
    this.#bytes = new Uint8Array(length)
    this.#view = viewOf(this.#bytes)
  }

  u8(values: Iterable<number>): void {
    for (const value of values) this.#bytes[this.#at++] = value
  }

  u32(values: Iterable<number>): void {
    for (const value of values) {
      this.#view.setUint32(this.#at, value, true)
      this.#at += 4
    }
  }

  bytes(values: Iterable<Bytes>): void {
    for (const value of values) {
      this.#bytes.set(value, this.#at)
      this.#at += value.length
    }
  }

  /** What was written; exactly the length that was announced. */
  finish(): Bytes {
    if (this.#at !== this.#bytes.length) throw new Error('Bug in Cairn: columns of another length')
    return this.#bytes
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

export class ColumnReader {
  readonly #bytes: Bytes
  readonly #view: DataView
  #at = 0

  constructor(bytes: Bytes) {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
  }

  /** `count` numbers, as a view where that can be. Throws 'object-damaged' where they cannot be there. */
  u32(count: number): Uint32Array {
    this.#expect(4 * count)
    const { buffer, byteOffset } = this.#bytes
    const at = this.#at
    this.#at += 4 * count
    if (IS_LITTLE_ENDIAN && (byteOffset + at) % 4 === 0)
      return new Uint32Array(buffer, byteOffset + at, count)
    const values = new Uint32Array(count)
    if (IS_LITTLE_ENDIAN)
      new Uint8Array(values.buffer).set(this.#bytes.subarray(at, at + 4 * count))
    else for (let i = 0; i < count; i++) values[i] = this.#view.getUint32(at + 4 * i, true)
    return values
  }

  /** One number that may be at most `max`. */
  u32Max(max: number): number {
    this.#expect(4)
    const value = this.#view.getUint32(this.#at, true)
    this.#at += 4
    if (value > max)
      throw malformed(`a count of ${value} is more than the maximum of ${max}`, this.#at)
    return value
  }

  /** A view. */
  bytes(count: number): Bytes {
    this.#expect(count)
    const bytes = this.#bytes.subarray(this.#at, this.#at + count)
    this.#at += count
    return bytes
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed('bytes are left over', this.#at)
  }

  #expect(count: number): void {
    if (count > this.#bytes.length - this.#at) throw malformed('it ends too early', this.#at)
  }
}
