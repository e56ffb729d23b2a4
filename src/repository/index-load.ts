// Loading the index of domains (design, section 5, step 1): list marks, then packs, then the index
// segments. A segment's word on a pack counts only if the pack is in our own listing with the length
// that the segment says, and no mark names it. Damaged segments are reported and passed over: what they
// said can be read from the packs themselves.

import { type Bytes, equalBytes, release, toHex } from '../base/bytes.ts'
import { CairnError, isCairnError, whileDoing } from '../base/errors.ts'
import {
  decodeSegmentColumns,
  type IndexSegment,
  type SegmentColumns,
  segmentOfColumns,
} from '../format/index-segment.ts'
import { INDEX_BYTES_MAX } from '../format/limits.ts'
import { decodePrefix, PREFIX_BYTES } from '../format/prefix.ts'
import { digestInName } from '../store/names.ts'
import type { ObjectInfo, Store } from '../store/store.ts'
import { forEachWithin } from '../store/within-bytes.ts'
import type { DomainAccess } from './access.ts'
import { type Assembled, Assembly } from './index-assemble.ts'
import { isStill, joined, type KeptIndex, keptOf } from './index-kept.ts'
import { loadMarksOf, type Marked } from './marks.ts'
import { type ObjectProblem, ObjectProblems } from './object-problem.ts'
import { openRecord } from './open-record.ts'
import { PackListing } from './pack-listing.ts'
import { readObject } from './read-object.ts'
import { loadRenewals, renewedPacks } from './renewals.ts'
import type { Repository } from './repository.ts'

export interface Index extends Assembled {
  readonly domain: DomainAccess
  /** Packs of any domain in the listing: name and length. */
  readonly listed: PackListing
  readonly marked: Marked
  readonly problems: readonly ObjectProblem[]
}

const LISTINGS_MAX = 5

export interface LoadIndexOptions {
  /** Takes marks that cannot be read, where the caller goes on without knowing what they name. */
  readonly onMarkProblem?: (problem: ObjectProblem) => void
  /**
   * For who only reads: packs that are marked but still listed are in the image too, behind the others,
   * and no segment is needed, because the packs can be asked. A writer must rely on neither.
   */
  readonly onlyReading?: boolean
  /** For who writes: packs that are to be renewed count as if they were marked, in `marked` too. */
  readonly isRenewing?: boolean
}

/**
 * Loads the index of a domain, from what this machine has kept of it where that still holds. Throws where
 * the store cannot be read at all, and on marks that cannot be read unless `onMarkProblem` takes them.
 */
export async function loadIndex(
  repository: Repository,
  domain: DomainAccess,
  options: LoadIndexOptions = {},
): Promise<Index> {
  const { indexCache } = repository
  const place = { domain, onlyReading: options.onlyReading ?? false }
  // Read while the store lists.
  const reading = indexCache?.read(place)
  const [index] = (await load(repository, { domains: [domain], options, reading })) as [Index]
  const kept = await reading
  const isNew = index.image !== kept?.image || index.segments.length !== kept.segments.length
  if (isNew && index.problems.length === 0) indexCache?.keep(keptOf(index, index.marked), place)
  return index
}

/**
 * The indexes of several domains, in their order, always from their segments. Each object is fetched once.
 * Throws as loadIndex.
 */
export function loadIndexes(
  repository: Repository,
  domains: readonly DomainAccess[],
  options: LoadIndexOptions = {},
): Promise<readonly Index[]> {
  return load(repository, { domains, options })
}

interface Loading {
  readonly domains: readonly DomainAccess[]
  readonly options: LoadIndexOptions
  /** Where there is one domain: what was kept of it. */
  readonly reading?: Promise<KeptIndex | undefined> | undefined
}

async function load(
  repository: Repository,
  { domains, options, reading }: Loading,
): Promise<readonly Index[]> {
  for (let attempt = 1; ; attempt++) {
    const marked = await absentPacks(repository, { domains, options })
    const listed = await PackListing.of(repository.store)
    const segments = await listSegments(repository.store)
    const listings = { domains, segments, listed, marked, options }
    // Once at most: what is added to it takes its place.
    const base = attempt === 1 ? usable(await reading, listings) : undefined
    const loaded = await loadSegments(repository, { ...listings, base })
    if (loaded === undefined) continue
    // A segment that vanished between listing and reading was replaced: list again.
    if (loaded.every(({ vanished }) => vanished.length === 0) || attempt >= LISTINGS_MAX)
      return loaded.map(({ index }) => index)
  }
}

async function absentPacks(
  repository: Repository,
  { domains, options }: Loading,
): Promise<readonly Marked[]> {
  const marked = await loadMarksOf(repository, domains, options.onMarkProblem)
  if (options.isRenewing !== true) return marked
  const renewals = await loadRenewals(repository)
  return marked.map((one, i) => {
    const renewed = renewedPacks(renewals.filter(({ domain }) => domain === domains[i]))
    return { ...one, packs: new Set([...one.packs, ...renewed]) }
  })
}

/** What was kept, where every segment that it was made of is listed and would say the same today. */
function usable(
  kept: KeptIndex | undefined,
  { segments, listed, marked, options }: LoadingSegments,
): KeptIndex | undefined {
  if (kept === undefined) return undefined
  const { onlyReading = false } = options
  const names = new Set(segments.map(({ name }) => name))
  const isListed = kept.segments.every((name) => names.has(name))
  const world = { listed, marked: marked[0] as Marked, onlyReading }
  return isListed && isStill(kept, world) ? kept : undefined
}

/**
 * Every index segment that the store lists, of any domain, in the order in which they are read: as they came.
 * Of a blob that several packs are said to have the first copy counts, so that who says so later, and lies,
 * hides nothing that was there before.
 */
async function listSegments(store: Store): Promise<readonly ObjectInfo[]> {
  const segments: ObjectInfo[] = []
  for await (const info of store.list('index/')) segments.push(info)
  return segments.sort((a, b) => a.storedAtMs - b.storedAtMs || (a.name < b.name ? -1 : 1))
}

interface LoadingSegments {
  readonly domains: readonly DomainAccess[]
  readonly segments: readonly ObjectInfo[]
  readonly listed: PackListing
  /** For each domain. */
  readonly marked: readonly Marked[]
  readonly options: LoadIndexOptions
  readonly base?: KeptIndex | undefined
}

interface LoadedSegments {
  readonly index: Index
  readonly vanished: readonly ObjectProblem[]
}

/**
 * For each domain its index. A problem is that of every domain that the segment may be of. Undefined where
 * segments that are new change what was kept: then it must do without.
 */
async function loadSegments(
  repository: Repository,
  { domains, segments: listedSegments, listed, marked, options, base }: LoadingSegments,
): Promise<readonly LoadedSegments[] | undefined> {
  const { onlyReading = false } = options
  const isKept = new Set(base?.segments)
  const segments = listedSegments.filter(({ name }) => !isKept.has(name))
  const sizes = segments.reduce((sum, { size }) => sum + Math.min(size, INDEX_BYTES_MAX), 0)
  const segmentBytes = Math.min(SEGMENT_BYTES_EXPECTED_MAX, sizes / Math.max(1, domains.length))
  const assemblies = domains.map((_, i) => {
    const world = { listed, marked: marked[i] as Marked, onlyReading }
    return new Assembly({ ...world, segmentBytes, base })
  })
  const { problems, vanished } = await readSegments(repository, {
    domains,
    segments,
    onlyReading,
    take: ({ name, domain, segment }) => {
      assemblies[domains.indexOf(domain)]?.add(name, segment)
      release(segment.ids)
    },
  })
  const loaded: LoadedSegments[] = []
  for (const [i, domain] of domains.entries()) {
    const mayBeOf = (one: SegmentProblem) => one.domain === undefined || one.domain === domain
    const gone = vanished.filter(mayBeOf)
    const added = (assemblies[i] as Assembly).finish()
    const assembled = base === undefined ? added : joined(base, added)
    if (assembled === undefined) return undefined
    const all = [...problems.filter(mayBeOf), ...gone]
    const index = { domain, listed, marked: marked[i] as Marked, ...assembled, problems: all }
    loaded.push({ index, vanished: gone })
  }
  return loaded
}

/** What a listing says of lengths is a promise only: more memory than this is not reserved beforehand. */
const SEGMENT_BYTES_EXPECTED_MAX = 2 ** 32

interface OwnSegment {
  readonly name: string
  readonly segment: SegmentColumns
  readonly domain: DomainAccess
}

/** Of one that cannot be read as far as its prefix, the domain is not known. */
interface SegmentProblem extends ObjectProblem {
  readonly domain: DomainAccess | undefined
}

interface SegmentReading {
  readonly domains: readonly DomainAccess[]
  readonly onlyReading: boolean
  /** Those that were listed; where they were not, they are now. */
  readonly segments?: readonly ObjectInfo[]
  /** Called for each segment of the domains, by name. What it is given is its own. */
  readonly take: (segment: OwnSegment) => void
}

/** Segments on their way at a time: stores are far away. But large ones take the memory that the index is for. */
const ON_THEIR_WAY = { parallel: 8, bytesMax: 4 * 1024 * 1024 } as const

/** Reads every segment of the domains, once; of those of others at most the prefix. */
export async function readSegments(
  repository: Repository,
  { domains, onlyReading, take, segments }: SegmentReading,
): Promise<Record<'problems' | 'vanished', readonly SegmentProblem[]>> {
  const listed = segments ?? (await listSegments(repository.store))
  const problems = new ObjectProblems()
  const vanished: SegmentProblem[] = []
  const domainOf = new Map<string, DomainAccess>()
  const others = domainsBeside(repository, domains)
  let before: Promise<undefined> = Promise.resolve(undefined)
  await forEachWithin(listed, ON_THEIR_WAY, async ({ name }) => {
    // One after the other, and none far ahead: so few are in memory at a time.
    const turn = before
    const { promise, resolve } = Promise.withResolvers<undefined>()
    before = promise
    try {
      const isForeign = await isOfOthers(repository, { name, others })
      const object = isForeign ? undefined : await readObject(repository.store, name)
      problems.noteRead()
      await turn
      if (object === undefined) return
      const domain = domainIn(object, domains)
      if (domain === undefined) return
      domainOf.set(name, domain)
      const own = { domain, object, objectHash: digestInName(name) }
      take({ name, domain, segment: openColumns(repository, own) })
      // What was opened is in memory of its own. Waiting for the collector, a hundred of these would lie about.
      release(object)
    } catch (error) {
      if (isCairnError(error, 'object-missing')) vanished.push({ name, error, domain: undefined })
      else problems.take(name, error)
    } finally {
      await turn
      resolve(undefined)
    }
  })
  if (!onlyReading) problems.expectAnyRead()
  return {
    problems: problems.found.map((problem) => ({ ...problem, domain: domainOf.get(problem.name) })),
    vanished,
  }
}

/** Domains of the repository, in hexadecimal, that are not among these. */
function domainsBeside(
  { config }: Repository,
  domains: readonly DomainAccess[],
): ReadonlySet<string> {
  const others = new Set(config.domains.map(({ id }) => toHex(id)))
  for (const { hex } of domains) others.delete(hex)
  return others
}

/**
 * Whether a segment says that it is of one of these domains. Its first bytes say so, and are asked once.
 * Where they name a domain that the owner never made they may be damaged: all of it is read then.
 */
async function isOfOthers(
  { store, segmentDomains }: Repository,
  { name, others }: { readonly name: string; readonly others: ReadonlySet<string> },
): Promise<boolean> {
  if (others.size === 0) return false
  const known = segmentDomains.get(name)
  const hex = known ?? domainOfPrefix(await store.get(name, PREFIX_RANGE))
  if (hex === undefined) return false
  segmentDomains.set(name, hex)
  return others.has(hex)
}

/** In hexadecimal. Undefined where the prefix cannot be decoded: whether it is damaged, all of it tells. */
function domainOfPrefix(prefix: Bytes): string | undefined {
  try {
    return toHex(decodePrefix(prefix).domain)
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'unsupported')) return undefined
    throw error
  }
}

const PREFIX_RANGE = { offset: 0, length: PREFIX_BYTES } as const

function domainIn(object: Bytes, domains: readonly DomainAccess[]): DomainAccess | undefined {
  const { domain: id } = decodePrefix(object)
  return domains.find((domain) => equalBytes(domain.id, id))
}

/** One segment; undefined where it belongs to another domain. */
export async function loadSegment(
  repository: Repository,
  named: { readonly domain: DomainAccess; readonly name: string },
): Promise<IndexSegment | undefined> {
  const segment = await loadSegmentColumns(repository, named)
  return segment && segmentOfColumns(segment)
}

/** The same, without an object for each frame. */
export async function loadSegmentColumns(
  repository: Repository,
  { domain, name }: { readonly domain: DomainAccess; readonly name: string },
): Promise<SegmentColumns | undefined> {
  const object = await readObject(repository.store, name)
  try {
    if (domainIn(object, [domain]) === undefined) return undefined
    return openColumns(repository, { domain, object, objectHash: digestInName(name) })
  } catch (error) {
    throw whileDoing(`Cannot use ${name}`, error, { object: name })
  }
}

interface StoredSegment {
  readonly domain: DomainAccess
  readonly object: Bytes
  readonly objectHash: Bytes | undefined
}

/** Opens and verifies a segment. Throws as openRecord does. */
export function openSegment(repository: Repository, segment: StoredSegment): IndexSegment {
  return segmentOfColumns(openColumns(repository, segment))
}

function openColumns(repository: Repository, segment: StoredSegment): SegmentColumns {
  if (segment.object.length > INDEX_BYTES_MAX) {
    throw new CairnError('object-damaged', 'Cannot use an index segment: it is too long')
  }
  const { payload } = openRecord(repository, {
    ...segment,
    kind: 'index',
    roles: ['writer', 'upkeep'],
  })
  return decodeSegmentColumns(payload)
}
