// Where the pieces of a file go, one after the other: each as one run, or more where a hole lies within it.
// What an entry says of its sizes is held against itself: it may come from a hostile writer.

import type { Extent, Piece } from '../../format/tree.ts'

export interface Run {
  readonly offset: number
  readonly length: number
}

export class RunSplitter {
  readonly #data: readonly Run[]
  #extent = 0
  #position = 0
  /** Bytes of data that no piece has brought yet. */
  #left: number

  constructor({
    size,
    extents,
  }: { readonly size: number; readonly extents: readonly Extent[] | undefined }) {
    this.#data = extents === undefined ? [{ offset: 0, length: size }] : dataRuns(extents)
    this.#left = this.#data.reduce((sum, run) => sum + run.length, 0)
  }

  /** Bytes of data that pieces are still to bring. */
  get left(): number {
    return this.#left
  }

  /** The runs of the next piece; undefined where it does not fit what the entry says. */
  take({ length }: Piece): readonly Run[] | undefined {
    if (length === 0 || length > this.#left) return undefined
    this.#left -= length
    const runs: Run[] = []
    for (let missing = length; missing > 0; ) {
      const here = this.#data[this.#extent] as Run
      const taken = Math.min(missing, here.length - this.#position)
      runs.push({ offset: here.offset + this.#position, length: taken })
      missing -= taken
      this.#position += taken
      if (this.#position < here.length) continue
      this.#extent++
      this.#position = 0
    }
    return runs
  }
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
