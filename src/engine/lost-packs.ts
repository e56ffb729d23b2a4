// Whether packs are there that a snapshot relies upon, looked at when it is put and before it counts (design,
// section 5, steps 4 and 5): by a backup and by a repair.

import type { DomainAccess } from '../repository/access.ts'
import { loadMarks } from '../repository/marks.ts'
import type { ObjectProblem } from '../repository/object-problem.ts'
import { PackListing } from '../repository/pack-listing.ts'
import type { Repository } from '../repository/repository.ts'

/** A pack that a store has acknowledged, or lists. */
export interface StoredPack {
  readonly name: string
  readonly bytes: number
}

/**
 * Names of those that are gone, cut off or marked. Marks first, then packs: a pack that was marked in between is
 * seen to be marked. One that has another length was cut off, and is as lost as one that is gone. Of one that is not
 * listed the store is asked: its listing may lag behind. Throws on a mark that cannot be read as loadMarks does, and
 * what stores throw.
 */
export async function findLostPacks(
  repository: Repository,
  {
    domain,
    packs,
    onMarkProblem,
  }: {
    readonly domain: DomainAccess
    readonly packs: Iterable<StoredPack>
    readonly onMarkProblem?: ((problem: ObjectProblem) => void) | undefined
  },
): Promise<readonly string[]> {
  const marked = await loadMarks(repository, domain, onMarkProblem)
  const listed = await PackListing.of(repository.store)
  const lost: string[] = []
  for (const { name, bytes } of packs) {
    const length = listed.get(name) ?? (await repository.store.stat(name))?.size
    if (length !== bytes || marked.packs.has(name)) lost.push(name)
  }
  return lost
}
