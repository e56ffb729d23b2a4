// Where a sampled run gets its decisions from: a seed, or the list of an earlier run. Each decision is a small
// number, and 0 is always the plainest choice, so that a list that is too short goes on plainly, and a list with
// more zeros is a simpler run. What a run does is a function of the list alone.

import { seededRandom } from '../../src/store/seeded-random.ts'

export type DecisionSource =
  | { readonly seed: number }
  /** Past its end all is 0. */
  | { readonly list: readonly number[] }

/** So many numbers are of one step, or a multiple: changing one step leaves the others what they were. */
export const STEP = 6

/** Factors by which a seed makes a kind of event rarer or more common in its whole run. */
const MOODS = [0, 0.3, 1, 1, 4]
/** How much more likely an actor goes on than another takes its turn. */
const STICKINESS = [1, 3, 20, 100]

export class Decisions {
  /** All that were taken, in their order. */
  readonly taken: number[] = []
  readonly #list: readonly number[]
  readonly #random: (() => number) | undefined
  readonly #moods = new Map<string, number>()
  readonly stickiness: number

  constructor(source: DecisionSource) {
    this.#list = 'list' in source ? source.list : []
    this.#random = 'seed' in source ? seededRandom(source.seed) : undefined
    this.stickiness = this.#random === undefined ? 1 : oneOf(STICKINESS, this.#random())
  }

  /**
   * Which of several, by their weights; what weighs nothing is impossible. The first is always possible.
   * Where there is but one, nothing is decided.
   */
  choose(weights: readonly number[]): number {
    if (weights.length < 2) return 0
    const wanted =
      this.#random === undefined ? this.#listed(weights) : drawn(weights, this.#random())
    this.taken.push(wanted)
    return wanted
  }

  /** Which of so many, all equally likely. */
  below(count: number): number {
    return this.choose(new Array<number>(count).fill(1))
  }

  /** A step begins: what the one before has not decided is 0. */
  beginStep(): void {
    while (this.taken.length % STEP > 0) this.taken.push(0)
  }

  /** How common a kind of event is in this run. Of a list nothing but the list counts. */
  mood(kind: string): number {
    if (this.#random === undefined) return 1
    const known = this.#moods.get(kind) ?? oneOf(MOODS, this.#random())
    this.#moods.set(kind, known)
    return known
  }

  #listed(weights: readonly number[]): number {
    const wanted = Math.min(this.#list[this.taken.length] ?? 0, weights.length - 1)
    return (weights[wanted] ?? 0) > 0 ? wanted : 0
  }
}

function drawn(weights: readonly number[], random: number): number {
  let left = random * weights.reduce((sum, weight) => sum + weight, 0)
  for (const [i, weight] of weights.entries()) {
    left -= weight
    if (weight > 0 && left < 0) return i
  }
  return 0
}

function oneOf(numbers: readonly number[], random: number): number {
  return numbers[Math.floor(random * numbers.length)] as number
}
