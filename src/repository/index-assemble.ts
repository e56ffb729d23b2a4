// From segments to an index, while they are read: which of the packs that they name count, and in which order.
// A segment's word on a pack counts only if the pack is listed with the length that the segment says, and no
// mark names it. What is kept of a segment is copied, so that its memory can be used again.

import { type Bytes, concat, toHex } from '../base/bytes.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import type { IndexedPack, SegmentColumns } from '../format/index-segment.ts'
import type { Session } from '../format/pack.ts'
import type { PackKind } from '../format/prefix.ts'
import { contentName } from '../store/names.ts'
import { DIGEST_BYTES, DigestTable } from './digest-table.ts'
import type { IndexImage } from './index-image.ts'
import { ImageBuilder, type ImagePack } from './index-image-build.ts'
import type { PackListing } from './pack-listing.ts'

/** A pack of the image. Names of many are kept together, as bytes: of a large index they are most of its text. */
export class LoadedPack implements Omit<IndexedPack, 'hash'> {
  readonly kind: PackKind
  readonly packBytes: number
  readonly headerBytes: number
  readonly frameCount: number
  /** Of several packs; its own lies at `digestAt`. */
  readonly digests: Bytes
  readonly digestAt: number

  constructor(
    digests: Bytes,
    digestAt: number,
    { kind, packBytes, headerBytes, frameCount }: Omit<IndexedPack, 'hash'>,
  ) {
    this.digests = digests
    this.digestAt = digestAt
    this.kind = kind
    this.packBytes = packBytes
    this.headerBytes = headerBytes
    this.frameCount = frameCount
  }

  /** Object name. Made anew each time. */
  get name(): string {
    const { digests, digestAt } = this
    return contentName('packs', digests.subarray(digestAt, digestAt + DIGEST_BYTES))
  }
}

/** A pack as a segment names it that is not in the image. */
export interface NamedPack {
  readonly name: string
  readonly packBytes: number
}

export interface Assembled {
  readonly image: IndexImage
  /** In the order in which the image numbers them. */
  readonly packs: readonly LoadedPack[]
  /** In the order in which the image's frames count them. */
  readonly sessions: readonly Session[]
  /** Names of the segments that were read. */
  readonly segments: readonly string[]
  /** Packs that segments name as they are not listed, or that are marked. */
  readonly passedOver: readonly NamedPack[]
  /** Segments, in hexadecimal, of which these say that they take their place. */
  readonly superseded: readonly string[]
}

/** What marks name, as far as it matters here. */
export interface MarkedPacks {
  readonly packs: ReadonlySet<string>
}

/** What decides whether a pack counts. */
export interface PackWorld {
  readonly listed: PackListing
  readonly marked: MarkedPacks
  /** Then marked packs count too, behind the others. */
  readonly onlyReading: boolean
}

export function counts(pack: LoadedPack, { listed, marked, onlyReading }: PackWorld): boolean {
  const { digests, digestAt, packBytes } = pack
  return (
    listed.lengthOf(digests, digestAt) === packBytes && (onlyReading || !isMarked(pack, marked))
  )
}

export function isMarked(pack: LoadedPack, { packs }: MarkedPacks): boolean {
  return packs.size > 0 && packs.has(pack.name)
}

/** The same for one that was passed over. */
export function namedCounts(
  { name, packBytes }: NamedPack,
  { listed, marked, onlyReading }: PackWorld,
): boolean {
  return listed.get(name) === packBytes && (onlyReading || !marked.packs.has(name))
}

/** The digests of all of these. */
export function digestsOf(packs: Iterable<LoadedPack>): DigestTable {
  const table = new DigestTable()
  for (const { digests, digestAt } of packs) table.put(digests, digestAt)
  return table
}

interface AssemblyOptions extends PackWorld {
  /** About how many bytes the segments have together. */
  readonly segmentBytes: number
  /** What is known already, beside which this is to be put: its packs are not taken again. */
  readonly base?: Omit<Assembled, 'image'> | undefined
}

interface PassedOver extends NamedPack {
  readonly segment: string
}

/** What a blob and a frame take in a segment. */
const FRAME_BYTES = 20

export class Assembly {
  readonly #options: AssemblyOptions
  readonly #builder: ImageBuilder
  /** Packs that count, numbered as in the builder, and for each its segment's place among the segments. */
  readonly #packs: LoadedPack[] = []
  readonly #segmentOf: number[] = []
  readonly #passedOver: PassedOver[] = []
  readonly #sessions: Session[] = []
  readonly #segments: string[] = []
  /** In hexadecimal. */
  readonly #superseded: Set<string>
  /** Of the base; made where there is anything to compare with it. */
  #known: DigestTable | undefined

  constructor(options: AssemblyOptions) {
    this.#options = options
    const { segmentBytes, base } = options
    this.#superseded = new Set(base?.superseded)
    this.#builder = new ImageBuilder({
      blobs: Math.ceil(segmentBytes / BLOB_ID_BYTES),
      frames: Math.ceil(segmentBytes / FRAME_BYTES),
    })
  }

  /** Takes a segment, in the order in which packs are to be numbered. */
  add(name: string, segment: SegmentColumns): void {
    this.#segments.push(name)
    for (const hash of segment.supersedes) this.#superseded.add(toHex(hash))
    const base = this.#sessions.length
    this.#known ??= digestsOf(this.#options.base?.packs ?? [])
    for (const { epoch, encapsulation } of segment.sessions)
      this.#sessions.push({ epoch, encapsulation: encapsulation.slice() })
    for (const { pack, image } of packsOf(segment, base)) {
      if (this.#known.find(pack.digests, pack.digestAt) >= 0) continue
      if (counts(pack, this.#options)) {
        this.#packs.push(pack)
        this.#segmentOf.push(this.#segments.length - 1)
        this.#builder.add(image)
      } else this.#passedOver.push({ name: pack.name, packBytes: pack.packBytes, segment: name })
    }
  }

  finish(): Assembled {
    const order = this.#order()
    return {
      image: this.#builder.build(order),
      packs: order.map((number) => this.#packs[number] as LoadedPack),
      sessions: this.#sessions,
      segments: this.#segments,
      passedOver: this.#passedOver
        .filter(({ segment }) => this.#isCurrent(segment))
        .map(({ name, packBytes }) => ({ name, packBytes })),
      superseded: [...this.#superseded],
    }
  }

  /** Numbers of the packs that segments name which nothing replaces, each pack once; unmarked ones first. */
  #order(): readonly number[] {
    const isCurrent = this.#segments.map((name) => this.#isCurrent(name))
    const { listed, marked } = this.#options
    const taken = new Uint8Array(listed.size)
    const order: number[] = []
    this.#packs.forEach(({ digests, digestAt }, number) => {
      if (isCurrent[this.#segmentOf[number] as number] !== true) return
      // All that count are listed.
      const place = listed.numberOf(digests, digestAt)
      if (taken[place] === 1) return
      taken[place] = 1
      order.push(number)
    })
    if (marked.packs.size === 0) return order
    const numbered = order.map((number) => ({ pack: this.#packs[number] as LoadedPack, number }))
    return unmarkedFirst(numbered, marked).map(({ number }) => number)
  }

  #isCurrent(segment: string): boolean {
    return !this.#superseded.has(segment.slice('index/'.length))
  }
}

/** A pack, and where what an index says of it is to be found. */
export interface PlacedPack {
  readonly pack: LoadedPack
  readonly image: ImagePack
}

/** So that of a blob in several packs the copy counts that stays. */
export function unmarkedFirst<T extends { readonly pack: LoadedPack }>(
  packs: readonly T[],
  marked: MarkedPacks,
): readonly T[] {
  if (marked.packs.size === 0) return packs
  const behind = new Map(packs.map((one) => [one, Number(isMarked(one.pack, marked))]))
  return packs.toSorted((a, b) => (behind.get(a) as number) - (behind.get(b) as number))
}

/** The packs of a segment, each with its place in the segment's columns. */
export function packsOf(segment: SegmentColumns, sessionBase: number): readonly PlacedPack[] {
  const places = placesOf(segment, sessionBase)
  const digests = concat(segment.packs.map(({ hash }) => hash))
  return segment.packs.map((pack, i) => ({
    pack: new LoadedPack(digests, DIGEST_BYTES * i, pack),
    image: places[i] as ImagePack,
  }))
}

/** The places of packs that lie one behind the other in columns. */
export function placesOf(
  segment: ImagePack['segment'] & { readonly packs: readonly { readonly frameCount: number }[] },
  sessionBase: number,
): readonly ImagePack[] {
  let firstFrame = 0
  let firstBlob = 0
  return segment.packs.map(({ frameCount }) => {
    let blobCount = 0
    for (let i = firstFrame; i < firstFrame + frameCount; i++)
      blobCount += segment.frames.blobCount[i] ?? 0
    const image = { segment, firstFrame, frameCount, firstBlob, blobCount, sessionBase }
    firstFrame += frameCount
    firstBlob += blobCount
    return image
  })
}

/** The ids of a segment's pack: for callers that walk segments rather than look things up. */
export function idsOfPack({ segment, firstBlob, blobCount }: ImagePack): Uint8Array {
  return segment.ids.subarray(BLOB_ID_BYTES * firstBlob, BLOB_ID_BYTES * (firstBlob + blobCount))
}
