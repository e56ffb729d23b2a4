// What happened to a file while it was read: told apart by one look at it afterwards, which every file
// gets anyway. Travels from the workers as the outcome of reading, as a number below zero.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { STAT_KEY, type StatBuffer } from '../../base/libc-stat.ts'
import { READ_FINE } from './messages.ts'

/** In events and for programs; the words for people are below. */
export type FileChange = 'content' | 'attributes' | 'grew' | 'shrank' | 'removed'

interface ToldChange {
  readonly change: FileChange
  readonly what: string
}

const READ_CHANGED = -1
const READ_TOUCHED = -2
const READ_GREW = -3
/** It keeps its length. */
const READ_SHRANK = -4
/** It is stored only as far as it went. */
const READ_CUT_OFF = -5
export const READ_REMOVED = -6

const CHANGED: ToldChange = { change: 'content', what: 'its content changed while it was read' }

const CHANGES: Readonly<Record<number, ToldChange>> = {
  [READ_CHANGED]: CHANGED,
  [READ_TOUCHED]: {
    change: 'attributes',
    what: 'its mode, owner or links changed while it was read',
  },
  [READ_GREW]: {
    change: 'grew',
    what: 'it grew while it was read; it is stored with the length that it had before',
  },
  [READ_SHRANK]: {
    change: 'shrank',
    what: 'it became shorter while it was read; it keeps its old length, with zeros for what was gone',
  },
  [READ_CUT_OFF]: {
    change: 'shrank',
    what: 'it became shorter while it was read; it is stored as far as it went then',
  },
  [READ_REMOVED]: {
    change: 'removed',
    what: 'it was removed while it was read; its content is complete',
  },
}

/** What is to be told of an outcome below zero. */
export function toldChange(outcome: number): ToldChange {
  return CHANGES[outcome] ?? CHANGED
}

/** Whether an outcome says that what was read may be of no one moment. */
export function mayBeTorn(outcome: number): boolean {
  return outcome < READ_FINE && outcome !== READ_REMOVED
}

/**
 * The outcome of reading a file whose STAT_KEY was `key` before and that is as `stat` says afterwards.
 * Where what was read is shorter than the file was, `isShort`.
 */
export function outcomeSince(
  key: Bytes,
  { stat, isShort = false }: { readonly stat: StatBuffer; readonly isShort?: boolean },
): number {
  if (stat.matchesKey(key, 0)) return READ_FINE
  const now = new Uint8Array(STAT_KEY.bytes)
  stat.writeKey(now, 0)
  const size = sizeIn(key)
  if (stat.size > size) return READ_GREW
  if (stat.size < size) return isShort ? READ_CUT_OFF : READ_SHRANK
  if (!sameTime(key, now)) return READ_CHANGED
  return wasRemoved(key, stat) ? READ_REMOVED : READ_TOUCHED
}

/** Whether the last name of the file is gone. Some file systems count no links at all. */
export function wasRemoved(key: Bytes, stat: StatBuffer): boolean {
  return stat.links === 0 && viewOf(key).getUint32(STAT_KEY.links, true) > 0
}

function sizeIn(key: Bytes): number {
  return Number(viewOf(key).getBigUint64(STAT_KEY.size, true))
}

function sameTime(a: Bytes, b: Bytes): boolean {
  const { mtime, mode } = STAT_KEY
  return equalBytes(a.subarray(mtime, mode), b.subarray(mtime, mode))
}

function viewOf({ buffer, byteOffset, byteLength }: Bytes): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
