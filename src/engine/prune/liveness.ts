// Which frames of a domain's packs are needed, from headers alone. Of a blob that is stored several times the
// copy counts that a store had first: who stores a blob again, and lies about it, cannot make the first one
// go. Frames that were moved keep the time of their first pack.

import { assert } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import type { IndexImage } from '../../repository/index-image.ts'
import { ImageBuilder } from '../../repository/index-image-build.ts'
import type { EncodedHeader } from '../../repository/pack-headers.ts'
import { renewedPacks } from '../../repository/renewals.ts'
import type { RootSnapshot } from '../../repository/roots.ts'
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
  /** About how much of the live frames is not needed, by the numbers of blobs. */
  wastedBytes: number
  /** It is to be renewed. */
  readonly isRenewed: boolean
  /** The repository has it of which this is a copy: it stays, or the next sync would put it again. */
  readonly isAtOrigin: boolean
}

/** Nobody can tell without a key that opens whether a later copy is what it says: it must stand so long. */
const RENEWED_TRUST_MS = 14 * 24 * 60 * 60 * 1000
/** Later than any time. */
const BEHIND_TRUSTED = 1e14

/** A frame of which some blobs are needed and others are not. */
export interface PartlyNeeded extends FramePlace {
  readonly storedBytes: number
  readonly blobCount: number
  readonly neededBlobs: number
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
  /** Copies from before this time are as good as those in packs that are to be renewed. */
  readonly #trustedMs: number
  readonly #numbers: ReadonlyMap<string, number>
  readonly #firstFrames: readonly number[]
  /** When a store first had each frame. */
  readonly #receivedMs: Float64Array
  /** For each blob 1 where its id is needed; of those stored several times at the first in the image. */
  readonly #needed: Uint8Array
  /** For each frame how many of its blobs are needed. */
  readonly #liveBlobs: Uint32Array
  #forgottenBytes = 0

  constructor(survey: DomainSurvey) {
    const { marked, headers, ownPacks, moved, nowMs, origins } = survey
    const renewed = renewedPacks(survey.renewals)
    this.#trustedMs = nowMs - RENEWED_TRUST_MS
    const packs = [...ownPacks].sort(
      (a, b) =>
        Number(marked.packs.has(a.name)) - Number(marked.packs.has(b.name)) ||
        a.storedAtMs - b.storedAtMs ||
        (a.name < b.name ? -1 : 1),
    )
    const read = packs.map(({ name }) => headers.get(name) as EncodedHeader)
    this.#image = imageOf(read)
    this.packs = packs.map((pack, i) =>
      lifeOf(pack, {
        header: read[i] as EncodedHeader,
        isMarked: marked.packs.has(pack.name),
        isRenewed: renewed.has(pack.name),
        isAtOrigin: origins.newest?.has(pack.name) ?? false,
      }),
    )
    this.#isMarked = this.packs.map(({ isMarked }) => isMarked)
    this.#numbers = new Map(packs.map(({ name }, number) => [name, number]))
    this.#firstFrames = firstFrames(read)
    this.#receivedMs = receivedTimes(packs, { read, moved, frames: this.#image.frames })
    const { needed, listed, unresolved } = reachOf(survey, { image: this.#image, read })
    this.#needed = needed
    this.unresolved = unresolved
    this.#liveBlobs = new Uint32Array(this.#image.frames)
    this.#countLife(listed)
  }

  /** Bytes of live frames that only what was forgotten needs, and that can go when its window is over. */
  get forgottenBytes(): number {
    return this.#forgottenBytes
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
      if (staying === undefined || !this.#isBefore(staying, leaving))
        frames.add(this.#image.frameOf(leaving))
    })
    return [...frames].sort((a, b) => a - b).map((frame) => this.#placeOf(frame))
  }

  /** Frames outside of marks, and not at the origin, that cannot go as a whole, and from which something could go. */
  partlyNeeded(): readonly PartlyNeeded[] {
    const partly: PartlyNeeded[] = []
    for (let i = 0; i < this.#image.frames; i++) {
      const { pack, storedBytes, blobCount } = this.#image.frame(i)
      const neededBlobs = this.#liveBlobs[i] as number
      if (neededBlobs === 0 || neededBlobs === blobCount || this.#isMarked[pack]) continue
      if (this.#pack(pack).isAtOrigin) continue
      partly.push({ ...this.#placeOf(i), storedBytes, blobCount, neededBlobs })
    }
    return partly
  }

  /**
   * For each of these frames which of its blobs are needed, by their places in it, in order. Of one that several
   * of them have the first is enough.
   */
  neededBlobs(places: readonly FramePlace[]): readonly (readonly number[])[] {
    const frames = places.map((place) => this.#frameAt(place))
    const needed = new Map<number, number[]>(frames.map((frame) => [frame, []]))
    this.#image.eachCopies(this.#needed, (copies) => {
      const keepers = this.#keepers(copies).map(
        (blob) => [blob, this.#image.frameOf(blob)] as const,
      )
      const [blob, frame] = keepers.find((one) => needed.has(one[1])) ?? []
      if (blob === undefined || frame === undefined) return
      needed.get(frame)?.push(blob - this.#image.firstBlob(frame))
    })
    return frames.map((frame) => (needed.get(frame) as number[]).sort((a, b) => a - b))
  }

  /** Told of each with the blob of its id that is said to be needed. */
  #eachKeeper(act: (blob: number, needed: number) => void): void {
    this.#image.eachCopies(this.#needed, (copies) => {
      for (const copy of this.#keepers(copies)) act(copy, copies[0] as number)
    })
  }

  /** When a store first had a frame. */
  receivedMs(place: FramePlace): number {
    return Math.ceil(this.#receivedMs[this.#frameAt(place)] as number)
  }

  /** What must be said of when a store first had it, so that a copy of this frame comes before it. */
  beforeMs(place: FramePlace): number {
    return Math.floor(this.#receivedMs[this.#frameAt(place)] as number)
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
    // Where that is in a pack to be renewed, what was stored since is waiting to take its place.
    const next = this.#first(
      copies,
      (pack) => this.#isUnmarked(pack) && !this.#pack(pack).isRenewed,
    )
    const ranks = [
      this.#rank(first),
      ...(next === undefined || !this.#isRenewed(first) ? [] : [this.#rank(next)]),
    ]
    return copies.filter(
      (copy) => ranks.includes(this.#rank(copy)) && this.#isUnmarked(this.#packOf(copy)),
    )
  }

  /** Of two of the same moment nobody knows which was first; but what upkeep has moved itself is what it says. */
  #isBefore(staying: number, leaving: number): boolean {
    const isMoved = (this.#receivedMs[this.#image.frameOf(staying)] as number) % 1 !== 0
    const [a, b] = [this.#rank(staying), this.#rank(leaving)]
    return a < b || (a === b && isMoved)
  }

  #isRenewed(blob: number): boolean {
    return this.#pack(this.#packOf(blob)).isRenewed
  }

  readonly #isUnmarked = (pack: number): boolean => this.#isMarked[pack] !== true

  #packOf(blob: number): number {
    return this.#image.packOf(this.#image.frameOf(blob))
  }

  /**
   * Which copy counts: the one that a store had first. But what is in a pack that is to be renewed gives way to
   * what has been stored since, when that has been there for long enough.
   */
  #rank(blob: number): number {
    const frame = this.#image.frameOf(blob)
    const receivedMs = this.#receivedMs[frame] as number
    if (this.#isRenewed(blob)) return receivedMs + BEHIND_TRUSTED
    return receivedMs > this.#trustedMs ? receivedMs + 2 * BEHIND_TRUSTED : receivedMs
  }

  /**
   * Which frames outside of marks are needed; of those in marks, all that have the only copy. `listed` has 1 for each
   * blob that snapshots need which are not forgotten.
   */
  #countLife(listed: Uint8Array): void {
    const liveBlobs = this.#liveBlobs
    const isKept = new Uint8Array(this.#image.blobs)
    this.#eachKeeper((blob, needed) => {
      isKept[blob] = 1 + (listed[needed] as number)
    })
    let blob = 0
    for (let i = 0; i < this.#image.frames; i++) {
      const { pack, storedBytes, blobCount } = this.#image.frame(i)
      // Blobs are numbered in the order of their frames: asking for the frame of each took five times as long.
      let live = 0
      let isListed = false
      for (const end = blob + blobCount; blob < end; blob++) {
        if (isKept[blob] === 0) continue
        live++
        isListed ||= isKept[blob] === 2
      }
      liveBlobs[i] = live
      const life = this.#pack(pack)
      if (liveBlobs[i] === 0) life.deadBytes += storedBytes
      else {
        life.liveBytes += storedBytes
        if (!isListed) this.#forgottenBytes += storedBytes
        life.liveBlobs += liveBlobs[i] as number
        const wasted = blobCount - (liveBlobs[i] as number)
        life.wastedBlobs += wasted
        life.wastedBytes += Math.round((storedBytes * wasted) / Math.max(1, blobCount))
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
  {
    header,
    ...is
  }: { readonly header: EncodedHeader } & Pick<PackLife, 'isMarked' | 'isRenewed' | 'isAtOrigin'>,
): PackLife {
  const { kind } = header.indexed
  const counts = { liveBytes: 0, deadBytes: 0, liveBlobs: 0, wastedBlobs: 0, wastedBytes: 0 }
  return { name, packBytes: size, storedAtMs, kind, ...is, ...counts }
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
  { domain, roots, lost, missing: gone, isAnyUnread }: DomainSurvey,
  { image, read }: { readonly image: IndexImage; readonly read: readonly EncodedHeader[] },
): {
  readonly needed: Uint8Array
  readonly listed: Uint8Array
  readonly unresolved: readonly string[]
} {
  const graph = new RefGraph(image)
  for (const { columns } of read.filter(({ indexed: { kind } }) => kind === 'tree-pack')) {
    const { ids: treeIds, refCounts, refs } = columns
    graph.add({ treeIds, refCounts, refs })
  }
  const reach = new Reach(graph)
  const lostBelow = (some: readonly RootSnapshot[]) => {
    const own = some.filter((root) => root.domain === domain)
    const ids = own.flatMap(({ summary }) => summary.roots)
    return reach.lostBelow(ids.map((id) => graph.numberOf(id as BlobId)))
  }
  const missing = new Set(lostBelow(roots.snapshots))
  const listed = reach.visited(image.blobs).slice()
  // What was forgotten and is not whole any more can be had back by nobody, and holds nothing up: a prune with a
  // shorter window took it, or it is a copy of after that. But where a pack could not be read it may be whole.
  const forgotten = lostBelow(roots.forgotten)
  if (isAnyUnread) for (const number of forgotten) missing.add(number)
  const unresolved = [...graph.unresolved].filter(([hex, n]) => missing.has(n) && !lost.has(hex))
  const isAnyGone = gone.some((one) => one.domain === domain)
  const needed = isAnyGone ? allBlobs(image) : reach.visited(image.blobs)
  return {
    needed,
    listed: isAnyGone ? needed : listed,
    unresolved: unresolved.map(([hex]) => hex),
  }
}

/** What a snapshot needs that is gone nobody can tell: it may be any of them. */
function allBlobs(image: IndexImage): Uint8Array {
  const all = new Uint8Array(image.blobs).fill(1)
  image.eachCopies(all, ([, ...others]) => {
    for (const other of others) all[other] = 0
  })
  return all
}
