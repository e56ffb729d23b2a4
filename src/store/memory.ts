// A store in memory: for tests, and for model checking, where its clock is moved by hand. What is
// put is copied and what is got is a copy, so that nobody can change an object afterwards.

import { type Bytes, concat } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { assertListPrefix, assertObjectName } from './names.ts'
import { missing, sliceOf } from './range.ts'
import type { ByteRange, ObjectInfo, PutResult, Store } from './store.ts'

interface Held {
  readonly info: ObjectInfo
  readonly bytes: Bytes
}

export interface MemoryStoreOptions {
  /** Stamps what is stored. */
  readonly clock: Clock
  /** Tells several in-memory stores apart in messages. */
  readonly address?: string
}

/** An empty store; it lives as long as somebody holds it. */
export function openMemory(options: MemoryStoreOptions): Store {
  return new MemoryStore(options)
}

class MemoryStore implements Store {
  readonly address: string
  readonly capabilities = { conditionalPut: true, strongListing: true }
  readonly #clock: Clock
  readonly #objects = new Map<string, Held>()

  constructor(options: MemoryStoreOptions) {
    this.address = options.address ?? 'memory:'
    this.#clock = options.clock
  }

  put(name: string, parts: readonly Bytes[]): Promise<PutResult> {
    return atOnce(() => {
      assertObjectName(name)
      if (this.#objects.has(name)) return 'exists'
      const bytes = concat(parts)
      const info = { name, size: bytes.length, storedAtMs: this.#clock.nowMs() }
      this.#objects.set(name, { info, bytes })
      return 'created'
    })
  }

  get(name: string, range?: ByteRange): Promise<Bytes> {
    return atOnce(() => {
      assertObjectName(name)
      const held = this.#objects.get(name)
      if (held === undefined) throw missing({ address: this.address, name })
      const { offset, length } = sliceOf({ address: this.address, ...held.info }, range)
      return held.bytes.slice(offset, offset + length)
    })
  }

  /** What was there at the first step; puts and removes in mid-listing do not show. */
  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    assertListPrefix(prefix)
    for (const { info } of await Promise.resolve([...this.#objects.values()])) {
      if (info.name.startsWith(prefix)) yield info
    }
  }

  stat(name: string): Promise<ObjectInfo | undefined> {
    return atOnce(() => {
      assertObjectName(name)
      return this.#objects.get(name)?.info
    })
  }

  remove(name: string): Promise<void> {
    return atOnce(() => {
      assertObjectName(name)
      this.#objects.delete(name)
    })
  }

  async close(): Promise<void> {}
}

/** Each call takes effect as a whole, when it is made. */
function atOnce<T>(act: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(act())
  })
}
