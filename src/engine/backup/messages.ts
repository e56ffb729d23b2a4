// What the main thread and the reading workers say to each other. Descriptors and numbers go out,
// ids and where sealed frames lie come back; the contents of files never cross between threads.

import type { ChunkerParameters } from '../../chunker/parameters.ts'
import type { ImageHandle } from '../../repository/index-image.ts'
import type { CompressionLevel } from '../../sealer/compress.ts'
import type { PlacedFrame } from './data-packs.ts'
import type { PackMemoryHandle } from './pack-memory.ts'
import type { ReadRate } from './read-rate.ts'

/** What a worker is started with. */
export interface WorkerSetup {
  readonly chunkerKey: Uint8Array
  readonly chunker: ChunkerParameters
  readonly dataIdKey: Uint8Array
  readonly frameKey: Uint8Array
  readonly frameAad: Uint8Array
  readonly level: CompressionLevel
  readonly image: ImageHandle
  readonly claims: SharedArrayBuffer
  /** One byte for each pack of the image: 1 where a blob in it was relied upon. */
  readonly usedPacks: SharedArrayBuffer
  /** Where frames go. */
  readonly packMemory: PackMemoryHandle
  readonly readRate: ReadRate
  /** One number of 64 bits: bytes that were read of files that are not done. Of segments only. */
  readonly reading: SharedArrayBuffer
}

export interface Range {
  readonly offset: number
  readonly length: number
}

/** Where the data lies; where sizes lie, everything to the end, but not more than a limit. */
export type Extents = readonly Range[] | { readonly toEndMaxBytes: number }

/** Many small files with one name each: descriptors that the worker closes. */
export interface SmallFilesTask {
  readonly kind: 'small'
  readonly task: number
  readonly fds: Int32Array
  readonly sizes: Float64Array
  /** STAT_KEY of each file as it was opened. */
  readonly keys: Uint8Array
  /** One after the other. */
  readonly names: Uint8Array
  readonly nameLengths: Uint16Array
}

/** A run of one file: all of it, or one segment. The main thread closes the descriptor. */
export interface SegmentTask {
  readonly kind: 'segment'
  readonly task: number
  readonly fd: number
  readonly data: Extents
  /** The run of the file that the CRC is over: holes in it count as zeros. */
  readonly start: number
  readonly end: number
}

export type Task = SmallFilesTask | SegmentTask

export type ToWorker = Task | { readonly kind: 'flush' }

/** How reading one file ended: fine, or a positive errno; below zero it changed: see read-change.ts. */
export const READ_FINE = 0

/** Extended attributes that could not be read or kept. */
export interface AttributeTrouble {
  readonly errno: number
  readonly doing: string
}

/** Of each file its entry, encoded; of those with an errno nothing. */
export interface SmallFilesResult {
  readonly kind: 'small'
  readonly task: number
  /** As READ_FINE says. */
  readonly outcomes: Int32Array
  /** Length of what was read. */
  readonly sizes: Float64Array
  readonly entries: Uint8Array
  readonly entryLengths: Uint32Array
  /** As in CachedEntry, of what was read. */
  readonly keys: Uint8Array
  /** How many blobs each file is, and their ids. */
  readonly pieceCounts: Uint32Array
  readonly pieceIds: Uint8Array
  readonly troubles: ReadonlyMap<number, readonly AttributeTrouble[]>
}

export interface SegmentResult {
  readonly kind: 'segment'
  readonly task: number
  readonly outcome: number
  readonly crc: number
  /** Bytes of data that were there to be read. */
  readonly dataBytes: number
  /** What the segment has added to `reading`. */
  readonly readingBytes: number
  readonly pieceLengths: Uint32Array
  readonly pieceIds: Uint8Array
}

export interface FrameResult {
  readonly kind: 'frame'
  readonly frame: PlacedFrame
}

export type FromWorker =
  | SmallFilesResult
  | SegmentResult
  | FrameResult
  | { readonly kind: 'pack-closed'; readonly pack: number }
  | { readonly kind: 'flushed' }
