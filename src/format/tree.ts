// Trees (docs/format.md, section 11). There is one kind of stored node: a level and items. At level
// 0 the items are entries of a folder, pieces of a file's content, or extents of a sparse file; above,
// they are the nodes of the level below. So a folder or file of any size is many blobs of bounded
// size, and a small change rewrites few of them.

import { type Bytes, compareBytes } from '../base/bytes.ts'
import { type CborReader, type CborWriter, malformed, type Wide } from './cbor.ts'
import {
  array,
  bytes,
  type Codec,
  choice,
  decode,
  fixedBytes,
  optional,
  record,
  repeatingBytes,
  required,
  uint,
  wideInt,
  wideUint,
} from './codec.ts'
import { BLOB_ID_BYTES, type BlobId, blobId } from './ids.ts'
import {
  BLOB_BYTES_MAX,
  DIRECTORY_NODE_ITEMS_MAX,
  INLINE_PIECES_MAX,
  LINK_TARGET_BYTES_MAX,
  LIST_NODE_ITEMS_MAX,
  NAME_BYTES_MAX,
  NODE_LEVEL_MAX,
  OWNER_NAME_BYTES_MAX,
  XATTR_NAME_BYTES_MAX,
  XATTR_VALUE_BYTES_MAX,
  XATTRS_MAX,
} from './limits.ts'

export const ENTRY_TYPES = {
  file: 1,
  directory: 2,
  symlink: 3,
  fifo: 4,
  'char-device': 5,
  'block-device': 6,
} as const
export type EntryType = keyof typeof ENTRY_TYPES

export interface Xattr {
  readonly name: Bytes
  readonly value: Bytes
}

/** A chunk of a file's data, in order. */
export interface Piece {
  readonly id: BlobId
  readonly length: number
}

/** A run of data in a sparse file, after a hole that may be of length 0. */
export interface Extent {
  readonly hole: Wide
  readonly data: Wide
}

export interface Entry {
  readonly name: Bytes
  readonly type: EntryType
  /** Permissions with setuid, setgid and sticky: 12 bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly user: Bytes | undefined
  readonly group: Bytes | undefined
  readonly mtimeSeconds: Wide
  readonly mtimeNanos: number
  /** Of files: length in bytes, holes included. */
  readonly size: Wide | undefined
  /** Where there are several links: what tells which belong together. */
  readonly link: { readonly device: Wide; readonly inode: Wide } | undefined
  readonly target: Bytes | undefined
  readonly device: { readonly major: number; readonly minor: number } | undefined
  /** Sorted by name. Access control lists are among them, as the system presents them. */
  readonly xattrs: readonly Xattr[] | undefined
  /** Of files with data: the chunks, or past a bound the node that lists them. */
  readonly pieces: readonly Piece[] | undefined
  readonly pieceList: BlobId | undefined
  /** Of sparse files: where the data lies, or past a bound the node that lists it. */
  readonly extents: readonly Extent[] | undefined
  readonly extentList: BlobId | undefined
  /** Of files: CRC-32 of the whole content as it was read, holes as zeros. */
  readonly crc32: number | undefined
  readonly tree: BlobId | undefined
  /** 1 where the file changed while it was read: the content is what was found. */
  readonly changed: number | undefined
}

const id: Codec<BlobId> = fixedBytes(BLOB_ID_BYTES) as Codec<BlobId>

const piecesCodec = (max: number): Codec<readonly Piece[]> =>
  pairs(max, {
    write: (writer, piece) => {
      writer.uint(piece.length)
      writer.bytes(piece.id)
    },
    read: (reader) => {
      const length = reader.uint(BLOB_BYTES_MAX)
      if (length === 0) throw malformed('a piece of no length', reader.position)
      return { length, id: id.read(reader) }
    },
  })

const extentsCodec = (max: number): Codec<readonly Extent[]> =>
  pairs(max, {
    write: (writer, extent) => {
      writer.uint(extent.hole)
      writer.uint(extent.data)
    },
    read: (reader) => {
      const hole = reader.wideUint()
      const data = reader.wideUint()
      if (data === 0) throw malformed('an extent without data', reader.position)
      return { hole, data }
    },
  })

/** A flat array of twice as many items as there are values. */
function pairs<T>(max: number, pair: Codec<T>): Codec<readonly T[]> {
  return {
    write: (writer, values) => {
      writer.array(2 * values.length)
      for (const value of values) pair.write(writer, value)
    },
    read: (reader) => {
      const count = reader.array(2 * max)
      if (count % 2 !== 0) throw malformed('a list of pairs has an odd length', reader.position)
      const values: T[] = []
      for (let left = count / 2; left > 0; left--) values.push(pair.read(reader))
      return values
    },
  }
}

const linkCodec = record<{ readonly device: Wide; readonly inode: Wide }>({
  device: required(1, wideUint),
  inode: required(2, wideUint),
})

const deviceCodec = record<{ readonly major: number; readonly minor: number }>({
  major: required(1, uint(0xffffffff)),
  minor: required(2, uint(0xffffffff)),
})

const xattrCodec = record<Xattr>({
  name: required(1, bytes(XATTR_NAME_BYTES_MAX)),
  value: required(2, bytes(XATTR_VALUE_BYTES_MAX)),
})

const plainXattrs = array(xattrCodec, XATTRS_MAX)

/** A file system may list a name twice, with one value: it is written once. */
const xattrsCodec: Codec<readonly Xattr[]> = {
  write: (writer, xattrs) => plainXattrs.write(writer, xattrs.filter(isFirstOfName)),
  read: (reader) => plainXattrs.read(reader),
}

function isFirstOfName({ name }: Xattr, i: number, xattrs: readonly Xattr[]): boolean {
  const before = xattrs[i - 1]
  return before === undefined || compareBytes(before.name, name) !== 0
}

const entryRecord: Codec<Entry> = record<Entry>({
  name: required(1, bytes(NAME_BYTES_MAX)),
  type: required(2, choice(ENTRY_TYPES)),
  mode: required(3, uint(0o7777)),
  uid: required(4, uint(0xffffffff)),
  gid: required(5, uint(0xffffffff)),
  user: optional(6, repeatingBytes(OWNER_NAME_BYTES_MAX)),
  group: optional(7, repeatingBytes(OWNER_NAME_BYTES_MAX)),
  mtimeSeconds: required(8, wideInt),
  mtimeNanos: required(9, uint(999_999_999)),
  size: optional(10, wideUint),
  link: optional(11, linkCodec),
  target: optional(12, bytes(LINK_TARGET_BYTES_MAX)),
  device: optional(13, deviceCodec),
  xattrs: optional(14, xattrsCodec),
  pieces: optional(15, piecesCodec(INLINE_PIECES_MAX)),
  pieceList: optional(16, id),
  extents: optional(17, extentsCodec(INLINE_PIECES_MAX)),
  extentList: optional(18, id),
  crc32: optional(19, uint(0xffffffff)),
  tree: optional(20, id),
  changed: optional(21, uint(1)),
})

/**
 * One entry of a folder. What it reads has a legal name, what its type needs and nothing of other
 * types; its attributes are sorted; and the lengths in it, as far as they are in it, add up.
 */
export const entryCodec: Codec<Entry> = {
  write: (writer, entry) => entryRecord.write(writer, entry),
  read: (reader) => {
    const entry = entryRecord.read(reader)
    checkEntry(entry, reader.position)
    return entry
  },
}

function checkEntry(entry: Entry, at: number): void {
  if (!isLegalName(entry.name)) throw malformed('an entry has a name that no file can have', at)
  const { type } = entry
  if ((type === 'directory') !== (entry.tree !== undefined))
    throw malformed('a folder without a tree', at)
  if ((type === 'symlink') !== (entry.target !== undefined))
    throw malformed('a link without a target', at)
  if (entry.target !== undefined && !isLegalTarget(entry.target))
    throw malformed('a link has a target that none can have', at)
  if (type.endsWith('-device') !== (entry.device !== undefined))
    throw malformed('a device without numbers', at)
  if (type === 'directory' && entry.link !== undefined)
    throw malformed('a folder with several names', at)
  if (entry.xattrs !== undefined) checkXattrs(entry.xattrs, at)
  if (type === 'file') checkFile(entry, at)
  else if (hasContent(entry)) throw malformed('what is no file has the content of one', at)
}

function checkXattrs(xattrs: readonly Xattr[], at: number): void {
  if (!xattrs.every(({ name }) => isCString(name)))
    throw malformed('an extended attribute has a name that none can have', at)
  for (let i = 1; i < xattrs.length; i++) {
    if (compareBytes((xattrs[i - 1] as Xattr).name, (xattrs[i] as Xattr).name) >= 0)
      throw malformed('extended attributes are not sorted, or one is there twice', at)
  }
}

function hasContent(entry: Entry): boolean {
  const { size, pieces, pieceList, extents, extentList, crc32, changed } = entry
  const content = [size, pieces, pieceList, extents, extentList, crc32, changed]
  return content.some((field) => field !== undefined)
}

function checkFile(entry: Entry, at: number): void {
  const { size, crc32, pieces, pieceList, extents, extentList, changed } = entry
  if (size === undefined || crc32 === undefined) throw malformed('a file without a size or CRC', at)
  if (changed === 0) throw malformed('a file that did not change says so', at)
  if (pieces?.length === 0) throw malformed('a file without data lists its pieces', at)
  const inBoth = (inline: unknown, list: unknown) => inline !== undefined && list !== undefined
  if (inBoth(pieces, pieceList) || inBoth(extents, extentList))
    throw malformed('a file has its pieces or extents twice', at)
  const data = pieceList === undefined ? lengthOf(pieces ?? []) : undefined
  if (extents !== undefined) checkExtents(extents, { size, data, at })
  else if (extentList !== undefined) {
    if (data !== undefined && data > size) throw malformed('a file has more data than its size', at)
  } else if (data !== undefined && data !== size)
    throw malformed('the pieces of a file are not as long as it is', at)
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

/** Their data is that of the pieces, where these are known, and they end within the file. */
function checkExtents(
  extents: readonly Extent[],
  {
    size,
    data,
    at,
  }: { readonly size: Wide; readonly data: number | undefined; readonly at: number },
): void {
  let end = 0n
  let covered = 0n
  for (const extent of extents) {
    end += BigInt(extent.hole) + BigInt(extent.data)
    covered += BigInt(extent.data)
  }
  if (end > BigInt(size)) throw malformed('an extent lies beyond the end of its file', at)
  if (data !== undefined && covered !== BigInt(data))
    throw malformed('the pieces of a file are not as long as its extents', at)
}

/** A name may be any bytes but `/` and NUL, except '', '.' and '..'. */
export function isLegalName(name: Bytes): boolean {
  if (name.length === 0 || name.length > NAME_BYTES_MAX) return false
  if (name.includes(0) || name.includes(0x2f)) return false
  return !(name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e)))
}

/** The system takes any bytes for the target of a link, as long as there are some and none is NUL. */
export function isLegalTarget(target: Bytes): boolean {
  return isCString(target) && target.length <= LINK_TARGET_BYTES_MAX
}

/** What a system call can take: bytes up to a NUL, and not none. */
function isCString(bytes: Bytes): boolean {
  return bytes.length > 0 && !bytes.includes(0)
}

/** Below level 0: the node that holds the rest, and the first name in it. */
export interface DirectoryChild {
  readonly firstName: Bytes
  readonly id: BlobId
}

export type TreeNode =
  | { readonly kind: 'entries'; readonly entries: readonly Entry[] }
  | {
      readonly kind: 'directory'
      readonly level: number
      readonly children: readonly DirectoryChild[]
    }
  | { readonly kind: 'pieces'; readonly pieces: readonly Piece[] }
  | { readonly kind: 'extents'; readonly extents: readonly Extent[] }
  /** Nodes of pieces or extents, in order; the level above 0. */
  | { readonly kind: 'list'; readonly level: number; readonly children: readonly BlobId[] }

export const NODE_KINDS = { entries: 1, directory: 2, pieces: 3, extents: 4, list: 5 } as const

const childCodec = record<DirectoryChild>({
  firstName: required(1, bytes(NAME_BYTES_MAX)),
  id: required(2, id),
})
const entriesCodec = sorted(entryCodec, (entry) => entry.name)
const childrenCodec = sorted(childCodec, (child) => child.firstName)
const listPiecesCodec = piecesCodec(LIST_NODE_ITEMS_MAX)
const listExtentsCodec = extentsCodec(LIST_NODE_ITEMS_MAX)
const listChildrenCodec = array(id, LIST_NODE_ITEMS_MAX)

/** Writes the head of a node: an array of kind, level and items, of which the items follow. */
export function writeNodeHead(
  writer: CborWriter,
  kind: keyof typeof NODE_KINDS,
  level: number,
): void {
  writer.array(3)
  writer.uint(NODE_KINDS[kind])
  writer.uint(level)
}

export const treeNodeCodec: Codec<TreeNode> = {
  write: (writer, node) => {
    writeNodeHead(writer, node.kind, 'level' in node ? node.level : 0)
    if (node.kind === 'entries') entriesCodec.write(writer, node.entries)
    else if (node.kind === 'directory') childrenCodec.write(writer, node.children)
    else if (node.kind === 'pieces') listPiecesCodec.write(writer, node.pieces)
    else if (node.kind === 'extents') listExtentsCodec.write(writer, node.extents)
    else listChildrenCodec.write(writer, node.children)
  },
  read: readNode,
}

const nodeKind = choice(NODE_KINDS)

function readNode(reader: CborReader): TreeNode {
  if (reader.array(3) !== 3) throw malformed('a node has three parts', reader.position)
  const kind = nodeKind.read(reader)
  const level = reader.uint(NODE_LEVEL_MAX)
  if (level > 0 !== (kind === 'directory' || kind === 'list'))
    throw malformed('a node at a wrong level', 0)
  if (kind === 'entries') return { kind, entries: entriesCodec.read(reader) }
  if (kind === 'directory') return { kind, level, children: some(childrenCodec, reader) }
  if (kind === 'pieces') return { kind, pieces: some(listPiecesCodec, reader) }
  if (kind === 'extents') return { kind, extents: some(listExtentsCodec, reader) }
  return { kind, level, children: some(listChildrenCodec, reader) }
}

/** Only a folder may be empty: nodes of nothing could be gone through for ever. */
function some<T>(codec: Codec<readonly T[]>, reader: CborReader): readonly T[] {
  const items = codec.read(reader)
  if (items.length === 0) throw malformed('a node with nothing in it', reader.position)
  return items
}

/** The items of a folder's node: their names ascend as bytes, each once. */
function sorted<T>(item: Codec<T>, nameOf: (item: T) => Bytes): Codec<readonly T[]> {
  const plainly = array(item, DIRECTORY_NODE_ITEMS_MAX)
  const read = (reader: CborReader) => {
    const items: T[] = []
    for (let left = reader.array(DIRECTORY_NODE_ITEMS_MAX); left > 0; left--) {
      const at = reader.position
      const next = item.read(reader)
      const before = items.at(-1)
      if (before !== undefined && compareBytes(nameOf(before), nameOf(next)) >= 0)
        throw malformed('a folder is not sorted or has a name twice', at)
      items.push(next)
    }
    return items
  }
  return { write: (writer, items) => plainly.write(writer, items), read }
}

/** Decodes a tree blob. Throws 'object-damaged' or 'unsupported'. */
export function decodeTreeNode(blob: Bytes): TreeNode {
  return decode(treeNodeCodec, blob)
}

/** The ids that a node refers to, in its order: what a pack header lists for it. */
export function refsOf(node: TreeNode): readonly BlobId[] {
  if (node.kind === 'entries') return node.entries.flatMap(refsOfEntry)
  if (node.kind === 'directory') return node.children.map((child) => child.id)
  if (node.kind === 'pieces') return node.pieces.map((piece) => piece.id)
  return node.kind === 'list' ? node.children : []
}

export function refsOfEntry(entry: Entry): readonly BlobId[] {
  const refs = (entry.pieces ?? []).map((piece) => piece.id)
  for (const ref of [entry.pieceList, entry.extentList, entry.tree])
    if (ref !== undefined) refs.push(ref)
  return refs
}

/** Splits a column of ids into views of 32 bytes. */
export function splitIds(column: Bytes): readonly BlobId[] {
  const count = column.length / BLOB_ID_BYTES
  return Array.from({ length: count }, (_, i) =>
    blobId(column.subarray(BLOB_ID_BYTES * i, BLOB_ID_BYTES * (i + 1))),
  )
}
