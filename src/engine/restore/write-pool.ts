// The writing workers, as the main thread sees them: fetches ranges, a few at a time, and hands each to the
// worker with the least to do.

import { Worker } from 'node:worker_threads'
import { type CairnError, isCairnError } from '../../base/errors.ts'
import type { Session } from '../../format/pack.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { Index } from '../../repository/index-load.ts'
import { frameBinding } from '../../sealer/session.ts'
import type { Store } from '../../store/store.ts'
import { WORKER_LIMITS } from '../worker-limits.ts'
import type { RangeResult, WireSession, WriterSetup } from './messages.ts'
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

interface PoolWorker {
  readonly worker: Worker
  readonly ended: Promise<void>
  inFlight: number
}

export class WritePool {
  readonly #options: WritePoolOptions
  readonly #workers: PoolWorker[] = []
  readonly #waiting = new Map<
    number,
    { resolve: (result: RangeResult) => void; reject: (error: Error) => void }
  >()
  readonly #sessions = new Map<number, WireSession>()
  #nextTask = 1
  #stopping = false
  #failure: Error | undefined

  constructor(options: WritePoolOptions) {
    this.#options = options
    for (let i = 0; i < options.workers; i++) this.#workers.push(this.#start(i))
  }

  /** Writes all ranges, and tells of each as it is done. */
  async run(
    ranges: readonly PlannedRange[],
    onDone: (range: PlannedRange, outcome: RangeOutcome) => void,
  ): Promise<void> {
    const next = ranges.values()
    const work = async () => {
      for (const range of next) onDone(range, await this.#write(range))
    }
    await Promise.all(Array.from({ length: RANGES_PER_WORKER * this.#workers.length }, work))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    for (const { worker } of this.#workers) worker.postMessage('stop')
    await Promise.all(this.#workers.map(({ ended }) => ended))
  }

  async #write(range: PlannedRange): Promise<RangeOutcome> {
    const { store, index } = this.#options
    const { name } = index.packs[range.pack] as Index['packs'][number]
    let bytes: Uint8Array<ArrayBuffer>
    try {
      bytes = owned(await store.get(name, { offset: range.offset, length: range.length }))
    } catch (error) {
      if (isCairnError(error, 'object-missing', 'object-damaged', 'store-unreadable'))
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
    const free = this.#workers.reduce((a, b) => (b.inFlight < a.inFlight ? b : a))
    free.inFlight++
    const result = new Promise<RangeResult>((resolve, reject) =>
      this.#waiting.set(task, { resolve, reject }),
    )
    free.worker.postMessage(message, [bytes.buffer])
    try {
      return await result
    } finally {
      free.inFlight--
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

  #start(number: number): PoolWorker {
    const worker = new Worker(new URL('./write-worker.ts', import.meta.url), {
      workerData: this.#options.setup,
      trackUnmanagedFds: false,
      resourceLimits: WORKER_LIMITS,
      name: `write-${number}`,
    })
    worker.on('message', (result: RangeResult) => {
      this.#waiting.get(result.task)?.resolve(result)
      this.#waiting.delete(result.task)
    })
    worker.on('error', (error: unknown) =>
      this.#fail(error instanceof Error ? error : new Error(String(error))),
    )
    const ended = new Promise<void>((resolve) => {
      worker.on('exit', () => {
        if (!this.#stopping) this.#fail(new Error('a writing worker ended'))
        resolve()
      })
    })
    return { worker, ended, inFlight: 0 }
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
