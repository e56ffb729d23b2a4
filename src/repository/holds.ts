// Which snapshots are held: they must not be forgotten. A hold counts until another record names it among
// those that it takes back, whatever clocks say. What a record takes back stays taken back, even where that
// record itself is taken back later.

import { CairnError } from '../base/errors.ts'
import type { Hold } from '../format/upkeep-records.ts'
import { contentName } from '../store/names.ts'
import { isNobodys, type ObjectProblem } from './object-problem.ts'
import type { Repository } from './repository.ts'
import { confirmationOf, type Snapshot } from './snapshots.ts'
import { type FoundRecord, loadUpkeepRecords } from './upkeep-records.ts'

export type FoundHold = FoundRecord<Hold>

/** The holds that count, for each snapshot that they hold. */
export class Holds {
  /** Those that nobody has taken back. */
  readonly counting: readonly FoundHold[]
  readonly #holds = new Map<string, FoundHold[]>()
  readonly #released = new Set<string>()

  constructor(records: readonly FoundHold[]) {
    for (const { domain, record } of records)
      for (const hash of record.releases)
        this.#released.add(`${domain.hex} ${contentName('holds', hash)}`)
    this.counting = records.filter(
      ({ domain, name }) => !this.isReleased({ domain: domain.hex, name }),
    )
    for (const found of this.counting) {
      const { domain, record } = found
      for (const snapshot of record.snapshots) {
        const key = confirmationOf({ domain, name: contentName('snapshots', snapshot) })
        this.#holds.set(key, [...(this.#holds.get(key) ?? []), found])
      }
    }
  }

  /** Whether a record of its domain, in hexadecimal, takes back the hold with this object name. */
  isReleased({ domain, name }: { readonly domain: string; readonly name: string }): boolean {
    return this.#released.has(`${domain} ${name}`)
  }

  /** Oldest first; none where it is not held. */
  of(snapshot: Pick<Snapshot, 'domain' | 'name'>): readonly FoundHold[] {
    return this.#holds.get(confirmationOf(snapshot)) ?? []
  }
}

/**
 * The holds, for who is going to remove snapshots. Throws 'object-damaged' or 'unsupported' where a record
 * cannot be read, because then it is not known what it holds; what nobody may have put holds nothing.
 */
export async function loadHolds(repository: Repository): Promise<Holds> {
  const { records, problems } = await loadUpkeepRecords(repository, { kind: 'hold' })
  for (const problem of problems) {
    if (isNobodys(problem)) continue
    const { name, error } = problem
    throw new CairnError(
      error.code,
      `Cannot use ${name}, so it is not known what is held: ${error.message}`,
      {
        hint: 'Bring it back from a copy of the repository. Until then nothing can be forgotten.',
        context: { object: name },
        cause: error,
      },
    )
  }
  return new Holds(records)
}

/** The holds as far as they can be read, for who only looks. */
export async function loadHoldsForReading(
  repository: Repository,
): Promise<{ readonly holds: Holds; readonly problems: readonly ObjectProblem[] }> {
  const { records, problems } = await loadUpkeepRecords(repository, {
    kind: 'hold',
    onlyReading: true,
  })
  return { holds: new Holds(records), problems }
}
