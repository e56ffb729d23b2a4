// How two entries of the same name differ. What only says how things are stored (inode numbers, where
// the holes are, which nodes list the pieces) does not count.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import type { BlobId } from '../../format/ids.ts'
import { type Entry, refsOfEntry } from '../../format/tree.ts'

export interface Change {
  /** A file became a folder, and the like. */
  readonly type: boolean
  /** Bytes of a file, the target of a link, the numbers of a device. */
  readonly content: boolean
  /** Mode, owner, group, time or extended attributes. */
  readonly metadata: boolean
}

/** Undefined where they are the same. Folders are compared without what is in them. */
export function compareEntries(
  before: Entry,
  after: Entry,
  { sameDomain }: { readonly sameDomain: boolean },
): Change | undefined {
  const type = before.type !== after.type
  const content = !type && !hasSameContent(before, after, sameDomain)
  const metadata = !hasSameMetadata(before, after)
  return type || content || metadata ? { type, content, metadata } : undefined
}

function hasSameContent(before: Entry, after: Entry, sameDomain: boolean): boolean {
  if (before.type === 'directory') return true
  if (before.type === 'file') {
    if (before.size !== after.size || before.crc32 !== after.crc32) return false
    // Ids of two domains say nothing about each other: there size and CRC have to do.
    return (
      !sameDomain ||
      haveSameIds(refsOfEntry(before), refsOfEntry(after)) ||
      isRelisted(before, after)
    )
  }
  return (
    areSame(before.target, after.target) &&
    before.device?.major === after.device?.major &&
    before.device?.minor === after.device?.minor
  )
}

function haveSameIds(before: readonly BlobId[], after: readonly BlobId[]): boolean {
  return (
    before.length === after.length && before.every((id, i) => equalBytes(id, after[i] as BlobId))
  )
}

/** The same size and CRC, and extents on one side only: it was written anew with other holes. */
function isRelisted(before: Entry, after: Entry): boolean {
  return hasHoles(before) !== hasHoles(after)
}

function hasHoles({ extents, extentList }: Entry): boolean {
  return extents !== undefined || extentList !== undefined
}

function hasSameMetadata(before: Entry, after: Entry): boolean {
  return (
    before.mode === after.mode &&
    before.uid === after.uid &&
    before.gid === after.gid &&
    areSame(before.user, after.user) &&
    areSame(before.group, after.group) &&
    before.mtimeSeconds === after.mtimeSeconds &&
    before.mtimeNanos === after.mtimeNanos &&
    haveSameXattrs(before.xattrs ?? [], after.xattrs ?? [])
  )
}

type Xattrs = NonNullable<Entry['xattrs']>

function haveSameXattrs(before: Xattrs, after: Xattrs): boolean {
  return (
    before.length === after.length &&
    before.every(
      ({ name, value }, i) => areSame(name, after[i]?.name) && areSame(value, after[i]?.value),
    )
  )
}

function areSame(before: Bytes | undefined, after: Bytes | undefined): boolean {
  if (before === undefined || after === undefined) return before === after
  return equalBytes(before, after)
}
