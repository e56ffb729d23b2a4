// The checking workers, as the main thread sees them. Each has one pack at a time; who brings more
// waits. A worker that dies ends the check: what it had is not checked.

import { Worker } from 'node:worker_threads'
import type { PackColumns } from '../../repository/pack-headers.ts'
import type { CheckSetup, CheckTask, FromCheckWorker } from './messages.ts'
import type { PackFacts } from './pack-facts.ts'

interface PoolWorker {
  readonly worker: Worker
  settle:
    | { readonly resolve: (facts: PackFacts) => void; readonly reject: (error: Error) => void }
    | undefined
}

export interface PackToCheck {
  readonly name: string
  /** Alone in its ArrayBuffer, which the pool takes. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly fallback?: PackColumns | undefined
}

export class CheckPool {
  readonly #workers: PoolWorker[] = []
  readonly #free: PoolWorker[] = []
  readonly #waiting: ((worker: PoolWorker) => void)[] = []
  #failure: Error | undefined
  #stopped = false

  constructor(setup: CheckSetup, workers: number) {
    for (let i = 0; i < workers; i++) this.#start(setup)
  }

  /** Checks one pack, as soon as a worker is free. */
  async check({ name, bytes, fallback }: PackToCheck): Promise<PackFacts> {
    const free =
      this.#free.pop() ?? (await new Promise<PoolWorker>((resolve) => this.#waiting.push(resolve)))
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      free.settle = { resolve, reject }
      const task: CheckTask = { name, bytes, fallback }
      free.worker.postMessage(task, [bytes.buffer])
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()))
  }

  #start(setup: CheckSetup): void {
    const worker = new Worker(new URL('./check-worker.ts', import.meta.url), {
      workerData: setup,
      trackUnmanagedFds: false,
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    })
    const one: PoolWorker = { worker, settle: undefined }
    worker.on('message', (message: FromCheckWorker) => this.#receive(one, message))
    worker.on('error', (error) =>
      this.#fail(error instanceof Error ? error : new Error(String(error))),
    )
    worker.on('exit', (code) => {
      if (!this.#stopped) this.#fail(new Error(`a checking worker ended with code ${code}`))
    })
    this.#workers.push(one)
    this.#free.push(one)
  }

  #receive(from: PoolWorker, message: FromCheckWorker): void {
    const { settle } = from
    from.settle = undefined
    if (message.kind === 'failed') {
      const error = Object.assign(new Error(message.message), { stack: message.stack })
      settle?.reject(error)
      return this.#fail(error)
    }
    settle?.resolve(message.facts)
    this.#giveBack(from)
  }

  #giveBack(worker: PoolWorker): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(worker)
    else next(worker)
  }

  /** Whoever waits for a worker, or for its answer, learns why there is none. */
  #fail(error: Error): void {
    this.#failure ??= error
    for (const worker of this.#workers) {
      worker.settle?.reject(error)
      worker.settle = undefined
      this.#waiting.shift()?.(worker)
    }
    while (this.#waiting.length > 0) this.#waiting.shift()?.(this.#workers[0] as PoolWorker)
  }
}
