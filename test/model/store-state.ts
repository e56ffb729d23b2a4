// What is stored, in a state of the model: which objects, and when each was put. Never changed: a step gives
// another one, and the same one where the same is stored, so that they can be told apart by number and what
// follows from one is worked out once. Objects themselves go by number and are known once and for all, because
// a name has always the same bytes.

import type { Bytes } from '../../src/base/bytes.ts'
import { folderOf } from './places.ts'

/** Every object that any actor has ever put, by number. */
export class Objects {
  readonly #ids = new Map<string, number>()
  readonly #names: string[] = []
  readonly #bytes: Bytes[] = []
  readonly #folders: string[] = []
  readonly #folderOf: number[] = []

  take(name: string, bytes: Bytes): number {
    const known = this.#ids.get(name)
    if (known !== undefined) return known
    const id = this.#names.push(name) - 1
    this.#ids.set(name, id)
    this.#bytes.push(bytes)
    this.#folderOf.push(this.folder(folderOf(name)))
    return id
  }

  idOf(name: string): number | undefined {
    return this.#ids.get(name)
  }

  name(id: number): string {
    return this.#names[id] as string
  }

  bytes(id: number): Bytes {
    return this.#bytes[id] as Bytes
  }

  folder(prefix: string): number {
    const known = this.#folders.indexOf(prefix)
    return known < 0 ? this.#folders.push(prefix) - 1 : known
  }

  /** A folder among others in a mask of 32 bits. */
  folderBit(prefix: string): number {
    const number = this.folder(prefix)
    if (number > 31) throw new Error('there are more folders than bits')
    return 1 << number
  }

  folderOf(id: number): number {
    return this.#folderOf[id] as number
  }

  get count(): number {
    return this.#names.length
  }
}

/** An object that is there, or that was and may still be listed. */
interface Held {
  readonly id: number
  readonly stampMs: number
  /** When it was removed; undefined while it is there. */
  readonly removedMs: number | undefined
}

/** All that was ever stored, each state of it once. */
export class StoreStates {
  readonly objects: Objects
  readonly #known = new Map<string, StoreState>()
  readonly #states: StoreState[] = []

  constructor(objects: Objects) {
    this.objects = objects
  }

  get empty(): StoreState {
    return this.of([])
  }

  /** Ascending by number of object. */
  of(held: readonly Held[]): StoreState {
    const key = held
      .map(({ id, stampMs, removedMs = '' }) => `${id}@${stampMs}-${removedMs}`)
      .join()
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const state = new StoreState(this, { number: this.#states.length, held })
    this.#known.set(key, state)
    this.#states.push(state)
    return state
  }

  at(number: number): StoreState {
    return this.#states[number] as StoreState
  }

  get count(): number {
    return this.#states.length
  }
}

export class StoreState {
  readonly number: number
  readonly #states: StoreStates
  readonly #held: readonly Held[]
  readonly #with = new Map<number, Map<number, StoreState>>()
  readonly #without = new Map<number, Map<number, StoreState>>()

  constructor(
    states: StoreStates,
    { number, held }: { readonly number: number; readonly held: readonly Held[] },
  ) {
    this.#states = states
    this.number = number
    this.#held = held
  }

  has(id: number): boolean {
    for (const one of this.#held) if (one.id === id) return one.removedMs === undefined
    return false
  }

  stampMs(id: number): number {
    return this.#held.find((one) => one.id === id)?.stampMs ?? 0
  }

  with(id: number, stampMs: number): StoreState {
    return remembered(this.#with, { id, time: stampMs }, () => {
      const others = this.#held.filter((one) => one.id !== id)
      let at = others.length
      while (at > 0 && (others[at - 1] as Held).id > id) at--
      return this.#states.of(others.toSpliced(at, 0, { id, stampMs, removedMs: undefined }))
    })
  }

  /** Without an object; where listings lag it is remembered until they cannot show it any more. */
  without(id: number, removedMs: number | undefined): StoreState {
    return remembered(this.#without, { id, time: removedMs ?? 0 }, () => {
      if (!this.has(id)) return this
      const held = this.#held.flatMap((one) => {
        if (one.id !== id) return [one]
        return removedMs === undefined ? [] : [{ ...one, removedMs }]
      })
      return this.#states.of(held)
    })
  }

  /** Without what no listing can show any more. */
  forgetting(beforeMs: number): StoreState {
    if (this.#held.every(({ removedMs }) => removedMs === undefined || removedMs > beforeMs))
      return this
    return this.#states.of(
      this.#held.filter(({ removedMs }) => removedMs === undefined || removedMs > beforeMs),
    )
  }

  /** The numbers of the objects that are in a folder. */
  ids(folder: number): readonly number[] {
    return this.#in(folder)
      .filter(({ removedMs }) => removedMs === undefined)
      .map(({ id }) => id)
  }

  /** What every listing of a folder shows, and what one may show or not where listings lag. */
  listed(
    folder: number,
    sinceMs: number,
  ): { readonly certain: readonly number[]; readonly perhaps: readonly number[] } {
    const held = this.#in(folder)
    const isRecent = ({ stampMs, removedMs }: Held) => (removedMs ?? stampMs) > sinceMs
    return {
      certain: held
        .filter((one) => one.removedMs === undefined && !isRecent(one))
        .map(({ id }) => id),
      perhaps: held.filter(isRecent).map(({ id }) => id),
    }
  }

  #in(folder: number): readonly Held[] {
    return this.#held.filter(({ id }) => this.#states.objects.folderOf(id) === folder)
  }
}

function remembered(
  known: Map<number, Map<number, StoreState>>,
  { id, time }: { readonly id: number; readonly time: number },
  make: () => StoreState,
): StoreState {
  const byTime = known.get(id) ?? new Map<number, StoreState>()
  known.set(id, byTime)
  const state = byTime.get(time) ?? make()
  byTime.set(time, state)
  return state
}
