import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { describeWith } from '../../../test/require.ts'
import { utf8 } from '../../base/bytes.ts'
import { libc } from '../../base/libc.ts'
import { Errno } from '../../base/libc-error.ts'
import { DirectoryListing } from '../../base/libc-listing.ts'
import { PathSlot } from '../../base/libc-memory.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import { BeneathOpener } from './open-beneath.ts'
import { isEntryName, TargetFolder } from './target-folder.ts'

const temp = mkdtempSync(join(tmpdir(), 'cairn-target-'))
afterAll(() => execFileSync('rm', ['-rf', temp]))
const asRoot = (name: string, body: () => void | Promise<void>) => {
  describeWith('as root', ['root'], () => {
    test(name, body)
  })
}

let serial = 0
let top: string
let outside: string
let target: TargetFolder
beforeEach(() => {
  const folder = join(temp, String(serial++))
  top = join(folder, 'target')
  outside = join(folder, 'outside')
  mkdirSync(top, { recursive: true })
  mkdirSync(outside)
  const opened = TargetFolder.open(utf8(top))
  if (typeof opened === 'number') throw new Error(`cannot open: ${opened}`)
  target = opened
})
afterEach(() => target.close())

function path(text: string): Uint8Array[] {
  return text === '' ? [] : text.split('/').map(utf8)
}

function write(fd: number, text: string): void {
  expect(fd).toBeGreaterThanOrEqual(0)
  writeSync(fd, text)
  closeSync(fd)
}

test('names that lead elsewhere, or are none, are refused by every call', () => {
  const bad = ['', '.', '..', '/', 'a/b', '../x', 'a\0b', 'x'.repeat(1021)].map(utf8)
  for (const name of bad) {
    expect(isEntryName(name)).toBe(false)
    const { rootFd } = target
    const good = { dirFd: rootFd, name: utf8('good') }
    const results = [
      target.openDirectory([utf8('a'), name]),
      target.openDirectory([name]),
      target.statEntry(rootFd, name, new StatBuffer()),
      target.makeDirectory(rootFd, name),
      target.createFile(rootFd, name),
      target.openExisting(rootFd, name, new StatBuffer()),
      target.openForMetadata(rootFd, name),
      target.makeSymlink(rootFd, name, utf8('goal')),
      target.makeFifo(rootFd, name),
      target.makeDevice(rootFd, name, { type: 'char-device', major: 1, minor: 3 }),
      target.makeHardLink({ dirFd: rootFd, name }, good),
      target.makeHardLink(good, { dirFd: rootFd, name }),
      target.rename({ dirFd: rootFd, name }, good),
      target.rename(good, { dirFd: rootFd, name }),
      target.removeEntry(rootFd, name),
    ]
    expect(results).toEqual(results.map(() => -Errno.EINVAL))
  }
  for (const name of ['...', '.a', '..a', ' ', '-', '\\', 'x'.repeat(255)]) {
    expect(isEntryName(utf8(name))).toBe(true)
  }
  expect(isEntryName(Uint8Array.of(0xff, 0x0a))).toBe(true)
})

test('folders, files, links and FIFOs are made where they were asked for', () => {
  const { rootFd } = target
  expect(target.makeDirectory(rootFd, utf8('a'))).toBe(0)
  const dir = target.openDirectory(path('a'))
  write(target.createFile(dir, utf8('file')), 'content')
  expect(target.makeSymlink(dir, utf8('link'), utf8('../../outside'))).toBe(0)
  expect(target.makeFifo(dir, utf8('fifo'))).toBe(0)
  const from = { dirFd: dir, name: utf8('file') }
  expect(target.makeHardLink(from, { dirFd: rootFd, name: utf8('again') })).toBe(0)
  expect(readFileSync(join(top, 'again'), 'utf8')).toBe('content')
  expect(lstatSync(join(top, 'again')).mode & 0o7777).toBe(0o600)
  expect(lstatSync(join(top, 'a')).mode & 0o7777).toBe(0o700)
  expect(readlinkSync(join(top, 'a/link'))).toBe('../../outside')
  const listing = new DirectoryListing()
  for (let again = 0; again < 2; again++) {
    expect(target.list(dir, listing)).toBe(0)
    const names = Array.from({ length: listing.count }, (_, i) => listing.nameAt(i))
    expect(names.map((name) => Buffer.from(name).toString())).toEqual(['fifo', 'file', 'link'])
  }
})

test('a link is known by its goal, byte for byte', () => {
  const { rootFd } = target
  const name = utf8('link')
  for (const goal of [utf8('goal'), Uint8Array.of(0xff, 0x2f), utf8('x'.repeat(4095))]) {
    expect(target.isSymlinkTo(rootFd, name, goal)).toBe(false)
    expect(target.makeSymlink(rootFd, name, goal)).toBe(0)
    expect(target.isSymlinkTo(rootFd, name, goal)).toBe(true)
    expect(target.isSymlinkTo(rootFd, name, goal.subarray(1))).toBe(false)
    expect(target.isSymlinkTo(rootFd, name, goal.subarray(0, -1))).toBe(false)
    expect(target.removeEntry(rootFd, name)).toBe(0)
  }
  writeFileSync(join(top, 'link'), 'goal')
  expect(target.isSymlinkTo(rootFd, name, utf8('goal'))).toBe(false)
  expect(target.isSymlinkTo(rootFd, utf8('../link'), utf8('goal'))).toBe(false)
})

test('a new file never lets anybody read it who may not in the end', () => {
  const { rootFd } = target
  const before = process.umask(0o022)
  try {
    const modes = [0o644, 0o755, 0o444, 0o600, 0o400, 0o640, 0o664, 0o604, 0o4755, 0o2711]
    const made = modes.map((mode) => {
      const name = utf8(mode.toString(8))
      write(target.createFile(rootFd, name, mode), 'content')
      return lstatSync(join(top, mode.toString(8))).mode & 0o7777
    })
    // A group's own rights wait until the group is the right one, as setuid and setgid do; and what
    // the owner could not write would not take extended attributes.
    const expected = [0o644, 0o755, 0o600, 0o600, 0o600, 0o600, 0o600, 0o600, 0o755, 0o711]
    expect(made.map((mode) => mode.toString(8))).toEqual(expected.map((mode) => mode.toString(8)))
  } finally {
    process.umask(before)
  }
})

test('nothing is replaced or followed: what is there is -EEXIST', () => {
  const { rootFd } = target
  symlinkSync('../outside/new', join(top, 'link'))
  const name = utf8('link')
  expect(target.createFile(rootFd, name)).toBe(-Errno.EEXIST)
  expect(target.makeDirectory(rootFd, name)).toBe(-Errno.EEXIST)
  expect(target.makeFifo(rootFd, name)).toBe(-Errno.EEXIST)
  expect(target.makeSymlink(rootFd, name, utf8('x'))).toBe(-Errno.EEXIST)
  expect(target.openExisting(rootFd, name, new StatBuffer())).toBe(-Errno.ELOOP)
  const to = { dirFd: rootFd, name: utf8('hard') }
  expect(target.makeHardLink({ dirFd: rootFd, name }, to)).toBe(0)
  expect(lstatSync(join(top, 'hard')).isSymbolicLink()).toBe(true)
  expect(readdirSync(outside)).toEqual([])
})

test('an existing file is opened only if it is a regular file with one name', () => {
  const { rootFd } = target
  const stat = new StatBuffer()
  writeFileSync(join(top, 'one'), 'one')
  const fd = target.openExisting(rootFd, utf8('one'), stat)
  expect(stat.size).toBe(3)
  closeSync(fd)
  writeFileSync(join(outside, 'victim'), 'precious')
  linkSync(join(outside, 'victim'), join(top, 'trap'))
  expect(target.openExisting(rootFd, utf8('trap'), stat)).toBe(-Errno.EMLINK)
  execFileSync('mkfifo', [join(top, 'fifo')])
  expect(target.openExisting(rootFd, utf8('fifo'), stat)).toBe(-Errno.EINVAL)
  mkdirSync(join(top, 'folder'))
  expect(target.openExisting(rootFd, utf8('folder'), stat)).toBe(-Errno.EISDIR)
})

asRoot('devices are made with their numbers', () => {
  const device = { type: 'block-device', major: 4095, minor: 2 ** 20 - 1 } as const
  expect(target.makeDevice(target.rootFd, utf8('dev'), device)).toBe(0)
  const stat = new StatBuffer()
  expect(target.statEntry(target.rootFd, utf8('dev'), stat)).toBe(0)
  expect([stat.type, stat.rdevMajor, stat.rdevMinor]).toEqual(['block-device', 4095, 2 ** 20 - 1])
  const tooLarge = { ...device, major: 4096 }
  expect(target.makeDevice(target.rootFd, utf8('dev2'), tooLarge)).toBe(-Errno.EINVAL)
})

for (const componentWise of [false, true]) {
  const how = componentWise ? 'component by component' : 'by openat2'

  test(`no link on the way to a folder is followed, ${how}`, () => {
    mkdirSync(join(top, 'a/b/c'), { recursive: true })
    mkdirSync(join(outside, 'b/c'), { recursive: true })
    symlinkSync(outside, join(top, 'absolute'))
    symlinkSync('../outside', join(top, 'relative'))
    symlinkSync('a', join(top, 'within'))
    symlinkSync('/proc/self/cwd', join(top, 'magic'))
    const opener = new BeneathOpener({ componentWise })
    const open = (text: string) => opener.open(target.rootFd, path(text))
    const fd = open('a/b/c')
    expect(fd).toBeGreaterThanOrEqual(0)
    closeSync(fd)
    for (const link of ['absolute', 'relative', 'within', 'magic']) {
      expect([-Errno.ELOOP, -Errno.ENOTDIR]).toContain(open(link))
      expect([-Errno.ELOOP, -Errno.ENOTDIR]).toContain(open(`${link}/b/c`))
    }
    expect(open('a/x')).toBe(-Errno.ENOENT)
  })

  test(`folders beyond PATH_MAX are opened, ${how}`, () => {
    const name = utf8('n'.repeat(250))
    const long = Array.from({ length: 100 }, () => name)
    let dir = target.rootFd
    for (let depth = 1; depth <= long.length; depth++) {
      expect(target.makeDirectory(dir, name)).toBe(0)
      dir = target.openDirectory(long.slice(0, depth))
    }
    expect(target.makeDirectory(dir, utf8('bottom'))).toBe(0)
    const before = readdirSync('/proc/self/fd').length
    const fd = new BeneathOpener({ componentWise }).open(target.rootFd, [...long, utf8('bottom')])
    expect(fd).toBeGreaterThanOrEqual(0)
    expect(readdirSync('/proc/self/fd').length).toBe(before + 1)
    closeSync(fd)
  })
}

test('few descriptors stay open, and none in the end', () => {
  const before = readdirSync('/proc/self/fd').length
  for (let i = 0; i < 200; i++) {
    const name = utf8(`folder-${i}`)
    target.makeDirectory(target.rootFd, name)
    const dir = target.openDirectory([name])
    write(target.createFile(dir, utf8('file')), String(i))
    expect(target.openDirectory([name])).toBe(dir)
  }
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 64)
  expect(readFileSync(join(top, 'folder-7/file'), 'utf8')).toBe('7')
  const second = TargetFolder.open(utf8(top)) as TargetFolder
  second.openDirectory(path('folder-1'))
  second.close()
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 64)
})

test('from a deep folder it is not far to those above it', () => {
  const before = readdirSync('/proc/self/fd').length
  const deep = Array.from({ length: 1000 }, () => utf8('d'))
  const paths = deep.map((_, i) => deep.slice(0, i + 1))
  const inodes = new Map<number, unknown>()
  const stat = new StatBuffer()
  let dir = target.rootFd
  paths.forEach((one, i) => {
    target.makeDirectory(dir, utf8('d'))
    dir = target.openDirectory(one)
    stat.readFd(dir)
    inodes.set(i, stat.inode)
  })
  const fromRoot = vi.spyOn(BeneathOpener.prototype, 'open')
  for (let i = paths.length - 1; i >= 0; i--) {
    expect(stat.readFd(target.openDirectory(paths[i] as Uint8Array[]))).toBe(0)
    expect(stat.inode).toBe(inodes.get(i))
  }
  expect(fromRoot.mock.calls.length).toBeLessThan(128)
  fromRoot.mockRestore()
  // In another order, where some of what lies above is open and some is not.
  for (let i = 0; i < paths.length; i += 7) {
    const at = (i * 389) % paths.length
    expect(stat.readFd(target.openDirectory(deep.slice(0, at + 1)))).toBe(0)
    expect(stat.inode).toBe(inodes.get(at))
  }
  expect(readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before + 64)
})

test('a folder that was removed is not written to once it is forgotten', () => {
  mkdirSync(join(top, 'a/b'), { recursive: true })
  mkdirSync(join(top, 'ab'))
  const other = target.openDirectory(path('ab'))
  target.openDirectory(path('a'))
  target.openDirectory(path('a/b'))
  expect(target.removeEntry(target.rootFd, utf8('a'))).toBe(0)
  target.forgetDirectory(path('a'))
  expect(target.openDirectory(path('a/b'))).toBe(-Errno.ENOENT)
  expect(target.openDirectory(path('ab'))).toBe(other)
})

test('removing takes all below an entry, and nothing that a link in it points to', () => {
  mkdirSync(join(top, 'tree/a/b'), { recursive: true })
  writeFileSync(join(top, 'tree/a/file'), '')
  writeFileSync(join(outside, 'kept'), '')
  symlinkSync(outside, join(top, 'tree/a/out'))
  symlinkSync('../outside', join(top, 'link'))
  chmodSync(join(top, 'tree/a/b'), 0o500)
  expect(target.removeEntry(target.rootFd, utf8('tree'))).toBe(0)
  expect(target.removeEntry(target.rootFd, utf8('link'))).toBe(0)
  expect(target.removeEntry(target.rootFd, utf8('absent'))).toBe(-Errno.ENOENT)
  expect(readdirSync(top)).toEqual([])
  expect(readdirSync(outside)).toEqual(['kept'])
})

test('removing works at any depth with few descriptors', () => {
  const c = libc()
  const slot = new PathSlot()
  let fd = c.openat(target.rootFd, slot.put(utf8('.')), 0, 0)
  for (let depth = 0; depth < 1500; depth++) {
    const name = slot.put(utf8(depth % 100 === 0 ? 'n'.repeat(200) : 'd'))
    expect(c.mkdirat(fd, name, 0o755)).toBe(0)
    const next = c.openat(fd, name, 0, 0)
    c.mkdirat(next, slot.put(utf8('empty')), 0o755)
    c.close(fd)
    fd = next
  }
  c.close(fd)
  expect(target.removeEntry(target.rootFd, utf8('n'.repeat(200)))).toBe(0)
  expect(readdirSync(top)).toEqual([])
})

asRoot('what cannot be removed is reported, and the rest is gone', () => {
  mkdirSync(join(top, 'tree/a'), { recursive: true })
  writeFileSync(join(top, 'tree/a/immutable'), '')
  writeFileSync(join(top, 'tree/z'), '')
  execFileSync('chattr', ['+i', join(top, 'tree/a/immutable')])
  try {
    expect(target.removeEntry(target.rootFd, utf8('tree'))).toBe(-Errno.EPERM)
    expect(existsSync(join(top, 'tree/a/immutable'))).toBe(true)
    expect(existsSync(join(top, 'tree/z'))).toBe(false)
  } finally {
    execFileSync('chattr', ['-i', join(top, 'tree/a/immutable')])
  }
})

/** Swaps the folder `top`/d for a link to `outside`, and back, as fast as it can. */
function startSwapping(): ChildProcess {
  const script = `
    const { renameSync } = require('node:fs')
    process.chdir(${JSON.stringify(top)})
    console.log('ready')
    for (;;) {
      renameSync('d', 'hidden'); renameSync('link', 'd')
      renameSync('d', 'link'); renameSync('hidden', 'd')
    }`
  return spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
}

for (const componentWise of [false, true]) {
  const how = componentWise ? 'component by component' : 'by openat2'

  test(`folders that are swapped for links lead nowhere outside, ${how}`, async () => {
    mkdirSync(join(top, 'd/e'), { recursive: true })
    mkdirSync(join(outside, 'e'))
    symlinkSync(outside, join(top, 'link'))
    const swapping = startSwapping()
    await new Promise((resolve) => swapping.stdout?.once('data', resolve))
    const opener = new BeneathOpener({ componentWise })
    const counts = { inside: 0, refused: 0 }
    const end = performance.now() + 1500
    for (let i = 0; performance.now() < end; i++) {
      const fd = opener.open(target.rootFd, path('d/e'))
      if (fd < 0) {
        counts.refused++
        continue
      }
      counts.inside++
      closeSync(target.createFile(fd, utf8(`f${i}`)))
      closeSync(fd)
    }
    const exited = new Promise((resolve) => swapping.once('exit', resolve))
    swapping.kill('SIGKILL')
    await exited
    expect(readdirSync(outside)).toEqual(['e'])
    expect(readdirSync(join(outside, 'e'))).toEqual([])
    expect(counts.inside).toBeGreaterThan(0)
    expect(counts.refused).toBeGreaterThan(0)
  })
}
