// A file that takes more than one blob: open while its pieces arrive in any order, finished when the last
// one is there and the CRC-32 of the whole is right.

import type { Bytes } from '../../base/bytes.ts'
import { crc32Combine, crc32OfZeros } from '../../base/crc-combine.ts'
import type { Entry, Extent, Piece } from '../../format/tree.ts'

export interface Run {
  readonly offset: number
  readonly length: number
}

export interface OpenRestore {
  readonly fd: number
  readonly entry: Entry
  readonly folder: readonly Bytes[]
  /** The name that it is written under: another than its own where it replaces something. */
  readonly name: Bytes
  readonly size: number
  /** Where each run of data goes, in order. */
  readonly runs: readonly Run[]
  readonly crcs: Uint32Array
  missingParts: number
  problem: string | undefined
}

/** Where the pieces of a file go: each as one run, or more where a hole lies within it. */
export function runsOf(
  pieces: readonly Piece[],
  extents: readonly Extent[] | undefined,
): readonly (readonly Run[])[] {
  const data = extents === undefined ? undefined : dataRuns(extents)
  let position = 0
  let extent = 0
  return pieces.map(({ length }) => {
    if (data === undefined) {
      const run = { offset: position, length }
      position += length
      return [run]
    }
    const runs: Run[] = []
    for (let left = length; left > 0; ) {
      const here = data[extent]
      if (here === undefined) break // more data than extents: the sizes will not add up
      const taken = Math.min(left, here.length - position)
      runs.push({ offset: here.offset + position, length: taken })
      left -= taken
      position += taken
      if (position < here.length) continue
      extent++
      position = 0
    }
    return runs
  })
}

function dataRuns(extents: readonly Extent[]): readonly Run[] {
  let end = 0
  return extents
    .map(({ hole, data }) => {
      const offset = end + Number(hole)
      end = offset + Number(data)
      return { offset, length: Number(data) }
    })
    .filter((run) => run.length > 0)
}

/** CRC-32 of a file of which each run of data has a known CRC, and the rest is holes. */
export function crcOfRuns(
  runs: readonly Run[],
  { crcs, size }: { readonly crcs: Uint32Array; readonly size: number },
): number {
  let crc = 0
  let end = 0
  runs.forEach((run, i) => {
    crc = afterHole(crc, run.offset - end)
    crc = crc32Combine(crc, crcs[i] as number, run.length)
    end = run.offset + run.length
  })
  return afterHole(crc, size - end)
}

function afterHole(crc: number, length: number): number {
  return length <= 0 ? crc : crc32Combine(crc, crc32OfZeros(length), length)
}
