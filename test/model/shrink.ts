// Makes a failing run shorter and plainer while it still fails in the same way (delta debugging: Zeller and
// Hildebrandt, 'Simplifying and Isolating Failure-Inducing Input', 2002). Works on the list of decisions alone:
// the end is cut off, chunks of steps are set to 0 or left out, single numbers are lowered.

import { STEP } from './decisions.ts'
import type { Sampled } from './sample.ts'

export interface Failing {
  readonly decisions: readonly number[]
  readonly violation: string
  readonly trace: readonly string[]
}

export interface ShrinkOptions {
  readonly run: (decisions: readonly number[]) => Promise<Sampled>
  /** So many runs at most. */
  readonly runsMax: number
}

/** Returns the plainest run that was found and fails in the same way. */
export async function shrink(failing: Failing, options: ShrinkOptions): Promise<Failing> {
  const search = new Search(failing, options)
  await search.try(failing.decisions)
  await search.cutEnd()
  let before: number
  do {
    before = search.weight
    await search.changeChunks((list, from, to) =>
      list.map((one, i) => (i >= from && i < to ? 0 : one)),
    )
    await search.changeChunks((list, from, to) => [...list.slice(0, from), ...list.slice(to)])
    await search.lower()
  } while (search.weight < before && search.mayGoOn)
  return search.best
}

type Change = (list: readonly number[], from: number, to: number) => readonly number[]

class Search {
  best: Failing
  readonly #options: ShrinkOptions
  readonly #kind: string
  #runs = 0

  constructor(failing: Failing, options: ShrinkOptions) {
    this.best = { ...failing, decisions: trimmed(failing.decisions) }
    this.#options = options
    this.#kind = kindOf(failing.violation)
  }

  get mayGoOn(): boolean {
    return this.#runs < this.#options.runsMax
  }

  /** What is made smaller: the length first of all. */
  get weight(): number {
    const { decisions } = this.best
    return decisions.length * 1e6 + sumOf(decisions)
  }

  /** Takes the list where it fails in the same way. */
  async try(list: readonly number[]): Promise<boolean> {
    if (!this.mayGoOn) return false
    this.#runs++
    const decisions = trimmed(list)
    const { violation, trace } = await this.#options.run(decisions)
    if (violation === undefined || kindOf(violation) !== this.#kind) return false
    this.best = { decisions, violation, trace }
    return true
  }

  /** The shortest beginning that fails, as far as halving finds it. */
  async cutEnd(): Promise<void> {
    let [passes, fails] = [0, this.best.decisions.length]
    while (fails - passes > 1 && this.mayGoOn) {
      const middle = Math.floor((passes + fails) / 2)
      if (await this.try(this.best.decisions.slice(0, middle))) fails = this.best.decisions.length
      else passes = middle
      if (fails <= passes) return
    }
  }

  /** Changes chunks of half of all steps, then ever smaller ones, from the end on. */
  async changeChunks(change: Change): Promise<void> {
    const steps = Math.ceil(this.best.decisions.length / STEP)
    for (let size = Math.ceil(steps / 2); size >= 1; size = Math.floor(size / 2)) {
      const length = size * STEP
      let to = Math.ceil(this.best.decisions.length / length) * length
      for (; to > 0 && this.mayGoOn; to -= length) {
        const { decisions } = this.best
        const changed = trimmed(change(decisions, to - length, to))
        if (changed.length < decisions.length || sumOf(changed) < sumOf(decisions))
          await this.try(changed)
      }
    }
  }

  /** Sets each number to the lowest that will do. */
  async lower(): Promise<void> {
    for (let at = this.best.decisions.length - 1; at >= 0 && this.mayGoOn; at--) {
      for (let to = 0; to < (this.best.decisions[at] ?? 0); to++)
        if (await this.try(this.best.decisions.with(at, to))) break
    }
  }
}

function sumOf(decisions: readonly number[]): number {
  return decisions.reduce((sum, one) => sum + one, 0)
}

/** Zeros at the end say nothing. */
function trimmed(decisions: readonly number[]): readonly number[] {
  return decisions.slice(0, decisions.findLastIndex((one) => one > 0) + 1)
}

/** A violation without the names and numbers in it. */
export function kindOf(violation: string): string {
  const [first = ''] = violation.split('\n')
  return first
    .replace(/[0-9a-f]{8,}/g, '')
    .replace(/\b[0-9a-f]{2}\//g, '')
    .replace(/\d+/g, '')
}
