// What a check finds, as data. A problem is something that a repository must not have; a note is
// something that interrupted runs and work in progress leave, which is worth knowing and nothing worse.

import type { Bytes } from '../../base/bytes.ts'
import { type CairnError, type ErrorCode, isCairnError, messageOf } from '../../base/errors.ts'

export type ProblemKind =
  | 'damaged' // stored bytes are not what was stored
  | 'missing' // an object that is needed is not there
  | 'foreign' // intact, but of another repository, kind or signer
  | 'unsupported' // of a version that this program does not know
  | 'unresolved' // an id that nothing holds
  | 'lost' // so is this one, and upkeep has said so
  | 'mismatch' // two objects that should agree do not
  | 'malformed' // each node of a tree is intact, and together they are nothing that could be restored

export interface CheckProblem {
  readonly kind: ProblemKind
  /** Name of the object; of what is unresolved the id in hexadecimal. */
  readonly object: string
  readonly what: string
  /** In bytes from the beginning of the object, where that is known. */
  readonly offset?: number
  /** Ids of the snapshots that it affects, where that was found out. */
  readonly snapshots?: readonly string[]
  /** Paths in these snapshots, the first of them. */
  readonly paths?: readonly Bytes[]
}

export interface CheckNote {
  readonly object: string
  readonly what: string
  readonly snapshots?: readonly string[]
  readonly paths?: readonly Bytes[]
}

const PROBLEMS_KEPT_MAX = 10_000
const UNREADABLE_MAX = 16

export class Findings {
  readonly #onProblem: (problem: CheckProblem) => void
  readonly #problems: CheckProblem[] = []
  readonly #notes: CheckNote[] = []
  readonly #seen = new Set<string>()
  #count = 0
  #unreadable = 0

  constructor(onProblem: (problem: CheckProblem) => void) {
    this.#onProblem = onProblem
  }

  /** What was found, in the order in which it was found; the first 10,000. */
  get problems(): readonly CheckProblem[] {
    return this.#problems
  }

  get notes(): readonly CheckNote[] {
    return this.#notes
  }

  /** All problems, those beyond the first 10,000 included. */
  get count(): number {
    return this.#count
  }

  /** Takes a problem unless the same was met before. */
  add(problem: CheckProblem): void {
    // One pack has many trees, and each fault is one of its own.
    const place = problem.kind === 'malformed' ? problem.what : (problem.offset ?? '')
    const key = `${problem.kind} ${problem.object} ${place}`
    if (this.#seen.has(key)) return
    this.#count++
    this.#onProblem(problem)
    if (this.#problems.length >= PROBLEMS_KEPT_MAX) return
    this.#seen.add(key)
    this.#problems.push(problem)
  }

  /**
   * Takes what was thrown about an object. Throws it on where it says nothing about an object. One that
   * the store cannot read (a bad sector) is damaged; many in a row mean that the store is gone.
   */
  addError(object: string, error: unknown): void {
    if (!isCairnError(error, 'store-unreadable', 'timeout'))
      return this.add(problemOf(object, error))
    if (++this.#unreadable >= UNREADABLE_MAX) throw error
    this.add({ kind: 'damaged', object, what: error.message })
  }

  /** Says that an object could be read. */
  noteRead(): void {
    this.#unreadable = 0
  }

  note(object: string, what: string, affected: Partial<CheckNote> = {}): void {
    if (this.#notes.length < PROBLEMS_KEPT_MAX) this.#notes.push({ ...affected, object, what })
  }

  /** Adds to every problem with an object what it affects. */
  affects(object: string, affected: Pick<CheckProblem, 'snapshots' | 'paths'>): void {
    this.#problems.forEach((problem, i) => {
      if (problem.object === object) this.#problems[i] = { ...problem, ...affected }
    })
  }
}

const KINDS: Partial<Record<ErrorCode, ProblemKind>> = {
  'object-damaged': 'damaged',
  'object-foreign': 'foreign',
  'object-missing': 'missing',
  'not-permitted': 'unsupported',
  unsupported: 'unsupported',
}

/** The problem that an error about an object is. Throws the error where it is about something else. */
export function problemOf(object: string, error: unknown): CheckProblem {
  const kind = isCairnError(error) ? KINDS[error.code] : undefined
  if (kind === undefined) throw error
  const { offset } = (error as CairnError).context
  return { kind, object, what: messageOf(error), ...(typeof offset === 'number' && { offset }) }
}
