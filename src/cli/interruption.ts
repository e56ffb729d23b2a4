// SIGINT, SIGTERM and SIGHUP. Work that keeps something takes the signal and ends in order; a second
// one ends it hard. Everything else ends at once: there is nothing to keep.

import { EXIT } from './exit-codes.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export class Interruption {
  readonly #controller = new AbortController()
  readonly #tell: (text: string) => void
  #graceful = false

  constructor(tell: (text: string) => void) {
    this.#tell = tell
    for (const signal of SIGNALS) process.on(signal, () => this.#take())
  }

  /** For work that ends in order when the signal comes. */
  get signal(): AbortSignal {
    this.#graceful = true
    return this.#controller.signal
  }

  /** For what only waits meanwhile: how the work ends is said by who does it. */
  get forWaiting(): AbortSignal {
    return this.#controller.signal
  }

  get happened(): boolean {
    return this.#controller.signal.aborted
  }

  #take(): void {
    if (!this.#graceful || this.happened) process.exit(EXIT.interrupted)
    this.#controller.abort()
    this.#tell('Stopping: what is on its way is finished. Once more ends it at once.')
  }
}
