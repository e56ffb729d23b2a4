// Which frames of a domain's packs are needed, from headers alone. Of a blob that is stored several times the
// copy counts that a store had first: who stores a blob again, and lies about it, cannot make the first one
// go. Frames that were moved keep the time of their first pack.

import { assert } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import type { IndexImage } from '../../repository/index-image.ts'
import { ImageBuilder } from '../../repository/index-image-build.ts'
import type { EncodedHeader } from '../../repository/pack-headers.ts'
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
  readonly #isMarked: readonly boolean[]
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
    const read = packs.map(({ name }) => headers.get(name) as EncodedHeader)
    this.#image = imageOf(read)
    this.packs = packs.map((pack, i) =>
      lifeOf(pack, { header: read[i] as EncodedHeader, isMarked: marked.packs.has(pack.name) }),
    )
    this.#isMarked = this.packs.map(({ isMarked }) => isMarked)
    this.#numbers = new Map(packs.map(({ name }, number) => [name, number]))
    this.#firstFrames = firstFrames(read)
    this.#receivedMs = receivedTimes(packs, { read, moved, frames: this.#image.frames })
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
    if (!isGoing.includes(true)) return []
    this.#image.eachCopies(this.#needed, (copies) => {
      const staying = this.#first(copies, this.#isUnmarked)
      const leaving = this.#first(copies, (pack) => isGoing[pack] === true)
      if (leaving === undefined) return
      // Of two of the same moment nobody knows which was first.
      if (staying === undefined || this.#rank(leaving) <= this.#rank(staying))
        frames.add(this.#image.frameOf(leaving))
    })
    return [...frames].sort((a, b) => a - b).map((frame) => this.#placeOf(frame))
  }

  /** When a store first had a frame. */
  receivedMs(place: FramePlace): number {
    return Math.ceil(this.#receivedMs[this.#frameAt(place)] as number)
  }

  storedBytes(place: FramePlace): number {
    return this.#image.frame(this.#frameAt(place)).storedBytes
  }

  #frameAt({ pack, frame }: FramePlace): number {
    const number = this.#numbers.get(pack)
    assert(number !== undefined, 'a pack is in the image')
    return (this.#firstFrames[number] as number) + frame
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

  /** The copy that a store had first, among those in packs that count. */
  #first(copies: readonly number[], counts: (pack: number) => boolean): number | undefined {
    if (copies.length === 1 && counts === anyPack) return copies[0]
    let first: number | undefined
    for (const copy of copies) {
      if (!counts(this.#packOf(copy))) continue
      if (first === undefined || this.#rank(copy) < this.#rank(first)) first = copy
    }
    return first
  }

  /** Outside of marks the first copy, with those of the same moment; where all are marked the first of these. */
  #keepers(copies: readonly number[]): readonly number[] {
    if (copies.length === 1) return copies
    const first = this.#first(copies, this.#isUnmarked)
    if (first === undefined) return [this.#first(copies, anyPack) as number]
    const rank = this.#rank(first)
    return copies.filter(
      (copy) => this.#rank(copy) === rank && this.#isUnmarked(this.#packOf(copy)),
    )
  }

  readonly #isUnmarked = (pack: number): boolean => this.#isMarked[pack] !== true

  #packOf(blob: number): number {
    return this.#image.packOf(this.#image.frameOf(blob))
  }

  #rank(blob: number): number {
    return this.#receivedMs[this.#image.frameOf(blob)] as number
  }

  /** Which frames outside of marks are needed; of those in marks, all that have the only copy. */
  #countLife(): void {
    const live = new Uint8Array(this.#image.frames)
    const liveBlobs = new Uint32Array(this.#image.frames)
    this.#image.eachCopies(this.#needed, (copies) => {
      for (const copy of this.#keepers(copies)) {
        const frame = this.#image.frameOf(copy)
        live[frame] = 1
        liveBlobs[frame] = (liveBlobs[frame] as number) + 1
      }
    })
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

function anyPack(): boolean {
  return true
}

/** Sessions do not matter here. */
function imageOf(read: readonly EncodedHeader[]): IndexImage {
  const sizes = read.map(({ blobCount }) => blobCount)
  const builder = new ImageBuilder({
    blobs: sizes.reduce((sum, blobs) => sum + blobs, 0),
    frames: read.reduce((sum, { indexed }) => sum + indexed.frameCount, 0),
  })
  read.forEach(({ columns, indexed: { frameCount } }, i) => {
    const place = { firstFrame: 0, frameCount, firstBlob: 0, blobCount: sizes[i] as number }
    builder.add({ segment: columns, ...place, sessionBase: 0 })
  })
  return builder.build()
}

function lifeOf(
  { name, size, storedAtMs }: ObjectInfo,
  { header, isMarked }: { readonly header: EncodedHeader; readonly isMarked: boolean },
): PackLife {
  const { kind } = header.indexed
  const counts = { liveBytes: 0, deadBytes: 0, liveBlobs: 0, wastedBlobs: 0 }
  return { name, packBytes: size, storedAtMs, kind, isMarked, ...counts }
}

function firstFrames(read: readonly EncodedHeader[]): readonly number[] {
  let next = 0
  return read.map(({ indexed: { frameCount } }) => {
    const first = next
    next += frameCount
    return first
  })
}

function receivedTimes(
  packs: readonly ObjectInfo[],
  {
    read,
    moved,
    frames,
  }: {
    readonly read: readonly EncodedHeader[]
    readonly moved: ReadonlyMap<string, readonly number[]>
    readonly frames: number
  },
): Float64Array {
  const times = new Float64Array(frames)
  let next = 0
  packs.forEach(({ name, storedAtMs }, i) => {
    const before = moved.get(name)
    const { frameCount } = (read[i] as EncodedHeader).indexed
    // Upkeep's word on what it moved comes before that of a stamp of the same moment.
    for (let frame = 0; frame < frameCount; frame++) {
      const said = before?.[frame]
      times[next++] = said === undefined ? storedAtMs : Math.min(storedAtMs, said) - 0.5
    }
  })
  return times
}

function reachOf(
  { domain, roots, lost }: DomainSurvey,
  { image, read }: { readonly image: IndexImage; readonly read: readonly EncodedHeader[] },
): { readonly needed: Uint8Array; readonly unresolved: readonly string[] } {
  const graph = new RefGraph(image)
  for (const { columns } of read.filter(({ indexed: { kind } }) => kind === 'tree-pack')) {
    const { ids: treeIds, refCounts, refs } = columns
    graph.add({ treeIds, refCounts, refs })
  }
  const own = [...roots.snapshots, ...roots.forgotten].filter((root) => root.domain === domain)
  const ids = own.flatMap(({ summary }) => summary.roots)
  const reach = new Reach(graph)
  const missing = new Set(reach.lostBelow(ids.map((id) => graph.numberOf(id as BlobId))))
  const unresolved = [...graph.unresolved].filter(([hex, n]) => missing.has(n) && !lost.has(hex))
  return { needed: reach.visited(image.blobs), unresolved: unresolved.map(([hex]) => hex) }
}
