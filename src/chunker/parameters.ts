// How large chunks may be. Part of a repository's config for ever: other parameters cut other
// chunks, which then deduplicate with nothing. Implements section 14 of docs/format.md.

import { CairnError } from '../base/errors.ts'

export interface ChunkerParameters {
  /** Every chunk but the last of its input is longer than this. */
  readonly minBytes: number
  /** A power of two. Up to here the strict mask holds, from here on the lenient one. */
  readonly avgBytes: number
  /** No chunk is longer than this. */
  readonly maxBytes: number
}

export const DEFAULT_PARAMETERS: ChunkerParameters = {
  minBytes: 256 * 1024,
  avgBytes: 1024 * 1024,
  maxBytes: 4 * 1024 * 1024,
}

const CHUNK_MIN_BYTES_FLOOR = 64
const CHUNK_MAX_BYTES_CEILING = 16 * 1024 * 1024

/** Throws `unsupported` unless floor <= min < avg < max <= ceiling and avg is a power of two. */
export function checkParameters(parameters: ChunkerParameters): void {
  const problem = problemOf(parameters)
  if (problem === undefined) return
  const { minBytes, avgBytes, maxBytes } = parameters
  throw new CairnError(
    'unsupported',
    `Cannot split with chunks of ${minBytes}, ${avgBytes} and ${maxBytes} bytes ` +
      `(least, average, most): ${problem}.`,
    { context: { minBytes, avgBytes, maxBytes } },
  )
}

function problemOf({ minBytes, avgBytes, maxBytes }: ChunkerParameters): string | undefined {
  if (![minBytes, avgBytes, maxBytes].every(Number.isSafeInteger)) return 'each must be an integer'
  if (minBytes < CHUNK_MIN_BYTES_FLOOR) return `the least is under ${CHUNK_MIN_BYTES_FLOOR}`
  if (minBytes >= avgBytes) return 'the least is not below the average'
  if (avgBytes >= maxBytes) return 'the average is not below the most'
  if (maxBytes > CHUNK_MAX_BYTES_CEILING) return `the most is over ${CHUNK_MAX_BYTES_CEILING}`
  if (!Number.isInteger(Math.log2(avgBytes))) return 'the average is not a power of two'
  return undefined
}

/** How many high bits each mask has: two more, and two fewer, than a plain average would take. */
export function maskBits({ avgBytes }: ChunkerParameters): { small: number; large: number } {
  const bits = Math.log2(avgBytes)
  return { small: bits + 2, large: bits - 2 }
}
