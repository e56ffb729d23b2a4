// What is stored, in a state of the model: which objects, and when each was put. Never changed: a step gives
// another one. Objects themselves go by number and are known once and for all, because a name has always the
// same bytes.

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

export class StoreState {
  readonly #objects: Objects
  /** Ascending by number. */
  readonly #held: readonly Held[]
  readonly hashA: number
  readonly hashB: number

  constructor(objects: Objects, held: readonly Held[] = []) {
    this.#objects = objects
    this.#held = held
    let a = 0
    let b = 0
    for (const one of held) {
      const time = Math.floor(one.stampMs / 1000)
      const removed = Math.floor((one.removedMs ?? 0) / 1000)
      a ^= mix(one.id * 0x9e3779b1 + Math.imul(time, 0x85ebca6b) + removed, 0x7feb352d)
      b ^= mix(one.id * 0xc2b2ae35 + Math.imul(time, 0x27d4eb2f) + removed * 31 + 17, 0x846ca68b)
    }
    this.hashA = a
    this.hashB = b
  }

  has(id: number): boolean {
    return this.#held.some((one) => one.id === id && one.removedMs === undefined)
  }

  stampMs(id: number): number {
    return this.#held.find((one) => one.id === id)?.stampMs ?? 0
  }

  with(id: number, stampMs: number): StoreState {
    const others = this.#held.filter((one) => one.id !== id)
    let at = others.length
    while (at > 0 && (others[at - 1] as Held).id > id) at--
    return new StoreState(
      this.#objects,
      others.toSpliced(at, 0, { id, stampMs, removedMs: undefined }),
    )
  }

  /** Without an object; where listings lag it is remembered until they cannot show it any more. */
  without(id: number, removedMs: number | undefined): StoreState {
    if (!this.has(id)) return this
    const held = this.#held.flatMap((one) => {
      if (one.id !== id) return [one]
      return removedMs === undefined ? [] : [{ ...one, removedMs }]
    })
    return new StoreState(this.#objects, held)
  }

  /** Without what no listing can show any more. */
  forgetting(beforeMs: number): StoreState {
    if (this.#held.every(({ removedMs }) => removedMs === undefined || removedMs > beforeMs))
      return this
    return new StoreState(
      this.#objects,
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
    return this.#held.filter(({ id }) => this.#objects.folderOf(id) === folder)
  }
}

function mix(value: number, factor: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), factor)
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
  return x ^ (x >>> 13)
}
