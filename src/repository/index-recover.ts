// The index when its segments do not suffice: damaged, missing, or behind. The headers of the listed
// packs that no good segment names are read, and what they say is put beside what is known. Nothing is
// written: who repairs puts new segments by itself.

import { concat } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import { frameColumnsOf } from '../format/pack.ts'
import type { DomainAccess } from './access.ts'
import { digestsOf, type LoadedPack, packsOf, placesOf, unmarkedFirst } from './index-assemble.ts'
import type { IndexImage } from './index-image.ts'
import { buildImage, type ImagePack } from './index-image-build.ts'
import type { Index } from './index-load.ts'
import { forEachInParallel, type ObjectProblem, ObjectProblems } from './object-problem.ts'
import {
  type DescribedPack,
  type ListedPack,
  type PackColumns,
  type ReadHeader,
  readPackHeader,
  segmentOf,
} from './pack-headers.ts'
import type { Repository } from './repository.ts'

/** Headers on their way at a time. */
const PARALLEL = 16

/** Listed packs of any domain that the index does not name. */
export function unindexedPacks(index: Index): readonly ListedPack[] {
  const named = digestsOf(index.packs)
  return Array.from(index.listed.except(named), ([name, packBytes]) => ({ name, packBytes }))
}

export interface RecoverOptions {
  /** Unindexed packs, of any domain. */
  readonly packs: readonly ListedPack[]
  /** For who only reads: marked packs too. */
  readonly onlyReading?: boolean
}

/**
 * The index with what these packs say of themselves, as far as they are of its domain. Headers that
 * cannot be read are among the problems. Throws where the store cannot be read at all.
 */
export async function recoverIndex(
  repository: Repository,
  { index, ...options }: RecoverOptions & { readonly index: Index },
): Promise<Index> {
  const [recovered] = await recoverIndexes(repository, { indexes: [index], ...options })
  return recovered as Index
}

/** The same for several domains, in their order: each header is fetched once. */
export async function recoverIndexes(
  repository: Repository,
  { indexes, packs, onlyReading = false }: RecoverOptions & { readonly indexes: readonly Index[] },
): Promise<readonly Index[]> {
  const domains = indexes.map(({ domain }) => domain)
  const { headers, problems } = await readHeaders(repository, { domains, packs })
  return indexes.map((index) => {
    const counts = ({ domain, name }: OwnPack) =>
      domain === index.domain && (onlyReading || !index.marked.packs.has(name))
    const own = headers.filter(counts)
    const extended = own.length === 0 ? index : extend(index, own)
    return { ...extended, problems: [...index.problems, ...problems] }
  })
}

/** What an index says of a pack, from the pack's own header. */
interface OwnPack extends DescribedPack {
  readonly name: string
  readonly domain: DomainAccess
}

async function readHeaders(
  { store }: Repository,
  {
    domains,
    packs,
  }: { readonly domains: readonly DomainAccess[]; readonly packs: readonly ListedPack[] },
): Promise<{ headers: readonly OwnPack[]; problems: readonly ObjectProblem[] }> {
  const headers = new Map<string, OwnPack>()
  const problems = new ObjectProblems()
  await forEachInParallel(packs, PARALLEL, async (pack) => {
    try {
      const read = await readPackHeader(store, pack, domains)
      problems.noteRead()
      if (read !== undefined) headers.set(pack.name, { name: pack.name, ...withoutRefs(read) })
    } catch (error) {
      if (isCairnError(error, 'object-missing')) return // removed since it was listed
      problems.take(pack.name, error)
    }
  })
  const inOrder = packs.flatMap(({ name }) => headers.get(name) ?? [])
  return { headers: inOrder, problems: problems.found }
}

/** So that the refs of all trees are not in memory at once. */
function withoutRefs({ domain, indexed, header }: ReadHeader): Omit<OwnPack, 'name'> {
  const { sessions, frames, ids } = header
  const own = header.refs.length > 0 ? ids.slice() : ids
  return { domain, indexed, columns: { sessions, frames, ids: own } }
}

/** An image of what the old one has and of more packs; those that are marked come last. */
function extend(index: Index, headers: readonly OwnPack[]): Index {
  const { frames, ...named } = segmentOf(headers)
  const segment = { ...named, frames: frameColumnsOf(frames) }
  const known = imagePacksOf(index).map((image, i) => ({
    pack: index.packs[i] as LoadedPack,
    image,
  }))
  const packs = unmarkedFirst([...known, ...packsOf(segment, index.sessions.length)], index.marked)
  return {
    ...index,
    packs: packs.map(({ pack }) => pack),
    sessions: [...index.sessions, ...segment.sessions],
    image: buildImage(packs.map(({ image }) => image)),
  }
}

/** The packs of an image, as if one segment had named them all. */
function imagePacksOf({ image, packs }: Index): readonly ImagePack[] {
  const frames = frameColumnsOf(Array.from({ length: image.frames }, (_, i) => image.frame(i)))
  return placesOf({ packs, frames, ids: idsInOrder(image) }, 0)
}

/** The ids of all blobs, in the order of their numbers. */
function idsInOrder(image: IndexImage): Uint8Array {
  const ids = new Uint8Array(BLOB_ID_BYTES * image.blobs)
  for (const { number, id } of image.numberedIds()) ids.set(id, BLOB_ID_BYTES * number)
  return ids
}

/** What the index says of one pack; undefined where it does not name it. Goes through the whole image. */
export function columnsOfPack(index: Index, name: string): PackColumns | undefined {
  const { image, packs, sessions } = index
  const pack = packs.findIndex((one) => one.name === name)
  if (pack < 0) return undefined
  const frames = Array.from({ length: image.frames }, (_, i) => image.frame(i))
  const own = frames.filter((frame) => frame.pack === pack)
  const ids: { readonly number: number; readonly id: Uint8Array }[] = []
  for (const { number, id } of image.numberedIds()) {
    if (frames[image.frameOf(number)]?.pack === pack) ids.push({ number, id })
  }
  ids.sort((a, b) => a.number - b.number)
  return { sessions, frames: own, ids: concat(ids.map(({ id }) => id)) }
}
