// Reading what packs say of themselves: the header at a pack's end, fetched without the rest of the
// pack. Where an index and a header differ, the header is right.

import { type Bytes, concat, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { BLOB_ID_BYTES } from '../format/ids.ts'
import { encodeIndexSegment, type IndexedPack, type IndexSegment } from '../format/index-segment.ts'
import {
  countsOf,
  decodeHeaderColumns,
  decodePackHeader,
  decodePackTrailer,
  type Frame,
  type HeaderColumns,
  PACK_TRAILER_BYTES,
  type PackHeader,
  type Session,
} from '../format/pack.ts'
import { decodePrefix, type PackKind, PREFIX_BYTES, type Prefix } from '../format/prefix.ts'
import { openEncodedHeader } from '../packer/pack-writer.ts'
import { digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import type { DomainAccess } from './access.ts'

/** Long enough for the headers of nearly all packs: one request instead of two. */
const TAIL_BYTES = 64 * 1024

/**
 * How long headers are, for who reads those of many packs: as long as those read last, and somewhat longer.
 * Reading all that might be one takes ten times as much, and reading too little a second request.
 */
export class HeaderLengths {
  readonly #expected = { 'data-pack': TAIL_BYTES, 'tree-pack': TAIL_BYTES }

  /** So many bytes at the end of a pack are probably enough. */
  expected(kind: PackKind): number {
    return Math.ceil(this.#expected[kind])
  }

  note({ kind, headerBytes }: Pick<IndexedPack, 'kind' | 'headerBytes'>): void {
    const enough = 1.25 * (headerBytes + PACK_TRAILER_BYTES)
    this.#expected[kind] = Math.max(enough, 0.95 * this.#expected[kind])
  }
}

export interface ListedPack {
  readonly name: string
  /** As the store lists it. */
  readonly packBytes: number
}

export type PackPrefix = Prefix & { readonly kind: PackKind }

export interface PrefixedPack extends ListedPack {
  readonly prefix: PackPrefix
  readonly domain: DomainAccess
}

/** A header, with what an index says of its pack. */
export interface ReadHeader {
  readonly domain: DomainAccess
  readonly indexed: IndexedPack
  readonly header: PackHeader
}

/** The same, of which the header is opened and verified, but decoded only when it is asked for. */
export class EncodedHeader implements ReadHeader {
  readonly domain: DomainAccess
  readonly indexed: IndexedPack
  readonly #encoded: Bytes

  constructor(pack: Omit<ReadHeader, 'header'>, encoded: Bytes) {
    this.domain = pack.domain
    this.indexed = pack.indexed
    this.#encoded = encoded
  }

  get blobCount(): number {
    return countsOf(this.#encoded).blobs
  }

  /** Decoded at each call. */
  get header(): PackHeader {
    return decodePackHeader(this.#encoded, this.indexed.kind)
  }

  /** Without an object for each frame; ids and refs are views. */
  get columns(): HeaderColumns {
    return decodeHeaderColumns(this.#encoded, this.indexed.kind)
  }
}

/**
 * Reads the header of a pack; undefined where the pack belongs to none of the domains. Throws what
 * the store throws, 'object-damaged', 'object-foreign', 'unsupported' or 'not-permitted'.
 */
export async function readPackHeader(
  store: Store,
  pack: ListedPack,
  domains: readonly DomainAccess[],
): Promise<ReadHeader | undefined> {
  const lengths = new HeaderLengths()
  const encoded = await readEncodedHeader(store, pack, { domains, lengths })
  return encoded && decoded(encoded)
}

function decoded({ domain, indexed, header }: EncodedHeader): ReadHeader {
  return { domain, indexed, header }
}

/** The same for whoever reads and keeps many of them. Throws as readPackHeader does. */
export async function readEncodedHeader(
  store: Store,
  pack: ListedPack,
  {
    domains,
    lengths,
  }: { readonly domains: readonly DomainAccess[]; readonly lengths: HeaderLengths },
): Promise<EncodedHeader | undefined> {
  const whole = pack.packBytes <= TAIL_BYTES ? await store.get(pack.name) : undefined
  const prefix = whole ? expectPackPrefix(whole) : await readPackPrefix(store, pack)
  const domain = domains.find((one) => equalBytes(one.id, prefix.domain))
  if (domain === undefined) return undefined
  const own = { ...pack, prefix, domain }
  const expected = lengths.expected(prefix.kind)
  const header = openEncodedTail(whole ?? (await readTail(store, own, expected)), own)
  lengths.note(header.indexed)
  return header
}

/** Reads what a pack says that it is. Throws as readPackHeader does. */
export async function readPackPrefix(store: Store, { name }: ListedPack): Promise<PackPrefix> {
  return expectPackPrefix(await store.get(name, { offset: 0, length: PREFIX_BYTES }))
}

/** Reads the header of a pack whose prefix is known. Throws as readPackHeader does. */
export async function readHeaderBehind(store: Store, pack: PrefixedPack): Promise<ReadHeader> {
  return openTail(await readTail(store, pack), pack)
}

/** The end of a pack, at least the whole of its sealed header and the length behind it. */
async function readTail(
  store: Store,
  { name, packBytes }: ListedPack,
  expected: number = TAIL_BYTES,
): Promise<Bytes> {
  const tail = await store.get(name, { last: Math.min(expected, packBytes) })
  if (tail.length < PACK_TRAILER_BYTES) throw new CairnError('object-damaged', 'a pack is cut off')
  const needed = decodePackTrailer(tail, packBytes) + PACK_TRAILER_BYTES
  return tail.length >= needed ? tail : store.get(name, { last: needed })
}

/** The prefix of an object that must be a pack. Throws 'object-foreign' where it is not. */
export function expectPackPrefix(object: Bytes): PackPrefix {
  const prefix = decodePrefix(object)
  const { kind } = prefix
  if (kind === 'data-pack' || kind === 'tree-pack') return { ...prefix, kind }
  throw new CairnError('object-foreign', `Expected a pack, found an object of kind ${kind}`)
}

/** Opens the header in the last bytes of a pack. Throws as readPackHeader does. */
export function openTail(tail: Bytes, pack: PrefixedPack): ReadHeader {
  return decoded(openEncodedTail(tail, pack))
}

function openEncodedTail(tail: Bytes, pack: PrefixedPack): EncodedHeader {
  const { name, packBytes, prefix, domain } = pack
  const headerBytes = decodePackTrailer(tail, packBytes)
  const end = tail.length - PACK_TRAILER_BYTES
  const encoded = openEncodedHeader(tail.subarray(end - headerBytes, end), {
    ...prefix,
    ...domain.scope,
    headerSeal: domain.headerSeal(prefix.epoch),
    packBytes,
  })
  const hash = digestInName(name) as Bytes
  const indexed = {
    hash,
    kind: prefix.kind,
    packBytes,
    headerBytes,
    frameCount: countsOf(encoded).frames,
  }
  return new EncodedHeader({ domain, indexed }, encoded)
}

/** The columns of one pack, as a header or an index segment has them. */
export type PackColumns = Pick<PackHeader, 'sessions' | 'frames' | 'ids'>

/** A pack with all that an index says of it. */
export interface DescribedPack {
  readonly indexed: IndexedPack
  readonly columns: PackColumns
}

/**
 * The segment that says this of these packs. Sessions are in it in the order in which frames first use
 * them, each once, however many packs have it; those that no frame uses are not.
 */
export function segmentOf(
  packs: readonly DescribedPack[],
  supersedes: readonly Bytes[] = [],
): IndexSegment {
  const sessions = new NumberedSessions()
  return {
    supersedes,
    packs: packs.map(({ indexed }) => indexed),
    // First the frames: they number the sessions.
    frames: packs.flatMap(({ columns }) => sessions.numberIn(columns)),
    sessions: sessions.all,
    ids: concat(packs.map(({ columns }) => columns.ids)),
  }
}

class NumberedSessions {
  readonly all: Session[] = []
  readonly #numbers = new Map<string, number>()

  /** The frames, with our numbers of their sessions. */
  numberIn({ sessions, frames }: PackColumns): readonly Frame[] {
    const known = new Map<number, number>()
    return frames.map((frame) => {
      const number = known.get(frame.session) ?? this.#numberOf(sessions[frame.session] as Session)
      known.set(frame.session, number)
      return { ...frame, session: number }
    })
  }

  #numberOf(session: Session): number {
    const key = `${session.epoch}:${toHex(session.encapsulation)}`
    const number = this.#numbers.get(key) ?? this.all.push(session) - 1
    this.#numbers.set(key, number)
    return number
  }
}

/** A digest of all that an index says of a pack: header and index agree where their digests do. */
export function columnsDigest(indexed: IndexedPack, columns: PackColumns): Bytes {
  return sha256(encodeIndexSegment(segmentOf([{ indexed, columns }])))
}

/** What a segment says of its packs, one after the other. */
export function* packsOfSegment(segment: IndexSegment): Generator<DescribedPack> {
  let firstFrame = 0
  let firstBlob = 0
  for (const indexed of segment.packs) {
    const frames = segment.frames.slice(firstFrame, firstFrame + indexed.frameCount)
    firstFrame += indexed.frameCount
    const blobCount = frames.reduce((sum, frame) => sum + frame.blobCount, 0)
    const ids = segment.ids.subarray(
      BLOB_ID_BYTES * firstBlob,
      BLOB_ID_BYTES * (firstBlob + blobCount),
    )
    firstBlob += blobCount
    yield { indexed, columns: { sessions: segment.sessions, frames, ids } }
  }
}
