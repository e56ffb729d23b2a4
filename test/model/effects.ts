// What a call does to what is stored, and what it answers. Answers are told apart by numbers, so that going over
// histories that are known makes no answers and compares nothing else.

import type { ObjectInfo } from '../../src/store/store.ts'
import type { Answer, Call } from './actor.ts'
import { isLease } from './places.ts'
import type { Objects, StoreState } from './store-state.ts'

export interface Asking {
  readonly call: Call
  readonly stored: StoreState
  readonly nowMs: number
  /** Writers never look at the stamps of what they list: to them all are 0. */
  readonly seesStamps: boolean
  /** Which of the possible answers. */
  readonly wanted: number
}

export interface Effect {
  readonly stored: StoreState
  /** Tells answers apart. */
  readonly key: number
}

const DONE = 0
const EXISTS = 1
const MISSING = 2
/** From here on: of listings and of stamps. */
const OTHERS = 3

export class Effects {
  readonly #objects: Objects
  readonly #lagMs: number
  /** By what they show. */
  readonly #keys = new Map<string, number>()
  /** By number of the state of the store, and folder; only where nothing lags. */
  readonly #listings: number[][] = []

  constructor(objects: Objects, lagMs: number) {
    this.#objects = objects
    this.#lagMs = lagMs
  }

  /** In how many ways a call may be answered: a listing that lags may show some objects or not. */
  answersTo(call: Call, { stored, nowMs }: Pick<Asking, 'stored' | 'nowMs'>): number {
    if (this.#lagMs === 0 || call.kind !== 'list') return 1
    const { perhaps } = stored.listed(this.#objects.folder(call.name), nowMs - this.#lagMs)
    return 2 ** perhaps.length
  }

  of(asking: Asking): Effect {
    const { call, stored, nowMs } = asking
    if (call.kind === 'sleep') return { stored, key: DONE }
    if (call.kind === 'list') return { stored, key: this.#listing(call.name, asking) }
    if (call.kind === 'put') {
      const id = this.#objects.take(call.name, call.bytes)
      if (stored.has(id)) return { stored, key: EXISTS }
      return { stored: stored.with(id, nowMs), key: DONE }
    }
    const id = this.#objects.idOf(call.name)
    if (call.kind === 'stat') {
      const info = this.#info(call.name, asking)
      return { stored, key: info === undefined ? MISSING : this.#keyOf(String(info.storedAtMs)) }
    }
    if (id === undefined || !stored.has(id)) return { stored, key: MISSING }
    if (call.kind === 'get') return { stored, key: DONE }
    return { stored: stored.without(id, this.#lagMs === 0 ? undefined : nowMs), key: DONE }
  }

  /** What the actor is told. */
  answer(asking: Asking): Answer {
    const { call, stored } = asking
    switch (call.kind) {
      case 'put': {
        const id = this.#objects.take(call.name, call.bytes)
        return { kind: 'put', result: stored.has(id) ? 'exists' : 'created' }
      }
      case 'get': {
        const id = this.#objects.idOf(call.name)
        if (id === undefined || !stored.has(id)) return { kind: 'missing' }
        return { kind: 'bytes', bytes: this.#objects.bytes(id) }
      }
      case 'list':
        return { kind: 'listed', infos: this.#listed(call.name, asking) }
      case 'stat':
        return { kind: 'info', info: this.#info(call.name, asking) }
      case 'remove':
      case 'sleep':
        return { kind: 'done' }
    }
  }

  #listing(name: string, asking: Asking): number {
    if (this.#lagMs > 0) return this.#shown(name, asking)
    const at = 2 * this.#objects.folder(name) + Number(asking.seesStamps)
    const known = (this.#listings[asking.stored.number] ??= [])
    return (known[at] ??= this.#shown(name, asking))
  }

  #shown(name: string, asking: Asking): number {
    const infos = this.#listed(name, asking)
    return this.#keyOf(infos.map((one) => `${one.name}@${one.storedAtMs}`).join())
  }

  #listed(name: string, { stored, nowMs, seesStamps, wanted }: Asking): readonly ObjectInfo[] {
    const { certain, perhaps } = stored.listed(this.#objects.folder(name), nowMs - this.#lagMs)
    const ids = [...certain, ...perhaps.filter((_, i) => (wanted >> i) % 2 === 1)]
    return ids.map((id) => this.#infoOf(id, seesStamps ? stored.stampMs(id) : 0))
  }

  /** Of a lease where there are none: what time it is. */
  #info(name: string, { stored, nowMs, seesStamps }: Asking): ObjectInfo | undefined {
    const id = this.#objects.idOf(name)
    if (id === undefined && isLease(name)) return { name, size: 0, storedAtMs: nowMs }
    if (id === undefined || !stored.has(id)) return undefined
    return this.#infoOf(id, seesStamps ? stored.stampMs(id) : 0)
  }

  #infoOf(id: number, storedAtMs: number): ObjectInfo {
    return { name: this.#objects.name(id), size: this.#objects.bytes(id).length, storedAtMs }
  }

  #keyOf(shown: string): number {
    const known = this.#keys.get(shown)
    if (known !== undefined) return known
    const key = OTHERS + this.#keys.size
    this.#keys.set(shown, key)
    return key
  }
}
