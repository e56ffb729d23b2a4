// The index when its segments do not suffice: damaged, missing, or behind. The headers of the listed
// packs that no good segment names are read, and what they say is put beside what is known. Nothing is
// written: who repairs puts new segments by itself.

import { concat } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import type { Frame } from '../format/pack.ts'
import type { DomainAccess } from './access.ts'
import { buildImage, type ImagePack, type IndexImage } from './index-image.ts'
import { type Index, type LoadedPack, packsOf } from './index-load.ts'
import { type ObjectProblem, UNREADABLE } from './object-problem.ts'
import {
  type ListedPack,
  type PackColumns,
  type ReadHeader,
  readPackHeader,
  segmentOfPack,
} from './pack-headers.ts'
import type { Repository } from './repository.ts'

/** Headers on their way at a time. */
const PARALLEL = 16

/** Listed packs of any domain that the index does not name and no mark does. */
export function unindexedPacks(index: Index): readonly ListedPack[] {
  const named = new Set(index.packs.map(({ name }) => name))
  const found: ListedPack[] = []
  for (const [name, packBytes] of index.listed) {
    if (!named.has(name) && !index.marked.packs.has(name)) found.push({ name, packBytes })
  }
  return found
}

/**
 * The index with what unindexed packs of its domain say of themselves: of those given, or of all.
 * Headers that cannot be read are among the problems. Throws where the store cannot be read at all.
 */
export async function recoverIndex(
  repository: Repository,
  options: {
    readonly domain: DomainAccess
    readonly index: Index
    readonly packs?: readonly ListedPack[]
  },
): Promise<Index> {
  const { domain, index, packs = unindexedPacks(index) } = options
  const { headers, problems } = await readHeaders(repository, { domain, packs })
  const extended = headers.length === 0 ? index : extend(index, headers)
  return { ...extended, problems: [...index.problems, ...problems] }
}

async function readHeaders(
  { store }: Repository,
  { domain, packs }: { readonly domain: DomainAccess; readonly packs: readonly ListedPack[] },
): Promise<{ headers: readonly ReadHeader[]; problems: readonly ObjectProblem[] }> {
  const headers: ReadHeader[] = []
  const problems: ObjectProblem[] = []
  const next = packs.values()
  const work = async () => {
    for (const pack of next) {
      try {
        const header = await readPackHeader(store, pack, [domain])
        if (header !== undefined) headers.push(header)
      } catch (error) {
        if (isCairnError(error, 'object-missing')) continue // removed since it was listed
        if (!isCairnError(error, ...UNREADABLE)) throw error
        problems.push({ name: pack.name, error })
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  return { headers, problems }
}

/** A new image of what the old one has, under the same numbers, and of more packs behind it. */
function extend(index: Index, headers: readonly ReadHeader[]): Index {
  const packs: LoadedPack[] = [...index.packs]
  const images: ImagePack[] = [...imagePacksOf(index)]
  const sessions = [...index.sessions]
  for (const { indexed, header } of headers) {
    for (const { pack, image } of packsOf(segmentOfPack(indexed, header), sessions.length)) {
      packs.push(pack)
      images.push(image)
    }
    sessions.push(...header.sessions)
  }
  return { ...index, packs, sessions, image: buildImage(images) }
}

/** The packs of an image, as if one segment had named them all. */
function imagePacksOf({ image, packs, sessions }: Index): readonly ImagePack[] {
  const frames: Frame[] = Array.from({ length: image.frames }, (_, i) => image.frame(i))
  const indexed = packs.map((pack) => ({ ...pack }))
  const segment = { supersedes: [], packs: indexed, sessions, frames, ids: idsInOrder(image) }
  return packsOf(segment, 0).map((pack) => pack.image)
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
