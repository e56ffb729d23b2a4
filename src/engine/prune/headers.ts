// Headers of packs, read once in a run however often it lists: a pack's name is the SHA-256 of its bytes, so
// that what it says never changes.

import { CairnError, isCairnError } from '../../base/errors.ts'
import {
  forEachInParallel,
  type ObjectProblem,
  ObjectProblems,
} from '../../repository/object-problem.ts'
import {
  type EncodedHeader,
  HeaderLengths,
  readEncodedHeader,
} from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ObjectInfo } from '../../store/store.ts'

/** Headers at a time on their way. */
const PARALLEL = 16

export interface HeadersRead {
  /** What is wrong with packs. */
  readonly problems: readonly ObjectProblem[]
  /** How many are there no longer: what was needed of them is in packs that were not listed yet. */
  readonly gone: number
}

export class Headers {
  readonly #repository: Repository
  readonly #signal: AbortSignal | undefined
  readonly #read = new Map<string, EncodedHeader | 'foreign'>()

  constructor(repository: Repository, { signal }: { readonly signal?: AbortSignal } = {}) {
    this.#repository = repository
    this.#signal = signal
  }

  /** The header of a pack of our domains; undefined where it is another's, or could not be read. */
  get(name: string): EncodedHeader | undefined {
    const read = this.#read.get(name)
    return read === 'foreign' ? undefined : read
  }

  /** Reads those that are not known yet. Throws 'interrupted', or what the store throws. */
  async read(packs: Iterable<ObjectInfo>): Promise<HeadersRead> {
    const { store, domains } = this.#repository
    const lengths = new HeaderLengths()
    const problems = new ObjectProblems()
    let gone = 0
    const unknown = [...packs].filter(({ name }) => !this.#read.has(name))
    await forEachInParallel(unknown, PARALLEL, async ({ name, size }) => {
      if (this.#signal?.aborted === true) throw new CairnError('interrupted', 'Interrupted')
      try {
        const header = await readEncodedHeader(
          store,
          { name, packBytes: size },
          { domains, lengths },
        )
        this.#read.set(name, header ?? 'foreign')
        problems.noteRead()
      } catch (error) {
        if (isCairnError(error, 'object-missing')) gone++
        else problems.take(name, error)
      }
    })
    return { problems: problems.found, gone }
  }
}
