// Packs with which something is wrong, each read as a whole: what of it can be saved, and whether it may be
// taken out of the way. What is intact and of somebody else, or of a later version, is left alone.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { segmentOfColumns } from '../../format/index-segment.ts'
import type { PackKind } from '../../format/prefix.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { readSegments } from '../../repository/index-load.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import {
  type DescribedPack,
  expectPackPrefix,
  openTail,
  type PackColumns,
  type PackPrefix,
  packsOfSegment,
} from '../../repository/pack-headers.ts'
import { FOUND_BYTES_MAX } from '../../repository/quarantine.ts'
import type { Repository } from '../../repository/repository.ts'
import { getBounded, matchesName } from '../../store/content.ts'
import { contentName } from '../../store/names.ts'
import type { ObjectInfo } from '../../store/store.ts'
import type { CheckProblem } from '../check/problems.ts'
import type { FrameSource } from './frame-source.ts'
import { MAY_BE_OF_OTHERS, mayBeOfOthers } from './other-domains.ts'
import { salvage } from './salvage.ts'

export interface DamagedPack {
  readonly name: string
  readonly what: string
  /** What can be saved; undefined where nothing can, or the key does not open it. */
  readonly salvaged: FrameSource | undefined
  /** How many frames it has by all that is known. */
  readonly frames: number
  /** Its blobs, where the key cannot tell whether they are good: it goes only when all are elsewhere. */
  readonly closedIds: { readonly domain: DomainAccess; readonly ids: Bytes } | undefined
  /** Why it stays in any case. */
  readonly stays: string | undefined
  /** Whether it may hold what seems to be lost, for another time, version or key. */
  readonly mayHold: boolean
  /** It is intact, and of somebody else or of a later version. */
  readonly isUnknown?: boolean
}

/** What an index says of a pack. */
interface KnownPack extends DescribedPack {
  readonly domain: DomainAccess
}

export interface DamagedPacksOptions {
  readonly repository: Repository
  readonly problems: readonly CheckProblem[]
  readonly listed: ReadonlyMap<string, ObjectInfo>
  /** For packs that frames were moved into: when a store first had each frame. */
  readonly moved: ReadonlyMap<string, readonly number[]>
}

export async function inspectPacks(options: DamagedPacksOptions): Promise<readonly DamagedPack[]> {
  const { listed, problems } = options
  const suspects = Map.groupBy(
    problems.filter(({ object, kind }) => listed.has(object) && isAboutPack(kind)),
    ({ object }) => object,
  )
  const known = await knownPacks(options.repository, new Set(suspects.keys()))
  const found: DamagedPack[] = []
  for (const [name, about] of suspects) {
    const damaged = await inspectPack(options, { name, about, known: known.get(name) })
    if (damaged !== undefined) found.push(damaged)
  }
  return found
}

/** Trees that are malformed were stored so. */
function isAboutPack(kind: CheckProblem['kind']): boolean {
  return kind !== 'missing' && kind !== 'malformed'
}

/** What index segments say of these packs. Where one could not be read all are read once more. */
async function knownPacks(
  repository: Repository,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, KnownPack>> {
  const known = new Map<string, KnownPack>()
  if (wanted.size === 0) return known
  const read = () =>
    readSegments(repository, {
      domains: repository.domains,
      onlyReading: true,
      take: ({ domain, segment }) => {
        for (const pack of packsOfSegment(segmentOfColumns(segment))) {
          const name = contentName('packs', pack.indexed.hash)
          if (wanted.has(name)) known.set(name, { ...pack, domain })
        }
      },
    })
  const { problems, vanished } = await read()
  if (problems.length + vanished.length > 0) await read()
  return known
}

interface Suspect {
  readonly name: string
  readonly about: readonly CheckProblem[]
  readonly known: KnownPack | undefined
}

/** Undefined where nothing is wrong with the pack itself, or it is gone. */
async function inspectPack(
  options: DamagedPacksOptions,
  suspect: Suspect,
): Promise<DamagedPack | undefined> {
  const { name, about } = suspect
  const what = about[0]?.what ?? ''
  const nothing = {
    name,
    what,
    salvaged: undefined,
    frames: 0,
    closedIds: undefined,
    mayHold: true,
  }
  const bytes = await readWhole(options.repository, name)
  if (bytes === undefined) return undefined
  if (typeof bytes === 'string') return { ...nothing, stays: bytes }
  const isIntact = matchesName(name, bytes)
  if (isIntact) {
    const isNewer = about.some(({ kind }) => kind === 'unsupported')
    if (isNewer || about.some(({ kind }) => kind === 'foreign'))
      return { ...nothing, stays: INTACT_AND_NOT_OURS, mayHold: isNewer, isUnknown: true }
    // An index that says something else of it is wrong about it.
    if (about.every(({ kind, offset }) => kind === 'mismatch' && offset === undefined))
      return undefined
  }
  const saved = salvageOf(options, { ...suspect, bytes, isIntact })
  // It was read wrong before, or not at all: a device that fails now and then.
  const isAllGood =
    saved.salvaged !== undefined && saved.salvaged.header.frames.length === saved.frames
  if (isIntact && isAllGood && about.every(({ kind }) => kind === 'damaged')) return undefined
  return { ...nothing, ...saved }
}

const INTACT_AND_NOT_OURS =
  'it is intact, and nothing that this key and version know: somebody may need it'

/**
 * The bytes; why they cannot be had; undefined where the pack is gone. Read twice: what can be saved of a pack must
 * not depend on what a bad disk gave out once.
 */
async function readWhole({ store }: Repository, name: string): Promise<Bytes | string | undefined> {
  const read = () => getBounded(store, { name, bytesMax: FOUND_BYTES_MAX })
  try {
    const digest = sha256(await read())
    const bytes = await read()
    return equalBytes(sha256(bytes), digest) ? bytes : 'it reads differently each time'
  } catch (error) {
    if (isCairnError(error, 'object-missing')) return undefined
    if (isCairnError(error, 'object-damaged', ...WITHHELD))
      return `it cannot be read as a whole: ${error.message}`
    throw error
  }
}

type Salvaged = Pick<DamagedPack, 'salvaged' | 'frames' | 'closedIds' | 'stays' | 'mayHold'>

function salvageOf(
  options: DamagedPacksOptions,
  { name, known, bytes, isIntact }: Suspect & { readonly bytes: Bytes; readonly isIntact: boolean },
): Salvaged {
  const { repository } = options
  const prefix = attempt(() => expectPackPrefix(bytes))
  const domain = prefix && repository.domains.find(({ id }) => equalBytes(id, prefix.domain))
  const header = domain && attempt(() => headerOf(bytes, { name, prefix, domain }))
  const place = whereFramesAre({ prefix, domain, header, known })
  if (place === undefined) {
    // What is intact and does not begin as an object does is nobody's.
    const isJunk = isIntact && prefix === undefined
    const stays = !isJunk && mayBeOfOthers(repository, bytes) ? MAY_BE_OF_OTHERS : undefined
    return { salvaged: undefined, frames: 0, closedIds: undefined, stays, mayHold: false }
  }
  const frames = place.columns.frames.length
  if (!place.domain.canOpen) {
    const closedIds = { domain: place.domain, ids: place.columns.ids }
    return { salvaged: undefined, frames, closedIds, stays: undefined, mayHold: true }
  }
  const salvaged = sourceOf(options, { name, bytes, place })
  return { salvaged, frames, closedIds: undefined, stays: undefined, mayHold: false }
}

function headerOf(
  bytes: Bytes,
  { name, prefix, domain }: { name: string; prefix: PackPrefix; domain: DomainAccess },
): PackColumns {
  return openTail(bytes, { name, packBytes: bytes.length, prefix, domain }).header
}

interface Place {
  readonly domain: DomainAccess
  readonly kind: PackKind
  readonly columns: PackColumns
}

/** By the header, which is authentic where it opens, or else by an index. */
function whereFramesAre({
  prefix,
  domain,
  header,
  known,
}: {
  readonly prefix: PackPrefix | undefined
  readonly domain: DomainAccess | undefined
  readonly header: PackColumns | undefined
  readonly known: KnownPack | undefined
}): Place | undefined {
  if (prefix !== undefined && domain !== undefined && header !== undefined)
    return { domain, kind: prefix.kind, columns: header }
  if (known === undefined) return undefined
  return { domain: known.domain, kind: known.indexed.kind, columns: known.columns }
}

function sourceOf(
  { repository, listed, moved }: DamagedPacksOptions,
  { name, bytes, place }: { readonly name: string; readonly bytes: Bytes; readonly place: Place },
): FrameSource {
  const { domain, kind, columns } = place
  const header = salvage(bytes, place)
  const storedAtMs = listed.get(name)?.storedAtMs ?? 0
  const receivedMs = header.frames.map((frame) => {
    const before = moved.get(name)?.[columns.frames.indexOf(frame)] ?? storedAtMs
    return Math.min(before, storedAtMs)
  })
  const { store } = repository
  const about = { name, origin: 'damaged', isIntact: false } as const
  return { ...about, store, domain, kind, header, receivedMs }
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    if (isCairnError(error, ...UNREADABLE)) return undefined
    throw error
  }
}
