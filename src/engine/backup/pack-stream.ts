// Sealed frames on their way into a store: packs are filled, put, and once they are acknowledged named
// in index segments. Data and trees go into packs of their own. Only what is acknowledged is ever named.

import { type Bytes, concat, fromHex, toHex } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { BLOB_ID_BYTES } from '../../format/ids.ts'
import {
  decodeIndexSegment,
  encodeIndexSegment,
  type IndexSegment,
} from '../../format/index-segment.ts'
import { INDEX_BLOBS_MAX } from '../../format/limits.ts'
import type { Frame, Session } from '../../format/pack.ts'
import { encodePrefix, type PackKind } from '../../format/prefix.ts'
import { type FinishedPack, PackWriter, type SealedFrame } from '../../packer/pack-writer.ts'
import type { DomainAccess } from '../../repository/access.ts'
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
  /** How much may wait for the store: packs that are open never have all of it. */
  readonly uploadBytesMax: number
  /** Told how many bytes of frames a store has acknowledged. */
  readonly onStored: (frameBytes: number) => void
  /** Told at once, because whoever waits for an acknowledgement would wait for ever. */
  readonly onFailure: (error: Error) => void
}

/** Segments with more blobs than this are not merged with others: memory stays bounded. */
const MERGED_BLOBS_MAX = 262_144
/** Half of what a segment may have (and a pack has at most as many): small files come by the million. */
const SEGMENT_BLOBS_MAX = INDEX_BLOBS_MAX / 2

/** What an index segment says of a pack. */
type PackColumns = Pick<FinishedPack, 'indexed' | 'header'>

/** A pack that a store has acknowledged. */
export interface StoredPack {
  readonly name: string
  readonly bytes: number
}

export class PackStream {
  readonly #options: PackStreamOptions
  readonly #writers = new Map<PackKind, PackWriter>()
  readonly #openedAtMs = new WeakMap<PackWriter, number>()
  readonly #uploads = new Set<Promise<void>>()
  readonly #unindexed: PackColumns[] = []
  /** Segments that are small enough to be merged at the end. */
  readonly #segments: { readonly name: string; readonly packs: readonly PackColumns[] }[] = []
  readonly #stored: StoredPack[] = []
  #failure: Error | undefined
  #indexedAtMs: number
  #indexing: Promise<void> = Promise.resolve()

  constructor(options: PackStreamOptions) {
    this.#options = options
    this.#indexedAtMs = options.clock.monotonicMs()
  }

  get stored(): readonly StoredPack[] {
    return this.#stored
  }

  get storedBytes(): number {
    return this.#stored.reduce((sum, pack) => sum + pack.bytes, 0)
  }

  add(kind: PackKind, frame: SealedFrame): void {
    const writer = this.#writers.get(kind) ?? this.#open(kind)
    writer.add(frame)
    if (writer.isFull) this.#close(kind, writer)
    else this.#keepMoving()
  }

  /** To be called now and then: closes packs that fill slowly, so that what is in them gets stored. */
  keepUp(): void {
    const before = this.#options.clock.monotonicMs() - SEGMENT_MS
    for (const [kind, writer] of [...this.#writers]) {
      if ((this.#openedAtMs.get(writer) ?? 0) < before) this.#close(kind, writer)
    }
  }

  /** Workers wait while too much is promised: were all of it in open packs, they would wait for ever. */
  #keepMoving(): void {
    const open = [...this.#writers]
    const bytes = open.reduce((sum, [, writer]) => sum + writer.bytes, 0)
    if (bytes < this.#options.uploadBytesMax) return
    this.#close(...open.reduce((a, b) => (b[1].bytes > a[1].bytes ? b : a)))
  }

  /** Closes the packs that are open, padded, and waits until everything is acknowledged. */
  async flush(): Promise<void> {
    for (const [kind, writer] of [...this.#writers]) this.#close(kind, writer, this.#options.random)
    while (this.#uploads.size > 0) await Promise.all(this.#uploads)
    await this.#indexing
    if (this.#failure !== undefined) throw this.#failure
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
    if (this.#failure === undefined) {
      for (const [kind, writer] of [...this.#writers])
        this.#close(kind, writer, this.#options.random)
    }
    while (this.#uploads.size > 0) await Promise.all(this.#uploads)
    await this.#indexing.catch(() => undefined) // what it could not name is tried again
    await this.#index()
  }

  #open(kind: PackKind): PackWriter {
    const { domain, session } = this.#options
    const { epoch } = domain.latest
    const writer = new PackWriter(session, {
      kind,
      ...domain.scope,
      epoch,
      headerSeal: domain.headerSeal(epoch),
    })
    this.#writers.set(kind, writer)
    this.#openedAtMs.set(writer, this.#options.clock.monotonicMs())
    return writer
  }

  #close(kind: PackKind, writer: PackWriter, random?: Random): void {
    this.#writers.delete(kind)
    const upload: Promise<void> = this.#upload(writer.finish(random))
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error))
        this.#options.onFailure(this.#failure)
      })
      .finally(() => this.#uploads.delete(upload))
    this.#uploads.add(upload)
  }

  async #upload(pack: FinishedPack): Promise<void> {
    const { repository, onStored } = this.#options
    const name = contentName('packs', pack.indexed.hash)
    await repository.store.put(name, pack.parts)
    let frameBytes = 0
    for (const frame of pack.header.frames) frameBytes += frame.storedBytes
    release(pack)
    this.#stored.push({ name, bytes: pack.indexed.packBytes })
    this.#unindexed.push(columnsOf(pack))
    onStored(frameBytes)
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

  async #putSegment(packs: readonly PackColumns[], supersedes: readonly Bytes[]): Promise<string> {
    const segment = segmentOf(packs, supersedes)
    return putSegment(segment, this.#options)
  }
}

/** Without the refs, which no index has, and without what refers to the frames. */
function columnsOf({ indexed, header }: FinishedPack): PackColumns {
  return { indexed, header: { ...header, refCounts: new Uint32Array(0), refs: new Uint8Array(0) } }
}

function blobsOf(packs: readonly PackColumns[]): number {
  return packs.reduce((sum, { header }) => sum + header.ids.length / BLOB_ID_BYTES, 0)
}

/** Packs in their order, as many together as one segment may name. */
function groupsOf(packs: readonly PackColumns[]): readonly (readonly PackColumns[])[] {
  const groups: PackColumns[][] = []
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

/** Frees the frames at once: waiting for the garbage collector would double the memory. */
function release({ parts }: FinishedPack): void {
  for (const part of parts) {
    const { buffer } = part
    if (buffer instanceof ArrayBuffer && part.byteLength === buffer.byteLength) buffer.transfer(0)
  }
}

/** The index segment that says what is in packs of one session each. */
function segmentOf(packs: readonly PackColumns[], supersedes: readonly Bytes[]): IndexSegment {
  const sessions: Session[] = []
  const numbers = new Map<string, number>()
  const numberOf = (session: Session): number => {
    const key = `${session.epoch}:${toHex(session.encapsulation)}`
    const known = numbers.get(key)
    if (known !== undefined) return known
    numbers.set(key, sessions.length)
    return sessions.push(session) - 1
  }
  const frames: Frame[] = packs.flatMap(({ header }) =>
    header.frames.map((frame) => ({
      ...frame,
      session: numberOf(header.sessions[frame.session] as Session),
    })),
  )
  return {
    supersedes,
    packs: packs.map(({ indexed }) => indexed),
    sessions,
    frames,
    ids: concat(packs.map(({ header }) => header.ids)),
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
