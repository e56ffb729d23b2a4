// Index segments (docs/format.md, section 10): the columns of many pack headers, without the refs,
// so that finding a blob does not take reading every header. Signed by their writer and sealed under
// the header key. An index only ever says where blobs are; what is read there is verified by itself,
// and it can be made anew from the packs.

import type { Bytes } from '../base/bytes.ts'
import { malformed } from './cbor.ts'
import { ColumnReader, ColumnWriter } from './columns.ts'
import { BLOB_ID_BYTES } from './ids.ts'
import {
  INDEX_BLOBS_MAX,
  INDEX_FRAMES_MAX,
  INDEX_PACKS_MAX,
  INDEX_SUPERSEDES_MAX,
  PACK_BYTES_MAX,
  PACK_FRAMES_MAX,
  SESSIONS_MAX,
} from './limits.ts'
import {
  ENCAPSULATION_BYTES,
  type Frame,
  type FrameColumns,
  framesOfColumns,
  readFrameColumns,
  readSessions,
  type Session,
  writeFrames,
  writeSessions,
} from './pack.ts'
import { KIND, type PackKind } from './prefix.ts'

const NAME_HASH_BYTES = 32

export interface IndexedPack {
  /** SHA-256 of the pack: its name. */
  readonly hash: Bytes
  readonly kind: PackKind
  readonly packBytes: number
  /** Length of the sealed header. */
  readonly headerBytes: number
  readonly frameCount: number
}

export interface IndexSegment {
  /** Hashes of the segments that this one replaces. */
  readonly supersedes: readonly Bytes[]
  readonly packs: readonly IndexedPack[]
  readonly sessions: readonly Session[]
  /** Of all packs, in their order; `session` counts through the segment's sessions. */
  readonly frames: readonly Frame[]
  /** 32 bytes for each blob, in the order of the frames. */
  readonly ids: Bytes
}

export function encodeIndexSegment(segment: IndexSegment): Bytes {
  const { supersedes, packs, sessions, frames, ids } = segment
  const columns = new ColumnWriter(
    20 +
      NAME_HASH_BYTES * supersedes.length +
      (NAME_HASH_BYTES + 13) * packs.length +
      (4 + ENCAPSULATION_BYTES) * sessions.length +
      20 * frames.length +
      ids.length,
  )
  columns.u32([
    supersedes.length,
    packs.length,
    sessions.length,
    frames.length,
    ids.length / BLOB_ID_BYTES,
  ])
  columns.bytes(supersedes)
  columns.bytes(packs.map((pack) => pack.hash))
  columns.u8(packs.map((pack) => KIND[pack.kind]))
  columns.u32(packs.map((pack) => pack.packBytes))
  columns.u32(packs.map((pack) => pack.headerBytes))
  columns.u32(packs.map((pack) => pack.frameCount))
  writeSessions(columns, sessions)
  writeFrames(columns, frames)
  columns.bytes([ids])
  return columns.finish()
}

/** A segment with its frames as columns. */
export interface SegmentColumns extends Omit<IndexSegment, 'frames'> {
  readonly frames: FrameColumns
}

/** Throws 'object-damaged' on anything that is not a whole and plausible segment. */
export function decodeIndexSegment(bytes: Bytes): IndexSegment {
  return segmentOfColumns(decodeSegmentColumns(bytes))
}

export function segmentOfColumns({ frames, ...segment }: SegmentColumns): IndexSegment {
  return { ...segment, frames: framesOfColumns(frames) }
}

/** The same, without an object for each frame. */
export function decodeSegmentColumns(bytes: Bytes): SegmentColumns {
  const columns = new ColumnReader(bytes)
  const supersedesCount = columns.u32Max(INDEX_SUPERSEDES_MAX)
  const packCount = columns.u32Max(INDEX_PACKS_MAX)
  const sessionCount = columns.u32Max(SESSIONS_MAX)
  const frameCount = columns.u32Max(INDEX_FRAMES_MAX)
  const blobCount = columns.u32Max(INDEX_BLOBS_MAX)
  const supersedes = slices(columns.bytes(NAME_HASH_BYTES * supersedesCount))
  const packs = readPacks(columns, packCount)
  const sessions = readSessions(columns, sessionCount)
  const frames = readFrameColumns(columns, {
    count: frameCount,
    sessions: sessionCount,
    blobs: blobCount,
  })
  const ids = columns.bytes(BLOB_ID_BYTES * blobCount)
  columns.end()
  const framesOfPacks = packs.reduce((sum, pack) => sum + pack.frameCount, 0)
  if (framesOfPacks !== frameCount) throw malformed('the frames of the packs do not add up', 0)
  return { supersedes, packs, sessions, frames, ids }
}

function slices(column: Bytes): readonly Bytes[] {
  const count = column.length / NAME_HASH_BYTES
  return Array.from({ length: count }, (_, i) =>
    column.subarray(NAME_HASH_BYTES * i, NAME_HASH_BYTES * (i + 1)),
  )
}

function readPacks(columns: ColumnReader, count: number): readonly IndexedPack[] {
  const hashes = slices(columns.bytes(NAME_HASH_BYTES * count))
  const kinds = columns.bytes(count)
  const packBytes = columns.u32(count)
  const headerBytes = columns.u32(count)
  const frameCounts = columns.u32(count)
  return hashes.map((hash, i) => {
    const pack = {
      hash,
      kind: packKind(kinds[i] as number),
      packBytes: packBytes[i] as number,
      headerBytes: headerBytes[i] as number,
      frameCount: frameCounts[i] as number,
    }
    if (
      pack.packBytes > PACK_BYTES_MAX ||
      pack.headerBytes > pack.packBytes ||
      pack.frameCount > PACK_FRAMES_MAX
    ) {
      throw malformed('a pack is not plausible', 0)
    }
    return pack
  })
}

function packKind(number: number): PackKind {
  if (number === KIND['data-pack']) return 'data-pack'
  if (number === KIND['tree-pack']) return 'tree-pack'
  throw malformed(`a pack cannot be of kind ${number}`, 0)
}
