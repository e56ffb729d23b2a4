// Objects other than packs with which something is wrong, or that are missing: whether a
// copy has them as they were, and what becomes of those of which nobody has.

import type { Bytes } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import { isGrantAsNamed, isGrantName } from '../../repository/generations.ts'
import { WITHHELD } from '../../repository/object-problem.ts'
import { FOUND_BYTES_MAX } from '../../repository/quarantine.ts'
import type { Repository } from '../../repository/repository.ts'
import { getBounded, matchesName } from '../../store/content.ts'
import { digestInName, isObjectName } from '../../store/names.ts'
import { isSound } from '../check/metadata-objects.ts'
import type { CheckProblem } from '../check/problems.ts'
import { goodCopy } from './good-copies.ts'
import { MAY_BE_OF_OTHERS, mayBeOfOthers } from './other-domains.ts'

export type DamagedState =
  | 'lost' // it may have said what must be kept
  | 'useless' // what it said is of no use to anybody, or said elsewhere
  | 'nobodys' // it is intact, and no key of the repository has made it
  | 'unknown' // it is intact, and of somebody else or of a later version
  | 'left' // it may be of somebody else, or cannot be read

export interface DamagedObject {
  readonly name: string
  readonly what: string
  readonly state: DamagedState
  /** Why it is left alone, or what is lost with it. */
  readonly why: string
  /** As it was, by the copy. */
  readonly good: Bytes | undefined
  /** Of what has a copy that is good: when it was first stored, here or there. */
  readonly storedAtMs?: number | undefined
}

/** Inspects what check has found, but for packs. */
export async function inspectObjects(
  repository: Repository,
  {
    problems,
    copy,
  }: { readonly problems: readonly CheckProblem[]; readonly copy: Repository | undefined },
): Promise<readonly DamagedObject[]> {
  const about = Map.groupBy(problems.filter(isAboutObject), ({ object }) => object)
  const found: DamagedObject[] = []
  for (const [name, own] of about) {
    const object = await inspectObject(repository, { name, own, copy })
    if (object !== undefined) found.push(object)
  }
  return found
}

function isAboutObject({ kind, object }: CheckProblem): boolean {
  const isBad = kind === 'damaged' || kind === 'foreign' || kind === 'unsupported'
  return isBad && isObjectName(object) && !object.startsWith('packs/')
}

interface Suspect {
  readonly name: string
  readonly own: readonly CheckProblem[]
  readonly copy: Repository | undefined
}

async function inspectObject(
  repository: Repository,
  { name, own, copy }: Suspect,
): Promise<DamagedObject | undefined> {
  const what = own[0]?.what ?? ''
  const bytes = await readWhole(repository, name)
  if (bytes === undefined) return undefined
  if (bytes === 'withheld')
    return { name, what, state: 'left', why: CANNOT_BE_READ, good: undefined }
  if (isIntact(name, bytes)) {
    // It was read wrong before, or not at all: a device that fails now and then.
    if (isSound(repository, name, bytes)) return undefined
    const isJunk = own.every(({ kind }) => kind === 'damaged')
    const state = isJunk ? 'nobodys' : 'unknown'
    return { name, what, state, why: isJunk ? NOBODYS : NOT_OURS, good: undefined }
  }
  // An index segment is not put back: packs say all that it says.
  const good = copy && !name.startsWith('index/') ? await goodCopy(copy, name) : undefined
  if (copy !== undefined && good !== undefined) {
    const storedAtMs = await firstStoredMs(name, [repository, copy])
    return { name, what, state: 'useless', why: '', good, storedAtMs }
  }
  if (isOfDomain(name) && mayBeOfOthers(repository, bytes))
    return { name, what, state: 'left', why: MAY_BE_OF_OTHERS, good }
  return { name, what, good, ...withoutCopy(name, own) }
}

async function readWhole(
  { store }: Repository,
  name: string,
): Promise<Bytes | 'withheld' | undefined> {
  try {
    return await getBounded(store, { name, bytesMax: FOUND_BYTES_MAX })
  } catch (error) {
    if (isCairnError(error, 'object-missing')) return undefined
    if (isCairnError(error, 'object-damaged', ...WITHHELD)) return 'withheld'
    throw error
  }
}

async function firstStoredMs(
  name: string,
  places: readonly Repository[],
): Promise<number | undefined> {
  const stamps: number[] = []
  for (const { store } of places) {
    const info = await store.stat(name)
    if (info !== undefined) stamps.push(info.storedAtMs)
  }
  return stamps.length === 0 ? undefined : Math.min(...stamps)
}

function isOfDomain(name: string): boolean {
  return !/^(config|keys|leases|quarantine)\//.test(name)
}

/** Names under which bytes can be told to be those that were stored. */
function isIntact(name: string, bytes: Bytes): boolean {
  if (isGrantName(name)) return isGrantAsNamed(name, bytes)
  return digestInName(name) !== undefined && matchesName(name, bytes)
}

/** By the folder: what it means when nobody has the object any more. */
const LOST_WITH_IT: Readonly<Record<string, string>> = {
  snapshots: 'the snapshot',
  forgets: 'which snapshots were forgotten, and whether they can still be had back',
  holds: 'which snapshots are held',
  marks: 'which packs are about to be deleted',
  keys: 'a way to open the repository',
}

function withoutCopy(
  name: string,
  own: readonly CheckProblem[],
): Pick<DamagedObject, 'state' | 'why'> {
  const folder = name.slice(0, name.indexOf('/'))
  // Its number must not be used again.
  if (folder === 'config' || /^keys\/keyring-/.test(name)) return { state: 'left', why: GENERATION }
  // By the name alone nobody can tell whether it is damaged.
  if (folder === 'leases' && own.some(({ kind }) => kind !== 'damaged'))
    return { state: 'unknown', why: NOT_OURS }
  const lost = LOST_WITH_IT[folder]
  if (lost === undefined) return { state: 'useless', why: USELESS }
  return { state: 'lost', why: `with it is lost ${lost}` }
}

const NOT_OURS = 'it is intact, and nothing that this key and version know: somebody may need it'
const NOBODYS = 'no key of the repository has made it'
const CANNOT_BE_READ = 'it cannot be read as a whole'
const USELESS = 'nobody can use it any more'
const GENERATION = 'only a copy of the repository has it as it was (--from)'
