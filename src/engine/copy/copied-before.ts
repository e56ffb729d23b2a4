// Which snapshots the target has already. A copy says in its summary of what it is one, so that a writer's key
// finds it too. What is itself a copy is there where its original is, or another copy of that.

import { type Bytes, toHex } from '../../base/bytes.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { ObjectProblem } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import { loadSnapshots, type Snapshot } from '../../repository/snapshots.ts'

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
    const { snapshots, problems } = await loadSnapshots(repository, { onlyReading: true })
    for (const problem of problems) options.onProblem(problem)
    for (const { name, id, summary, confirmed, domain } of snapshots) {
      if (!confirmed || domain.hex !== options.domain.hex) continue
      const { sequence, predecessor, roots } = summary
      const there = { name, sequence, predecessor, roots }
      copied.#byOriginal.set(id, there)
      if (summary.copyOf !== undefined) copied.#byOriginal.set(toHex(summary.copyOf), there)
    }
    return copied
  }

  /** What stands in the target for a snapshot of the source. */
  find({ id, summary }: Pick<Snapshot, 'id' | 'summary'>): CopyThere | undefined {
    const { copyOf } = summary
    return this.#byOriginal.get(id) ?? (copyOf && this.#byOriginal.get(toHex(copyOf)))
  }

  /** What stands for the snapshot that this one replaces. */
  replacedBy({ replaces }: Snapshot['summary']): CopyThere | undefined {
    return replaces && this.#byOriginal.get(toHex(replaces))
  }

  add({ id }: Pick<Snapshot, 'id'>, there: CopyThere): void {
    this.#byOriginal.set(id, there)
  }
}
