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

/** Throws 'object-damaged' on anything that is not a whole and plausible header. */
export function decodePackHeader(bytes: Bytes, kind: PackKind): PackHeader {
  const columns = new ColumnReader(bytes)
  const sessionCount = columns.u32Max(SESSIONS_MAX)
  const frameCount = columns.u32Max(PACK_FRAMES_MAX)
  const blobCount = columns.u32Max(PACK_BLOBS_MAX)
  const refCount = columns.u32Max(kind === 'tree-pack' ? PACK_REFS_MAX : 0)
  const sessions = readSessions(columns, sessionCount)
  const frames = readFrames(columns, {
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

/** Reads frames whose sessions and blobs must lie within the counts given. */
export function readFrames(
  columns: ColumnReader,
  limits: { readonly count: number; readonly sessions: number; readonly blobs: number },
): readonly Frame[] {
  const [session, offset, storedBytes, rawBytes, blobCount] = Array.from({ length: 5 }, () =>
    columns.u32(limits.count),
  ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array]
  const frames: Frame[] = []
  let blobs = 0
  for (let i = 0; i < limits.count; i++) {
    const frame = {
      session: session[i] as number,
      offset: offset[i] as number,
      storedBytes: storedBytes[i] as number,
      rawBytes: rawBytes[i] as number,
      blobCount: blobCount[i] as number,
    }
    checkFrame(frame, limits.sessions)
    blobs += frame.blobCount
    frames.push(frame)
  }
  if (blobs !== limits.blobs) throw malformed('the blobs of the frames do not add up', 0)
  return frames
}

function checkFrame(frame: Frame, sessions: number): void {
  const plausible =
    frame.session < sessions &&
    frame.offset >= PREFIX_BYTES &&
    frame.offset + frame.storedBytes <= PACK_BYTES_MAX &&
    frame.rawBytes <= FRAME_RAW_BYTES_MAX &&
    frame.blobCount <= FRAME_BLOBS_MAX
  if (!plausible) throw malformed('a frame is not plausible', frame.offset)
}

/** The last four bytes of a pack, read as the length of its sealed header. */
export function decodePackTrailer(trailer: Bytes, packBytes: number): number {
  const length = viewOf(trailer).getUint32(trailer.length - PACK_TRAILER_BYTES, true)
  if (length > PACK_HEADER_BYTES_MAX || length > packBytes - PREFIX_BYTES - PACK_TRAILER_BYTES) {
    throw malformed(`a header of ${length} bytes cannot be in a pack of ${packBytes}`, packBytes)
  }
  return length
}
