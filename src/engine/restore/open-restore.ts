// A file that takes more than one blob: open while its pieces arrive in any order, over as many windows as
// it takes. Pieces are kept in stretches, each until it and those before it are there: so a file of any
// length takes the memory of what is on its way.

import type { Bytes } from '../../base/bytes.ts'
import { crc32Combine, crc32OfZeros } from '../../base/crc-combine.ts'
import type { Entry } from '../../format/tree.ts'
import type { PendingFile } from '../../target/files/pending-file.ts'
import type { Run } from './run-splitter.ts'

const STRETCH_RUNS_MAX = 1024

/** Runs of data that follow each other in a file. */
export interface Stretch {
  readonly file: OpenRestore
  readonly runs: Run[]
  readonly crcs: number[]
  missing: number
}

export interface OpenRestoreOptions {
  readonly pending: PendingFile
  readonly entry: Entry
  readonly size: number
  readonly folder: readonly Bytes[]
  readonly replaces: boolean
}

export class OpenRestore {
  readonly pending: PendingFile
  readonly entry: Entry
  readonly folder: readonly Bytes[]
  readonly replaces: boolean
  readonly #size: number
  /** In the order of the file; the last one still takes runs. */
  readonly #stretches: Stretch[] = []
  #isComplete = false
  /** Of what comes before the first stretch, and where that ends. */
  #crc = 0
  #end = 0
  #problem: string | undefined
  /** Whether any of its content was written. */
  hasContent = false

  constructor({ pending, entry, size, folder, replaces }: OpenRestoreOptions) {
    this.pending = pending
    this.entry = entry
    this.#size = size
    this.folder = folder
    this.replaces = replaces
  }

  /** What is wrong with it: the first thing that was found. */
  get problem(): string | undefined {
    return this.#problem
  }

  fail(problem: string): void {
    this.#problem ??= problem
  }

  /** Takes in where the next piece goes; the stretch that it is in, and the number of its first run. */
  expect(runs: readonly Run[]): { readonly stretch: Stretch; readonly firstRun: number } {
    const last = this.#stretches.at(-1)
    const hasRoom = last !== undefined && last.runs.length < STRETCH_RUNS_MAX
    const stretch = hasRoom ? last : { file: this, runs: [], crcs: [], missing: 0 }
    if (!hasRoom) this.#stretches.push(stretch)
    const firstRun = stretch.runs.length
    for (const run of runs) stretch.runs.push(run)
    stretch.missing++
    return { stretch, firstRun }
  }

  /** No more pieces come. */
  complete(): void {
    this.#isComplete = true
    this.#fold()
  }

  /** A piece is there, with the CRCs of its runs in the stretch, or will never be. */
  arrived(stretch: Stretch, problem: string | undefined): void {
    stretch.missing--
    if (problem === undefined) this.hasContent = true
    else this.fail(problem)
    this.#fold()
  }

  /** Whether all that was expected has arrived, and no more comes. */
  get isDone(): boolean {
    return this.#isComplete && this.#stretches.length === 0
  }

  /** Of a file that is done. */
  get crc32(): number {
    return afterHole(this.#crc, this.#size - this.#end)
  }

  /** The last stretch may still grow, unless no more pieces come. */
  #fold(): void {
    for (;;) {
      const [first, second] = this.#stretches
      const isClosed = second !== undefined || this.#isComplete
      if (first === undefined || first.missing > 0 || !isClosed) return
      for (const [i, { offset, length }] of first.runs.entries()) {
        this.#crc = afterHole(this.#crc, offset - this.#end)
        this.#crc = crc32Combine(this.#crc, first.crcs[i] ?? 0, length)
        this.#end = offset + length
      }
      this.#stretches.shift()
    }
  }
}

function afterHole(crc: number, length: number): number {
  return length <= 0 ? crc : crc32Combine(crc, crc32OfZeros(length), length)
}
