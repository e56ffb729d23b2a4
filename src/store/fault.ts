// Fault injection, for tests: before each call a function decides what goes wrong with it. The same
// decisions give the same faults, so a failing seed replays exactly. The function may also return a
// promise: then each call waits for it, which lets a scheduler interleave calls as it likes.
//
// Lagging listings are in listing-lag.ts and a full disk is in space-limit.ts; all three combine.

import { type Bytes, concat } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import { decorate } from './decorate.ts'
import type { ByteRange, ObjectInfo, PutResult, Store } from './store.ts'

export type Operation = 'put' | 'get' | 'list' | 'stat' | 'remove'

export interface Call {
  /** Counts all calls of this store, from 0. */
  readonly index: number
  readonly operation: Operation
  /** Of the object; for a listing its prefix. */
  readonly name: string
}

export type Fault =
  /** Fails and does nothing. */
  | { readonly kind: 'fail'; readonly error?: CairnError }
  /** Does everything, then fails: the reply is lost. */
  | { readonly kind: 'lose-reply' }
  /** Fails now and takes effect after all (put and remove; others just fail). */
  | { readonly kind: 'late'; readonly afterMs: number }
  /**
   * Stops after `keep` bytes of a put (which stay, under the name) or objects of a listing, and
   * fails; a get answers with its first `keep` bytes as if that were all. No store may do this.
   */
  | { readonly kind: 'tear'; readonly keep: number }
  /** Flips this bit of what a get returns (modulo its length). */
  | { readonly kind: 'flip'; readonly bit: number }
  | { readonly kind: 'delay'; readonly ms: number }

export interface CallRecord extends Call {
  readonly fault: Fault['kind'] | undefined
  /** 'pending' until the call ends; then 'ok', 'created', 'exists' or the code of its error. */
  outcome: string
}

export interface FaultOptions {
  readonly clock: Clock
  readonly decide: (call: Call) => Fault | undefined | Promise<Fault | undefined>
  /** Gets a record for each call, in the order in which they began. */
  readonly log?: CallRecord[]
}

export function withFaults(store: Store, options: FaultOptions): Store {
  const faulty = new FaultyStore(store, options)
  return decorate(store, {
    put: (name, parts) => faulty.put(name, parts),
    get: (name, range) => faulty.get(name, range),
    list: (prefix) => faulty.list(prefix),
    stat: (name) => faulty.plain('stat', name, () => store.stat(name)),
    remove: (name) => faulty.plain('remove', name, () => store.remove(name)),
  })
}

class FaultyStore {
  readonly #store: Store
  readonly #options: FaultOptions
  #calls = 0

  constructor(store: Store, options: FaultOptions) {
    this.#store = store
    this.#options = options
  }

  put(name: string, parts: readonly Bytes[]): Promise<PutResult> {
    // Copied now: a late put must not see what the caller does to its buffers afterwards.
    const whole = concat(parts)
    return this.#run('put', name, async (fault) => {
      if (fault?.kind === 'tear') {
        await this.#store.put(name, [whole.subarray(0, fault.keep)])
        throw this.#failure('put', name)
      }
      return this.#affected('put', name, { fault, effect: () => this.#store.put(name, [whole]) })
    })
  }

  get(name: string, range?: ByteRange): Promise<Bytes> {
    return this.#run('get', name, async (fault) => {
      const effect = () => this.#store.get(name, range)
      const bytes = await this.#affected('get', name, { fault, effect })
      if (fault?.kind === 'tear') return bytes.slice(0, fault.keep)
      return fault?.kind === 'flip' ? flipped(bytes, fault.bit) : bytes
    })
  }

  plain<T>(operation: 'stat' | 'remove', name: string, effect: () => Promise<T>): Promise<T> {
    return this.#run(operation, name, (fault) => this.#affected(operation, name, { fault, effect }))
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    const { record, fault } = await this.#begin('list', prefix)
    try {
      await this.#before('list', prefix, fault)
      let count = 0
      for await (const info of this.#store.list(prefix)) {
        if (fault?.kind === 'tear' && count++ >= fault.keep) throw this.#failure('list', prefix)
        yield info
      }
      if (fault?.kind === 'lose-reply') throw this.#failure('list', prefix)
      record.outcome = 'ok'
    } catch (error) {
      record.outcome = outcomeOf(error)
      throw error
    }
  }

  async #run<T>(
    operation: Operation,
    name: string,
    act: (fault: Fault | undefined) => Promise<T>,
  ): Promise<T> {
    const { record, fault } = await this.#begin(operation, name)
    try {
      const result = await act(fault)
      record.outcome = typeof result === 'string' ? result : 'ok'
      return result
    } catch (error) {
      record.outcome = outcomeOf(error)
      throw error
    }
  }

  async #begin(operation: Operation, name: string) {
    const call = { index: this.#calls++, operation, name }
    const fault = await this.#options.decide(call)
    const record: CallRecord = { ...call, fault: fault?.kind, outcome: 'pending' }
    this.#options.log?.push(record)
    return { record, fault }
  }

  async #affected<T>(
    operation: Operation,
    name: string,
    { fault, effect }: { fault: Fault | undefined; effect: () => Promise<T> },
  ): Promise<T> {
    if (fault?.kind === 'late') this.#later(operation, { fault, effect })
    await this.#before(operation, name, fault)
    const result = await effect()
    if (fault?.kind === 'lose-reply') throw this.#failure(operation, name)
    return result
  }

  async #before(operation: Operation, name: string, fault: Fault | undefined): Promise<void> {
    if (fault?.kind === 'delay') await this.#options.clock.sleep(fault.ms)
    if (fault?.kind === 'fail' && fault.error !== undefined) throw fault.error
    if (fault?.kind === 'fail' || fault?.kind === 'late') throw this.#failure(operation, name)
  }

  #later(
    operation: Operation,
    late: { fault: { readonly afterMs: number }; effect: () => Promise<unknown> },
  ): void {
    if (operation !== 'put' && operation !== 'remove') return
    const { clock } = this.#options
    // Nobody waits for it any more, as on a real network.
    void clock
      .sleep(late.fault.afterMs)
      .then(late.effect)
      .catch(() => undefined)
  }

  #failure(operation: Operation, name: string): CairnError {
    const writes = operation === 'put' || operation === 'remove'
    return new CairnError(
      writes ? 'store-unwritable' : 'store-unreadable',
      `Cannot ${operation} ${name} in ${this.#store.address}: a fault was injected`,
      { hint: 'This is a test.', context: { object: name } },
    )
  }
}

function outcomeOf(error: unknown): string {
  return isCairnError(error) ? error.code : 'bug'
}

function flipped(bytes: Bytes, bit: number): Bytes {
  if (bytes.length === 0) return bytes
  const at = Math.floor(bit / 8) % bytes.length
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8))
  return bytes
}
