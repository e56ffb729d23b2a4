// Loading the index of a domain (design, section 5, step 1): list marks, then packs, then the index
// segments. A segment's word on a pack counts only if the pack is in our own listing with the length
// that the segment says, and no mark names it. Damaged segments are reported and passed over: what they
// said can be read from the packs themselves.

import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import { decodeIndexSegment, type IndexedPack, type IndexSegment } from '../format/index-segment.ts'
import { INDEX_BYTES_MAX } from '../format/limits.ts'
import type { Session } from '../format/pack.ts'
import { decodePrefix } from '../format/prefix.ts'
import { getVerified } from '../store/content.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import type { DomainAccess } from './access.ts'
import { buildImage, type ImagePack, type IndexImage } from './index-image.ts'
import { loadMarks, type Marked } from './marks.ts'
import { type ObjectProblem, UNREADABLE } from './object-problem.ts'
import { openRecord } from './open-record.ts'
import type { Repository } from './repository.ts'

export interface LoadedPack extends IndexedPack {
  readonly name: string
}

export interface Index {
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
   * For who only reads: packs that are marked but still listed are in the image too, behind the others.
   * A writer must not rely on them.
   */
  readonly withMarked?: boolean
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
  const { store } = repository
  for (let attempt = 1; ; attempt++) {
    const marked = await loadMarks(repository, domain, options.onMarkProblem)
    const listed = await listPacks(store)
    const loaded = await loadSegments(repository, domain)
    // A segment that vanished between listing and reading was replaced: list again.
    if (loaded.vanished.length === 0 || attempt === LISTINGS_MAX)
      return assemble(loaded, { listed, marked, ...options })
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
  readonly segments: readonly NamedSegment[]
  readonly problems: readonly ObjectProblem[]
  readonly vanished: readonly ObjectProblem[]
}

/** Segments on their way at a time: stores are far away. */
const PARALLEL = 8

async function loadSegments(repository: Repository, domain: DomainAccess): Promise<Segments> {
  const names: string[] = []
  for await (const { name } of repository.store.list('index/')) names.push(name)
  const loaded = new Map<string, IndexSegment>()
  const problems: ObjectProblem[] = []
  const vanished: ObjectProblem[] = []
  const next = names.values()
  const work = async () => {
    for (const name of next) {
      try {
        const segment = await loadSegment(repository, { domain, name })
        if (segment !== undefined) loaded.set(name, segment)
      } catch (error) {
        if (isCairnError(error, 'object-missing')) vanished.push({ name, error })
        else if (isCairnError(error, ...UNREADABLE, 'store-unreadable'))
          problems.push({ name, error })
        else throw error
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  expectReadable(problems, names)
  const segments = [...loaded].map(([name, segment]) => ({ name, segment }))
  return { segments, problems, vanished }
}

/** One segment on a bad sector is passed over, as damage is; where none can be read the store is gone. */
function expectReadable(problems: readonly ObjectProblem[], names: readonly string[]): void {
  const [first, ...others] = problems.filter(({ error }) => error.code === 'store-unreadable')
  if (first !== undefined && names.length > 1 && others.length + 1 === names.length)
    throw first.error
}

/** One segment; undefined where it belongs to another domain. */
export async function loadSegment(
  repository: Repository,
  { domain, name }: { readonly domain: DomainAccess; readonly name: string },
): Promise<IndexSegment | undefined> {
  const object = await getVerified(repository.store, name)
  if (!equalBytes(decodePrefix(object).domain, domain.id)) return undefined
  return openSegment(repository, { domain, object, objectHash: digestInName(name) })
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
  { segments, problems, vanished }: Segments,
  {
    listed,
    marked,
    withMarked = false,
  }: LoadIndexOptions & { readonly listed: ReadonlyMap<string, number>; readonly marked: Marked },
): Index {
  const superseded = new Set(segments.flatMap(({ segment }) => segment.supersedes.map(toHex)))
  const current = segments.filter(({ name }) => !superseded.has(name.slice('index/'.length)))
  const packs = new Map<string, { pack: LoadedPack; image: ImagePack }>()
  const sessions: Session[] = []
  for (const { segment } of current) {
    for (const { pack, image } of packsOf(segment, sessions.length)) {
      const isMarked = marked.packs.has(pack.name)
      const counts = listed.get(pack.name) === pack.packBytes && (withMarked || !isMarked)
      if (counts && !packs.has(pack.name)) packs.set(pack.name, { pack, image })
    }
    sessions.push(...segment.sessions)
  }
  const isMarked = ({ pack }: { readonly pack: LoadedPack }) => Number(marked.packs.has(pack.name))
  const chosen = [...packs.values()].sort((a, b) => isMarked(a) - isMarked(b))
  return {
    image: buildImage(chosen.map(({ image }) => image)),
    packs: chosen.map(({ pack }) => pack),
    sessions,
    listed,
    marked,
    segments: segments.map(({ name }) => name),
    problems: [...problems, ...vanished],
  }
}

/** The packs of a segment, each with its place in the segment's columns. */
export function packsOf(
  segment: IndexSegment,
  sessionBase: number,
): readonly { readonly pack: LoadedPack; readonly image: ImagePack }[] {
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
