// Marks, as writers and readers heed them: what a mark names is absent. Marks are read on every load
// and never cached. A mark that was damaged stops the work: what it names is not known, so nothing can be
// known to be there.

import { type Bytes, equalBytes } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import { decode } from '../format/codec.ts'
import { decodePrefix } from '../format/prefix.ts'
import { type Mark, markCodec } from '../format/records.ts'
import { getVerified } from '../store/content.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import { type ObjectProblem, UNREADABLE } from './object-problem.ts'
import { openRecord } from './open-record.ts'
import type { Repository } from './repository.ts'

export interface Marked {
  /** Object names. */
  readonly packs: ReadonlySet<string>
  readonly snapshots: ReadonlySet<string>
}

/**
 * Everything that any mark of the domain names. Throws on a mark that cannot be read, because then it
 * is not known what is absent; with `onProblem` it tells and goes on, for callers that only look.
 */
export async function loadMarks(
  repository: Repository,
  domain: DomainAccess,
  onProblem?: (problem: ObjectProblem) => void,
): Promise<Marked> {
  const packs = new Set<string>()
  const snapshots = new Set<string>()
  for await (const { name } of repository.store.list('marks/')) {
    try {
      const mark = await loadMark(repository, { domain, name })
      for (const hash of mark?.packs ?? []) packs.add(contentName('packs', hash))
      for (const hash of mark?.snapshots ?? []) snapshots.add(contentName('snapshots', hash))
    } catch (error) {
      if (onProblem === undefined || !isCairnError(error, ...UNREADABLE)) throw error
      onProblem({ name, error })
    }
  }
  return { packs, snapshots }
}

/** One mark; undefined where it is gone by now, belongs to another domain, or nobody may have made it. */
async function loadMark(
  repository: Repository,
  { domain, name }: { readonly domain: DomainAccess; readonly name: string },
): Promise<Mark | undefined> {
  const object = await getPresent(repository, name)
  if (object === undefined) return undefined
  try {
    if (!equalBytes(decodePrefix(object).domain, domain.id)) return undefined
    return openMark(repository, { domain, object, objectHash: digestInName(name) })
  } catch (error) {
    // Intact by its name, and yet not sealed and signed by upkeep: nobody's mark, it marks nothing.
    if (isCairnError(error, 'object-damaged', 'object-foreign')) return undefined
    throw error
  }
}

/** Opens and verifies a mark. Throws as openRecord does. */
export function openMark(
  repository: Repository,
  mark: {
    readonly domain: DomainAccess
    readonly object: Bytes
    readonly objectHash: Bytes | undefined
  },
): Mark {
  const { payload } = openRecord(repository, { ...mark, kind: 'mark', roles: ['upkeep'] })
  return decode(markCodec, payload)
}

/** The mark as it was stored; undefined where it was removed since it was listed. */
async function getPresent({ store }: Repository, name: string): Promise<Bytes | undefined> {
  try {
    return await getVerified(store, name)
  } catch (error) {
    if (isCairnError(error, 'object-missing')) return undefined
    throw error
  }
}
