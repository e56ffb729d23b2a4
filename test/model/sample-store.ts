// The store of a sampled run: one clock, objects with stamps, what was removed for as long as a listing may
// still show it, requests that take effect later, and objects that were cut off.

import { type Bytes, concat, equalBytes } from '../../src/base/bytes.ts'
import { missing, sliceOf } from '../../src/store/range.ts'
import type { ObjectInfo, PutResult, Store, StoreCapabilities } from '../../src/store/store.ts'
import { isFixed, isLease } from './places.ts'
import { Objects } from './store-state.ts'

interface Held {
  readonly info: ObjectInfo
  readonly bytes: Bytes
  readonly isTorn: boolean
  removedMs: number | undefined
}

interface LateEffect {
  readonly atMs: number
  readonly act: () => void
}

/** A name that a listing may show or not. */
export interface Uncertain {
  readonly info: ObjectInfo
  readonly isThere: boolean
}

export class SampleStore {
  readonly capabilities: StoreCapabilities
  /** Of every object its whole bytes, also where what is stored is cut off. */
  readonly objects = new Objects()
  readonly lagMs: number
  readonly #held = new Map<string, Held>()
  #gone: Held[] = []
  #late: LateEffect[] = []
  #nowMs: number

  constructor(options: {
    readonly nowMs: number
    readonly lagMs: number
    readonly capabilities: StoreCapabilities
  }) {
    this.#nowMs = options.nowMs
    this.lagMs = options.lagMs
    this.capabilities = options.capabilities
  }

  get nowMs(): number {
    return this.#nowMs
  }

  get nextLateMs(): number {
    return Math.min(...this.#late.map(({ atMs }) => atMs))
  }

  /** Lets time pass; what was to take effect meanwhile does so at its time. */
  advanceTo(ms: number): void {
    const due = this.#late.filter(({ atMs }) => atMs <= ms).sort((a, b) => a.atMs - b.atMs)
    this.#late = this.#late.filter(({ atMs }) => atMs > ms)
    for (const { atMs, act } of due) {
      this.#nowMs = Math.max(this.#nowMs, atMs)
      act()
    }
    this.#nowMs = Math.max(this.#nowMs, ms)
    this.#gone = this.#gone.filter(({ removedMs }) => (removedMs ?? 0) > this.#nowMs - this.lagMs)
  }

  later(afterMs: number, act: () => void): void {
    this.#late.push({ atMs: this.#nowMs + afterMs, act })
  }

  put(name: string, bytes: Bytes, storedAtMs = this.#nowMs): PutResult {
    return this.#put({ name, bytes, storedAtMs, keep: bytes.length })
  }

  /** Stores only so many bytes. */
  tear(name: string, bytes: Bytes, keep: number): PutResult {
    return this.#put({ name, bytes, storedAtMs: this.#nowMs, keep })
  }

  get(name: string): Bytes | undefined {
    return this.#held.get(name)?.bytes
  }

  info(name: string): ObjectInfo | undefined {
    return this.#held.get(name)?.info
  }

  isTorn(name: string): boolean {
    return this.#held.get(name)?.isTorn === true
  }

  /** Whether it was there. */
  remove(name: string): boolean {
    const held = this.#held.get(name)
    if (held === undefined) return false
    this.#held.delete(name)
    held.removedMs = this.#nowMs
    if (this.lagMs > 0) this.#gone.push(held)
    return true
  }

  /** What is there, in the order in which it was put. */
  list(prefix: string): readonly ObjectInfo[] {
    return this.#in(prefix).map(({ info }) => info)
  }

  torn(): readonly string[] {
    return this.#in('')
      .filter(({ isTorn }) => isTorn)
      .map(({ info }) => info.name)
  }

  /** What every listing shows, and what one that lags shows or not. */
  lagging(prefix: string): {
    readonly certain: readonly ObjectInfo[]
    readonly uncertain: readonly Uncertain[]
  } {
    const sinceMs = this.#nowMs - this.lagMs
    const held = this.#in(prefix)
    const ghosts = this.#ghosts(prefix).filter(({ info }) => !this.#held.has(info.name))
    return {
      certain: held.filter(({ info }) => info.storedAtMs <= sinceMs).map(({ info }) => info),
      uncertain: [
        ...held
          .filter(({ info }) => info.storedAtMs > sinceMs)
          .map(({ info }) => ({ info, isThere: true })),
        ...ghosts.map(({ info }) => ({ info, isThere: false })),
      ],
    }
  }

  /** What was there so long ago. */
  before(prefix: string, agoMs: number): readonly ObjectInfo[] {
    const atMs = this.#nowMs - agoMs
    const names = new Map<string, ObjectInfo>()
    for (const { info, removedMs } of [...this.#in(prefix), ...this.#ghosts(prefix)])
      if (info.storedAtMs <= atMs && (removedMs ?? atMs + 1) > atMs) names.set(info.name, info)
    return [...names.values()]
  }

  /** Numbers of the objects of a folder that are whole. */
  ids(folder: number): readonly number[] {
    const ids: number[] = []
    for (const { info, isTorn } of this.#held.values()) {
      const id = this.objects.idOf(info.name)
      if (id !== undefined && !isTorn && this.objects.folderOf(id) === folder) ids.push(id)
    }
    return ids
  }

  stampMs(id: number): number {
    return this.#held.get(this.objects.name(id))?.info.storedAtMs ?? 0
  }

  /** As production code sees it when nothing goes wrong. */
  plain(): Store {
    const info = (name: string) => Promise.resolve(this.info(name))
    const read = (name: string) => this.get(name)
    const listed = (prefix: string) => this.list(prefix)
    return {
      address: 'sample:',
      capabilities: this.capabilities,
      put: (name, parts) => Promise.resolve(this.put(name, concat(parts))),
      get: async (name, range) => {
        const bytes = await Promise.resolve(read(name))
        if (bytes === undefined) throw missing({ address: 'sample:', name })
        const { offset, length } = sliceOf({ address: 'sample:', name, size: bytes.length }, range)
        return bytes.slice(offset, offset + length)
      },
      async *list(prefix) {
        yield* await Promise.resolve(listed(prefix))
      },
      stat: info,
      remove: (name) => {
        this.remove(name)
        return Promise.resolve()
      },
      close: () => Promise.resolve(),
    }
  }

  #put({
    name,
    bytes,
    storedAtMs,
    keep,
  }: {
    readonly name: string
    readonly bytes: Bytes
    readonly storedAtMs: number
    readonly keep: number
  }): PutResult {
    if (!isFixed(name) && !isLease(name)) this.#know(name, bytes)
    if (this.#held.has(name)) return 'exists'
    const kept = bytes.slice(0, keep)
    const info = { name, size: kept.length, storedAtMs }
    const isTorn = kept.length < bytes.length
    this.#held.set(name, { info, bytes: kept, isTorn, removedMs: undefined })
    return 'created'
  }

  #know(name: string, bytes: Bytes): void {
    const id = this.objects.take(name, bytes)
    if (!equalBytes(this.objects.bytes(id), bytes)) throw new Error(`${name} has two contents`)
  }

  #in(prefix: string): readonly Held[] {
    return [...this.#held.values()].filter(({ info }) => info.name.startsWith(prefix))
  }

  #ghosts(prefix: string): readonly Held[] {
    return this.#gone.filter(({ info }) => info.name.startsWith(prefix))
  }
}
