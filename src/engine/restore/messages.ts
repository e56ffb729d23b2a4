// What the main thread and the writing workers say to each other. A task is a range of a pack, still
// sealed, with what is to be done with the blobs in it.

import type { Xattr } from '../../format/tree.ts'
import type { FatalCode } from './fatal.ts'

/** A session's key for the frames of data, as a worker needs it. */
export interface WireSession {
  readonly session: number
  readonly frameKey: Uint8Array
  readonly aad: Uint8Array
}

export interface WriterSetup {
  readonly dataIdKey: Uint8Array
  /** The target's root folder, open for all threads. */
  readonly rootFd: number
  readonly owners: 'numbers' | 'names' | 'keep'
}

export interface WireFrame {
  readonly session: number
  /** Where it begins in the task's bytes. */
  readonly start: number
  readonly storedBytes: number
  readonly rawBytes: number
  /** How many of the task's wholes and parts are in this frame. */
  readonly wholes: number
  readonly parts: number
}

/** Files that are one blob each and are made, written and finished in one go. */
export interface WireWholes {
  /** Which blob of the frame it is, and the blob's id. */
  readonly positions: Uint32Array
  readonly ids: Uint8Array
  readonly crcs: Uint32Array
  /** Which of `folders` it goes into, and under which name; names one after the other. */
  readonly folderNumbers: Uint32Array
  readonly names: Uint8Array
  readonly nameLengths: Uint16Array
  /** 1 where something stands in its place that is to be replaced. */
  readonly replaces: Uint8Array
  readonly modes: Uint16Array
  readonly uids: Uint32Array
  readonly gids: Uint32Array
  readonly mtimeSeconds: BigInt64Array
  readonly mtimeNanos: Uint32Array
  /** Of those that have any. */
  readonly xattrs: ReadonlyMap<number, readonly Xattr[]>
  /** Of all where owners go by name, else of none. */
  readonly ownerNames: readonly OwnerNames[]
}

export interface OwnerNames {
  readonly userName: string | undefined
  readonly groupName: string | undefined
}

/** Pieces of files that the main thread has opened. */
export interface WireParts {
  readonly positions: Uint32Array
  readonly ids: Uint8Array
  readonly lengths: Uint32Array
  readonly fds: Int32Array
  /** How many of the writes are of this piece. */
  readonly writeCounts: Uint32Array
  /** Where each run of the piece goes, and how long it is. */
  readonly writeOffsets: Float64Array
  readonly writeLengths: Uint32Array
}

/** A folder by what it has in common with the one before it: of a deep path most. */
export interface WireFolder {
  /** How many names are those of the folder before it. */
  readonly shared: number
  readonly names: readonly Uint8Array[]
}

export interface RangeTask {
  readonly task: number
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly sessions: readonly WireSession[]
  readonly frames: readonly WireFrame[]
  readonly folders: readonly WireFolder[]
  readonly wholes: WireWholes
  readonly parts: WireParts
}

export interface WireProblem {
  /** Which whole or part it concerns. */
  readonly index: number
  readonly what: string
}

/** What could not be written: because the blob is not what it should be, or for what the target says. */
export interface WireFailure extends WireProblem {
  readonly isDamaged: boolean
}

export interface RangeResult {
  readonly task: number
  /** Wholes that were not written. */
  readonly failedWholes: readonly WireFailure[]
  /** Wholes that were written, but for some of their attributes. */
  readonly attributes: readonly WireProblem[]
  readonly failedParts: readonly WireFailure[]
  /** CRC-32 of each run that parts were written as. */
  readonly crcs: Uint32Array
  /** What ends the restore: the target is full or gone. */
  readonly fatal: { readonly code: FatalCode; readonly message: string } | undefined
}
