// Packs (docs/format.md, section 9):
//
//     prefix | frames | padding | sealed header | length of the sealed header (u32)
//
// The header says which frames are where, under which session each was sealed, and the ids of their
// blobs in order; for tree blobs also the ids that each refers to. It is sealed under the header
// key, so that packs can be listed, marked, pruned and moved by who can read nothing in them.

import { type Bytes, viewOf } from '../base/bytes.ts'
import { malformed } from './cbor.ts'
import { ColumnReader, ColumnWriter } from './columns.ts'
import { BLOB_ID_BYTES } from './ids.ts'
import {
  FRAME_BLOBS_MAX,
  FRAME_RAW_BYTES_MAX,
  PACK_BLOBS_MAX,
  PACK_BYTES_MAX,
  PACK_FRAMES_MAX,
  PACK_HEADER_BYTES_MAX,
  PACK_REFS_MAX,
  SESSIONS_MAX,
} from './limits.ts'
import { type PackKind, PREFIX_BYTES } from './prefix.ts'

export const ENCAPSULATION_BYTES = 1120
/** The length that ends a pack. */
export const PACK_TRAILER_BYTES = 4

/** One encapsulation to a domain's seal key; all frames of a run share it. */
export interface Session {
  readonly epoch: number
  readonly encapsulation: Bytes
}

export interface Frame {
  /** Which of the header's sessions sealed it. */
  readonly session: number
  /** Where its sealed bytes begin in the pack. */
  readonly offset: number
  readonly storedBytes: number
  /** Length of its plaintext, table included. */
  readonly rawBytes: number
  readonly blobCount: number
}

export interface PackHeader {
  readonly sessions: readonly Session[]
  readonly frames: readonly Frame[]
  /** 32 bytes for each blob, in the order of the frames. */
  readonly ids: Bytes
  /** Of tree packs: for each blob how many ids it refers to, and these ids. */
  readonly refCounts: Uint32Array
  readonly refs: Bytes
}

export function encodePackHeader(header: PackHeader, kind: PackKind): Bytes {
  const { sessions, frames, ids, refCounts, refs } = header
  const trees = kind === 'tree-pack' ? 4 * refCounts.length + refs.length : 0
  const length =
    16 + sessions.length * (4 + ENCAPSULATION_BYTES) + 20 * frames.length + ids.length + trees
  const columns = new ColumnWriter(length)
  columns.u32([
    sessions.length,
    frames.length,
    ids.length / BLOB_ID_BYTES,
    refs.length / BLOB_ID_BYTES,
  ])
  writeSessions(columns, sessions)
  writeFrames(columns, frames)
  columns.bytes([ids])
  if (kind === 'tree-pack') {
    columns.u32(refCounts)
    columns.bytes([refs])
  }
  return columns.finish()
}

/** A header with its frames as columns. */
export interface HeaderColumns extends Omit<PackHeader, 'frames'> {
  readonly frames: FrameColumns
}

/** Throws 'object-damaged' on anything that is not a whole and plausible header. */
export function decodePackHeader(bytes: Bytes, kind: PackKind): PackHeader {
  const { frames, ...header } = decodeHeaderColumns(bytes, kind)
  return { ...header, frames: framesOfColumns(frames) }
}

/** The same, without an object for each frame. */
export function decodeHeaderColumns(bytes: Bytes, kind: PackKind): HeaderColumns {
  const columns = new ColumnReader(bytes)
  const sessionCount = columns.u32Max(SESSIONS_MAX)
  const frameCount = columns.u32Max(PACK_FRAMES_MAX)
  const blobCount = columns.u32Max(PACK_BLOBS_MAX)
  const refCount = columns.u32Max(kind === 'tree-pack' ? PACK_REFS_MAX : 0)
  const sessions = readSessions(columns, sessionCount)
  const frames = readFrameColumns(columns, {
    count: frameCount,
    sessions: sessionCount,
    blobs: blobCount,
  })
  const ids = columns.bytes(BLOB_ID_BYTES * blobCount)
  const refCounts = columns.u32(kind === 'tree-pack' ? blobCount : 0)
  const refs = columns.bytes(BLOB_ID_BYTES * refCount)
  columns.end()
  if (refCounts.reduce((sum, count) => sum + count, 0) !== refCount)
    throw malformed('refs do not add up', 0)
  return { sessions, frames, ids, refCounts, refs }
}

/** How much is in an encoded header that was decoded before. */
export function countsOf(encoded: Bytes): { readonly frames: number; readonly blobs: number } {
  const view = viewOf(encoded)
  return { frames: view.getUint32(4, true), blobs: view.getUint32(8, true) }
}

export function writeSessions(columns: ColumnWriter, sessions: readonly Session[]): void {
  for (const session of sessions) {
    columns.u32([session.epoch])
    columns.bytes([session.encapsulation])
  }
}

export function readSessions(columns: ColumnReader, count: number): readonly Session[] {
  const sessions: Session[] = []
  for (let i = 0; i < count; i++) {
    const epoch = columns.u32Max(0xffffffff)
    sessions.push({ epoch, encapsulation: columns.bytes(ENCAPSULATION_BYTES) })
  }
  return sessions
}

export function writeFrames(columns: ColumnWriter, frames: readonly Frame[]): void {
  columns.u32(frames.map((frame) => frame.session))
  columns.u32(frames.map((frame) => frame.offset))
  columns.u32(frames.map((frame) => frame.storedBytes))
  columns.u32(frames.map((frame) => frame.rawBytes))
  columns.u32(frames.map((frame) => frame.blobCount))
}

/** Frames as they are stored, a column for each number. */
export interface FrameColumns {
  readonly session: Uint32Array
  readonly offset: Uint32Array
  readonly storedBytes: Uint32Array
  readonly rawBytes: Uint32Array
  readonly blobCount: Uint32Array
}

export function frameColumnsOf(frames: readonly Frame[]): FrameColumns {
  return {
    session: Uint32Array.from(frames, (frame) => frame.session),
    offset: Uint32Array.from(frames, (frame) => frame.offset),
    storedBytes: Uint32Array.from(frames, (frame) => frame.storedBytes),
    rawBytes: Uint32Array.from(frames, (frame) => frame.rawBytes),
    blobCount: Uint32Array.from(frames, (frame) => frame.blobCount),
  }
}

export function framesOfColumns(columns: FrameColumns): readonly Frame[] {
  return Array.from({ length: columns.session.length }, (_, i) => frameAt(columns, i))
}

function frameAt(columns: FrameColumns, i: number): Frame {
  return {
    session: columns.session[i] as number,
    offset: columns.offset[i] as number,
    storedBytes: columns.storedBytes[i] as number,
    rawBytes: columns.rawBytes[i] as number,
    blobCount: columns.blobCount[i] as number,
  }
}

/** Reads frames whose sessions and blobs must lie within the counts given. */
export function readFrameColumns(
  columns: ColumnReader,
  limits: { readonly count: number; readonly sessions: number; readonly blobs: number },
): FrameColumns {
  const [session, offset, storedBytes, rawBytes, blobCount] = Array.from({ length: 5 }, () =>
    columns.u32(limits.count),
  ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  const frames = { session, offset, storedBytes, rawBytes, blobCount }
  let blobs = 0
  for (let i = 0; i < limits.count; i++) {
    checkFrame(frames, i, limits.sessions)
    blobs += blobCount[i] as number
  }
  if (blobs !== limits.blobs) throw malformed('the blobs of the frames do not add up', 0)
  return frames
}

function checkFrame(frames: FrameColumns, i: number, sessions: number): void {
  const offset = frames.offset[i] as number
  const plausible =
    (frames.session[i] as number) < sessions &&
    offset >= PREFIX_BYTES &&
    offset + (frames.storedBytes[i] as number) <= PACK_BYTES_MAX &&
    (frames.rawBytes[i] as number) <= FRAME_RAW_BYTES_MAX &&
    (frames.blobCount[i] as number) <= FRAME_BLOBS_MAX
  if (!plausible) throw malformed('a frame is not plausible', offset)
}

/** The last four bytes of a pack, read as the length of its sealed header. */
export function decodePackTrailer(trailer: Bytes, packBytes: number): number {
  const length = viewOf(trailer).getUint32(trailer.length - PACK_TRAILER_BYTES, true)
  if (length > PACK_HEADER_BYTES_MAX || length > packBytes - PREFIX_BYTES - PACK_TRAILER_BYTES) {
    throw malformed(`a header of ${length} bytes cannot be in a pack of ${packBytes}`, packBytes)
  }
  return length
}
