// The index as a restore wants it: complete. Where segments are damaged, where the store lists packs that
// none of them names, or where what is wanted is in none, the packs' own headers are asked.

import type { BlobId } from '../format/ids.ts'
import type { DomainAccess } from './access.ts'
import { type Index, loadIndex } from './index-load.ts'
import { recoverIndex, unindexedPacks } from './index-recover.ts'
import type { ObjectProblem } from './object-problem.ts'
import type { Repository } from './repository.ts'

/**
 * So many unknown packs are always looked into. More are taken for those of other domains, and looked
 * into only where something is amiss.
 */
const LOOKED_INTO_MAX = 64

/** Loads the index of a domain so that, if the repository has the wanted ids anywhere, it finds them. */
export async function loadCompleteIndex(
  repository: Repository,
  { domain, wanted }: { readonly domain: DomainAccess; readonly wanted: readonly BlobId[] },
): Promise<Index> {
  // What marks name may go soon, and is read while it is there; a mark that is damaged stops no restore.
  const markProblems: ObjectProblem[] = []
  const onMarkProblem = (problem: ObjectProblem) => markProblems.push(problem)
  const loaded = await loadIndex(repository, domain, { onMarkProblem, onlyReading: true })
  const index = { ...loaded, problems: [...loaded.problems, ...markProblems] }
  const unknown = unindexedPacks(index).length
  const isAmiss = index.problems.length > 0 || wanted.some((id) => !index.image.has(id))
  return isAmiss || (unknown > 0 && unknown <= LOOKED_INTO_MAX)
    ? recoverIndex(repository, { index, packs: unindexedPacks(index) })
    : index
}
