// The checking workers, as the main thread sees them. Each has one pack at a time; who brings more
// waits. A worker that dies ends the check: what it had is not checked.

import { WorkerGroup } from '../../base/worker-group.ts'
import type { PackColumns } from '../../repository/pack-headers.ts'
import type { CheckSetup, CheckTask } from './messages.ts'
import type { PackFacts } from './pack-facts.ts'

export interface PackToCheck {
  readonly name: string
  /** Alone in its ArrayBuffer, which the pool takes. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly fallback?: PackColumns | undefined
}

interface Settle {
  readonly resolve: (facts: PackFacts) => void
  readonly reject: (error: Error) => void
}

export class CheckPool {
  readonly #group: WorkerGroup<CheckTask, PackFacts>
  /** By worker: who waits for its answer. */
  readonly #settle: (Settle | undefined)[]
  readonly #free: number[]
  readonly #waiting: ((worker: number) => void)[] = []
  #failure: Error | undefined

  constructor(setup: CheckSetup, workers: number) {
    const numbers = Array.from({ length: workers }, (_, number) => number)
    this.#free = [...numbers]
    this.#settle = numbers.map(() => undefined)
    this.#group = new WorkerGroup<CheckTask, PackFacts>({
      module: new URL('./check-worker.ts', import.meta.url),
      setups: numbers.map(() => setup),
      onMessage: (worker, facts) => this.#receive(worker, facts),
      onFailure: (error) => this.#fail(error),
    })
  }

  /** Checks one pack, as soon as a worker is free. */
  async check({ name, bytes, fallback }: PackToCheck): Promise<PackFacts> {
    const worker =
      this.#free.pop() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)))
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#settle[worker] = { resolve, reject }
      this.#group.post(worker, { name, bytes, fallback }, [bytes.buffer])
    })
  }

  async stop(): Promise<void> {
    await this.#group.stop()
  }

  #receive(worker: number, facts: PackFacts): void {
    this.#settle[worker]?.resolve(facts)
    this.#settle[worker] = undefined
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(worker)
    else next(worker)
  }

  /** Whoever waits for a worker, or for its answer, learns why there is none. */
  #fail(error: Error): void {
    this.#failure ??= error
    this.#settle.forEach((settle, worker) => {
      settle?.reject(error)
      this.#settle[worker] = undefined
    })
    for (const next of this.#waiting.splice(0)) next(0)
  }
}
