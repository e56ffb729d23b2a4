// What the walker tells the engine, one event for each pull. Everything in an event is a view of
// the walker's own buffers and holds until the next pull: copy what is to be kept.

import type { Bytes } from '../../base/bytes.ts'
import type { Result } from '../../base/libc.ts'
import { Errno, errnoName } from '../../base/libc-error.ts'
import type { StatBuffer } from '../../base/libc-stat.ts'

/** The folder that the walker stands in. */
export interface WalkDirectory {
  /**
   * For openat and its like while the walker stands there. Where the contents are not 'all' it may
   * be an O_PATH descriptor. -1 at the leave of a folder that went out of reach (was reported).
   */
  readonly fd: number
  /** How many folders lie above; 0 for '/'. */
  readonly depth: number
  /** Whether sizes lie here: files must be read to their end (procfs and its like). */
  readonly diskless: boolean
  /** The absolute path. Made anew at each call. */
  path(): Bytes
  /** The absolute path of an entry in it. */
  pathOf(name: Bytes): Bytes
}

/** What follows between the enter and the leave of a folder. */
export type DirectoryContents =
  | 'all'
  /** Only what leads to roots: the folder itself was not asked for. */
  | 'roots'
  /** Nothing, or not all, because of a problem that is reported. */
  | 'unreadable'
  /** Only the CACHEDIR.TAG. */
  | 'cache'
  /** Nothing: something else is mounted here. */
  | 'mount'

export type SkipReason = 'excluded' | 'cache' | 'larger' | 'mount' | 'socket'

export type WalkOperation =
  | 'stat'
  | 'open'
  | 'list'
  | 'read ignore file'
  | 'return'
  /** What is in the folder lies deeper than a snapshot can have it. */
  | 'go deeper than 4,096 names from the root'

/** Something is not, or not fully, in what the walk gives. */
export interface ProblemEvent {
  readonly kind: 'problem'
  readonly path: Bytes
  readonly operation: WalkOperation
  /** Positive. */
  readonly errno: number
  /** 'EACCES' and its like; 'vanished' where it was there a moment ago. */
  readonly code: string
  /** A root, as named by the user, that cannot be backed up at all. */
  readonly root: boolean
}

export type WalkEvent =
  /** A folder begins; `directory` is that folder. */
  | {
      readonly kind: 'enter'
      /** Empty for '/'. */
      readonly name: Bytes
      readonly stat: StatBuffer
      readonly directory: WalkDirectory
      readonly contents: DirectoryContents
    }
  /** Anything but a folder or a socket; `directory` is the folder that it lies in. */
  | {
      readonly kind: 'entry'
      readonly name: Bytes
      readonly stat: StatBuffer
      readonly directory: WalkDirectory
    }
  /** A folder ends. */
  | { readonly kind: 'leave'; readonly directory: WalkDirectory }
  | ProblemEvent
  /** Left out as asked for. */
  | { readonly kind: 'skipped'; readonly path: Bytes; readonly reason: SkipReason }

export function skipped(directory: WalkDirectory, name: Bytes, reason: SkipReason): WalkEvent {
  return { kind: 'skipped', path: directory.pathOf(name), reason }
}

export function problem(
  directory: WalkDirectory,
  name: Bytes,
  operation: WalkOperation,
  result: Result,
): ProblemEvent {
  return problemAt(directory.pathOf(name), operation, result)
}

export function problemAt(path: Bytes, operation: WalkOperation, result: Result): ProblemEvent {
  const code = result === -Errno.ENOENT ? 'vanished' : errnoName(result)
  return { kind: 'problem', path, operation, errno: -result, code, root: false }
}
