// Sealed frames on their way into a store: packs are filled, put, and once they are acknowledged named
// in index segments. Data and trees go into packs of their own. Only what is acknowledged is ever named.
//
// The memory of all packs is bounded: a frame for which there is none waits, with those behind it, until
// a store has acknowledged a pack.

import { type Bytes, fromHex } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { BLOB_ID_BYTES } from '../../format/ids.ts'
import {
  decodeIndexSegment,
  encodeIndexSegment,
  type IndexSegment,
} from '../../format/index-segment.ts'
import { INDEX_BLOBS_MAX } from '../../format/limits.ts'
import type { Session } from '../../format/pack.ts'
import { encodePrefix, type PackKind } from '../../format/prefix.ts'
import {
  type FinishedPack,
  PACK_TARGET_BYTES,
  PackWriter,
  packMemoryBytes,
  type SealedFrame,
} from '../../packer/pack-writer.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { type DescribedPack, segmentOf } from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Random } from '../../sealer/random.ts'
import { sealSigned } from '../../sealer/signed.ts'
import { putContent } from '../../store/content.ts'
import { contentName } from '../../store/names.ts'
import type { Store } from '../../store/store.ts'

/** After this long, or this many packs, what is acknowledged is named in an index segment. */
const SEGMENT_MS = 3 * 60 * 1000
const SEGMENT_PACKS = 256

export interface PackStreamOptions {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly session: Session
  readonly random: Random
  readonly clock: Clock
  /** Memory for packs. */
  readonly uploadBytesMax: number
  /** Told at once, because whoever waits for an acknowledgement would wait for ever. */
  readonly onFailure: (error: Error) => void
}

/** Segments with more blobs than this are not merged with others: memory stays bounded. */
const MERGED_BLOBS_MAX = 262_144
/** Half of what a segment may have (and a pack has at most as many): small files come by the million. */
const SEGMENT_BLOBS_MAX = INDEX_BLOBS_MAX / 2

/** Packs of each kind that are open or on their way: one is filled while the store takes the other. */
const PACKS_AT_ONCE = 2
/** Trees are a hundredth of the data: their packs have a quarter of the length, and of the memory. */
const TREE_PACK_SHARE = 1 / 4
/** So much may wait for memory before whoever makes more of it is asked to wait. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024

/** A frame, and who is to be told when it is in a pack. */
interface WaitingFrame {
  readonly kind: PackKind
  readonly frame: SealedFrame
  readonly taken: () => void
}

/** A pack that a store has acknowledged. */
export interface StoredPack {
  readonly name: string
  readonly bytes: number
}

export class PackStream {
  readonly #options: PackStreamOptions
  readonly #memory: Readonly<Record<PackKind, PackMemory>>
  readonly #open = new Map<PackKind, OpenPack>()
  readonly #waiting: WaitingFrame[] = []
  #waitingBytes = 0
  readonly #uploads = new Set<Promise<void>>()
  readonly #unindexed: DescribedPack[] = []
  /** Segments that are small enough to be merged at the end. */
  readonly #segments: { readonly name: string; readonly packs: readonly DescribedPack[] }[] = []
  readonly #stored: StoredPack[] = []
  #failure: Error | undefined
  #indexedAtMs: number
  #indexing: Promise<void> = Promise.resolve()

  constructor(options: PackStreamOptions) {
    this.#options = options
    this.#indexedAtMs = options.clock.monotonicMs()
    const { uploadBytesMax } = options
    const dataBytes = Math.floor(uploadBytesMax / PACKS_AT_ONCE / (1 + TREE_PACK_SHARE))
    const packBytes = Math.min(PACK_TARGET_BYTES, dataBytes)
    this.#memory = {
      'data-pack': new PackMemory(PACKS_AT_ONCE, packBytes),
      'tree-pack': new PackMemory(PACKS_AT_ONCE, Math.floor(packBytes * TREE_PACK_SHARE)),
    }
  }

  get stored(): readonly StoredPack[] {
    return this.#stored
  }

  get storedBytes(): number {
    return this.#stored.reduce((sum, pack) => sum + pack.bytes, 0)
  }

  /** Takes a frame; `taken` is called, in the order of the frames, when it was copied. */
  add(kind: PackKind, frame: SealedFrame, taken: () => void = () => undefined): void {
    this.#waiting.push({ kind, frame, taken })
    this.#waitingBytes += frame.sealed.length
    this.#fill()
  }

  /** Whether the store is so slow that whoever makes frames should wait until it has caught up. */
  get isBehind(): boolean {
    return this.#waitingBytes > WAITING_BYTES_MAX && this.#failure === undefined
  }

  async caughtUp(): Promise<void> {
    while (this.isBehind) await Promise.race(this.#uploads)
  }

  /** To be called now and then: closes packs that fill slowly, so that what is in them gets stored. */
  keepUp(): void {
    const before = this.#options.clock.monotonicMs() - SEGMENT_MS
    for (const [kind, { openedAtMs }] of [...this.#open]) {
      if (openedAtMs < before) this.#close(kind)
    }
  }

  /** Puts what waits into packs, as far as there is memory for them. */
  #fill(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const { kind, frame, taken } = next
      if (this.#open.get(kind)?.writer.fits(frame) === false) this.#close(kind)
      const pack = this.#open.get(kind) ?? this.#begin(kind, frame)
      if (pack === undefined) return
      pack.writer.add(frame)
      this.#waiting.shift()
      this.#waitingBytes -= frame.sealed.length
      taken()
    }
  }

  /** Closes the packs that are open, padded, and waits until everything is acknowledged. */
  async flush(): Promise<void> {
    await this.#storeAll()
    await this.#indexing
    if (this.#failure !== undefined) throw this.#failure
  }

  async #storeAll(): Promise<void> {
    do {
      for (const kind of [...this.#open.keys()]) this.#close(kind, this.#options.random)
      await Promise.all(this.#uploads)
    } while (this.#open.size + this.#uploads.size > 0)
  }

  /**
   * Names every acknowledged pack of the run in one segment, or as few as hold them, in the place of
   * those that were written on the way. After `flush`.
   */
  async commitIndex(): Promise<void> {
    if (this.#unindexed.length === 0 && this.#segments.length <= 1) return
    const packs = [...this.#segments.flatMap((segment) => segment.packs), ...this.#unindexed]
    const supersedes = this.#segments.map(
      (segment) => fromHex(segment.name.slice('index/'.length)) as Bytes,
    )
    const groups = groupsOf(packs)
    // The last one takes the place of the others: only then is all that they say said again.
    for (const group of groups)
      await this.#putSegment(group, group === groups.at(-1) ? supersedes : [])
    this.#unindexed.length = 0
    this.#segments.length = 0
  }

  /** After an end before the end: stores the packs that are open and names all that is acknowledged. */
  async keepWhatIsStored(): Promise<void> {
    if (this.#failure === undefined) await this.#storeAll()
    else await Promise.all(this.#uploads)
    await this.#indexing.catch(() => undefined) // what it could not name is tried again
    await this.#index()
  }

  /** Begins a pack for a frame; undefined where there is no memory for it now. */
  #begin(kind: PackKind, frame: SealedFrame): OpenPack | undefined {
    const memory = this.#memory[kind].take(packMemoryBytes(frame.sealed.length))
    if (memory === undefined) return undefined
    const { domain, session, clock } = this.#options
    const { epoch } = domain.latest
    const headerSeal = domain.headerSeal(epoch)
    const writer = new PackWriter(session, { kind, ...domain.scope, epoch, headerSeal, memory })
    const pack = { writer, memory, openedAtMs: clock.monotonicMs() }
    this.#open.set(kind, pack)
    return pack
  }

  /** Sends a pack on its way. */
  #close(kind: PackKind, random?: Random): void {
    const pack = this.#open.get(kind)
    if (pack === undefined) return
    this.#open.delete(kind)
    const upload: Promise<void> = this.#upload(pack, pack.writer.finish(random))
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error))
        this.#options.onFailure(this.#failure)
      })
      .finally(() => this.#uploads.delete(upload))
    this.#uploads.add(upload)
  }

  async #upload({ memory }: OpenPack, pack: FinishedPack): Promise<void> {
    const name = contentName('packs', pack.indexed.hash)
    await this.#options.repository.store.put(name, pack.parts)
    this.#memory[pack.indexed.kind].giveBack(memory)
    this.#stored.push({ name, bytes: pack.indexed.packBytes })
    this.#unindexed.push(described(pack))
    this.#fill()
    const dueMs = this.#indexedAtMs + SEGMENT_MS
    if (this.#unindexed.length >= SEGMENT_PACKS || this.#options.clock.monotonicMs() >= dueMs) {
      this.#indexing = this.#indexing.then(() => this.#index())
      await this.#indexing
    }
  }

  async #index(): Promise<void> {
    this.#indexedAtMs = this.#options.clock.monotonicMs()
    for (let group = groupsOf(this.#unindexed)[0]; group; group = groupsOf(this.#unindexed)[0]) {
      const packs = this.#unindexed.splice(0, group.length)
      try {
        const name = await this.#putSegment(packs, [])
        const merged = [...this.#segments.flatMap((segment) => segment.packs), ...packs]
        if (blobsOf(merged) <= MERGED_BLOBS_MAX) this.#segments.push({ name, packs })
      } catch (error) {
        this.#unindexed.unshift(...packs)
        throw error
      }
    }
  }

  async #putSegment(
    packs: readonly DescribedPack[],
    supersedes: readonly Bytes[],
  ): Promise<string> {
    const segment = segmentOf(packs, supersedes)
    return putSegment(segment, this.#options)
  }
}

/** Without the refs, which no index has, and without what refers to the frames. */
function described({ indexed, header }: FinishedPack): DescribedPack {
  const { sessions, frames, ids } = header
  return { indexed, columns: { sessions, frames, ids } }
}

function blobsOf(packs: readonly DescribedPack[]): number {
  return packs.reduce((sum, { columns }) => sum + columns.ids.length / BLOB_ID_BYTES, 0)
}

/** Packs in their order, as many together as one segment may name. */
function groupsOf(packs: readonly DescribedPack[]): readonly (readonly DescribedPack[])[] {
  const groups: DescribedPack[][] = []
  let blobs = 0
  for (const pack of packs) {
    blobs += blobsOf([pack])
    const group = groups.at(-1)
    if (group !== undefined && blobs <= SEGMENT_BLOBS_MAX) group.push(pack)
    else {
      groups.push([pack])
      blobs = blobsOf([pack])
    }
  }
  return groups
}

interface OpenPack {
  readonly writer: PackWriter
  readonly memory: Bytes
  readonly openedAtMs: number
}

/** Runs of memory for a number of packs, which are used again and again. */
class PackMemory {
  readonly #packBytes: number
  readonly #free: Bytes[] = []
  /** How many may still be made. */
  #left: number

  constructor(packs: number, packBytes: number) {
    this.#left = packs
    this.#packBytes = packBytes
  }

  /** Memory of the usual length, or of `bytes` where a frame needs more; undefined where all is in use. */
  take(bytes: number): Bytes | undefined {
    if (this.#left + this.#free.length === 0) return undefined
    const known = bytes > this.#packBytes ? undefined : this.#free.pop()
    if (known !== undefined) return known
    if (this.#left > 0) this.#left--
    else this.#free.pop()
    return new Uint8Array(Math.max(bytes, this.#packBytes))
  }

  giveBack(memory: Bytes): void {
    if (memory.length === this.#packBytes) this.#free.push(memory)
    else this.#left++
  }
}

/** Signs, seals and puts an index segment. Returns its name. */
async function putSegment(
  segment: IndexSegment,
  { repository, domain }: { readonly repository: Repository; readonly domain: DomainAccess },
): Promise<string> {
  const payload = encodeIndexSegment(segment)
  decodeIndexSegment(payload)
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind: 'index', domain: domain.id, epoch })
  const sealed = sealSigned(payload, {
    place: { repositoryId: repository.id, prefix, part: 'body' },
    signatory: domain.signatory,
    headerSeal: domain.headerSeal(epoch),
  })
  const store: Store = repository.store
  return putContent(store, { folder: 'index', parts: [prefix, sealed] })
}
