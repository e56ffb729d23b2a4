// An actor of a sampled run: production code whose calls of the store and of sleep wait until they are answered,
// in any order. It remembers what it was told, so that a twin can be made of it that knows the same.

import { concat } from '../../src/base/bytes.ts'
import type { Clock } from '../../src/base/clock.ts'
import { CairnError } from '../../src/base/errors.ts'
import type { Random } from '../../src/sealer/random.ts'
import { decorate } from '../../src/store/decorate.ts'
import { sliceOf } from '../../src/store/range.ts'
import { DEFAULT_RETRIES, withRetry } from '../../src/store/retry.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import type { ObjectInfo, Store, StoreCapabilities } from '../../src/store/store.ts'
import type { Answer, Call, Program } from './actor.ts'
import { COPY, isLease, nameWithin, placeOf } from './places.ts'

/** Beside those of the exhaustive model: a listing that breaks off. */
export type SampleAnswer =
  | Answer
  | { readonly kind: 'broken'; readonly infos: readonly ObjectInfo[]; readonly error: CairnError }

/** A call that waits for its answer. */
export interface Asked {
  readonly number: number
  readonly call: Call
  /** Of sleeps, and where the answer is on its way: not before then. */
  wakeMs: number
  /** What the answer will be, where the call has taken effect already. */
  reply: SampleAnswer | undefined
}

interface Waiting extends Asked {
  readonly settle: (answer: SampleAnswer) => void
}

export interface SampleActorOptions {
  readonly name: string
  readonly program: Program
  readonly seed: number
  readonly capabilities: StoreCapabilities
  /** Whether it sees leases: the protocol must be safe without them. */
  readonly seesLeases: boolean
  /** By the store's clock. */
  readonly nowMs: () => number
}

/** What an actor was told up to now. */
interface Log {
  readonly answers: { readonly number: number; readonly answer: SampleAnswer }[]
  readonly readings: number[]
}

export class SampleActor {
  readonly options: SampleActorOptions
  /** No call is answered before then. */
  suspendedUntilMs = 0
  /** How far its own clock is off; undefined where that stands still. */
  offsetMs: number | undefined = 0
  hasEnded = false
  error: unknown
  readonly #waiting: Waiting[] = []
  readonly #log: Log = { answers: [], readings: [] }
  /** Of the one that this is a twin of, while it is played again. */
  readonly #readingsBefore: readonly number[]
  #calls = 0
  #stoppedMs = 0
  #isAbandoned = false

  private constructor(options: SampleActorOptions, readingsBefore: readonly number[]) {
    this.options = options
    this.#readingsBefore = readingsBefore
    const parts = { clock: this.#clock(), random: randomOf(options.seed) }
    const asked = this.#store()
    const retries = {
      ...DEFAULT_RETRIES,
      clock: parts.clock,
      random: () => (parts.random(1)[0] as number) / 256,
    }
    // Of names that are hashes retries read nothing back. Those of the copy are, without their prefix.
    const copied = decorate(asked, {
      put: (name, content) => asked.put(`${COPY}${name}`, content),
      get: (name, range) => asked.get(`${COPY}${name}`, range),
    })
    const [atSource, atCopy] = [withRetry(asked, retries), withRetry(copied, retries)]
    const store = decorate(atSource, {
      put: (name, content) =>
        placeOf(name) === COPY
          ? atCopy.put(nameWithin(name), content)
          : atSource.put(name, content),
    })
    options.program({ ...parts, store }).then(
      () => (this.hasEnded = true),
      (error: unknown) => {
        this.hasEnded = true
        this.error = error
      },
    )
  }

  /** Begins; returns when it waits for its first answers. */
  static async start(options: SampleActorOptions): Promise<SampleActor> {
    const actor = new SampleActor(options, [])
    await settled()
    return actor
  }

  /** One that was told the same up to now, and waits for the same. */
  async clone(name: string): Promise<SampleActor> {
    const twin = new SampleActor({ ...this.options, name }, [...this.#log.readings])
    await settled()
    for (const { number, answer } of this.#log.answers) {
      const asked = twin.#waiting.find((one) => one.number === number)
      if (asked === undefined) throw new Error('a twin asks for other things than the first')
      await twin.answer(asked, answer)
    }
    for (const asked of twin.#waiting)
      asked.wakeMs = this.#waiting.find(({ number }) => number === asked.number)?.wakeMs ?? 0
    twin.offsetMs = this.offsetMs
    twin.#stoppedMs = this.#stoppedMs
    return twin
  }

  /** In the order in which it asked. */
  get asked(): readonly Asked[] {
    return this.#waiting
  }

  /** Answers a call; returns when it waits for the next answers, or has ended. */
  answer({ number }: Asked, answer: SampleAnswer): Promise<void> {
    const at = this.#waiting.findIndex((one) => one.number === number)
    const [waiting] = this.#waiting.splice(at, 1)
    this.#log.answers.push({ number, answer })
    waiting?.settle(answer)
    return settled()
  }

  stopClock(): void {
    this.#stoppedMs = this.options.nowMs() + (this.offsetMs ?? 0)
    this.offsetMs = undefined
  }

  /** Ends it: every call fails from now on. */
  async kill(): Promise<void> {
    this.#isAbandoned = true
    for (const { settle } of this.#waiting.splice(0)) settle({ kind: 'failed', error: KILLED })
    await settled()
  }

  #ask(call: Call): Promise<SampleAnswer> {
    if (this.#isAbandoned) return Promise.reject(KILLED)
    const number = this.#calls++
    const wakeMs = call.kind === 'sleep' ? this.options.nowMs() + Math.ceil(call.ms) : 0
    return new Promise((resolve, reject) => {
      const settle = (answer: SampleAnswer) =>
        answer.kind === 'failed' ? reject(answer.error) : resolve(answer)
      this.#waiting.push({ number, call, wakeMs, reply: undefined, settle })
    })
  }

  #clock(): Clock {
    const { nowMs } = this.options
    return {
      nowMs: () =>
        this.#read(() => (this.offsetMs === undefined ? this.#stoppedMs : nowMs() + this.offsetMs)),
      monotonicMs: () => this.#read(nowMs),
      sleep: async (ms) => {
        await this.#ask({ kind: 'sleep', ms })
      },
    }
  }

  #read(now: () => number): number {
    const ms = this.#readingsBefore[this.#log.readings.length] ?? now()
    this.#log.readings.push(ms)
    return ms
  }

  #store(): Store {
    const ask = (call: Call) => this.#ask(call)
    const { seesLeases } = this.options
    return {
      address: 'sample:',
      capabilities: this.options.capabilities,
      put: async (name, parts) => {
        const answer = await ask({ kind: 'put', name, bytes: concat(parts) })
        return answer.kind === 'put' ? answer.result : 'created'
      },
      get: async (name, range) => {
        const answer = await ask({ kind: 'get', name, range })
        if (answer.kind !== 'bytes') throw new CairnError('object-missing', `${name} is not there`)
        const info = { address: 'sample:', name, size: answer.bytes.length }
        const { offset, length } = sliceOf(info, range)
        return answer.bytes.slice(offset, offset + length)
      },
      async *list(prefix) {
        if (isLease(prefix) && !seesLeases) return
        const answer = await ask({ kind: 'list', name: prefix })
        if (answer.kind === 'listed' || answer.kind === 'broken') yield* answer.infos
        if (answer.kind === 'broken') throw answer.error
      },
      stat: async (name) => {
        const answer = await ask({ kind: 'stat', name })
        return answer.kind === 'info' ? answer.info : undefined
      },
      remove: async (name) => {
        await ask({ kind: 'remove', name })
      },
      close: () => Promise.resolve(),
    }
  }
}

const KILLED = new CairnError('interrupted', 'the process was killed')

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function randomOf(seed: number): Random {
  const random = seededRandom(seed)
  return (count) => Uint8Array.from({ length: count }, () => Math.floor(256 * random()))
}
