// Exhaustive exploration: every order in which the calls of several actors can take effect, with time that may
// jump at any point. A state is where each actor stands, what is stored with its stamps, and the time; none is
// gone into twice. All of it goes by numbers, so that a thousand million states can be gone through.

import { type Call, type Ending, isEnding } from './actor.ts'
import { Checked, type Checks, type Moment } from './checked.ts'
import { type Asking, Effects } from './effects.ts'
import type { Histories, HistoryNode } from './history.ts'
import { Independence, type Standing } from './independent.ts'
import { Seen } from './seen.ts'
import type { StoreState, StoreStates } from './store-state.ts'

export interface ExploreOptions {
  readonly actors: readonly Histories[]
  readonly states: StoreStates
  readonly first: StoreState
  readonly startMs: number
  /** What has happened already when everything begins, one after the other. */
  readonly before: readonly Before[]
  /** How far time may jump each time, in this order. */
  readonly jumpsMs: readonly number[]
  /** Only while somebody sleeps. */
  readonly isTimeWaitedFor: boolean
  /** So long a listing may lag behind, for each object by itself; 0 where none does. */
  readonly lagMs: number
  /**
   * Reading an object is no step of its own: it happens with the step before. Leaves out what comes of objects
   * that go between listing and reading.
   */
  readonly isGlued: boolean
  /** Steps whose order makes no difference are taken in one order (independent.ts). Only where nothing lags. */
  readonly isReduced: boolean
  readonly checks: Checks
  readonly statesMax?: number
}

/** An actor went on to where it first does this, or to its end; or time passed. */
export type Before = { readonly actor: number; readonly to: Until } | 'time'

type Until = 'marks' | 'change' | 'sleep' | 'end'

export interface Explored {
  readonly states: number
  readonly steps: number
  readonly ends: number
  /** In how many ways the store was filled. */
  readonly stores: number
}

export class Violation extends Error {
  readonly trace: readonly string[]

  constructor(message: string, trace: readonly string[]) {
    super(`${message}\n${trace.join('\n')}`)
    this.trace = trace
  }
}

export async function explore(options: ExploreOptions): Promise<Explored> {
  // Histories know answers by its numbers.
  const effects = new Effects(options.states.objects, options.lagMs)
  for (;;) {
    const exploration = new Exploration(options, effects)
    await exploration.goBefore()
    const explored = await exploration.goThrough()
    // What was left out was left out for what is known now: otherwise once more.
    const learned = options.actors.map((actor) => actor.takeLearned())
    if (!options.isReduced || !learned.includes(true)) return explored
  }
}

/** Of a state, as numbers: what is stored, how often time has jumped, then where each actor stands. */
const STORED = 0
const JUMPS = 1
const NODES = 2

const NEVER = 0xff
const EVERYBODY = -1
const DEEPEST = 4096

/** What the steps to a state are, and which come next: by actor, by answer, and at last time. */
class Exploration {
  readonly #options: ExploreOptions
  readonly #effects: Effects
  readonly #seen = new Seen()
  readonly #checked: Checked
  readonly #independence: Independence
  readonly #actors: number
  /** Numbers of a state: behind the nodes, the jump after which each actor that sleeps wakes. */
  readonly #width: number
  /** Times after 0, 1, 2 ... jumps. */
  readonly #timesMs: readonly number[]
  /** One state behind the other: the way to the last. */
  readonly #way: Int32Array
  /** Of each of these: which actors it is enough to go on with, as bits; one more for time. */
  readonly #enough = new Int32Array(DEEPEST)
  /** Of each of these: the step that is taken next, by actor and answer; and the one that was taken. */
  readonly #nextActor = new Int32Array(DEEPEST)
  readonly #nextAnswer = new Int32Array(DEEPEST)
  readonly #takenActor = new Int32Array(DEEPEST)
  readonly #takenAnswer = new Int32Array(DEEPEST)
  #depth = 0
  #counts = { states: 0, steps: 0, ends: 0 }

  constructor(options: ExploreOptions, effects: Effects) {
    this.#options = options
    this.#effects = effects
    this.#checked = new Checked(options.checks)
    this.#independence = new Independence(options.states.objects)
    this.#actors = options.actors.length
    this.#width = NODES + 2 * this.#actors
    const timesMs = [options.startMs]
    for (const jumpMs of options.jumpsMs) timesMs.push((timesMs.at(-1) as number) + jumpMs)
    this.#timesMs = timesMs
    this.#way = new Int32Array(DEEPEST * this.#width)
    this.#way[STORED] = options.first.number
  }

  /** Goes on from the first state to where everything begins. */
  async goBefore(): Promise<void> {
    for (const one of this.#options.before) {
      if (one === 'time') {
        this.#takeTime(0)
        continue
      }
      const { actor, to } = one
      while (!isThere(this.#callOf(0, actor), to)) await this.#take(0, { actor, answer: 0 })
      if (to === 'sleep') await this.#take(0, { actor, answer: 0 })
    }
  }

  async goThrough(): Promise<Explored> {
    const { statesMax = Number.POSITIVE_INFINITY } = this.#options
    this.#begin(0)
    while (this.#depth >= 0) {
      const depth = this.#depth
      if (!this.#choose(depth)) {
        if (this.#takenActor[depth] === -1) this.#counts.ends++
        this.#depth--
        continue
      }
      const going = this.#goOn(depth)
      if (going !== undefined) await going
      this.#counts.steps++
      if (!this.#isNew(depth + 1)) continue
      if (this.#counts.states > statesMax) throw new Error(`more than ${statesMax} states`)
      this.#check(depth)
      this.#begin(depth + 1)
    }
    return { ...this.#counts, stores: this.#options.states.count }
  }

  #begin(depth: number): void {
    if (depth + 1 >= DEEPEST) throw new Error('the actors never come to an end')
    this.#depth = depth
    this.#nextActor[depth] = 0
    this.#nextAnswer[depth] = 0
    this.#takenActor[depth] = -1
    this.#enough[depth] = this.#findEnough(depth)
    if (depth === 0) this.#isNew(0)
  }

  /** The next step from a state; false where there is none left. */
  #choose(depth: number): boolean {
    let actor = this.#nextActor[depth] as number
    let answer = this.#nextAnswer[depth] as number
    const enough = this.#enough[depth] as number
    for (; actor < this.#actors; actor++, answer = 0) {
      if ((enough & (1 << actor)) !== 0 && answer < this.#answersTo(depth, actor)) break
    }
    if (actor > this.#actors) return false
    if (actor === this.#actors && ((enough & (1 << actor)) === 0 || !this.#mayTimePass(depth)))
      return false
    this.#takenActor[depth] = actor
    this.#takenAnswer[depth] = answer
    this.#nextActor[depth] = actor < this.#actors ? actor : actor + 1
    this.#nextAnswer[depth] = answer + 1
    return true
  }

  /** As bits. */
  #findEnough(depth: number): number {
    if (!this.#options.isReduced) return EVERYBODY
    const standing: Standing[] = []
    for (let actor = 0; actor < this.#actors; actor++) {
      const node = this.#nodeOf(depth, actor)
      const wakes = this.#wakesAt(depth, actor)
      const isOver = isEnding(node.next) || wakes === NEVER
      const histories = this.#options.actors[actor] as Histories
      const canGoOn = !isOver && wakes <= this.#jumps(depth)
      const step = canGoOn ? this.#stepOf(node, { histories, ...this.#moment(depth) }) : undefined
      standing.push({ histories, node, step, isOver, canGoOn })
    }
    const mayTimePass = this.#jumps(depth) < this.#options.jumpsMs.length
    const enough = this.#independence.enough(standing, mayTimePass)
    return enough?.reduce((bits, actor) => bits | (1 << actor), 0) ?? EVERYBODY
  }

  /** What an actor does next, as far as it is known. */
  #stepOf(
    first: HistoryNode,
    { histories, ...moment }: Moment & { readonly histories: Histories },
  ): readonly Call[] | undefined {
    const step = [first.next as Call]
    if (!this.#options.isGlued) return step
    const { seesStamps } = histories
    const { nowMs } = moment
    let { stored } = moment
    let node: HistoryNode | undefined = first
    for (;;) {
      const call = node.next as Call
      const effect = this.#effects.of({ call, stored, nowMs, seesStamps, wanted: 0 })
      stored = effect.stored
      node = node.children.get(effect.key)
      if (node === undefined) return undefined
      if (isEnding(node.next) || node.next.kind !== 'get') return step
      step.push(node.next)
    }
  }

  /** In how many ways an actor can go on. */
  #answersTo(depth: number, actor: number): number {
    const call = this.#callOf(depth, actor)
    if (call === undefined || this.#wakesAt(depth, actor) > this.#jumps(depth)) return 0
    return this.#effects.answersTo(call, this.#moment(depth))
  }

  #mayTimePass(depth: number): boolean {
    const { jumpsMs, isTimeWaitedFor } = this.#options
    const jumps = this.#jumps(depth)
    if (jumps >= jumpsMs.length) return false
    for (let actor = 0; actor < this.#actors; actor++) {
      if (isTimeWaitedFor && this.#wakesAt(depth, actor) <= jumps) continue
      if (this.#callOf(depth, actor) !== undefined) return true
    }
    return false
  }

  /** Makes the state after the chosen step. */
  #goOn(depth: number): Promise<void> | undefined {
    const actor = this.#takenActor[depth] as number
    const from = depth * this.#width
    this.#way.copyWithin(from + this.#width, from, from + this.#width)
    if (actor === this.#actors) {
      this.#takeTime(depth + 1)
      return undefined
    }
    const going = this.#take(depth + 1, { actor, answer: this.#takenAnswer[depth] as number })
    if (going === undefined) return this.#goOnReading(depth + 1, actor)
    return going.then(() => this.#goOnReading(depth + 1, actor))
  }

  #goOnReading(depth: number, actor: number): Promise<void> | undefined {
    if (!this.#options.isGlued) return undefined
    while (this.#callOf(depth, actor)?.kind === 'get') {
      const going = this.#take(depth, { actor, answer: 0 })
      if (going !== undefined) return going.then(() => this.#goOnReading(depth, actor))
    }
    return undefined
  }

  /** Changes the state there by a step of an actor. A promise where production code must be run to know it. */
  #take(
    depth: number,
    { actor, answer: wanted }: { readonly actor: number; readonly answer: number },
  ): Promise<void> | undefined {
    const histories = this.#options.actors[actor] as Histories
    const node = this.#nodeOf(depth, actor)
    const call = node.next as Call
    const { stored, nowMs } = this.#moment(depth)
    const asking: Asking = { call, stored, nowMs, seesStamps: histories.seesStamps, wanted }
    const effect = this.#effects.of(asking)
    const at = depth * this.#width
    this.#way[at + STORED] = effect.stored.number
    this.#way[at + NODES + this.#actors + actor] = this.#wakes(call, nowMs)
    const known = node.children.get(effect.key)
    if (known !== undefined) {
      this.#way[at + NODES + actor] = known.number
      return undefined
    }
    return histories.follow(node, effect.key, this.#effects.answer(asking)).then((child) => {
      this.#way[at + NODES + actor] = child.number
    })
  }

  #takeTime(depth: number): void {
    const at = depth * this.#width
    const jumps = this.#jumps(depth) + 1
    const { stored } = this.#moment(depth)
    const nowMs = this.#timesMs[jumps] as number
    this.#way[at + JUMPS] = jumps
    this.#way[at + STORED] = stored.forgetting(nowMs - this.#options.lagMs).number
    for (let wake = at + NODES + this.#actors; wake < at + this.#width; wake++)
      if ((this.#way[wake] as number) <= jumps) this.#way[wake] = 0
  }

  /** After how many jumps it wakes. */
  #wakes(call: Call, nowMs: number): number {
    if (call.kind !== 'sleep') return 0
    const jumps = this.#timesMs.findIndex((timeMs) => timeMs >= nowMs + call.ms)
    if (jumps < 0) return NEVER
    return (this.#timesMs[jumps] as number) <= nowMs ? 0 : jumps
  }

  #check(depth: number): void {
    const actor = this.#takenActor[depth] as number
    if (actor === this.#actors) return
    const call = this.#callOf(depth, actor) as Call
    const { next } = this.#nodeOf(depth + 1, actor)
    const step = { call, next, actor, endings: () => this.#endings(depth + 1) }
    try {
      this.#checked.check(step, this.#moment(depth + 1))
    } catch (error) {
      throw new Violation(error instanceof Error ? error.message : String(error), this.#trace())
    }
  }

  #endings(depth: number): readonly Ending[] {
    const endings: Ending[] = []
    for (let actor = 0; actor < this.#actors; actor++) {
      const { next } = this.#nodeOf(depth, actor)
      if (isEnding(next)) endings.push(next)
    }
    return endings
  }

  #nodeOf(depth: number, actor: number): HistoryNode {
    const histories = this.#options.actors[actor] as Histories
    return histories.at(this.#way[depth * this.#width + NODES + actor] as number)
  }

  #callOf(depth: number, actor: number): Call | undefined {
    const { next } = this.#nodeOf(depth, actor)
    return isEnding(next) ? undefined : next
  }

  #wakesAt(depth: number, actor: number): number {
    return this.#way[depth * this.#width + NODES + this.#actors + actor] as number
  }

  #jumps(depth: number): number {
    return this.#way[depth * this.#width + JUMPS] as number
  }

  #moment(depth: number): Moment {
    const at = depth * this.#width
    const stored = this.#options.states.at(this.#way[at + STORED] as number)
    return { stored, nowMs: this.#timesMs[this.#way[at + JUMPS] as number] as number }
  }

  /** Whether nobody was ever there. */
  #isNew(depth: number): boolean {
    let a = 0x9e3779b9
    let b = 0x7f4a7c15
    const end = (depth + 1) * this.#width
    for (let at = depth * this.#width; at < end; at++) {
      const number = this.#way[at] as number
      a = Math.imul(a ^ Math.imul(number + 1, 0xcc9e2d51), 0x85ebca6b)
      a = (a << 13) | (a >>> 19)
      b = Math.imul(b ^ Math.imul(number + 7, 0x1b873593), 0xc2b2ae35)
      b = (b << 15) | (b >>> 17)
    }
    a = Math.imul(a ^ (a >>> 16), 0x27d4eb2f)
    b = Math.imul(b ^ (b >>> 16), 0x165667b1)
    a ^= a >>> 13
    b ^= b >>> 15
    const isNew = this.#seen.add(a >>> 0, b >>> 0)
    if (isNew) this.#counts.states++
    return isNew
  }

  #trace(): readonly string[] {
    const lines: string[] = []
    for (let depth = 0; depth <= this.#depth; depth++) {
      const actor = this.#takenActor[depth] as number
      const answer = this.#takenAnswer[depth] as number
      if (actor === this.#actors) lines.push('        time passes')
      else {
        const which = answer === 0 ? '' : ` (${answer})`
        lines.push(`actor ${actor} ${describe(this.#callOf(depth, actor))}${which}`)
      }
    }
    return lines
  }
}

function isThere(call: Call | undefined, to: Until): boolean {
  if (call === undefined) return true
  if (to === 'marks') return call.kind === 'list' && call.name === 'marks/'
  if (to === 'change') return call.kind === 'put' || call.kind === 'remove'
  return to === 'sleep' && call.kind === 'sleep'
}

function describe(call: Call | undefined): string {
  if (call === undefined) return 'ends'
  return call.kind === 'sleep' ? `sleeps ${call.ms}` : `${call.kind} ${call.name.slice(0, 24)}`
}
