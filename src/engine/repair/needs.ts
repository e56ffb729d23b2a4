// What the snapshots of a domain need, and where it can be had: in packs that are good, or in frames that can
// be taken from elsewhere. All by headers: what is below a tree is known without opening it, also where the
// tree itself must be taken from elsewhere first.

import type { Bytes } from '../../base/bytes.ts'
import { assert } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import { frameColumnsOf, type PackHeader } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import { splitIds } from '../../format/tree.ts'
import { packsOf } from '../../repository/index-assemble.ts'
import type { IndexImage } from '../../repository/index-image.ts'
import { buildImage, type ImagePack } from '../../repository/index-image-build.ts'
import { segmentOf } from '../../repository/pack-headers.ts'
import { Reach, taintedBlobs } from '../check/reach.ts'
import { RefGraph } from '../check/ref-graph.ts'
import { firstBlobs } from '../prune/move-frames.ts'
import type { FrameSource, TakenFrames } from './frame-source.ts'

interface Pack {
  readonly kind: PackKind
  readonly header: PackHeader
}

export interface NeedsOptions {
  /** Packs that stay as they are. */
  readonly good: readonly Pack[]
  /** Of the damaged packs, and their like in a copy: all is taken that is nowhere else. */
  readonly saved: readonly FrameSource[]
  /** Others: of these what is needed, in the order in which they are asked. */
  readonly others: readonly FrameSource[]
  /** Of all snapshots that are kept. */
  readonly roots: readonly Bytes[]
  /** Of what was forgotten and can still be had back, as far as it is whole. */
  readonly forgotten: readonly Bytes[]
}

export class Needs {
  /** Frames that must be taken, by their sources. */
  readonly taken: readonly TakenFrames[]
  /** Ids that snapshots need and that can be had nowhere, in hexadecimal. */
  readonly lost: readonly string[]
  /** Whether anything is missing, of what was forgotten too. */
  readonly isIncomplete: boolean
  /** How many packs are good, and how many sources are taken as a whole. */
  readonly #good: number
  readonly #saved: number
  readonly #sources: readonly FrameSource[]
  readonly #image: IndexImage
  readonly #graph: RefGraph
  /** By the number of a blob: 1 where a snapshot needs it. */
  readonly #needed: Uint8Array
  /** By the number of a blob: 1 where something below it can be had nowhere; when somebody asks. */
  #tainted: Uint8Array | undefined

  constructor({ good, saved, others, roots, forgotten }: NeedsOptions) {
    this.#good = good.length
    this.#saved = saved.length
    this.#sources = [...saved, ...others]
    const packs = [...good, ...this.#sources]
    this.#image = buildImage(packs.map(imagePackOf))
    this.#graph = new RefGraph(this.#image)
    for (const { kind, header } of packs)
      if (kind === 'tree-pack') this.#graph.add({ ...header, treeIds: header.ids })
    const reach = new Reach(this.#graph)
    const lostBelow = (ids: readonly Bytes[]) =>
      reach.lostBelow(ids.map((id) => this.#numberOf(id)))
    const missing = new Set(lostBelow(roots))
    const isForgottenWhole = lostBelow(forgotten).length === 0
    this.#needed = reach.visited(this.#image.blobs)
    this.lost = [...this.#graph.unresolved].filter(([, n]) => missing.has(n)).map(([hex]) => hex)
    this.isIncomplete = this.lost.length > 0 || !isForgottenWhole
    this.taken = this.#takeFrames()
  }

  /** Whether everything that is below these roots can be had. */
  isWhole(roots: readonly Bytes[]): boolean {
    this.#tainted ??= taintedBlobs(this.#graph)
    const tainted = this.#tainted
    return roots.every((root) => {
      const number = this.#numberOf(root)
      return !this.#graph.isLost(number) && tainted[number] !== 1
    })
  }

  /** Whether all of these blobs are in packs that stay, or are taken, needed or not. */
  hasAll(ids: Bytes): boolean {
    const last = this.#good + this.#saved
    return splitIds(ids).every((id) => this.#image.has(id) && this.#firstPack(id) < last)
  }

  #numberOf(root: Bytes): number {
    return this.#graph.numberOf(root)
  }

  /** Which of the good packs have what is needed: of each blob the first copy. */
  goodPacks(): ReadonlySet<number> {
    return new Set([...this.#firstPacks()].filter((pack) => pack < this.#good))
  }

  #takeFrames(): readonly TakenFrames[] {
    const wanted = this.#firstPacks()
    return this.#sources.flatMap((source, i) => {
      if (i >= this.#saved && !wanted.has(this.#good + i)) return []
      const onlyNeeded = i >= this.#saved && source.origin === 'marked'
      const frames = this.#framesOf(i, { onlyNeeded })
      return frames.length > 0 ? [{ source, frames }] : []
    })
  }

  /** Packs that are the first to have something that is needed. */
  #firstPacks(): ReadonlySet<number> {
    const first = new Set<number>()
    for (const { number, id } of this.#image.numberedIds())
      if (this.#needed[number] === 1) first.add(this.#firstPack(id))
    return first
  }

  /** Frames with a blob that no pack before this one has. */
  #framesOf(source: number, { onlyNeeded }: { readonly onlyNeeded: boolean }): readonly number[] {
    const { header } = this.#sources[source] as FrameSource
    const first = firstBlobs({ header })
    const ids = splitIds(header.ids)
    const isMissed = (id: BlobId) =>
      this.#firstPack(id) === this.#good + source &&
      (!onlyNeeded || this.#needed[this.#image.blobNumber(id)] === 1)
    return header.frames.flatMap(({ blobCount }, frame) => {
      const from = first[frame] as number
      return ids.slice(from, from + blobCount).some(isMissed) ? [frame] : []
    })
  }

  #firstPack(id: BlobId): number {
    const copies = this.#image.copies(id)
    const packs = copies.map((copy) => this.#image.frame(this.#image.frameOf(copy)).pack)
    return Math.min(...packs)
  }
}

function imagePackOf({ kind, header }: Pack): ImagePack {
  const indexed = {
    hash: new Uint8Array(32),
    kind,
    packBytes: 0,
    headerBytes: 0,
    frameCount: header.frames.length,
  }
  const segment = segmentOf([{ indexed, columns: header }])
  const [placed] = packsOf({ ...segment, frames: frameColumnsOf(segment.frames) }, 0)
  assert(placed, 'a segment of one pack has one')
  return placed.image
}
