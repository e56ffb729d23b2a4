// Which snapshots the target has already. A copy says in its summary of what it is one, so that a writer's key
// finds it too. What is itself a copy is there where its original is, or another copy of that.

import { type Bytes, toHex } from '../../base/bytes.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { ObjectProblem } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import {
  loadSnapshots,
  replacements,
  type Snapshot,
  withoutReplaced,
} from '../../repository/snapshots.ts'

/** What a later copy has to know of one that is in the target. */
export interface CopyThere {
  readonly name: string
  readonly sequence: number
  readonly predecessor: Bytes | undefined
  readonly roots: readonly Bytes[]
}

export class CopiedBefore {
  readonly #byOriginal = new Map<string, CopyThere>()

  /** Confirmed ones of the domain; what cannot be read is told. Throws what the store throws. */
  static async load(
    repository: Repository,
    options: {
      readonly domain: DomainAccess
      readonly onProblem: (problem: ObjectProblem) => void
    },
  ): Promise<CopiedBefore> {
    const copied = new CopiedBefore()
    const list = await loadSnapshots(repository, { onlyReading: true, withReplaced: true })
    for (const problem of list.problems) options.onProblem(problem)
    const { hex } = options.domain
    const counting = list.snapshots.filter(
      ({ confirmed, domain }) => confirmed && domain.hex === hex,
    )
    const originals = replacements(counting)
    for (const listed of withoutReplaced(counting)) copied.#addWithReplaced(listed, originals)
    return copied
  }

  /** What stands for others is there for whoever has one of these, too. */
  #addWithReplaced(listed: Snapshot, originals: ReadonlyMap<Snapshot, Snapshot>): void {
    const { name, summary } = listed
    const { sequence, predecessor, roots } = summary
    const there = { name, sequence, predecessor, roots }
    for (let one: Snapshot | undefined = listed; one !== undefined; one = originals.get(one)) {
      const { copyOf, replaces } = one.summary
      this.add(one, there)
      for (const id of [copyOf, replaces]) if (id) this.#byOriginal.set(toHex(id), there)
    }
  }

  /** What stands in the target for a snapshot of the source. */
  find({ id, summary }: Pick<Snapshot, 'id' | 'summary'>): CopyThere | undefined {
    const { copyOf } = summary
    return this.#byOriginal.get(id) ?? (copyOf && this.#byOriginal.get(toHex(copyOf)))
  }

  /** What stands for a snapshot that this one replaces: `originals` has what these replace in turn. */
  replacedBy(snapshot: Snapshot, originals: ReadonlyMap<string, Snapshot>): CopyThere | undefined {
    const { replaces } = snapshot.summary
    if (replaces === undefined) return undefined
    const original = originals.get(toHex(replaces))
    const there = this.#byOriginal.get(toHex(replaces))
    return there ?? (original && this.replacedBy(original, originals))
  }

  add({ id }: Pick<Snapshot, 'id'>, there: CopyThere): void {
    this.#byOriginal.set(id, there)
  }
}
