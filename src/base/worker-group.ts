// Worker threads of one kind, as the main thread sees them. They are asked to stop and end by themselves,
// never terminated: a thread that is terminated while it loads native code takes the process with it.

import { Worker } from 'node:worker_threads'

/** What a worker's JavaScript may take. A small nursery is collected often, and not kept for ever. */
const LIMITS = { maxYoungGenerationSizeMb: 6 } as const

/** To a worker: do nothing more and end. */
export const STOP = 'stop'

/** From a worker: it cannot go on. */
export interface WorkerFailed {
  readonly kind: 'failed'
  readonly message: string
  readonly stack: string
}

export interface WorkerGroupOptions<Out> {
  readonly module: URL
  /** What each worker is started with, as its workerData. */
  readonly setups: readonly unknown[]
  readonly onMessage: (worker: number, message: Out) => void
  /** A worker has died or cannot go on: what it was given is not done, and never will be. */
  readonly onFailure: (error: Error) => void
}

export class WorkerGroup<In, Out> {
  readonly #options: WorkerGroupOptions<Out>
  readonly #workers: readonly Worker[]
  readonly #ended: readonly Promise<void>[]
  #stopping = false

  constructor(options: WorkerGroupOptions<Out>) {
    this.#options = options
    this.#workers = options.setups.map((setup) => newWorker(options.module, setup))
    this.#ended = this.#workers.map((worker, number) => this.#watch(worker, number))
  }

  post(worker: number, message: In, transfer: readonly ArrayBuffer[] = []): void {
    this.#workers[worker]?.postMessage(message, transfer)
  }

  postAll(message: In): void {
    for (const worker of this.#workers) worker.postMessage(message)
  }

  /** Returns when all have ended, each after the task that it is at. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const worker of this.#workers) worker.postMessage(STOP)
    await Promise.all(this.#ended)
  }

  #watch(worker: Worker, number: number): Promise<void> {
    const { onMessage, onFailure, module } = this.#options
    worker.on('message', (message: Out | WorkerFailed) => {
      if (hasFailed(message)) onFailure(errorOf(message))
      else onMessage(number, message)
    })
    worker.on('error', (error: unknown) =>
      onFailure(error instanceof Error ? error : new Error(String(error))),
    )
    return new Promise((resolve) => {
      worker.on('exit', (code) => {
        resolve()
        if (!this.#stopping) onFailure(new Error(`${module.pathname} ended with code ${code}`))
      })
    })
  }
}

function newWorker(module: URL, workerData: unknown): Worker {
  return new Worker(module, { workerData, trackUnmanagedFds: false, resourceLimits: LIMITS })
}

function hasFailed(message: unknown): message is WorkerFailed {
  return (message as { kind?: unknown }).kind === 'failed'
}

function errorOf({ message, stack }: WorkerFailed): Error {
  return Object.assign(new Error(message), { stack })
}
