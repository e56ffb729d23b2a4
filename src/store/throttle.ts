// Limits bytes per second in each direction with a token bucket: a transfer waits until the bucket
// is not in debt, then takes all its bytes at once. So the average over several objects is exact,
// while within one object the store goes as fast as it can.

import type { Bytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { assert } from '../base/errors.ts'
import { decorate } from './decorate.ts'
import type { Store } from './store.ts'

export interface ThrottleOptions {
  readonly clock: Clock
  /** Undefined: no limit. */
  readonly uploadBytesPerSecond?: number | undefined
  readonly downloadBytesPerSecond?: number | undefined
}

/** All transfers through the returned store share the two limits. */
export function withThrottle(store: Store, options: ThrottleOptions): Store {
  const upload = bucketFor(options.uploadBytesPerSecond, options.clock)
  const download = bucketFor(options.downloadBytesPerSecond, options.clock)
  return decorate(store, {
    put: async (name, parts) => {
      await upload?.turn(totalOf(parts))
      return store.put(name, parts)
    },
    get: async (name, range) => {
      await download?.turn(0)
      const bytes = await store.get(name, range)
      download?.take(bytes.length)
      return bytes
    },
  })
}

function bucketFor(bytesPerSecond: number | undefined, clock: Clock): TokenBucket | undefined {
  return bytesPerSecond === undefined ? undefined : new TokenBucket(bytesPerSecond, clock)
}

function totalOf(parts: readonly Bytes[]): number {
  return parts.reduce((total, part) => total + part.length, 0)
}

/** Holds at most one second's worth; may go into debt, which later turns wait for. */
class TokenBucket {
  readonly #perMs: number
  readonly #clock: Clock
  #tokens: number
  #filledAtMs: number
  #queue: Promise<void> = Promise.resolve()

  constructor(bytesPerSecond: number, clock: Clock) {
    assert(bytesPerSecond > 0, 'a rate limit is above zero')
    this.#perMs = bytesPerSecond / 1000
    this.#clock = clock
    this.#tokens = bytesPerSecond
    this.#filledAtMs = clock.monotonicMs()
  }

  /** Waits until nothing is owed, then takes `bytes`; first come, first served. */
  turn(bytes: number): Promise<void> {
    this.#queue = this.#queue.then(() => this.#wait()).then(() => this.take(bytes))
    return this.#queue
  }

  /** For what is known only afterwards. */
  take(bytes: number): void {
    this.#fill()
    this.#tokens -= bytes
  }

  async #wait(): Promise<void> {
    this.#fill()
    while (this.#tokens < 0) {
      await this.#clock.sleep(Math.max(1, Math.ceil(-this.#tokens / this.#perMs)))
      this.#fill()
    }
  }

  #fill(): void {
    const now = this.#clock.monotonicMs()
    const gained = (now - this.#filledAtMs) * this.#perMs
    this.#tokens = Math.min(this.#perMs * 1000, this.#tokens + gained)
    this.#filledAtMs = now
  }
}
