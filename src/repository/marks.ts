// Marks: what a mark names is absent, for whoever writes. Marks are read on every load and never cached.
// A mark that was damaged stops the work: what it names is not known, so nothing can be known to be
// there.

import { type Bytes, concat, equalBytes } from '../base/bytes.ts'
import { CairnError, isCairnError, whileDoing } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { decode, encode } from '../format/codec.ts'
import { decodeMark, encodeMarkedNames, type MarkedNames, markWordCodec } from '../format/mark.ts'
import { decodePrefix, encodePrefix } from '../format/prefix.ts'
import type { Certificate } from '../format/signing.ts'
import { type Signatory, sealSigned } from '../sealer/signed.ts'
import { putContent } from '../store/content.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { ObjectInfo } from '../store/store.ts'
import type { DomainAccess } from './access.ts'
import { forEachInParallel, type ObjectProblem, ObjectProblems } from './object-problem.ts'
import { assertReadable, openSealedRecord } from './open-record.ts'
import { readObject } from './read-object.ts'
import type { Repository } from './repository.ts'

/** What is going to be deleted, and when the clock of whoever marked it says that it was marked. */
export interface Mark extends MarkedNames {
  readonly markedMs: number
}

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
  const [marked] = await loadMarksOf(repository, [domain], onProblem)
  return marked as Marked
}

/** The same for several domains, in their order: each mark is fetched once. */
export async function loadMarksOf(
  repository: Repository,
  domains: readonly DomainAccess[],
  onProblem?: (problem: ObjectProblem) => void,
): Promise<readonly Marked[]> {
  const found = await findMarks(repository, domains, onProblem)
  return domains.map((domain) => markedBy(found.filter((mark) => mark.domain === domain)))
}

/** A mark as it was found. */
export interface FoundMark {
  /** Object name. */
  readonly name: string
  readonly domain: DomainAccess
  readonly packs: readonly string[]
  readonly snapshots: readonly string[]
  /** When the store received it. */
  readonly storedAtMs: number
}

/** Every mark of these domains. Throws and tells as loadMarks. */
export async function findMarks(
  repository: Repository,
  domains: readonly DomainAccess[],
  onProblem?: (problem: ObjectProblem) => void,
): Promise<readonly FoundMark[]> {
  const found: FoundMark[] = []
  const problems = new ObjectProblems()
  const listed: ObjectInfo[] = []
  for await (const info of repository.store.list('marks/')) listed.push(info)
  await forEachInParallel(listed, PARALLEL, async ({ name, storedAtMs }) => {
    try {
      const { mark, domain } = (await loadMark(repository, { domains, name })) ?? {}
      problems.noteRead()
      if (mark === undefined) return
      found.push({
        name,
        domain: domains[domain ?? -1] as DomainAccess,
        packs: mark.packs.map((hash) => contentName('packs', hash)),
        snapshots: mark.snapshots.map((hash) => contentName('snapshots', hash)),
        storedAtMs,
      })
    } catch (error) {
      if (onProblem === undefined) throw error
      problems.take(name, error)
    }
  })
  for (const problem of problems.found) onProblem?.(problem)
  return found
}

/** Marks at a time on their way. */
const PARALLEL = 8

/** All that some marks name. */
export function markedBy(marks: readonly FoundMark[]): Marked {
  return {
    packs: new Set(marks.flatMap(({ packs }) => packs)),
    snapshots: new Set(marks.flatMap(({ snapshots }) => snapshots)),
  }
}

interface LoadedMark {
  readonly mark: Mark
  /** Which of the domains it is of. */
  readonly domain: number
}

/** One mark; undefined where it is gone by now, is of another domain, or nobody may have made it. */
async function loadMark(
  repository: Repository,
  { domains, name }: { readonly domains: readonly DomainAccess[]; readonly name: string },
): Promise<LoadedMark | undefined> {
  const object = await getPresent(repository, name)
  if (object === undefined) return undefined
  try {
    const { domain: id } = decodePrefix(object)
    const domain = domains.findIndex((one) => equalBytes(one.id, id))
    const access = domains[domain]
    if (access === undefined) return undefined
    const own = { domain: access, object, objectHash: digestInName(name) }
    return { domain, mark: openMark(repository, own) }
  } catch (error) {
    // Intact by its name, and yet not sealed and signed by upkeep: nobody's mark, it marks nothing.
    if (isCairnError(error, 'object-damaged', 'object-foreign')) return undefined
    throw whileDoing(`Cannot use ${name}`, error, { object: name })
  }
}

export interface StoredMark {
  readonly domain: DomainAccess
  readonly object: Bytes
  /** SHA-256 name of the object, which a revocation may have accepted. */
  readonly objectHash: Bytes | undefined
}

/** Opens and verifies a mark. Throws as openRecord does. */
export function openMark(repository: Repository, stored: StoredMark): Mark {
  return openMarkSigned(repository, stored).mark
}

/** The same, with who signed it. */
export function openMarkSigned(
  repository: Repository,
  { object, ...stored }: StoredMark,
): { readonly mark: Mark; readonly certificate: Certificate } {
  const { prefix, names, marked, sealed } = decodeMark(object)
  const place = { ...stored, prefix, sealed, roles: ['upkeep'] as const }
  const { payload, certificate } = openSealedRecord(repository, place)
  const { namesHash, markedMs } = decode(markWordCodec, payload)
  if (equalBytes(sha256(names), namesHash)) return { mark: { ...marked, markedMs }, certificate }
  throw new CairnError(
    'object-damaged',
    'Cannot accept a mark: it names other objects than were signed',
  )
}

/** Signs and puts a mark, read again before. Returns its name. From then on it cannot be taken back. */
export async function putMark(
  repository: Repository,
  options: { readonly domain: DomainAccess; readonly signatory: Signatory; readonly mark: Mark },
): Promise<string> {
  const { domain, signatory, mark } = options
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind: 'mark', domain: domain.id, epoch })
  const names = encodeMarkedNames(mark)
  const word = encode(markWordCodec, { namesHash: sha256(names), markedMs: mark.markedMs })
  const sealed = sealSigned(word, {
    place: { repositoryId: repository.id, prefix, part: 'body' },
    signatory,
    headerSeal: domain.headerSeal(epoch),
  })
  const parts = [prefix, names, sealed]
  const object = concat(parts)
  assertReadable(object.length)
  openMark(repository, { domain, object, objectHash: undefined })
  return putContent(repository.store, { folder: 'marks', parts })
}

/** The mark as it was stored; undefined where it was removed since it was listed. */
async function getPresent({ store }: Repository, name: string): Promise<Bytes | undefined> {
  try {
    return await readObject(store, name)
  } catch (error) {
    if (isCairnError(error, 'object-missing')) return undefined
    throw error
  }
}
