// What was found to hold already: invariants take longer than steps, and depend on much less than a state does.

import { type Call, type Ending, isEnding, type Reported } from './actor.ts'
import type { StoreState } from './store-state.ts'

/** What must hold. Each throws where something is lost. */
export interface Checks {
  /** After a call took effect. */
  call(call: Call, stored: StoreState): void
  ending(ending: Ending, actor: number): void
  /** After something was put or removed, or somebody has ended: with all that was reported. */
  kept(moment: Moment, reported: Reported): void
}

export interface Moment {
  readonly stored: StoreState
  readonly nowMs: number
}

/** What an actor did. */
export interface Step {
  readonly actor: number
  readonly call: Call
  /** What it asks for now. */
  readonly next: Call | Ending
  /** Of all actors that have ended. */
  readonly endings: () => readonly Ending[]
}

export class Checked {
  readonly #checks: Checks
  /** Names that were put, each with numbers of what was stored. */
  readonly #calls = new Map<string, Set<number>>()
  readonly #endings = new Set<Ending>()
  /** What was reported, by number. */
  readonly #reports = new Map<string, number>()
  /** Times and reports, for each number of what was stored. */
  readonly #moments: Set<number>[] = []

  constructor(checks: Checks) {
    this.#checks = checks
  }

  /** Throws as the checks do. */
  check({ call, next, actor, endings }: Step, after: Moment): void {
    this.#checkCall(call, after.stored)
    const hasEnded = isEnding(next)
    if (hasEnded) this.#checkEnding(next, actor)
    if (hasEnded || call.kind === 'remove' || call.kind === 'put') this.#checkKept(after, endings())
  }

  #checkCall(call: Call, stored: StoreState): void {
    if (call.kind !== 'put' && call.kind !== 'remove') return
    const key = `${call.kind} ${call.name}`
    const known = this.#calls.get(key) ?? new Set<number>()
    this.#calls.set(key, known)
    if (known.has(stored.number)) return
    this.#checks.call(call, stored)
    known.add(stored.number)
  }

  #checkEnding(ending: Ending, actor: number): void {
    if (this.#endings.has(ending)) return
    this.#checks.ending(ending, actor)
    this.#endings.add(ending)
  }

  #checkKept(moment: Moment, endings: readonly Ending[]): void {
    const { stored, nowMs } = moment
    const reported = endings.flatMap(({ result }) => result ?? [])
    const key = 1024 * Math.floor(nowMs / 1000) + this.#reportOf(reported)
    const known = (this.#moments[stored.number] ??= new Set())
    if (known.has(key)) return
    this.#checks.kept(moment, reported)
    known.add(key)
  }

  #reportOf(reported: Reported): number {
    const text = reported.join()
    const known = this.#reports.get(text)
    if (known !== undefined) return known
    const number = this.#reports.size
    if (number >= 1024) throw new Error('more is reported than can be told apart')
    this.#reports.set(text, number)
    return number
  }
}
