// Which frames of a domain's packs are needed, from headers alone. Of a blob that is stored several times the
// copy counts that a store had first: who stores a blob again, and lies about it, cannot make the first one
// go. Frames that were moved keep the time of their first pack.

import { assert } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import { buildImage, type IndexImage } from '../../repository/index-image.ts'
import { packsOf } from '../../repository/index-load.ts'
import { type ReadHeader, segmentOf } from '../../repository/pack-headers.ts'
import type { ObjectInfo } from '../../store/store.ts'
import { Reach } from '../check/reach.ts'
import { RefGraph } from '../check/ref-graph.ts'
import type { DomainSurvey } from './survey.ts'

/** A pack, and how much of it is needed. */
export interface PackLife {
  readonly name: string
  readonly packBytes: number
  readonly storedAtMs: number
  readonly kind: 'data-pack' | 'tree-pack'
  readonly isMarked: boolean
  /** Bytes of frames, as they are stored. */
  liveBytes: number
  deadBytes: number
  /** Of live frames, the blobs that are needed and those that are not. */
  liveBlobs: number
  wastedBlobs: number
}

/** A frame of a pack, by its place in the pack's header. */
export interface FramePlace {
  readonly pack: string
  readonly frame: number
}

export class Liveness {
  readonly packs: readonly PackLife[]
  /** Needed ids that no pack has, in hexadecimal. */
  readonly unresolved: readonly string[]
  readonly #image: IndexImage
  readonly #numbers: ReadonlyMap<string, number>
  readonly #firstFrames: readonly number[]
  /** When a store first had each frame. */
  readonly #receivedMs: Float64Array
  /** For each blob 1 where its id is needed; of those stored several times at the first in the image. */
  readonly #needed: Uint8Array

  constructor(survey: DomainSurvey) {
    const { marked, headers, ownPacks, moved } = survey
    const packs = [...ownPacks].sort(
      (a, b) =>
        Number(marked.packs.has(a.name)) - Number(marked.packs.has(b.name)) ||
        a.storedAtMs - b.storedAtMs ||
        (a.name < b.name ? -1 : 1),
    )
    const read = packs.map(({ name }) => headers.get(name) as ReadHeader)
    this.#image = buildImage(read.map(imagePackOf))
    this.packs = packs.map((pack, i) =>
      lifeOf(pack, { header: read[i] as ReadHeader, isMarked: marked.packs.has(pack.name) }),
    )
    this.#numbers = new Map(packs.map(({ name }, number) => [name, number]))
    this.#firstFrames = firstFrames(read)
    this.#receivedMs = receivedTimes(packs, { read, moved })
    const { needed, unresolved } = reachOf(survey, { image: this.#image, read })
    this.#needed = needed
    this.unresolved = unresolved
    this.#countLife()
  }

  /**
   * The frames that must be moved before these packs go: those of needed blobs that have no copy outside all
   * marks, or whose first copy is in one of these packs.
   */
  framesToMove(going: ReadonlySet<string>): readonly FramePlace[] {
    const isGoing = this.packs.map(({ name }) => going.has(name))
    const frames = new Set<number>()
    for (const copies of this.#neededCopies()) {
      const staying = this.#first(copies, (pack) => !this.#pack(pack).isMarked)
      const leaving = this.#first(copies, (pack) => isGoing[pack] === true)
      if (leaving === undefined) continue
      // Of two of the same moment nobody knows which was first.
      if (staying === undefined || this.#rank(leaving) <= this.#rank(staying))
        frames.add(this.#image.frameOf(leaving))
    }
    return [...frames].sort((a, b) => a - b).map((frame) => this.#placeOf(frame))
  }

  /** When a store first had a frame. */
  receivedMs({ pack, frame }: FramePlace): number {
    const number = this.#numbers.get(pack)
    assert(number !== undefined, 'a pack is in the image')
    return Math.ceil(this.#receivedMs[(this.#firstFrames[number] as number) + frame] as number)
  }

  #placeOf(frame: number): FramePlace {
    const { pack } = this.#image.frame(frame)
    return { pack: this.#pack(pack).name, frame: frame - (this.#firstFrames[pack] as number) }
  }

  #pack(number: number): PackLife {
    const pack = this.packs[number]
    assert(pack, 'a pack is in the image')
    return pack
  }

  /** For every needed id the numbers of its blobs. */
  *#neededCopies(): Generator<readonly number[]> {
    for (const { number, id } of this.#image.numberedIds())
      if (this.#needed[number] === 1) yield this.#image.copies(id)
  }

  /** The copy that a store had first, among those in packs that count. */
  #first(copies: readonly number[], counts: (pack: number) => boolean): number | undefined {
    let first: number | undefined
    for (const copy of copies) {
      if (!counts(this.#image.frame(this.#image.frameOf(copy)).pack)) continue
      if (first === undefined || this.#rank(copy) < this.#rank(first)) first = copy
    }
    return first
  }

  /** Outside of marks the first copy, with those of the same moment; where all are marked the first of these. */
  #keepers(copies: readonly number[]): readonly number[] {
    const isStaying = (pack: number) => !this.#pack(pack).isMarked
    const first = this.#first(copies, isStaying)
    if (first === undefined) return [this.#first(copies, () => true) as number]
    const rank = this.#rank(first)
    return copies.filter((copy) => {
      const { pack } = this.#image.frame(this.#image.frameOf(copy))
      return isStaying(pack) && this.#rank(copy) === rank
    })
  }

  #rank(blob: number): number {
    return this.#receivedMs[this.#image.frameOf(blob)] as number
  }

  /** Which frames outside of marks are needed; of those in marks, all that have the only copy. */
  #countLife(): void {
    const live = new Uint8Array(this.#image.frames)
    const liveBlobs = new Uint32Array(this.#image.frames)
    for (const copies of this.#neededCopies()) {
      for (const copy of this.#keepers(copies)) {
        const frame = this.#image.frameOf(copy)
        live[frame] = 1
        liveBlobs[frame] = (liveBlobs[frame] as number) + 1
      }
    }
    for (let i = 0; i < this.#image.frames; i++) {
      const { pack, storedBytes, blobCount } = this.#image.frame(i)
      const life = this.#pack(pack)
      if (live[i] === 0) life.deadBytes += storedBytes
      else {
        life.liveBytes += storedBytes
        life.liveBlobs += liveBlobs[i] as number
        life.wastedBlobs += blobCount - (liveBlobs[i] as number)
      }
    }
  }
}

function imagePackOf({ indexed, header }: ReadHeader) {
  const [placed] = packsOf(segmentOf([{ indexed, columns: header }]), 0)
  assert(placed, 'a segment of one pack has one')
  return placed.image
}

function lifeOf(
  { name, size, storedAtMs }: ObjectInfo,
  { header, isMarked }: { readonly header: ReadHeader; readonly isMarked: boolean },
): PackLife {
  const { kind } = header.indexed
  const counts = { liveBytes: 0, deadBytes: 0, liveBlobs: 0, wastedBlobs: 0 }
  return { name, packBytes: size, storedAtMs, kind, isMarked, ...counts }
}

function firstFrames(read: readonly ReadHeader[]): readonly number[] {
  let next = 0
  return read.map(({ header }) => {
    const first = next
    next += header.frames.length
    return first
  })
}

function receivedTimes(
  packs: readonly ObjectInfo[],
  {
    read,
    moved,
  }: {
    readonly read: readonly ReadHeader[]
    readonly moved: ReadonlyMap<string, readonly number[]>
  },
): Float64Array {
  const times = packs.flatMap(({ name, storedAtMs }, i) => {
    const before = moved.get(name)
    const { frames } = (read[i] as ReadHeader).header
    // Upkeep's word on what it moved comes before that of a stamp of the same moment.
    return frames.map((_, frame) =>
      before?.[frame] === undefined ? storedAtMs : Math.min(storedAtMs, before[frame]) - 0.5,
    )
  })
  return Float64Array.from(times)
}

function reachOf(
  { domain, roots, lost }: DomainSurvey,
  { image, read }: { readonly image: IndexImage; readonly read: readonly ReadHeader[] },
): { readonly needed: Uint8Array; readonly unresolved: readonly string[] } {
  const graph = new RefGraph(image)
  for (const { indexed, header } of read) {
    const { ids: treeIds, refCounts, refs } = header
    if (indexed.kind === 'tree-pack') graph.add({ treeIds, refCounts, refs })
  }
  const own = [...roots.snapshots, ...roots.forgotten].filter((root) => root.domain === domain)
  const ids = own.flatMap(({ summary }) => summary.roots)
  const reach = new Reach(graph)
  const missing = new Set(reach.lostBelow(ids.map((id) => graph.numberOf(id as BlobId))))
  const unresolved = [...graph.unresolved].filter(([hex, n]) => missing.has(n) && !lost.has(hex))
  return { needed: reach.visited(image.blobs), unresolved: unresolved.map(([hex]) => hex) }
}
