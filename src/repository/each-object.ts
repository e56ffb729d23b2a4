// Reading every object of a folder of records: those of our domains are handed out, what is wrong with
// them is collected, and what others wrote is passed over.

import { type Bytes, equalBytes } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import { decodePrefix } from '../format/prefix.ts'
import { type ContentFolder, digestInName } from '../store/names.ts'
import type { ObjectInfo } from '../store/store.ts'
import type { DomainAccess } from './access.ts'
import { forEachInParallel, type ObjectProblems, WITHHELD } from './object-problem.ts'
import { readObject } from './read-object.ts'
import type { Repository } from './repository.ts'

export interface FolderReading {
  readonly repository: Repository
  /** What the store has and does not give out is among the problems too, instead of being thrown. */
  readonly onlyReading: boolean
  readonly problems: ObjectProblems
}

export interface OwnObject {
  readonly name: string
  readonly object: Bytes
  readonly objectHash: Bytes
  readonly domain: DomainAccess
  readonly storedAtMs: number
}

export interface Take {
  /** True for what need not be read: it was told of in another way. */
  readonly skip?: (info: ObjectInfo) => boolean
  /** What it throws is wrong with the object; the next one is not read before what it returns is done. */
  readonly own: (object: OwnObject) => void | Promise<void>
  /** Told of what belongs to a domain of the repository that the key does not hold. */
  readonly closed?: (objectHash: Bytes) => void
}

/** Objects at a time on their way. */
const PARALLEL = 16

/** Reads every object of a folder; what is wrong with those of our domains goes to the problems. */
export async function eachObject(
  reading: FolderReading,
  folder: `${ContentFolder}/`,
  take: Take,
): Promise<void> {
  await readListed(reading, await listFolder(reading, folder, take), take)
}

/** What there is to be read in a folder. */
export async function listFolder(
  { repository }: FolderReading,
  folder: `${ContentFolder}/`,
  { skip }: Pick<Take, 'skip'>,
): Promise<readonly ObjectInfo[]> {
  const listed: ObjectInfo[] = []
  for await (const info of repository.store.list(folder))
    if (skip?.(info) !== true) listed.push(info)
  return listed
}

/** As eachObject, where the folder was listed before. */
export async function readListed(
  { repository, onlyReading, problems }: FolderReading,
  listed: readonly ObjectInfo[],
  take: Omit<Take, 'skip'>,
): Promise<void> {
  await forEachInParallel(listed, PARALLEL, async (info) => {
    let isIntact = false
    try {
      const object = await readObject(repository.store, info.name)
      isIntact = true
      await takeOne(repository, { info, object, take })
      problems.noteRead()
    } catch (error) {
      // Removed between listing and reading: then it is not there, and nobody misses it.
      if (isCairnError(error, 'object-missing')) return
      if (!onlyReading && isCairnError(error, ...WITHHELD)) throw error
      problems.take(info.name, error, { isIntact })
    }
  })
}

async function takeOne(
  { domains, config }: Repository,
  {
    info: { name, storedAtMs },
    object,
    take,
  }: {
    readonly info: ObjectInfo
    readonly object: Bytes
    readonly take: Omit<Take, 'skip'>
  },
): Promise<void> {
  const { domain: id } = decodePrefix(object)
  const domain = domains.find((one) => equalBytes(one.id, id))
  const objectHash = digestInName(name)
  if (objectHash === undefined) return
  if (domain !== undefined) await take.own({ name, object, objectHash, domain, storedAtMs })
  // Of any other domain it is nobody's.
  else if (config.domains.some((one) => equalBytes(one.id, id))) take.closed?.(objectHash)
}
