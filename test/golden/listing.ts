// A folder with everything in it as text, one line for each entry with every attribute: from a snapshot, and
// from a disk. What a backup saved and what a restore brings back must both give the committed text.

import {
  type BigIntStats,
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
} from 'node:fs'
import { type Bytes, compareBytes, concat, toHex } from '../../src/base/bytes.ts'
import { crc32, sha256 } from '../../src/base/hash.ts'
import { UserNames } from '../../src/base/libc-users.ts'
import { XattrReader } from '../../src/base/libc-xattrs.ts'
import type { BlobReader } from '../../src/engine/blob-reader.ts'
import { entriesOf, extentsOf } from '../../src/engine/tree-reader.ts'
import type { BlobId } from '../../src/format/ids.ts'
import type { Entry, Extent, Xattr } from '../../src/format/tree.ts'
import { dataExtents, mayHaveHoles } from '../../src/source/files/extents.ts'
import { allPieces } from './all-pieces.ts'

/** Folders with more entries than this are one line: their number and a hash of their lines. */
const LISTED_MAX = 100

interface Facts {
  readonly type: Entry['type']
  readonly mode: number
  readonly owner: string
  readonly ownerNames: string
  readonly mtime: string
  readonly content?: Bytes | undefined
  /** Runs of data, where there are holes. */
  readonly extents?: readonly Extent[] | undefined
  readonly target?: Bytes | undefined
  readonly device?: { readonly major: number; readonly minor: number } | undefined
  /** What is the same for all names of one file. */
  readonly file?: string | undefined
  readonly xattrs: readonly Xattr[]
}

interface Listed {
  readonly folder: string
  readonly line: string
}

/** Leaves out what a restore by other means does not bring back. */
export interface ListingOptions {
  readonly xattrs?: boolean
  /** Of a second; 9 by default. */
  readonly digits?: number
  /** Where data lies in sparse files, which is up to the file system. */
  readonly extents?: boolean
  /** Of users and groups, which are other ones on each machine. */
  readonly ownerNames?: boolean
}

class Listing {
  readonly #options: Required<ListingOptions>
  readonly #firstNames = new Map<string, string>()
  readonly #listed: Listed[] = []

  constructor(options: ListingOptions) {
    this.#options = { xattrs: true, digits: 9, extents: true, ownerNames: true, ...options }
  }

  add(path: readonly Bytes[], facts: Facts): void {
    const folder = path.slice(0, -1).map(shown).join('/')
    const name = path.map(shown).join('/') || '.'
    const words = [name, facts.type, facts.mode.toString(8).padStart(4, '0'), facts.owner]
    if (this.#options.ownerNames) words.push(facts.ownerNames)
    words.push(this.#time(facts.mtime), ...contentWords(facts))
    if (this.#options.extents && facts.extents !== undefined) words.push(extentWord(facts.extents))
    const first = facts.file === undefined ? name : (this.#firstNames.get(facts.file) ?? name)
    if (facts.file !== undefined) this.#firstNames.set(facts.file, first)
    if (first !== name) words.push(`same=${first}`)
    if (this.#options.xattrs)
      words.push(...facts.xattrs.map((xattr) => `${shown(xattr.name)}=${toHex(xattr.value)}`))
    this.#listed.push({ folder, line: words.join(' ') })
  }

  #time(mtime: string): string {
    return mtime.slice(0, mtime.length - 9 + this.#options.digits)
  }

  /** One text; large folders in short. */
  finish(): string {
    const byFolder = Map.groupBy(this.#listed, ({ folder }) => folder)
    const lines: string[] = []
    const shortened = new Set<string>()
    for (const { folder, line } of this.#listed) {
      const all = byFolder.get(folder) ?? []
      if (all.length <= LISTED_MAX) lines.push(line)
      else if (!shortened.has(folder)) {
        shortened.add(folder)
        lines.push(`${folder}/* ${all.length} entries ${hashOf(all.map((one) => one.line))}`)
      }
    }
    return `${lines.join('\n')}\n`
  }
}

function hashOf(lines: readonly string[]): string {
  return `sha256=${toHex(sha256(Buffer.from(lines.join('\n'))))}`
}

/** Bytes as text: what is no printable ASCII, a space or a backslash as \xNN. */
function shown(bytes: Bytes): string {
  const text = Buffer.from(bytes).toString('latin1')
  return text.replace(/[^!-[\]-~]/g, (one) => `\\x${toHex(Uint8Array.of(one.charCodeAt(0)))}`)
}

function contentWords({ content, target, device }: Facts): string[] {
  const words: string[] = []
  if (content !== undefined) {
    const crc = crc32(content).toString(16).padStart(8, '0')
    words.push(`${content.length} crc32=${crc} sha256=${toHex(sha256(content))}`)
  }
  if (target !== undefined) words.push(`-> ${shown(target)}`)
  if (device !== undefined) words.push(`${device.major}:${device.minor}`)
  return words
}

function extentWord(extents: readonly Extent[]): string {
  return `data=${extents.map(({ hole, data }) => `${hole}+${data}`).join(',')}`
}

/** Seconds before the first are negative, and nanoseconds count forward from them. */
function timeText(seconds: number | bigint, nanos: number | bigint): string {
  return `${seconds}.${nanos.toString().padStart(9, '0')}`
}

/** The entries below a folder of a snapshot. Throws where a CRC-32 or size is not that of the content. */
export async function listSnapshot(
  reader: BlobReader,
  { tree, entry }: { readonly tree: BlobId; readonly entry: Entry },
  options: ListingOptions = {},
): Promise<string> {
  const listing = new Listing(options)
  const visit = async (folder: BlobId, path: readonly Bytes[]): Promise<void> => {
    for await (const entry of entriesOf(reader, folder)) {
      const here = [...path, entry.name]
      listing.add(here, await factsOfEntry(reader, entry))
      if (entry.tree !== undefined) await visit(entry.tree, here)
    }
  }
  listing.add([], await factsOfEntry(reader, entry))
  await visit(tree, [])
  return listing.finish()
}

async function factsOfEntry(reader: BlobReader, entry: Entry): Promise<Facts> {
  const { type, mode, uid, gid, user, group, link } = entry
  const name = (bytes: Bytes | undefined) => (bytes === undefined ? '' : shown(bytes))
  const extents = await extentsOf(reader, entry)
  return {
    type,
    mode,
    owner: `${uid}:${gid}`,
    ownerNames: `${name(user)}:${name(group)}`,
    mtime: timeText(entry.mtimeSeconds, entry.mtimeNanos),
    content: type === 'file' ? await contentOf(reader, entry, extents) : undefined,
    extents,
    target: entry.target,
    device: entry.device,
    file: link && `${link.device}:${link.inode}`,
    xattrs: entry.xattrs ?? [],
  }
}

async function contentOf(
  reader: BlobReader,
  entry: Entry,
  extents: readonly Extent[] | undefined,
): Promise<Bytes> {
  const pieces: Bytes[] = []
  for (const { id, length } of await allPieces(reader, entry)) {
    const piece = await reader.read('data', id)
    if (piece.length !== length) throw new Error(`a piece of ${length} has ${piece.length} bytes`)
    pieces.push(piece)
  }
  const data = concat(pieces)
  const content = new Uint8Array(Number(entry.size))
  let [from, to] = [0, 0]
  for (const extent of extents ?? [{ hole: 0, data: data.length }]) {
    to += Number(extent.hole)
    content.set(data.subarray(from, from + Number(extent.data)), to)
    from += Number(extent.data)
    to += Number(extent.data)
  }
  if (from !== data.length) throw new Error('the pieces are longer than the runs of data')
  if (crc32(content) !== entry.crc32) throw new Error(`${shown(entry.name)}: another CRC-32`)
  return content
}

/** The same of a folder on disk. */
export function listDisk(folder: string, options: ListingOptions = {}): string {
  const listing = new Listing(options)
  const disk = new Disk()
  const visit = (full: Buffer, path: readonly Bytes[]): void => {
    const stat = lstatSync(full, { bigint: true })
    listing.add(path, disk.factsOf(full, stat))
    if (!stat.isDirectory()) return
    const names = readdirSync(full, { encoding: 'buffer' }).sort(compareBytes)
    for (const name of names) visit(Buffer.concat([full, Buffer.from('/'), name]), [...path, name])
  }
  visit(Buffer.from(folder), [])
  return listing.finish()
}

class Disk {
  readonly #names = new UserNames()
  readonly #xattrs = new XattrReader()

  factsOf(full: Buffer, stat: BigIntStats): Facts {
    const type = typeOf(stat)
    const [uid, gid] = [Number(stat.uid), Number(stat.gid)]
    const seconds = stat.mtimeNs / 10n ** 9n - (stat.mtimeNs % 10n ** 9n < 0n ? 1n : 0n)
    return {
      type,
      mode: Number(stat.mode & 0o7777n),
      owner: `${uid}:${gid}`,
      ownerNames: `${this.#names.userName(uid) ?? ''}:${this.#names.groupName(gid) ?? ''}`,
      mtime: timeText(seconds, stat.mtimeNs - seconds * 10n ** 9n),
      content: type === 'file' ? readFileSync(full) : undefined,
      extents: type === 'file' ? extentsOnDisk(full, stat) : undefined,
      target: type === 'symlink' ? readlinkSync(full, { encoding: 'buffer' }) : undefined,
      device: type.endsWith('-device') ? deviceOf(Number(stat.rdev)) : undefined,
      file: stat.nlink > 1n && type !== 'directory' ? `${stat.dev}:${stat.ino}` : undefined,
      xattrs: this.#xattrsOf(full),
    }
  }

  #xattrsOf(full: Buffer): readonly Xattr[] {
    const slash = full.lastIndexOf(0x2f)
    const parent = openSync(full.subarray(0, slash + 1), 'r')
    try {
      return this.#xattrs.at(parent, full.subarray(slash + 1)).xattrs
    } finally {
      closeSync(parent)
    }
  }
}

function typeOf(stat: BigIntStats): Entry['type'] {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'directory'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isFIFO()) return 'fifo'
  if (stat.isCharacterDevice()) return 'char-device'
  if (stat.isBlockDevice()) return 'block-device'
  throw new Error('an entry that nobody saves')
}

function deviceOf(rdev: number): { major: number; minor: number } {
  return { major: (rdev >> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00) }
}

function extentsOnDisk(full: Buffer, stat: BigIntStats): readonly Extent[] | undefined {
  const size = Number(stat.size)
  if (!mayHaveHoles({ size, blocks: Number(stat.blocks) })) return undefined
  const fd = openSync(full, 'r')
  try {
    let end = 0
    return dataExtents(fd, size, 1_000_000).map(({ offset, length }) => {
      const hole = offset - end
      end = offset + length
      return { hole, data: length }
    })
  } finally {
    closeSync(fd)
  }
}
