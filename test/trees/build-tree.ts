// Makes a nasty tree for real. Where the user is not root, or the file system cannot, it leaves
// something out and says what: a test can then say so too instead of passing for nothing.

import {
  chmodSync,
  closeSync,
  fchmodSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { libc } from '../../src/base/libc.ts'
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../../src/base/libc-constants.ts'
import { Errno, must } from '../../src/base/libc-error.ts'
import { NativeBuffer, PathSlot } from '../../src/base/libc-memory.ts'
import type { NastyAttributes, NastyContent, NastyEntry, NastyFolder } from './nasty-tree.ts'

const FORMATS = {
  fifo: 0o010000,
  socket: 0o140000,
  'char-device': 0o020000,
  'block-device': 0o060000,
}

const path = new PathSlot()
const name = new PathSlot()
const scratch = new NativeBuffer(64 << 10)

export interface BuildReport {
  /** What was left out, each reason once. */
  readonly leftOut: readonly string[]
}

/** Makes the tree as `at`, which must not exist. */
export function buildTree(tree: NastyFolder, at: string): BuildReport {
  const builder = new TreeBuilder()
  builder.build(tree, Buffer.from(at))
  return { leftOut: [...builder.leftOut].sort() }
}

class TreeBuilder {
  readonly leftOut = new Set<string>()
  readonly #isRoot = process.getuid?.() === 0
  readonly #linkable: Buffer[] = []
  readonly #links: { readonly at: Buffer; readonly nth: number }[] = []
  /** Parents before children. */
  readonly #folders: { readonly at: Buffer; readonly attributes: NastyAttributes }[] = []

  build(tree: NastyFolder, at: Buffer): void {
    this.#make(tree, at)
    for (const link of this.#links) {
      const to = this.#linkable[link.nth % this.#linkable.length]
      if (to === undefined) this.leftOut.add('hard links without anything to link to')
      else linkSync(to, link.at)
    }
    // Last and deepest first: making what is in a folder changes its time, and needs its mode.
    for (const folder of this.#folders.reverse()) this.#setAttributes(folder.at, folder.attributes)
  }

  #make(entry: NastyEntry, at: Buffer): void {
    if (entry.type === 'hardlink') {
      this.#links.push({ at, nth: entry.nth })
    } else if (entry.type === 'directory') {
      mkdirSync(at, { mode: 0o700 })
      this.#folders.push({ at, attributes: entry.attributes })
      for (const child of entry.children) {
        this.#make(child, Buffer.concat([at, Buffer.from('/'), child.name]))
      }
    } else if (this.#makeLeaf(entry, at)) {
      this.#setAttributes(at, entry.attributes)
      this.#linkable.push(at)
    }
  }

  #makeLeaf(entry: Exclude<NastyEntry, NastyFolder | { type: 'hardlink' }>, at: Buffer): boolean {
    if (entry.type === 'file') writeContent(at, entry.content)
    else if (entry.type === 'symlink') symlinkSync(Buffer.from(entry.goal), at)
    else {
      const isDevice = 'major' in entry
      if (isDevice && !this.#isRoot) return !this.leftOut.add('devices: not root')
      const device = isDevice ? makedev(entry.major, entry.minor) : 0
      const mode = FORMATS[entry.type] | 0o600
      must('mknod', libc().mknodat(AT_FDCWD, path.put(at), mode, device))
    }
    return true
  }

  #setAttributes(at: Buffer, attributes: NastyAttributes): void {
    const stat = lstatSync(at)
    if (this.#isRoot) lchownSync(at, attributes.uid, attributes.gid)
    else this.leftOut.add('owners: not root')
    for (const xattr of attributes.xattrs) this.#setXattr(at, xattr)
    if (!stat.isSymbolicLink()) chmodSync(at, this.#modeOf(attributes.mode, stat.isDirectory()))
    setTime(at, attributes)
  }

  /** Only root can read what nobody may. */
  #modeOf(mode: number, isDirectory: boolean): number {
    if (this.#isRoot) return mode
    this.leftOut.add('unreadable modes: not root')
    return mode | (isDirectory ? 0o700 : 0o400)
  }

  #setXattr(at: Buffer, xattr: { name: string; value: Uint8Array }): void {
    const isPrivileged = /^(trusted|security)\./.test(xattr.name)
    if (isPrivileged && !this.#isRoot) {
      this.leftOut.add('trusted and security attributes: not root')
      return
    }
    scratch.bytes.set(xattr.value)
    const [file, key] = [path.put(at), name.put(Buffer.from(xattr.name))]
    const result = libc().lsetxattr(file, key, scratch.address, xattr.value.length)
    const noRoom = result === -Errno.ENOSPC || result === -Errno.E2BIG
    if (noRoom) this.leftOut.add('attributes that do not fit')
    else if (result === -Errno.ENOTSUP) this.leftOut.add('attributes: not supported')
    else must(`setxattr ${xattr.name}`, result)
  }
}

function writeContent(at: Buffer, content: NastyContent): void {
  const fd = openSync(at, 'wx', 0o600)
  for (const run of content.runs) {
    writeSync(fd, randomBytes(run.seed, run.length), 0, run.length, run.offset)
  }
  ftruncateSync(fd, content.size)
  fchmodSync(fd, 0o600)
  closeSync(fd)
}

/** Bytes from a linear congruential generator, with a stretch of written zeros in long ones. */
function randomBytes(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed >>> 0
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  if (length > 100_000 && seed % 3 === 0) bytes.fill(0, 20_000, 60_000)
  return bytes
}

function setTime(at: Buffer, { mtimeSeconds, mtimeNanos }: NastyAttributes): void {
  const times = new DataView(scratch.bytes.buffer)
  for (const offset of [0, 16]) {
    times.setBigInt64(offset, BigInt(mtimeSeconds), true)
    times.setBigInt64(offset + 8, BigInt(mtimeNanos), true)
  }
  const file = path.put(at)
  must('utimensat', libc().utimensat(AT_FDCWD, file, scratch.address, AT_SYMLINK_NOFOLLOW))
}

function makedev(major: number, minor: number): number {
  return Number(
    ((BigInt(major) & 0xfffn) << 8n) | (BigInt(minor) & 0xffn) | ((BigInt(minor) >> 8n) << 20n),
  )
}
