// Content-defined splitting: FastCDC (Xia et al., USENIX ATC 2016) with normalised chunking at
// level 2 and a keyed 64-bit gear hash. Implements section 14 of docs/format.md. The algorithm:
//
//   Parameters min, avg, max in bytes: 64 <= min < avg < max <= 16 MiB, avg = 2^a.
//   gear[i], for i = 0..255, is the first 8 bytes, read as a little-endian unsigned number, of
//     BLAKE3-keyed(key = BLAKE3-derive-key(context "cairn v1 chunker gear", chunker key), message =
//     the one byte i).
//   Let the bytes from the beginning of a chunk to the end of the input be b[0..n-1].
//     1. If n <= min, the chunk is all n bytes.
//     2. h = 0. Bytes b[0..min-1] are skipped: they never enter the hash.
//     3. For i = min, min+1, ... while i < n and i < max:
//          h = (2 * h + gear[b[i]]) mod 2^64
//          bits = a + 2 if i < avg, else a - 2
//          if the `bits` most significant bits of h are all 0 (h < 2^(64 - bits)): the chunk is
//          b[0..i], that is i + 1 bytes; the byte that matched is its last.
//     4. Otherwise the chunk is b[0..m-1] where m is the smaller of n and max.
//   The next chunk begins after this one, with step 1. An empty input has no chunks.
//
// So every chunk but the last of its input has min + 1 to max bytes; h depends on the 64 bytes that
// end at i (fewer for the first 63 after min), its top bits on all of them.
//
// Data is cut where it lies in the kernel's memory: callers read straight into `memory`.

import type { Bytes } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { GEAR_BYTES, gearTable } from './gear.ts'
import { type Kernel, loadKernel } from './kernel.ts'
import { type ChunkerParameters, checkParameters } from './parameters.ts'

export interface ChunkerOptions {
  /** The domain's chunker key, 32 bytes. Not kept: the table that is derived from it is. */
  readonly key: Bytes
  readonly parameters: ChunkerParameters
  /** The size of `memory`: room for data and for whatever else the caller keeps there. */
  readonly memoryBytes: number
}

// The table, and then a page's boundary, so that reads into `memory` begin aligned.
const MEMORY_OFFSET = 4096
const MEMORY_BYTES_MAX = 2 ** 30

export class Chunker {
  /** The caller's working area, zeros at first. The same view for the chunker's whole life. */
  readonly memory: Uint8Array<ArrayBuffer>
  readonly maxBytes: number
  readonly #kernel: Kernel

  /** Throws `unsupported` for parameters out of bounds, `platform` for want of memory. */
  constructor({ key, parameters, memoryBytes }: ChunkerOptions) {
    checkParameters(parameters)
    assert(Number.isInteger(memoryBytes) && memoryBytes >= 0, 'memory has a size')
    assert(memoryBytes <= MEMORY_BYTES_MAX, 'a chunker has at most 1 GiB')
    this.#kernel = loadKernel(MEMORY_OFFSET + memoryBytes, parameters)
    new Uint8Array(this.#kernel.buffer, 0, GEAR_BYTES).set(gearTable(key))
    this.memory = new Uint8Array(this.#kernel.buffer, MEMORY_OFFSET, memoryBytes)
    this.maxBytes = parameters.maxBytes
  }

  /**
   * The length of the chunk at the beginning of memory[offset, offset + length). `isEnd` says that
   * these are the last bytes of the input. Without it, 0 says that more are needed to decide, which
   * never happens from `maxBytes` on; with it, 0 is the answer for no bytes only.
   */
  cut(offset: number, length: number, isEnd: boolean): number {
    assert(Number.isInteger(offset) && offset >= 0, 'a chunk begins in memory')
    assert(Number.isInteger(length) && length >= 0, 'a length is not negative')
    assert(offset + length <= this.memory.length, 'a chunk ends in memory')
    const found = this.#kernel.cut(MEMORY_OFFSET + offset, length)
    if (found !== 0) return found
    if (length >= this.maxBytes) return this.maxBytes
    return isEnd ? length : 0
  }
}
