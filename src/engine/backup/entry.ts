// The entries of folders, from what the system says of a file.

import { type Bytes, concat, utf8 } from '../../base/bytes.ts'
import { Errno } from '../../base/libc-error.ts'
import type { FileStat } from '../../base/libc-stat.ts'
import type { UserNames } from '../../base/libc-users.ts'
import type { XattrReading } from '../../base/libc-xattrs.ts'
import type { CborWriter } from '../../format/cbor.ts'
import { decode, encode } from '../../format/codec.ts'
import { XATTRS_MAX } from '../../format/limits.ts'
import {
  type Entry,
  type EntryType,
  entryCodec,
  refsOfEntry,
  type Xattr,
} from '../../format/tree.ts'
import type { AttributeTrouble } from './messages.ts'
import type { Report } from './report.ts'

/** What every entry has, whatever its type. */
export interface EntryBasis {
  readonly name: Bytes
  readonly stat: FileStat
  readonly xattrs: readonly Xattr[]
}

/** What only entries of some types have. */
export type EntryContent = Partial<
  Pick<
    Entry,
    | 'size'
    | 'target'
    | 'pieces'
    | 'pieceList'
    | 'extents'
    | 'extentList'
    | 'crc32'
    | 'tree'
    | 'changed'
  >
>

/** Makes entries, and remembers the names of users and groups on the way. */
export class EntryMaker {
  readonly #names: UserNames
  readonly #encoded = new Map<string, Bytes>()

  constructor(names: UserNames) {
    this.#names = names
  }

  make({ name, stat, xattrs }: EntryBasis, content: EntryContent): Entry {
    const isDevice = stat.type === 'char-device' || stat.type === 'block-device'
    return {
      name,
      type: entryType(stat),
      mode: stat.mode,
      uid: stat.uid,
      gid: stat.gid,
      user: utf8Of(this.#encoded, this.#names.userName(stat.uid)),
      group: utf8Of(this.#encoded, this.#names.groupName(stat.gid)),
      mtimeSeconds: stat.mtimeSeconds,
      mtimeNanos: stat.mtimeNanos,
      size: content.size,
      link: stat.type !== 'directory' && stat.links > 1 ? linkOf(stat) : undefined,
      target: content.target,
      device: isDevice ? { major: stat.rdevMajor, minor: stat.rdevMinor } : undefined,
      xattrs: xattrs.length > 0 ? xattrs : undefined,
      pieces: content.pieces,
      pieceList: content.pieceList,
      extents: content.extents,
      extentList: content.extentList,
      crc32: content.crc32,
      tree: content.tree,
      changed: content.changed,
    }
  }
}

export interface CheckedEntry {
  readonly encoded: Bytes
  /** The ids that it names, one after the other: see refsOfEntry. */
  readonly refs: Bytes
}

/** Encodes an entry, and decodes it again: one that could not be read back must never be written. */
export function encodeEntry(entry: Entry): CheckedEntry {
  const encoded = encode(entryCodec, entry)
  return { encoded, refs: refsOfEncoded(encoded) }
}

/**
 * Appends an entry to others, and decodes it again. How many bytes it takes.
 */
export function appendEntry(writer: CborWriter, entry: Entry): number {
  const start = writer.length
  entryCodec.write(writer, entry)
  decode(entryCodec, writer.since(start))
  return writer.length - start
}

/** The ids that an encoded entry names. Throws as decoding does. */
export function refsOfEncoded(encoded: Bytes): Bytes {
  return concat(refsOfEntry(decode(entryCodec, encoded)))
}

function entryType({ type }: FileStat): EntryType {
  if (type === 'socket') throw new Error('Bug in Cairn: a socket has no entry')
  return type
}

function linkOf(stat: FileStat): Entry['link'] {
  return { device: stat.deviceMajor * 2 ** 20 + stat.deviceMinor, inode: stat.inode }
}

function utf8Of(known: Map<string, Bytes>, name: string | undefined): Bytes | undefined {
  if (name === undefined) return undefined
  let bytes = known.get(name)
  if (bytes === undefined) {
    bytes = utf8(name)
    known.set(name, bytes)
  }
  return bytes
}

/** All attributes of one entry together: more than any file system but a hostile one has. */
const XATTRS_BYTES_MAX = 4 * 1024 * 1024

/** The attributes that were read and that the format can hold, and what is missing. */
export function keepXattrs({ xattrs, problems }: XattrReading): {
  readonly kept: readonly Xattr[]
  readonly troubles: readonly AttributeTrouble[]
} {
  if (xattrs.length === 0 && problems.length === 0) return NOTHING_KEPT
  const kept = bounded(xattrs)
  const troubles = problems.map(({ errno }) => ({ errno, doing: 'read the extended attributes' }))
  if (kept.length < xattrs.length)
    troubles.push({ errno: Errno.E2BIG, doing: 'keep all extended attributes' })
  return { kept, troubles }
}

const NOTHING_KEPT = { kept: [], troubles: [] }

/** The same where what is missing can be reported at once. */
export function takeXattrs(
  reading: XattrReading,
  { report, path }: { readonly report: Report; readonly path: () => Bytes },
): readonly Xattr[] {
  const { kept, troubles } = keepXattrs(reading)
  for (const trouble of troubles) report.unreadable(path(), trouble)
  return kept
}

function bounded(xattrs: readonly Xattr[]): readonly Xattr[] {
  let bytes = 0
  return xattrs.slice(0, XATTRS_MAX).filter(({ name, value }) => {
    bytes += name.length + value.length
    return bytes <= XATTRS_BYTES_MAX
  })
}
