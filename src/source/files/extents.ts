// Where the data of a sparse file lies, asked with SEEK_DATA and SEEK_HOLE, so that holes are
// neither read nor stored. A file system may call anything data, and one without support says that
// the whole file is: that costs time, never content. Only files whose allocated blocks are fewer
// than their size are worth asking about.

import { libc } from '../../base/libc.ts'
import { SEEK_DATA, SEEK_HOLE } from '../../base/libc-constants.ts'
import { Errno } from '../../base/libc-error.ts'
import type { FileStat } from '../../base/libc-stat.ts'

/** A run of data, in bytes. What lies between runs, and after the last, reads as zeros. */
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** Whether a file may have holes. */
export function mayHaveHoles(stat: Pick<FileStat, 'size' | 'blocks'>): boolean {
  return stat.blocks * 512 < stat.size
}

/**
 * The data of the first `size` bytes, in order, without overlaps, at most `extentsMax` runs: where
 * there are more, those with the smallest holes between them are taken together. Moves the
 * descriptor's position. Never fails: what cannot be told counts as data, and reading will tell.
 */
export function dataExtents(fd: number, size: number, extentsMax: number): readonly Extent[] {
  const c = libc()
  let extents: Extent[] = []
  for (let offset = 0; offset < size; ) {
    const start = c.lseek(fd, offset, SEEK_DATA)
    if (start === -Errno.ENXIO) break
    if (start < offset) return withRest(extents, offset, size)
    if (start >= size) break
    const end = c.lseek(fd, start, SEEK_HOLE)
    // Shrunk meanwhile, or nonsense.
    if (end <= start) return withRest(extents, start, size)
    extents.push({ offset: start, length: Math.min(end, size) - start })
    if (extents.length >= 2 * extentsMax) extents = mergeSmallestHoles(extents, extentsMax)
    offset = end
  }
  return mergeSmallestHoles(extents, extentsMax)
}

function withRest(extents: readonly Extent[], offset: number, size: number): readonly Extent[] {
  return [...extents, { offset, length: size - offset }]
}

/** Joins neighbours until at most `extentsMax` are left, giving up the smallest holes first. */
export function mergeSmallestHoles(extents: readonly Extent[], extentsMax: number): Extent[] {
  const surplus = extents.length - extentsMax
  if (surplus <= 0) return [...extents]
  const bySize = extents.slice(1).map((_, hole) => hole)
  bySize.sort((a, b) => holeAfter(extents, a) - holeAfter(extents, b))
  const given = new Set(bySize.slice(0, surplus))
  const merged: Extent[] = []
  let start = (extents[0] as Extent).offset
  for (const [index, extent] of extents.entries()) {
    if (given.has(index)) continue
    merged.push({ offset: start, length: extent.offset + extent.length - start })
    start = extents[index + 1]?.offset ?? 0
  }
  return merged
}

function holeAfter(extents: readonly Extent[], index: number): number {
  const { offset, length } = extents[index] as Extent
  return (extents[index + 1] as Extent).offset - offset - length
}
