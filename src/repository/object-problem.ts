// Objects that were passed over, and why: who only reads goes on without them and tells. Two kinds of
// trouble must be kept apart: something is wrong with one object, or the store itself is gone.

import { type CairnError, type ErrorCode, isCairnError, whileDoing } from '../base/errors.ts'

export interface ObjectProblem {
  readonly name: string
  readonly error: CairnError
  /** Its bytes are those that its name promises: what is wrong is what they say, not the disk. */
  readonly isIntact?: boolean
}

/** What is wrong, as a sentence that names the object; what the store says about one names it already. */
export function aboutObject({ name, error }: Pick<ObjectProblem, 'name' | 'error'>): CairnError {
  if (error.message.includes(name)) return error
  return whileDoing(`Cannot use ${name}`, error)
}

/**
 * Whether an object never was what its folder holds, rather than being damaged since: it is intact, and no
 * key of the repository made it. Nothing is lost with it.
 */
export function isNobodys({ isIntact, error }: ObjectProblem): boolean {
  return isIntact === true && isCairnError(error, 'object-damaged', 'object-foreign')
}

/**
 * What is wrong with an object itself, as against with the store or with us: it is damaged, not ours, of
 * a version that we do not know, or of an epoch that our key does not hold.
 */
export const UNREADABLE: readonly ErrorCode[] = [
  'object-damaged',
  'object-foreign',
  'unsupported',
  'not-permitted',
]

/**
 * The store has the object and does not give it out: a bad sector, a right that is missing. It may be
 * had another time, so that writers must not take it for one that is not there.
 */
export const WITHHELD: readonly ErrorCode[] = ['store-unreadable', 'timeout']

/** So many objects in a row that are not given out mean that the store is gone. */
const WITHHELD_MAX = 16

/** Collects what is wrong with single objects while many are read. */
export class ObjectProblems {
  readonly #found: ObjectProblem[] = []
  #withheldInARow = 0
  #anyRead = false

  get found(): readonly ObjectProblem[] {
    return this.#found
  }

  /** Says that the store gave out an object, whatever is in it. */
  noteRead(): void {
    this.#withheldInARow = 0
    this.#anyRead = true
  }

  /** Takes what was thrown about an object. Throws it on where it says nothing about this object alone. */
  take(name: string, error: unknown, { isIntact = false } = {}): void {
    if (isCairnError(error, ...UNREADABLE)) {
      this.noteRead()
      this.#found.push({ name, error, isIntact })
    } else if (isCairnError(error, ...WITHHELD) && ++this.#withheldInARow < WITHHELD_MAX) {
      this.#found.push({ name, error })
    } else throw error
  }

  /** For the end: where there are several objects and none could be had, it is the store's fault. */
  expectAnyRead(): void {
    const withheld = this.#found.filter(({ error }) => WITHHELD.includes(error.code))
    const [first] = withheld
    if (first !== undefined && withheld.length > 1 && !this.#anyRead) throw first.error
  }
}

/**
 * Calls `act` for each item, so many at a time: listings are long, and stores are far away. After one
 * has thrown no other is begun.
 */
export async function forEachInParallel<T>(
  items: Iterable<T>,
  parallel: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const next = items[Symbol.iterator]()
  let failed = false
  const work = async () => {
    for (let item = next.next(); item.done !== true && !failed; item = next.next()) {
      try {
        await act(item.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
}
