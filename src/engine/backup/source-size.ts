// How much there is in a source: found out by a walk of its own in a thread of its own, because the
// backup's walk comes to the end of it only with the backup. For people who look at a bar; that it costs
// another walk is why nobody else is given it.

import { WorkerGroup } from '../../base/worker-group.ts'
import type { WalkOptions } from '../../source/files/walk.ts'

export interface SizeSetup {
  readonly walk: Omit<WalkOptions, 'patterns'>
  /** Their texts: what they are parsed to is nothing that can be sent. */
  readonly patterns: readonly string[]
  /** One word: 1 when nobody wants to know any more. */
  readonly given: SharedArrayBuffer
}

/** To the worker: begin. */
export const MEASURE = 'measure'

export interface SizeResult {
  readonly bytes: number
}

export class SourceSize {
  readonly #group: WorkerGroup<typeof MEASURE, SizeResult>
  readonly #given = new SharedArrayBuffer(4)
  #bytes: number | undefined

  constructor({ patterns = [], ...walk }: WalkOptions) {
    const texts = patterns.map(({ text }) => text)
    this.#group = new WorkerGroup<typeof MEASURE, SizeResult>({
      module: new URL('./source-size-worker.ts', import.meta.url),
      setups: [{ walk, patterns: texts, given: this.#given } satisfies SizeSetup],
      onMessage: (_, { bytes }) => {
        this.#bytes = bytes
      },
      // Then there is no bar: the backup itself tells what is wrong with the source.
      onFailure: () => undefined,
    })
    this.#group.postAll(MEASURE)
  }

  /** The lengths of all files together; undefined as long as that is not known. */
  get bytes(): number | undefined {
    return this.#bytes
  }

  /** Gives it up where it is not known yet. */
  async stop(): Promise<void> {
    Atomics.store(new Int32Array(this.#given), 0, 1)
    await this.#group.stop()
  }
}
