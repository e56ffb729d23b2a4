// The same cuts as chunker.ts in plain TypeScript, written to be read: the measure of the compiled
// kernel. 64-bit numbers are pairs of 32-bit halves, because BigInt is a hundred times slower.

import { type Bytes, viewOf } from '../base/bytes.ts'
import { type ChunkerParameters, maskBits } from './parameters.ts'

export interface ReferenceOptions {
  /** As from `gearTable`. */
  readonly gear: Bytes
  readonly parameters: ChunkerParameters
}

interface Halves {
  readonly high: Int32Array
  readonly low: Int32Array
}

/** The lengths of the chunks of a whole input. */
export function splitReference(input: Bytes, options: ReferenceOptions): number[] {
  const gear = halvesOf(options.gear)
  const lengths: number[] = []
  for (let at = 0; at < input.length; at += lengths.at(-1) as number) {
    lengths.push(firstLength(input.subarray(at), gear, options.parameters))
  }
  return lengths
}

function firstLength(rest: Bytes, gear: Halves, parameters: ChunkerParameters): number {
  const { minBytes, avgBytes, maxBytes } = parameters
  const { small, large } = maskBits(parameters)
  const end = Math.min(rest.length, maxBytes)
  let high = 0
  let low = 0
  for (let i = minBytes; i < end; i++) {
    const byte = rest[i] as number
    const doubled = low << 1
    const added = gear.low[byte] as number
    const sum = (doubled + added) | 0
    // The carry out of bit 31, without a branch: it would be mispredicted every other time.
    const carry = (low >>> 31) + (((doubled & added) | ((doubled | added) & ~sum)) >>> 31)
    high = ((high << 1) + carry + (gear.high[byte] as number)) | 0
    low = sum
    if (high >>> (32 - (i < avgBytes ? small : large)) === 0) return i + 1
  }
  return end
}

function halvesOf(table: Bytes): Halves {
  const view = viewOf(table)
  const high = new Int32Array(256)
  const low = new Int32Array(256)
  for (let i = 0; i < 256; i++) {
    low[i] = view.getInt32(8 * i, true)
    high[i] = view.getInt32(8 * i + 4, true)
  }
  return { high, low }
}
