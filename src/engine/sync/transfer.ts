// Copying single objects: get, verify, put, several at a time, within a bound of bytes. What is wrong with
// an object of the source is told and passed over. What fails at the target ends the run, and is never
// taken for a fault of the source: the two are caught apart.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import { ObjectProblems, WITHHELD } from '../../repository/object-problem.ts'
import { digestInName } from '../../store/names.ts'
import type { ObjectInfo, Store } from '../../store/store.ts'
import { forEachWithin } from '../../store/within-bytes.ts'
import type { SyncProblem } from './plan.ts'
import { readSound } from './read-sound.ts'
import { foreign } from './same-repository.ts'

const PARALLEL = 8
const BYTES_MAX = 256 * 1024 * 1024

export interface TransferOptions {
  readonly source: Store
  readonly target: Store
  readonly signal: AbortSignal
  readonly onProblem: (problem: SyncProblem) => void
  /** Called after each object that was put. */
  readonly onPut: (object: ObjectInfo) => void
}

export class Transfer {
  readonly #options: TransferOptions
  readonly #problems = new ObjectProblems()
  readonly #put = new Map<string, number>()
  readonly #failed = new Set<string>()

  constructor(options: TransferOptions) {
    this.#options = options
  }

  /** What was put, with its length: a listing that lags does not show it yet. */
  get put(): ReadonlyMap<string, number> {
    return this.#put
  }

  /** What could not be read. */
  get failed(): ReadonlySet<string> {
    return this.#failed
  }

  /**
   * Copies the objects, several at a time or one after the other. Returns those that the source does not have
   * any more. Throws 'interrupted', what the target throws, and what the source throws where it is gone.
   */
  async copy(
    objects: readonly ObjectInfo[],
    { inOrder = false }: { readonly inOrder?: boolean } = {},
  ): Promise<readonly string[]> {
    const vanished: string[] = []
    const limits = { parallel: inOrder ? 1 : PARALLEL, bytesMax: BYTES_MAX }
    await forEachWithin(objects, { ...limits, signal: this.#options.signal }, async (object) => {
      const outcome = await this.#copyOne(object)
      if (outcome === 'vanished') vanished.push(object.name)
    })
    return vanished
  }

  async #copyOne(object: ObjectInfo): Promise<'done' | 'failed' | 'vanished'> {
    const bytes = await this.#read(object)
    if (typeof bytes === 'string') return bytes
    this.#put.set(object.name, await this.#store(object.name, bytes))
    this.#options.onPut(object)
    return 'done'
  }

  async #read(object: ObjectInfo): Promise<Bytes | 'failed' | 'vanished'> {
    try {
      const bytes = await readSound(this.#options.source, object)
      this.#problems.noteRead()
      return bytes
    } catch (error) {
      if (isCairnError(error, 'object-missing')) return 'vanished'
      this.#fail(object.name, error)
      return 'failed'
    }
  }

  #fail(name: string, error: unknown): void {
    this.#problems.take(name, error)
    this.#failed.add(name)
    const kind = isCairnError(error, ...WITHHELD) ? 'unreadable' : 'damaged'
    const what = isCairnError(error) ? error.message : ''
    this.#options.onProblem({ kind, object: name, what: `not copied: ${what}` })
  }

  /** Returns with which length it is there. */
  async #store(name: string, bytes: Bytes): Promise<number> {
    const { source, target } = this.#options
    if ((await target.put(name, [bytes])) === 'created') return bytes.length
    // A put that was cut off and tried again finds the name taken.
    if (digestInName(name) !== undefined) return (await target.stat(name))?.size ?? bytes.length
    // Somebody else has put a generation of this number meanwhile.
    if (equalBytes(await target.get(name, { last: bytes.length + 1 }), bytes)) return bytes.length
    throw foreign({ source, target }, `${name} is not the same in both`)
  }
}
