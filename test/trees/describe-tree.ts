// What a tree on disk looks like, found out by other means than the code under test: Node's own
// lstat, readlink and reading, and the getfattr of Debian's `attr`. Two descriptions are compared
// line by line for people.

import { execFileSync } from 'node:child_process'
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { sha256 } from '../../src/base/hash.ts'

export interface EntryDescription {
  readonly type: string
  /** Four octal digits; empty for a symlink. */
  readonly mode: string
  readonly owner: string
  /** Nanoseconds since 1970. */
  readonly mtime: string
  /** In hexadecimal, by name. */
  readonly xattrs: Readonly<Record<string, string>>
  readonly size: string
  /** SHA-256 of a file's content, in hexadecimal; the goal of a link, as latin1; major:minor. */
  readonly content: string
  /** 512-byte blocks of a file that are allocated. */
  readonly blocks: number
  /** The first of its names in the tree, where it has several there. */
  readonly linkedWith: string
}

/** By path below the folder ('' for itself), as latin1 text of its bytes. */
export type TreeDescription = ReadonlyMap<string, EntryDescription>

/** Describes a folder with everything below it. Sockets are left out: nobody backs them up. */
export function describeTree(folder: string): TreeDescription {
  const xattrs = xattrsBelow(folder)
  const firstNames = new Map<string, string>()
  const entries = new Map<string, EntryDescription>()
  for (const path of pathsBelow(folder)) {
    const full = Buffer.concat([Buffer.from(folder), Buffer.from(path && `/${path}`, 'latin1')])
    const stat = lstatSync(full, { bigint: true })
    if (stat.isSocket()) continue
    const inode = `${stat.dev}:${stat.ino}`
    const first = firstNames.get(inode) ?? path
    firstNames.set(inode, first)
    const linkedWith = stat.nlink > 1n && !stat.isDirectory() ? first : ''
    entries.set(path, { ...describeEntry(full, stat), xattrs: xattrs.get(path) ?? {}, linkedWith })
  }
  return entries
}

function describeEntry(full: Buffer, stat: BigIntStats) {
  return {
    type: typeOf(stat),
    mode: stat.isSymbolicLink() ? '' : (stat.mode & 0o7777n).toString(8).padStart(4, '0'),
    owner: `${stat.uid}:${stat.gid}`,
    mtime: stat.mtimeNs.toString(),
    size: stat.isFile() ? stat.size.toString() : '',
    content: contentOf(full, stat),
    blocks: stat.isFile() ? Number(stat.blocks) : 0,
  }
}

function typeOf(stat: BigIntStats): string {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'directory'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isFIFO()) return 'fifo'
  return stat.isBlockDevice() ? 'block-device' : 'char-device'
}

function contentOf(full: Buffer, stat: BigIntStats): string {
  if (stat.isFile()) return Buffer.from(sha256(readFileSync(full))).toString('hex')
  if (stat.isSymbolicLink()) return readlinkSync(full, { encoding: 'buffer' }).toString('latin1')
  return stat.isBlockDevice() || stat.isCharacterDevice() ? `device ${stat.rdev}` : ''
}

/** Sorted, a folder before what is in it. */
function pathsBelow(folder: string): string[] {
  const paths: string[] = ['']
  const visit = (full: Buffer, path: string) => {
    for (const entry of readdirSync(full, { withFileTypes: true, encoding: 'buffer' })) {
      const name = Buffer.from(entry.name)
      const child = path === '' ? name.toString('latin1') : `${path}/${name.toString('latin1')}`
      paths.push(child)
      if (entry.isDirectory()) visit(Buffer.concat([full, Buffer.from('/'), name]), child)
    }
  }
  visit(Buffer.from(folder), '')
  return paths.sort()
}

/** All that getfattr shows of a folder and everything below it. */
function xattrsBelow(folder: string): Map<string, Record<string, string>> {
  const options = ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--absolute-names', '--', folder]
  const output = execFileSync('getfattr', options, { maxBuffer: 1 << 28 }).toString('latin1')
  const found = new Map<string, Record<string, string>>()
  let current: Record<string, string> = {}
  for (const line of output.split('\n')) {
    if (line.startsWith('# file: ')) {
      current = {}
      const full = Buffer.from(unquoted(line.slice('# file: '.length)), 'latin1')
      found.set(full.subarray(Buffer.from(folder).length + 1).toString('latin1'), current)
    } else if (line !== '') {
      const equals = line.indexOf('=')
      current[unquoted(equals < 0 ? line : line.slice(0, equals))] = line.slice(equals + 1)
    }
  }
  return found
}

/** getfattr writes some bytes as a backslash and three octal digits. */
function unquoted(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
}

export interface DiffOptions {
  /** By how many blocks of 512 bytes the disk space of a file may differ. */
  readonly blockTolerance?: number
}

/** What differs in `after`, one line for each attribute of each entry; empty where nothing does. */
export function diffTrees(
  before: TreeDescription,
  after: TreeDescription,
  options: DiffOptions = {},
): string[] {
  const lines: string[] = []
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(path), after.get(path)]
    if (old === undefined) lines.push(`${shown(path)}: was added`)
    else if (now === undefined) lines.push(`${shown(path)}: is missing (${old.type})`)
    else lines.push(...diffEntries(path, [old, now], options.blockTolerance ?? 0))
  }
  return lines.sort()
}

function diffEntries(
  path: string,
  [old, now]: [EntryDescription, EntryDescription],
  blockTolerance: number,
): string[] {
  const lines: string[] = []
  const keys = ['type', 'mode', 'owner', 'mtime', 'size', 'content', 'linkedWith'] as const
  for (const key of keys) {
    if (old[key] !== now[key]) lines.push(changed(path, key, [old[key], now[key]]))
  }
  if (Math.abs(old.blocks - now.blocks) > blockTolerance + xattrBlocks(old)) {
    lines.push(changed(path, 'blocks', [String(old.blocks), String(now.blocks)]))
  }
  for (const name of new Set([...Object.keys(old.xattrs), ...Object.keys(now.xattrs)])) {
    const [was, is] = [old.xattrs[name] ?? 'absent', now.xattrs[name] ?? 'absent']
    if (was !== is) lines.push(changed(path, name, [was, is]))
  }
  return lines
}

/** Whether attributes lie in the inode or in a block of their own depends on the order of setting. */
function xattrBlocks(entry: EntryDescription): number {
  return Object.keys(entry.xattrs).length === 0 ? 0 : 8
}

function changed(path: string, what: string, [was, is]: [string, string]): string {
  return `${shown(path)}: ${what} ${cut(was)} became ${cut(is)}`
}

function shown(path: string): string {
  return JSON.stringify(path === '' ? '.' : cut(path))
}

function cut(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 100)}... (${text.length})`
}
