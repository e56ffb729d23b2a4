// The index as a restore wants it: complete. Where segments are damaged, where the store lists packs that
// none of them names, or where what is wanted is in none, the packs' own headers are asked.

import { type BlobId } from '../format/ids.ts'
import { contentName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import { type Index, loadIndex, readSegments } from './index-load.ts'
import { recoverIndex, unindexedPacks } from './index-recover.ts'
import type { ObjectProblem } from './object-problem.ts'
import type { ListedPack } from './pack-headers.ts'
import type { Repository } from './repository.ts'

/** So few packs are asked at once what they are; of more it is first seen whether others name them. */
const ASKED_AT_ONCE_MAX = 64

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
  const unknown = unindexedPacks(index)
  const isAmiss = index.problems.length > 0 || wanted.some((id) => !index.image.has(id))
  const packs =
    isAmiss || unknown.length <= ASKED_AT_ONCE_MAX
      ? unknown
      : await withoutOthers(repository, { domain, packs: unknown })
  return packs.length === 0 ? index : recoverIndex(repository, { index, packs, onlyReading: true })
}

/**
 * Less the packs that the segments of other domains name, as far as the grant opens these: a repository
 * of many machines has many, and asking each takes long. Where anything is amiss nobody's word is taken
 * for it. All others are asked, however many there are: a segment that is gone leaves no other trace.
 */
async function withoutOthers(
  repository: Repository,
  { domain, packs }: { readonly domain: DomainAccess; readonly packs: readonly ListedPack[] },
): Promise<readonly ListedPack[]> {
  const domains = repository.domains.filter((one) => one !== domain)
  if (domains.length === 0) return packs
  const named = new Map<string, number>()
  await readSegments(repository, {
    domains,
    onlyReading: true,
    take: ({ segment }) => {
      for (const { hash, packBytes } of segment.packs)
        named.set(contentName('packs', hash), packBytes)
    },
  })
  return packs.filter(({ name, packBytes }) => named.get(name) !== packBytes)
}
