// Exhaustive exploration: every order in which the calls of several actors can take effect, with time that may
// jump at any point. A state is where each actor stands, what is stored with its stamps, and the time; none is
// gone into twice.

import type { ObjectInfo } from '../../src/store/store.ts'
import { type Answer, type Call, isEnding } from './actor.ts'
import type { Histories, HistoryNode } from './history.ts'
import { isLease } from './places.ts'
import type { Objects, StoreState } from './store-state.ts'

/** Where an actor stands. */
interface Position {
  readonly node: HistoryNode
  /** While it sleeps: when it wakes. */
  readonly wakeMs: number
}

export interface State {
  readonly positions: readonly Position[]
  readonly stored: StoreState
  readonly nowMs: number
  readonly jumps: number
}

export interface ExploreOptions {
  readonly actors: readonly Histories[]
  readonly objects: Objects
  readonly first: StoreState
  readonly startMs: number
  /** What has happened already when everything begins, one after the other. */
  readonly before: readonly Before[]
  /** How far time may jump each time, in this order. */
  readonly jumpsMs: readonly number[]
  /** So long a listing may lag behind, for each object by itself; 0 where none does. */
  readonly lagMs: number
  /**
   * Reading an object is no step of its own: it happens with the step before. Leaves out what comes of objects
   * that go between listing and reading.
   */
  readonly isGlued: boolean
  /** Throws where something is lost. Called after each step that may lose something. */
  readonly check: (state: State, step: Step) => void
  readonly statesMax?: number
}

/** An actor went on to its first change, to its first sleep or to its end; or time passed. */
export type Before = { readonly actor: number; readonly to: 'change' | 'sleep' | 'end' } | 'time'

/** What an actor did, or that time passed. */
export interface Step {
  readonly actor: number
  readonly call: Call | undefined
}

export interface Explored {
  readonly states: number
  readonly steps: number
  readonly ends: number
}

/** A step that can be taken: by an actor, with one of the answers that it may get, or by time. */
interface Choice {
  readonly actor: number
  readonly answer: number
}

interface Frame {
  readonly state: State
  readonly choices: readonly Choice[]
  next: number
}

const TIME = -1

export class Violation extends Error {
  readonly trace: readonly string[]

  constructor(message: string, trace: readonly string[]) {
    super(`${message}\n${trace.join('\n')}`)
    this.trace = trace
  }
}

export async function explore(options: ExploreOptions): Promise<Explored> {
  const { actors, first, startMs, statesMax = Number.POSITIVE_INFINITY } = options
  const seen = new Seen()
  const counts = { states: 1, steps: 0, ends: 0 }
  const positions = actors.map(({ root }) => ({ node: root, wakeMs: 0 }))
  const start = await goBefore({ positions, stored: first, nowMs: startMs, jumps: 0 }, options)
  const stack: Frame[] = [frameOf(start, options)]
  seen.add(keyOf(start))
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const choice = frame.choices[frame.next++]
    if (choice === undefined) {
      if (frame.choices.length === 0) counts.ends++
      stack.pop()
      continue
    }
    const { actor } = choice
    const step = { actor, call: callOf(frame.state, actor) }
    const state = take(frame.state, choice, options)
    let after = state instanceof Promise ? await state : state
    while (options.isGlued && callOf(after, actor)?.kind === 'get')
      after = await take(after, { actor, answer: 0 }, options)
    counts.steps++
    if (!seen.add(keyOf(after))) continue
    counts.states++
    if (counts.states > statesMax) throw new Error(`more than ${statesMax} states`)
    stack.push(frameOf(after, options))
    try {
      options.check(after, step)
    } catch (error) {
      throw new Violation(error instanceof Error ? error.message : String(error), trace(stack))
    }
  }
  return counts
}

async function goBefore(first: State, options: ExploreOptions): Promise<State> {
  let state = first
  for (const one of options.before) {
    if (one === 'time') state = later(state, options)
    else state = await goTo(state, one, options)
  }
  return state
}

async function goTo(
  first: State,
  { actor, to }: Exclude<Before, 'time'>,
  options: ExploreOptions,
): Promise<State> {
  let state = first
  while (!isThere(callOf(state, actor), to))
    state = await take(state, { actor, answer: 0 }, options)
  return to === 'sleep' ? take(state, { actor, answer: 0 }, options) : state
}

function isThere(call: Call | undefined, to: 'change' | 'sleep' | 'end'): boolean {
  if (call === undefined) return true
  if (to === 'change') return call.kind === 'put' || call.kind === 'remove'
  return to === 'sleep' && call.kind === 'sleep'
}

/** A set of 53-bit numbers above 0; larger than a Set may be. */
class Seen {
  #slots = new Float64Array(1 << 16)
  #count = 0

  /** Whether it was not there before. */
  add(key: number): boolean {
    if (2 * this.#count > this.#slots.length) this.#grow()
    const at = this.#slotOf(key)
    if (this.#slots[at] === key) return false
    this.#slots[at] = key
    this.#count++
    return true
  }

  #slotOf(key: number): number {
    const mask = this.#slots.length - 1
    let at = (key % 0x7fffffff) & mask
    while (this.#slots[at] !== 0 && this.#slots[at] !== key) at = (at + 1) & mask
    return at
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Float64Array(4 * before.length)
    for (const key of before) if (key !== 0) this.#slots[this.#slotOf(key)] = key
  }
}

function frameOf(state: State, options: ExploreOptions): Frame {
  return { state, choices: choicesIn(state, options), next: 0 }
}

/** The actors that can go on, and whether time can pass. */
function choicesIn(state: State, options: ExploreOptions): readonly Choice[] {
  const { positions, nowMs, jumps } = state
  const choices: Choice[] = []
  const isAnyLeft = positions.some(({ node }) => !isEnding(node.next))
  positions.forEach(({ node, wakeMs }, actor) => {
    if (isEnding(node.next) || wakeMs > nowMs) return
    const answers = answersTo(state, node.next, options)
    for (let answer = 0; answer < answers; answer++) choices.push({ actor, answer })
  })
  if (isAnyLeft && jumps < options.jumpsMs.length) choices.push({ actor: TIME, answer: 0 })
  return choices
}

/** In how many ways a call may be answered: a listing that lags may show some objects or not. */
function answersTo(state: State, call: Call, { objects, lagMs }: ExploreOptions): number {
  if (call.kind !== 'list' || lagMs === 0) return 1
  const { perhaps } = state.stored.listed(objects.folder(call.name), state.nowMs - lagMs)
  return 2 ** perhaps.length
}

function callOf({ positions }: State, actor: number): Call | undefined {
  const next = positions[actor]?.node.next
  return next === undefined || isEnding(next) ? undefined : next
}

function take(
  state: State,
  { actor, answer: wanted }: Choice,
  options: ExploreOptions,
): State | Promise<State> {
  if (actor === TIME) return later(state, options)
  const { node } = state.positions[actor] as Position
  const call = node.next as Call
  const histories = options.actors[actor] as Histories
  const { seesStamps } = histories
  const { stored, key, answer, wakeMs } = effect(state, call, { ...options, seesStamps, wanted })
  const known = node.children.get(key)
  if (known !== undefined) return moved(state, { actor, node: known, stored, wakeMs })
  return histories
    .follow(node, key, answer)
    .then((child) => moved(state, { actor, node: child, stored, wakeMs }))
}

function later(state: State, { jumpsMs, lagMs }: ExploreOptions): State {
  const nowMs = state.nowMs + (jumpsMs[state.jumps] as number)
  return { ...state, nowMs, jumps: state.jumps + 1, stored: state.stored.forgetting(nowMs - lagMs) }
}

function moved(
  state: State,
  {
    actor,
    node,
    stored,
    wakeMs,
  }: {
    readonly actor: number
    readonly node: HistoryNode
    readonly stored: StoreState
    readonly wakeMs: number
  },
): State {
  const positions = state.positions.slice()
  positions[actor] = { node, wakeMs }
  return { ...state, positions, stored }
}

interface Effect {
  readonly stored: StoreState
  /** Tells answers apart. */
  readonly key: string
  readonly answer: () => Answer
  readonly wakeMs: number
}

function effect(
  { stored, nowMs }: State,
  call: Call,
  {
    objects,
    lagMs,
    seesStamps,
    wanted,
  }: Pick<ExploreOptions, 'objects' | 'lagMs'> & {
    readonly seesStamps: boolean
    /** Which of the possible answers. */
    readonly wanted: number
  },
): Effect {
  const plain = { stored, wakeMs: 0 }
  switch (call.kind) {
    case 'put': {
      const id = objects.take(call.name, call.bytes)
      if (stored.has(id))
        return { ...plain, key: 'e', answer: () => ({ kind: 'put', result: 'exists' }) }
      return {
        ...plain,
        stored: stored.with(id, nowMs),
        key: 'c',
        answer: () => ({ kind: 'put', result: 'created' }),
      }
    }
    case 'get': {
      const id = objects.idOf(call.name)
      if (id === undefined || !stored.has(id))
        return { ...plain, key: 'm', answer: () => ({ kind: 'missing' }) }
      return { ...plain, key: 'b', answer: () => ({ kind: 'bytes', bytes: objects.bytes(id) }) }
    }
    case 'list': {
      const since = nowMs - lagMs
      const { certain, perhaps } = stored.listed(objects.folder(call.name), since)
      const ids = [...certain, ...perhaps.filter((_, i) => (wanted >> i) % 2 === 1)]
      return { ...plain, ...listing(stored, { ids, objects, seesStamps }) }
    }
    case 'stat': {
      // Of a lease: what time it is.
      const id = objects.idOf(call.name)
      if (!isLease(call.name) && (id === undefined || !stored.has(id)))
        return { ...plain, key: 'm', answer: () => ({ kind: 'info', info: undefined }) }
      const size = id === undefined ? 0 : objects.bytes(id).length
      const storedAtMs = isLease(call.name) ? nowMs : seesStamps ? stored.stampMs(id as number) : 0
      const info = { name: call.name, size, storedAtMs }
      return { ...plain, key: String(storedAtMs), answer: () => ({ kind: 'info', info }) }
    }
    case 'remove': {
      const id = objects.idOf(call.name)
      const after = id === undefined ? stored : stored.without(id, lagMs === 0 ? undefined : nowMs)
      return { ...plain, stored: after, key: 'd', answer: () => ({ kind: 'done' }) }
    }
    case 'sleep':
      return {
        ...plain,
        key: 's',
        answer: () => ({ kind: 'done' }),
        wakeMs: nowMs + call.ms,
      }
  }
}

function listing(
  stored: StoreState,
  {
    ids,
    objects,
    seesStamps,
  }: {
    readonly ids: readonly number[]
    readonly objects: Objects
    readonly seesStamps: boolean
  },
): Pick<Effect, 'key' | 'answer'> {
  const stampOf = (id: number) => (seesStamps ? stored.stampMs(id) : 0)
  const infoOf = (id: number): ObjectInfo => ({
    name: objects.name(id),
    size: objects.bytes(id).length,
    storedAtMs: stampOf(id),
  })
  return {
    key: ids.map((id) => `${id}@${stampOf(id)}`).join(),
    answer: () => ({ kind: 'listed', infos: ids.map(infoOf) }),
  }
}

/** 53 bits of all that makes up a state. */
function keyOf({ positions, stored, nowMs, jumps }: State): number {
  let a = Math.imul(stored.hashA ^ 0x9e3779b9, 0x85ebca6b)
  let b = Math.imul(stored.hashB ^ 0x7f4a7c15, 0xc2b2ae35)
  for (const { node, wakeMs } of positions) {
    const wake = wakeMs > nowMs ? wakeMs - nowMs : 0
    a = Math.imul(a ^ (node.number + 0x165667b1) ^ wake, 0x27d4eb2f)
    a ^= a >>> 15
    b = Math.imul(b ^ (node.number * 31 + 0x2545f491) ^ (wake << 3), 0x9e3779b1)
    b ^= b >>> 13
  }
  a = Math.imul(a ^ jumps, 0x85ebca6b)
  b = Math.imul(b ^ (jumps + 77), 0xc2b2ae35)
  a ^= a >>> 16
  b ^= b >>> 15
  return (a >>> 0) * 0x200000 + ((b >>> 0) & 0x1fffff) + 1
}

function trace(stack: readonly Frame[]): readonly string[] {
  return stack.slice(0, -1).map(({ state, choices, next }) => {
    const { actor, answer } = choices[next - 1] as Choice
    if (actor === TIME) return '        time passes'
    return `actor ${actor} ${describe(callOf(state, actor))}${answer === 0 ? '' : ` (${answer})`}`
  })
}

function describe(call: Call | undefined): string {
  if (call === undefined) return 'ends'
  return call.kind === 'sleep' ? `sleeps ${call.ms}` : `${call.kind} ${call.name.slice(0, 24)}`
}
