// Sorts the entries of a directory listing by the bytes of their names, in place, moving only
// their offsets. Small runs by insertion; larger ones by three-way radix quicksort (Bentley and
// Sedgewick, 1997), which looks at each byte of a shared prefix once instead of once for each
// comparison: folders of a million names have names like 'img-0000001.jpg'. The stack is explicit,
// because a folder made to be awkward would overflow the real one.

import type { Bytes } from './bytes.ts'

/** Where the name begins in an entry; it ends with NUL. */
export const NAME_AT = 3

const INSERTION_MAX = 12

/** Sorts offsets[0..count), each the start of an entry in `arena`. */
export function sortEntries(arena: Bytes, offsets: Uint32Array, count: number): void {
  const stack = [0, count, 0]
  while (stack.length > 0) {
    const depth = stack.pop() as number
    const end = stack.pop() as number
    const start = stack.pop() as number
    if (end - start <= INSERTION_MAX) insertionSort(arena, offsets, start, end, depth)
    else partition(arena, offsets, start, end, depth, stack)
  }
}

/** Orders two entries by their names from byte `depth` on, a prefix first. */
export function compareEntries(arena: Bytes, a: number, b: number, depth: number): number {
  let i = a + NAME_AT + depth
  let j = b + NAME_AT + depth
  for (;;) {
    const byte = arena[i++] as number
    const difference = byte - (arena[j++] as number)
    if (difference !== 0 || byte === 0) return difference
  }
}

function insertionSort(
  arena: Bytes,
  offsets: Uint32Array,
  start: number,
  end: number,
  depth: number,
): void {
  for (let i = start + 1; i < end; i++) {
    const entry = offsets[i] as number
    let at = i
    while (at > start && compareEntries(arena, offsets[at - 1] as number, entry, depth) > 0) {
      offsets[at] = offsets[at - 1] as number
      at--
    }
    offsets[at] = entry
  }
}

/** Splits a run by the byte at `depth` into less, equal and greater, and stacks what remains. */
function partition(
  arena: Bytes,
  offsets: Uint32Array,
  start: number,
  end: number,
  depth: number,
  stack: number[],
): void {
  const at = NAME_AT + depth
  const pivot = pivotByte(arena, offsets, start, end, at)
  let less = start
  let greater = end
  for (let i = start; i < greater; ) {
    const entry = offsets[i] as number
    const byte = arena[entry + at] as number
    if (byte < pivot) {
      offsets[i++] = offsets[less] as number
      offsets[less++] = entry
    } else if (byte > pivot) {
      offsets[i] = offsets[--greater] as number
      offsets[greater] = entry
    } else {
      i++
    }
  }
  stack.push(start, less, depth, greater, end, depth)
  // Names that end here are equal altogether.
  if (pivot !== 0) stack.push(less, greater, depth + 1)
}

/** The middle one of three: sorted and reversed runs are common. */
function pivotByte(
  arena: Bytes,
  offsets: Uint32Array,
  start: number,
  end: number,
  at: number,
): number {
  const a = arena[(offsets[start] as number) + at] as number
  const b = arena[(offsets[(start + end) >>> 1] as number) + at] as number
  const c = arena[(offsets[end - 1] as number) + at] as number
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
