// An actor: production code on a store and a clock of the checker. Every call of the store and every sleep
// stops there until the checker answers it; between two answers an actor is deterministic, so that the
// answers it got say in which state it is.

import type { Bytes } from '../../src/base/bytes.ts'
import { concat } from '../../src/base/bytes.ts'
import type { Clock } from '../../src/base/clock.ts'
import { CairnError } from '../../src/base/errors.ts'
import type { Random } from '../../src/sealer/random.ts'
import { sliceOf } from '../../src/store/range.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import type { ByteRange, ObjectInfo, PutResult, Store } from '../../src/store/store.ts'
import { isLease } from './places.ts'

/** What an actor asks for next. */
export type Call =
  | { readonly kind: 'put'; readonly name: string; readonly bytes: Bytes }
  | { readonly kind: 'get'; readonly name: string; readonly range: ByteRange | undefined }
  | { readonly kind: 'list'; readonly name: string }
  | { readonly kind: 'stat'; readonly name: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'sleep'; readonly ms: number }

export type Answer =
  | { readonly kind: 'done' }
  | { readonly kind: 'put'; readonly result: PutResult }
  | { readonly kind: 'bytes'; readonly bytes: Bytes }
  | { readonly kind: 'missing' }
  | { readonly kind: 'listed'; readonly infos: readonly ObjectInfo[] }
  | { readonly kind: 'info'; readonly info: ObjectInfo | undefined }
  | { readonly kind: 'failed'; readonly error: CairnError }

/** How it ended: what it says that it saved, or the error. */
export interface Ending {
  readonly error: unknown
  readonly result: Reported | undefined
}

export interface ActorParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
}

/** Names of the snapshots that an actor says are saved, with the place of each. */
export type Reported = readonly string[]

/** What an actor does; returns what it reports. */
export type Program = (parts: ActorParts) => Promise<Reported | undefined>

interface Pending {
  readonly call: Call
  readonly answer: (answer: Answer) => void
}

const NOW_MS = 1_800_000_000_000

export class Actor {
  readonly #pending: Pending[] = []
  #ending: Ending | undefined
  #isAbandoned = false

  constructor(
    program: Program,
    options: {
      readonly seed: number
      readonly strongListing: boolean
      readonly emptyFolders: readonly string[]
      readonly hasLeases: boolean
    },
  ) {
    const random = seededRandom(options.seed)
    const parts: ActorParts = {
      store: this.#store(options),
      // Nobody's clock decides anything: it stands still here.
      clock: {
        nowMs: () => NOW_MS,
        monotonicMs: () => 0,
        sleep: async (ms) => {
          await this.#ask({ kind: 'sleep', ms })
        },
      },
      random: (count) => {
        const bytes = new Uint8Array(count)
        for (let at = 0; at < count; at++) bytes[at] = Math.floor(256 * random())
        return bytes
      },
    }
    program(parts).then(
      (result) => (this.#ending = { result, error: undefined }),
      (error: unknown) => (this.#ending = { result: undefined, error }),
    )
  }

  /** The next call, once everything that does not wait for an answer has been done; or how it ended. */
  async next(): Promise<Call | Ending> {
    await settled()
    const [first] = this.#pending
    if (first !== undefined) return first.call
    if (this.#ending === undefined) throw new Error('an actor waits for something that is not ours')
    return this.#ending
  }

  /** Answers the call that `next` told. */
  answer(answer: Answer): void {
    this.#pending.shift()?.answer(answer)
  }

  /** Lets it go: every call fails from now on. */
  abandon(): void {
    this.#isAbandoned = true
    for (const { answer } of this.#pending.splice(0)) answer(ABANDONED)
  }

  #ask(call: Call): Promise<Answer> {
    if (this.#isAbandoned) return Promise.reject(ABANDONED.error)
    return new Promise((resolve, reject) => {
      const answer = (given: Answer) => {
        if (given.kind === 'failed') reject(given.error)
        else resolve(given)
      }
      this.#pending.push({ call, answer })
    })
  }

  #store({
    strongListing,
    emptyFolders,
    hasLeases,
  }: {
    readonly strongListing: boolean
    readonly emptyFolders: readonly string[]
    readonly hasLeases: boolean
  }): Store {
    const ask = (call: Call) => this.#ask(call)
    // Mostly there are none, but for the stamp of one that is put.
    const isNone = (name: string) => !hasLeases && isLease(name)
    return {
      address: 'model:',
      capabilities: { conditionalPut: true, strongListing },
      put: async (name, parts) => {
        if (isNone(name)) return 'created'
        const answer = await ask({ kind: 'put', name, bytes: concat(parts) })
        return answer.kind === 'put' ? answer.result : 'created'
      },
      get: async (name, range) => {
        const answer = await ask({ kind: 'get', name, range })
        if (answer.kind !== 'bytes') throw new CairnError('object-missing', `${name} is not there`)
        const info = { address: 'model:', name, size: answer.bytes.length }
        const { offset, length } = sliceOf(info, range)
        return answer.bytes.slice(offset, offset + length)
      },
      async *list(prefix) {
        if (isNone(prefix) || emptyFolders.includes(prefix)) return
        const answer = await ask({ kind: 'list', name: prefix })
        if (answer.kind === 'listed') yield* answer.infos
      },
      stat: async (name) => {
        const answer = await ask({ kind: 'stat', name })
        return answer.kind === 'info' ? answer.info : undefined
      },
      remove: async (name) => {
        if (!isNone(name)) await ask({ kind: 'remove', name })
      },
      close: () => Promise.resolve(),
    }
  }
}

const ABANDONED = {
  kind: 'failed',
  error: new CairnError('interrupted', 'the checker has let this actor go'),
} as const

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

export function isEnding(next: Call | Ending): next is Ending {
  return !('kind' in next)
}
