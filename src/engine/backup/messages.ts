// What the main thread and the reading workers say to each other. Descriptors and numbers go out,
// ids and sealed frames come back; the contents of files never cross between threads.

import type { FileStat } from '../../base/libc-stat.ts'
import type { ChunkerParameters } from '../../chunker/parameters.ts'
import type { ImageHandle } from '../../repository/index-image.ts'

/** What a worker is started with. */
export interface WorkerSetup {
  readonly chunkerKey: Uint8Array
  readonly chunker: ChunkerParameters
  readonly dataIdKey: Uint8Array
  readonly frameKey: Uint8Array
  readonly frameAad: Uint8Array
  readonly level: number | 'off'
  readonly image: ImageHandle
  readonly claims: SharedArrayBuffer
  /** One byte for each pack of the image: 1 where a blob in it was relied upon. */
  readonly usedPacks: SharedArrayBuffer
  readonly credit: SharedArrayBuffer
  readonly creditBytes: number
  /** For all workers together; 0 for as fast as it goes. */
  readonly readBytesPerSecond: number
}

export interface Range {
  readonly offset: number
  readonly length: number
}

/** Where the data lies; where sizes lie, everything to the end, but not more than a limit. */
export type Extents = readonly Range[] | { readonly toEndMaxBytes: number }

/** Many small files: descriptors that the worker closes. */
export interface SmallFilesTask {
  readonly kind: 'small'
  readonly task: number
  readonly fds: Int32Array
  readonly sizes: Float64Array
  /** STAT_KEY of each file as it was opened. */
  readonly keys: Uint8Array
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

export type ToWorker = Task | { readonly kind: 'flush' } | { readonly kind: 'stop' }

export interface Restated {
  readonly stat: FileStat
  /** STAT_KEY. */
  readonly key: Uint8Array
}

/** How reading one file ended: fine, changed meanwhile, or a positive errno. */
export const READ_FINE = 0
export const READ_CHANGED = -1

export interface SmallFilesResult {
  readonly kind: 'small'
  readonly task: number
  /** READ_FINE, READ_CHANGED or an errno. */
  readonly outcomes: Int32Array
  readonly crcs: Uint32Array
  /** Length of what was read. */
  readonly sizes: Float64Array
  /** Of each file: how many pieces it has. */
  readonly pieceCounts: Uint32Array
  /** Of all files, in order. */
  readonly pieceLengths: Uint32Array
  readonly pieceIds: Uint8Array
  /** Files that had changed since they were opened: what they are now. */
  readonly restated: ReadonlyMap<number, Restated>
}

export interface SegmentResult {
  readonly kind: 'segment'
  readonly task: number
  readonly outcome: number
  readonly crc: number
  /** Bytes of data that were there to be read. */
  readonly dataBytes: number
  readonly pieceLengths: Uint32Array
  readonly pieceIds: Uint8Array
}

export interface FrameResult {
  readonly kind: 'frame'
  readonly sealed: Uint8Array<ArrayBuffer>
  readonly ids: Uint8Array
  readonly rawBytes: number
}

export type FromWorker =
  | SmallFilesResult
  | SegmentResult
  | FrameResult
  | { readonly kind: 'flushed' }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string }
