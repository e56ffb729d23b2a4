// Splits a stream of any length in a work area of fixed size. The area is filled completely, cut
// until no further cut can be decided, and what is left (half a chunk on average) moves to its
// beginning: that tail is all that is ever copied, and all that is ever scanned twice.

import { assert } from '../base/errors.ts'

/** What `split` needs: a Chunker, or anything that cuts by the same contract. */
export interface Cutter {
  readonly memory: Uint8Array
  readonly maxBytes: number
  cut(offset: number, length: number, isEnd: boolean): number
}

export interface SplitOptions {
  /** Fills the beginning of `into`; how many bytes, as few as one; 0 at the end of the input. */
  readonly read: (into: Uint8Array) => number
  /**
   * Called for each chunk in order: it lies at `offset` of the cutter's memory until this returns.
   * SPLIT_SLACK_BYTES directly before it may be overwritten; its own bytes may be too.
   */
  readonly onChunk: (offset: number, length: number) => void
  /** The part of the memory to work in, all of it by default. At least `workBytesMin`. */
  readonly area?: { readonly start: number; readonly end: number }
}

/**
 * How many bytes directly before each chunk its receiver may overwrite. Not fewer: reading to 1 to 16
 * bytes past a page's boundary is five times slower on some processors (docs/decisions/0002).
 */
export const SPLIT_SLACK_BYTES = 64

/**
 * How much is read at a time: what was read is then still in the processor's cache for whoever looks at
 * it in `read`.
 */
const READ_BYTES = 256 * 1024

/** The smallest work area. With twice `maxBytes` or more less is copied and scanned twice. */
export function workBytesMin(cutter: { readonly maxBytes: number }): number {
  return SPLIT_SLACK_BYTES + cutter.maxBytes
}

/** Splits all that `read` gives. Returns how many bytes that was. Errors of either callback pass. */
export function split(cutter: Cutter, options: SplitOptions): number {
  const { start, end } = options.area ?? { start: 0, end: cutter.memory.length }
  assert(start >= 0 && end <= cutter.memory.length, 'the work area lies in memory')
  assert(end - start >= workBytesMin(cutter), 'the work area holds the largest chunk')
  const home = start + SPLIT_SLACK_BYTES
  let tail = 0
  let total = 0
  for (;;) {
    const filled = fill(cutter.memory.subarray(home + tail, end), options)
    total += filled
    const until = home + tail + filled
    const at = cutAll(cutter, { from: home, until, isEnd: until < end }, options)
    if (until < end) return total
    cutter.memory.copyWithin(home, at, until)
    tail = until - at
  }
}

/** Reads until `into` is full or the input ends: less than all of it is the end. */
function fill(into: Uint8Array, { read }: SplitOptions): number {
  let filled = 0
  while (filled < into.length) {
    const wanted = into.subarray(filled, filled + READ_BYTES)
    const got = read(wanted)
    assert(got >= 0 && got <= wanted.length, 'a read returns how much it read')
    if (got === 0) break
    filled += got
  }
  return filled
}

/** Delivers every chunk that can be decided; where the first one that cannot be begins. */
function cutAll(
  cutter: Cutter,
  { from, until, isEnd }: { from: number; until: number; isEnd: boolean },
  { onChunk }: SplitOptions,
): number {
  let at = from
  while (at < until) {
    const length = cutter.cut(at, until - at, isEnd)
    if (length === 0) break
    onChunk(at, length)
    at += length
  }
  return at
}
