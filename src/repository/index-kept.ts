// Of what an image was made: the segments, the packs that they name, and the sessions. With it goes what the
// store listed and marks named of these packs at that time; while that is so, the image is what the segments
// would make again.

import { type Bytes, fromHex, toHex } from '../base/bytes.ts'
import { ColumnReader, ColumnWriter } from '../format/columns.ts'
import { ENCAPSULATION_BYTES, readSessions, writeSessions } from '../format/pack.ts'
import { digestInName } from '../store/names.ts'
import { DIGEST_BYTES } from './digest-table.ts'
import {
  type Assembled,
  counts,
  isMarked,
  LoadedPack,
  type MarkedPacks,
  type NamedPack,
  namedCounts,
  type PackWorld,
} from './index-assemble.ts'
import type { ImageCounts } from './index-image.ts'
import { growImage } from './index-image-grow.ts'

export interface KeptIndex extends Assembled {
  /** So many packs, behind the others, were marked. */
  readonly markedPacks: number
}

export function keptOf(index: Assembled, { packs: marked }: MarkedPacks): KeptIndex {
  const markedPacks = index.packs.filter((pack) => isMarked(pack, { packs: marked })).length
  return { ...index, markedPacks }
}

/** Whether the segments that were read at that time would make the same image today. */
export function isStill(kept: KeptIndex, world: PackWorld): boolean {
  const { packs, passedOver, markedPacks } = kept
  const unmarked = packs.length - markedPacks
  return (
    packs.every(
      (pack, i) => counts(pack, world) && isMarked(pack, world.marked) === i >= unmarked,
    ) && !passedOver.some((pack) => namedCounts(pack, world))
  )
}

/**
 * What was kept, and what segments say that came since; undefined where these change what was kept, or where
 * there is no room. Uses up the memory of what was kept.
 */
export function joined(kept: KeptIndex, added: Assembled): Assembled | undefined {
  const isReplaced = new Set(added.superseded)
  const segments = [...kept.segments, ...added.segments]
  if (added.packs.length > 0 && kept.markedPacks > 0) return undefined
  const isCurrent = (name: string) => !isReplaced.has(name.slice('index/'.length))
  // Of those that were replaced when it was kept nothing is in it.
  const before = new Set(kept.superseded)
  const isUntouched = (name: string) => isCurrent(name) || before.has(name.slice('index/'.length))
  if (!kept.segments.every(isUntouched)) return undefined
  const image =
    added.packs.length === 0
      ? kept.image
      : growImage(kept.image, added.image, { sessionBase: kept.sessions.length })
  return (
    image && {
      image,
      packs: [...kept.packs, ...added.packs],
      sessions: [...kept.sessions, ...added.sessions],
      segments,
      passedOver: [...kept.passedOver, ...added.passedOver],
      superseded: added.superseded,
    }
  )
}

const HASH_BYTES = DIGEST_BYTES
const COUNTS = 11

export function encodeKept(kept: KeptIndex): Bytes {
  const { image, packs, sessions, segments, passedOver, superseded, markedPacks } = kept
  const { blobs, frames, packs: imagePacks, runs, fanBits } = image.handle
  const columns = new ColumnWriter(
    4 * COUNTS +
      HASH_BYTES * (segments.length + superseded.length) +
      HASH_BYTES * (packs.length + passedOver.length) +
      4 * passedOver.length +
      13 * packs.length +
      (4 + ENCAPSULATION_BYTES) * sessions.length,
  )
  columns.u32([blobs, frames, imagePacks, runs, fanBits])
  columns.u32([segments.length, superseded.length, packs.length])
  columns.u32([passedOver.length, sessions.length, markedPacks])
  columns.bytes(segments.map(hashOf))
  columns.bytes(superseded.map((hex) => fromHex(hex) as Bytes))
  columns.bytes(
    packs.map(({ digests, digestAt }) => digests.subarray(digestAt, digestAt + HASH_BYTES)),
  )
  columns.u32(packs.map(({ packBytes }) => packBytes))
  columns.u32(packs.map(({ headerBytes }) => headerBytes))
  columns.u32(packs.map(({ frameCount }) => frameCount))
  columns.u8(packs.map(({ kind }) => Number(kind === 'tree-pack')))
  columns.bytes(passedOver.map(({ name }) => hashOf(name)))
  columns.u32(passedOver.map(({ packBytes }) => packBytes))
  writeSessions(columns, sessions)
  return columns.finish()
}

function hashOf(name: string): Bytes {
  return digestInName(name) as Bytes
}

/** Throws 'object-damaged' where it was not encoded as here. */
export function decodeKept(
  bytes: Bytes,
): Omit<KeptIndex, 'image'> & { readonly counts: ImageCounts } {
  const columns = new ColumnReader(bytes)
  const [blobs, frames, imagePacks, runs, fanBits, ...lengths] = columns.u32(COUNTS)
  const [segments, superseded, packs, passedOver, sessions, markedPacks] = lengths as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const kept = {
    counts: { blobs, frames, packs: imagePacks, runs, fanBits } as ImageCounts,
    segments: readHashes(columns, segments).map((hex) => `index/${hex}`),
    superseded: readHashes(columns, superseded),
    packs: readPacks(columns, packs),
    passedOver: readPassedOver(columns, passedOver),
    // Copies: of what all was read from, nothing else is needed any more.
    sessions: readSessions(columns, sessions).map(({ epoch, encapsulation }) => ({
      epoch,
      encapsulation: encapsulation.slice(),
    })),
    markedPacks,
  }
  columns.end()
  return kept
}

function readHashes(columns: ColumnReader, count: number): readonly string[] {
  return Array.from({ length: count }, () => toHex(columns.bytes(HASH_BYTES)))
}

function readPacks(columns: ColumnReader, count: number): readonly LoadedPack[] {
  // Copied: all of what was read goes.
  const digests = columns.bytes(HASH_BYTES * count).slice()
  const packBytes = columns.u32(count)
  const headerBytes = columns.u32(count)
  const frameCount = columns.u32(count)
  const isTree = columns.bytes(count)
  return Array.from({ length: count }, (_, i) => {
    const facts = {
      kind: isTree[i] === 1 ? 'tree-pack' : 'data-pack',
      packBytes: packBytes[i] as number,
      headerBytes: headerBytes[i] as number,
      frameCount: frameCount[i] as number,
    } as const
    return new LoadedPack(digests, HASH_BYTES * i, facts)
  })
}

function readPassedOver(columns: ColumnReader, count: number): readonly NamedPack[] {
  const names = readHashes(columns, count).map((hex) => `packs/${hex.slice(0, 2)}/${hex}`)
  const packBytes = columns.u32(count)
  return names.map((name, i) => ({ name, packBytes: packBytes[i] as number }))
}
