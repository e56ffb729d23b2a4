// Loading the index of domains (design, section 5, step 1): list marks, then packs, then the index
// segments. A segment's word on a pack counts only if the pack is in our own listing with the length
// that the segment says, and no mark names it. Damaged segments are reported and passed over: what they
// said can be read from the packs themselves.

import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError, isCairnError, whileDoing } from '../base/errors.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import { decodeIndexSegment, type IndexedPack, type IndexSegment } from '../format/index-segment.ts'
import { INDEX_BYTES_MAX } from '../format/limits.ts'
import type { Session } from '../format/pack.ts'
import { decodePrefix, PREFIX_BYTES } from '../format/prefix.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import type { DomainAccess } from './access.ts'
import { buildImage, type ImagePack, type IndexImage } from './index-image.ts'
import { loadMarksOf, type Marked } from './marks.ts'
import { forEachInParallel, type ObjectProblem, ObjectProblems } from './object-problem.ts'
import { openRecord } from './open-record.ts'
import { readObject } from './read-object.ts'
import type { Repository } from './repository.ts'

export interface LoadedPack extends IndexedPack {
  readonly name: string
}

export interface Index {
  readonly domain: DomainAccess
  readonly image: IndexImage
  /** In the order in which the image numbers them. */
  readonly packs: readonly LoadedPack[]
  /** In the order in which the image's frames count them. */
  readonly sessions: readonly Session[]
  /** Packs of any domain in the listing: name and length. */
  readonly listed: ReadonlyMap<string, number>
  readonly marked: Marked
  /** Names of the segments that were read. */
  readonly segments: readonly string[]
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
}

/**
 * Loads the index of a domain. Throws where the store cannot be read at all, and on marks that cannot
 * be read unless `onMarkProblem` takes them.
 */
export async function loadIndex(
  repository: Repository,
  domain: DomainAccess,
  options: LoadIndexOptions = {},
): Promise<Index> {
  const [index] = await loadIndexes(repository, [domain], options)
  return index as Index
}

/** The indexes of several domains, in their order. Each object is fetched once. Throws as loadIndex. */
export async function loadIndexes(
  repository: Repository,
  domains: readonly DomainAccess[],
  options: LoadIndexOptions = {},
): Promise<readonly Index[]> {
  for (let attempt = 1; ; attempt++) {
    const marked = await loadMarksOf(repository, domains, options.onMarkProblem)
    const listed = await listPacks(repository.store)
    const loaded = await loadSegments(repository, domains, options)
    // A segment that vanished between listing and reading was replaced: list again.
    if (loaded.every(({ vanished }) => vanished.length === 0) || attempt === LISTINGS_MAX) {
      return loaded.map((segments, i) =>
        assemble(segments, { listed, marked: marked[i] as Marked, ...options }),
      )
    }
  }
}

/** Every pack that the store lists, with its length. */
export async function listPacks(store: Store): Promise<Map<string, number>> {
  const packs = new Map<string, number>()
  for await (const { name, size } of store.list('packs/')) packs.set(name, size)
  return packs
}

interface NamedSegment {
  readonly name: string
  readonly segment: IndexSegment
}

interface Segments {
  readonly domain: DomainAccess
  readonly segments: readonly NamedSegment[]
  readonly problems: readonly ObjectProblem[]
  readonly vanished: readonly ObjectProblem[]
}

/** For each domain its segments. A problem is that of every domain that the segment may be of. */
async function loadSegments(
  repository: Repository,
  domains: readonly DomainAccess[],
  { onlyReading = false }: LoadIndexOptions,
): Promise<readonly Segments[]> {
  const loaded: OwnSegment[] = []
  const { problems, vanished } = await readSegments(repository, {
    domains,
    onlyReading,
    take: (segment) => loaded.push(segment),
  })
  return domains.map((domain) => {
    const isOf = (one: { readonly domain: DomainAccess | undefined }) => one.domain === domain
    const mayBeOf = (one: SegmentProblem) => one.domain === undefined || isOf(one)
    return {
      domain,
      segments: loaded.filter(isOf).sort(byName),
      problems: problems.filter(mayBeOf),
      vanished: vanished.filter(mayBeOf),
    }
  })
}

function byName(a: NamedSegment, b: NamedSegment): number {
  return a.name < b.name ? -1 : 1
}

interface OwnSegment extends NamedSegment {
  readonly domain: DomainAccess
}

/** Of one that cannot be read as far as its prefix, the domain is not known. */
interface SegmentProblem extends ObjectProblem {
  readonly domain: DomainAccess | undefined
}

interface SegmentReading {
  readonly domains: readonly DomainAccess[]
  readonly onlyReading: boolean
  /** Called for each segment of the domains. */
  readonly take: (segment: OwnSegment) => void
}

/** Segments on their way at a time: stores are far away. */
const PARALLEL = 8

/** Reads every segment of the domains, once; of those of others at most the prefix. */
export async function readSegments(
  repository: Repository,
  { domains, onlyReading, take }: SegmentReading,
): Promise<Record<'problems' | 'vanished', readonly SegmentProblem[]>> {
  const names: string[] = []
  for await (const { name } of repository.store.list('index/')) names.push(name)
  const problems = new ObjectProblems()
  const vanished: SegmentProblem[] = []
  const domainOf = new Map<string, DomainAccess>()
  const others = domainsBeside(repository, domains)
  await forEachInParallel(names, PARALLEL, async (name) => {
    try {
      const isForeign = await isOfOthers(repository, { name, others })
      const object = isForeign ? undefined : await readObject(repository.store, name)
      problems.noteRead()
      if (object === undefined) return
      const domain = domainIn(object, domains)
      if (domain === undefined) return
      domainOf.set(name, domain)
      const own = { domain, object, objectHash: digestInName(name) }
      take({ name, domain, segment: openSegment(repository, own) })
    } catch (error) {
      if (isCairnError(error, 'object-missing')) vanished.push({ name, error, domain: undefined })
      else problems.take(name, error)
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
  { domain, name }: { readonly domain: DomainAccess; readonly name: string },
): Promise<IndexSegment | undefined> {
  const object = await readObject(repository.store, name)
  try {
    if (domainIn(object, [domain]) === undefined) return undefined
    return openSegment(repository, { domain, object, objectHash: digestInName(name) })
  } catch (error) {
    throw whileDoing(`Cannot use ${name}`, error, { object: name })
  }
}

/** Opens and verifies a segment. Throws as openRecord does. */
export function openSegment(
  repository: Repository,
  segment: {
    readonly domain: DomainAccess
    readonly object: Bytes
    readonly objectHash: Bytes | undefined
  },
): IndexSegment {
  if (segment.object.length > INDEX_BYTES_MAX) {
    throw new CairnError('object-damaged', 'Cannot use an index segment: it is too long')
  }
  const { payload } = openRecord(repository, {
    ...segment,
    kind: 'index',
    roles: ['writer', 'upkeep'],
  })
  return decodeIndexSegment(payload)
}

function assemble(
  { domain, segments, problems, vanished }: Segments,
  {
    listed,
    marked,
    onlyReading = false,
  }: LoadIndexOptions & { readonly listed: ReadonlyMap<string, number>; readonly marked: Marked },
): Index {
  const superseded = new Set(segments.flatMap(({ segment }) => segment.supersedes.map(toHex)))
  const current = segments.filter(({ name }) => !superseded.has(name.slice('index/'.length)))
  const packs = new Map<string, PlacedPack>()
  const sessions: Session[] = []
  for (const { segment } of current) {
    for (const placed of packsOf(segment, sessions.length)) {
      const { name, packBytes } = placed.pack
      const counts = listed.get(name) === packBytes && (onlyReading || !marked.packs.has(name))
      if (counts && !packs.has(name)) packs.set(name, placed)
    }
    sessions.push(...segment.sessions)
  }
  const chosen = unmarkedFirst([...packs.values()], marked)
  return {
    domain,
    image: buildImage(chosen.map(({ image }) => image)),
    packs: chosen.map(({ pack }) => pack),
    sessions,
    listed,
    marked,
    segments: segments.map(({ name }) => name),
    problems: [...problems, ...vanished],
  }
}

/** A pack, and where what an index says of it is to be found. */
export interface PlacedPack {
  readonly pack: LoadedPack
  readonly image: ImagePack
}

/** So that of a blob in several packs the copy counts that stays. */
export function unmarkedFirst(packs: readonly PlacedPack[], marked: Marked): readonly PlacedPack[] {
  const isMarked = ({ pack }: PlacedPack) => Number(marked.packs.has(pack.name))
  return packs.toSorted((a, b) => isMarked(a) - isMarked(b))
}

/** The packs of a segment, each with its place in the segment's columns. */
export function packsOf(segment: IndexSegment, sessionBase: number): readonly PlacedPack[] {
  let firstFrame = 0
  let firstBlob = 0
  return segment.packs.map((indexed) => {
    const { frameCount } = indexed
    let blobCount = 0
    for (let i = firstFrame; i < firstFrame + frameCount; i++)
      blobCount += segment.frames[i]?.blobCount ?? 0
    const image = { segment, firstFrame, frameCount, firstBlob, blobCount, sessionBase }
    firstFrame += frameCount
    firstBlob += blobCount
    return { pack: { ...indexed, name: contentName('packs', indexed.hash) }, image }
  })
}

/** The ids of a segment's pack: for callers that walk segments rather than look things up. */
export function idsOfPack({ segment, firstBlob, blobCount }: ImagePack): Uint8Array {
  return segment.ids.subarray(BLOB_ID_BYTES * firstBlob, BLOB_ID_BYTES * (firstBlob + blobCount))
}
