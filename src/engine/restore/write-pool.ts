// The writing workers, as the main thread sees them: fetches ranges, a few at a time, and hands each to the
// worker with the least to do.

import { type CairnError, isCairnError } from '../../base/errors.ts'
import { WorkerGroup } from '../../base/worker-group.ts'
import type { Session } from '../../format/pack.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { Index } from '../../repository/index-load.ts'
import { WITHHELD } from '../../repository/object-problem.ts'
import { frameBinding } from '../../sealer/session.ts'
import type { Store } from '../../store/store.ts'
import type { RangeResult, RangeTask, WireSession, WriterSetup } from './messages.ts'
import { type PlannedRange, wireTask } from './window.ts'

const RANGES_PER_WORKER = 2

export interface WritePoolOptions {
  readonly store: Store
  readonly domain: DomainAccess
  readonly index: Index
  readonly workers: number
  readonly setup: WriterSetup
}

/** What became of a range: written, or why its bytes could not be had. */
export type RangeOutcome = RangeResult | { readonly unreadable: CairnError }

interface Waiting {
  readonly resolve: (result: RangeResult) => void
  readonly reject: (error: Error) => void
}

export class WritePool {
  readonly #options: WritePoolOptions
  readonly #group: WorkerGroup<RangeTask, RangeResult>
  /** How many ranges each worker has. */
  readonly #inFlight: number[]
  readonly #waiting = new Map<number, Waiting>()
  readonly #sessions = new Map<number, WireSession>()
  /** How many more ranges may be fetched, and who waits for that. */
  #free: number
  readonly #queue: (() => void)[] = []
  #nextTask = 1
  #failure: Error | undefined

  constructor(options: WritePoolOptions) {
    this.#options = options
    const { workers, setup } = options
    this.#inFlight = Array.from({ length: workers }, () => 0)
    this.#free = RANGES_PER_WORKER * workers
    this.#group = new WorkerGroup<RangeTask, RangeResult>({
      module: new URL('./write-worker.ts', import.meta.url),
      setups: Array.from({ length: workers }, () => setup),
      onMessage: (_, result) => this.#receive(result),
      onFailure: (error) => this.#fail(error),
    })
  }

  /**
   * Writes all ranges, a few at a time and after those that were asked for before, and tells of each as
   * it is done.
   */
  async run(
    ranges: readonly PlannedRange[],
    onDone: (range: PlannedRange, outcome: RangeOutcome) => void,
  ): Promise<void> {
    let failed = false
    const writeOne = async (range: PlannedRange) => {
      await this.#turn()
      try {
        if (!failed) onDone(range, await this.#write(range))
      } catch (error) {
        failed = true
        throw error
      } finally {
        this.#endTurn()
      }
    }
    await Promise.all(ranges.map(writeOne))
  }

  async stop(): Promise<void> {
    await this.#group.stop()
  }

  async #turn(): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#queue.push(resolve))
  }

  #endTurn(): void {
    const next = this.#queue.shift()
    if (next === undefined) this.#free++
    else next()
  }

  async #write(range: PlannedRange): Promise<RangeOutcome> {
    const { store, index } = this.#options
    const { name } = index.packs[range.pack] as Index['packs'][number]
    let bytes: Uint8Array<ArrayBuffer>
    try {
      bytes = owned(await store.get(name, { offset: range.offset, length: range.length }))
    } catch (error) {
      if (isCairnError(error, 'object-missing', 'object-damaged', ...WITHHELD))
        return { unreadable: error }
      throw error
    }
    // Nobody answers any more.
    if (this.#failure !== undefined) throw this.#failure
    const task = this.#nextTask++
    const message = wireTask(range, {
      task,
      bytes,
      index,
      sessionOf: (session) => this.#session(session),
    })
    const worker = this.#inFlight.indexOf(Math.min(...this.#inFlight))
    this.#inFlight[worker] = (this.#inFlight[worker] as number) + 1
    const result = new Promise<RangeResult>((resolve, reject) =>
      this.#waiting.set(task, { resolve, reject }),
    )
    this.#group.post(worker, message, [bytes.buffer])
    try {
      return await result
    } finally {
      this.#inFlight[worker] = this.#inFlight[worker] - 1
    }
  }

  #session(session: number): WireSession {
    const known = this.#sessions.get(session)
    if (known !== undefined) return known
    const { domain, index } = this.#options
    const wanted = index.sessions[session] as Session
    const { frameKey } = domain.sessionKeys(wanted)
    const wire = { session, frameKey, aad: frameBinding(domain.scope, wanted, 'data-pack') }
    this.#sessions.set(session, wire)
    return wire
  }

  #receive(result: RangeResult): void {
    this.#waiting.get(result.task)?.resolve(result)
    this.#waiting.delete(result.task)
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** The bytes in memory of their own, which can be given away to a worker. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength)
    return bytes as Uint8Array<ArrayBuffer>
  return Uint8Array.from(bytes)
}
