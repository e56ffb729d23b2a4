// What is stored, in a state of the model: which objects, and when each was put. Never changed: a step gives
// another one. Objects themselves go by number and are known once and for all, because a name has always the
// same bytes.

import type { Bytes } from '../../src/base/bytes.ts'

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
    this.#folderOf.push(this.folder(`${name.slice(0, name.indexOf('/'))}/`))
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

export class StoreState {
  readonly #objects: Objects
  /** Numbers of the objects that are there, ascending, and beside them their stamps. */
  readonly #ids: readonly number[]
  readonly #stamps: readonly number[]
  readonly hashA: number
  readonly hashB: number

  constructor(
    objects: Objects,
    ids: readonly number[] = [],
    stamps: readonly number[] = [],
    hashes: readonly [number, number] = [0, 0],
  ) {
    this.#objects = objects
    this.#ids = ids
    this.#stamps = stamps
    ;[this.hashA, this.hashB] = hashes
  }

  has(id: number): boolean {
    return this.#ids.includes(id)
  }

  stamp(id: number): number {
    return this.#stamps[this.#ids.indexOf(id)] as number
  }

  with(id: number, stamp: number): StoreState {
    let at = this.#ids.length
    while (at > 0 && (this.#ids[at - 1] as number) > id) at--
    const ids = [...this.#ids.slice(0, at), id, ...this.#ids.slice(at)]
    const stamps = [...this.#stamps.slice(0, at), stamp, ...this.#stamps.slice(at)]
    return new StoreState(this.#objects, ids, stamps, this.#hashesWith(id, stamp))
  }

  without(id: number): StoreState {
    const at = this.#ids.indexOf(id)
    if (at < 0) return this
    const hashes = this.#hashesWith(id, this.#stamps[at] as number)
    const ids = this.#ids.filter((_, i) => i !== at)
    const stamps = this.#stamps.filter((_, i) => i !== at)
    return new StoreState(this.#objects, ids, stamps, hashes)
  }

  /** The numbers of the objects in a folder. */
  ids(folder: number): readonly number[] {
    return this.#ids.filter((id) => this.#objects.folderOf(id) === folder)
  }

  #hashesWith(id: number, stamp: number): readonly [number, number] {
    const day = Math.floor(stamp / 1000)
    const a = mix(id * 0x9e3779b1 + Math.imul(day, 0x85ebca6b), 0x7feb352d)
    const b = mix(id * 0xc2b2ae35 + Math.imul(day, 0x27d4eb2f) + 17, 0x846ca68b)
    return [this.hashA ^ a, this.hashB ^ b]
  }
}

function mix(value: number, factor: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), factor)
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
  return x ^ (x >>> 13)
}
