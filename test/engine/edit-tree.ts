// Random edits of a tree on disk, as users and programs make them between two backups.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'

type Random = () => number
type Edit = (
  at: Buffer,
  around: { readonly random: Random; readonly all: readonly Buffer[] },
) => void

/** Everything below a folder; the folder itself is not edited. */
function pathsBelow(folder: Buffer): Buffer[] {
  return readdirSync(folder, { withFileTypes: true, encoding: 'buffer' }).flatMap((entry) => {
    const path = Buffer.concat([folder, Buffer.from('/'), Buffer.from(entry.name)])
    return entry.isDirectory() ? [path, ...pathsBelow(path)] : [path]
  })
}

function beside(path: Buffer, name: string): Buffer {
  return Buffer.concat([path.subarray(0, path.lastIndexOf(0x2f) + 1), Buffer.from(name)])
}

const isFolder = (path: Buffer) => lstatSync(path).isDirectory()
const isFile = (path: Buffer) => lstatSync(path).isFile()
const isLink = (path: Buffer) => lstatSync(path).isSymbolicLink()
const newName = (random: Random) => `new-${Math.floor(1e9 * random())}`

function replaceBy(make: (at: Buffer) => void): Edit {
  return (at) => {
    rmSync(at, { recursive: true })
    make(at)
  }
}

const EDITS: readonly Edit[] = [
  (at, { random }) => writeFileSync(beside(at, newName(random)), `added ${random()}`),
  (at, { random }) => {
    const folder = beside(at, newName(random))
    mkdirSync(folder)
    writeFileSync(Buffer.concat([folder, Buffer.from('/inner')]), `inner ${random()}`)
  },
  (at) => rmSync(at, { recursive: true }),
  (at, { random }) => renameSync(at, beside(at, newName(random))),
  // Into another folder, where that is not inside of itself.
  (at, { random, all }) => {
    const folder = all.find((path) => isFolder(path) && !path.subarray(0, at.length).equals(at))
    if (folder === undefined) return
    renameSync(at, Buffer.concat([folder, Buffer.from(`/${newName(random)}`)]))
  },
  // The same length, and the same time.
  (at, { random }) => {
    if (!isFile(at) || lstatSync(at).size === 0) return
    const { mtimeMs, size } = lstatSync(at)
    const fd = openSync(at, 'r+')
    writeSync(fd, Buffer.of(256 * random()), 0, 1, Math.floor(size * random()))
    closeSync(fd)
    lutimesSync(at, mtimeMs / 1000, mtimeMs / 1000)
  },
  (at, { random }) => {
    if (isFile(at)) truncateSync(at, Math.floor(lstatSync(at).size * 2 * random()))
  },
  (at, { random }) => lutimesSync(at, 1e9 * random(), 1e9 * random()),
  (at, { random }) => {
    if (!isLink(at)) chmodSync(at, Math.floor(0o7777 * random()))
  },
  (at, { random }) => {
    if (isFile(at) || isFolder(at)) setXattr(at, `value ${random()}`)
  },
  replaceBy((at) => writeFileSync(at, 'a file now')),
  replaceBy((at) => mkdirSync(at)),
  replaceBy((at) => symlinkSync('a link now', at)),
  (at, { random }) => {
    if (!isFolder(at)) linkSync(at, beside(at, newName(random)))
  },
  // What had several names is on its own again.
  (at) => {
    if (!isFile(at) || lstatSync(at).nlink === 1) return
    rmSync(at)
    writeFileSync(at, 'on its own')
  },
]

function setXattr(at: Buffer, value: string): void {
  const path = at.toString()
  // What is not UTF-8 cannot be given to a command.
  if (Buffer.from(path).equals(at)) {
    execFileSync('setfattr', ['-n', 'user.cairn-edit', '-v', value, '--', path])
  }
}

/** Makes `count` edits at random places of a folder. */
export function editTree(
  folder: string,
  { random, count }: { random: Random; count: number },
): void {
  for (let i = 0; i < count; i++) {
    const all = pathsBelow(Buffer.from(folder))
    const at = all[Math.floor(all.length * random())]
    const edit = EDITS[Math.floor(EDITS.length * random())]
    if (at === undefined) writeFileSync(`${folder}/first-${i}`, 'first')
    else edit?.(at, { random, all })
  }
}
