import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { describeWith } from '../../../test/require.ts'
import { utf8 } from '../../base/bytes.ts'
import { libc } from '../../base/libc.ts'
import { PathSlot } from '../../base/libc-memory.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import { NOT_A_FILE, openFile } from './open-file.ts'
import { Walker, type WalkOptions } from './walk.ts'
import type { WalkEvent } from './walk-events.ts'

const temp = mkdtempSync(join(tmpdir(), 'cairn-walk-'))
afterAll(() => execFileSync('rm', ['-rf', temp]))
const asRoot = (name: string, body: () => void | Promise<void>) => {
  describeWith('as root', ['root'], () => {
    test(name, body)
  })
}

let top: string
let serial = 0
beforeEach(() => {
  top = join(temp, String(serial++))
  mkdirSync(top)
})

/** Makes files, and folders where the path ends in '/'; returns the path of `top`. */
function make(...paths: string[]): string {
  for (const path of paths) {
    const full = join(top, path)
    mkdirSync(path.endsWith('/') ? full : dirname(full), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(full, path)
  }
  return top
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString().replace(top, '@')
}

/** An event as a line: '+' enters, '-' leaves, '!' is a problem, '~' is skipped. */
function lineOf(event: WalkEvent): string {
  switch (event.kind) {
    case 'enter':
      return `+ ${text(event.directory.path())}${event.contents === 'all' ? '' : ` ${event.contents}`}`
    case 'entry':
      return `${text(Buffer.concat([event.directory.path(), utf8('/'), event.name]))} ${event.stat.type}`
    case 'leave':
      return `- ${text(event.directory.path())}`
    case 'problem':
      return `! ${text(event.path)} ${event.operation} ${event.code}${event.root ? ' root' : ''}`
    case 'skipped':
      return `~ ${text(event.path)} ${event.reason}`
  }
}

function walk(roots: string[], options: Partial<WalkOptions> = {}, each?: (line: string) => void) {
  const walker = new Walker({ roots: roots.map(utf8), ...options })
  const lines: string[] = []
  for (let event = walker.next(); event !== undefined; event = walker.next()) {
    lines.push(lineOf(event))
    each?.(lineOf(event))
  }
  return { lines, rootsFound: walker.rootsFound }
}

/** The lines at `top` and below. */
function walkBelow(
  roots: string[],
  options: Partial<WalkOptions> = {},
  each?: (line: string) => void,
): string[] {
  return walk(roots, options, each).lines.filter((line) => line.includes('@'))
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

test('folders are entered before and left after what is in them, names in byte order', () => {
  make('b/x', 'b/y/', 'a', 'b-c', 'B')
  symlinkSync('b', join(top, 'link'))
  execFileSync('mkfifo', [join(top, 'pipe')])
  expect(walkBelow([top])).toEqual([
    '+ @',
    '@/B file',
    '@/a file',
    '+ @/b',
    '@/b/x file',
    '+ @/b/y',
    '- @/b/y',
    '- @/b',
    '@/b-c file',
    '@/link symlink',
    '@/pipe fifo',
    '- @',
  ])
})

test('the way from / to a root is entered as partial folders with their own metadata', () => {
  make('a/in', 'other')
  const walker = new Walker({ roots: [utf8(join(top, 'a'))] })
  const entered: string[] = []
  for (let event = walker.next(); event !== undefined; event = walker.next()) {
    if (event.kind !== 'enter') continue
    const path = Buffer.from(event.directory.path()).toString()
    const { ino, mode } = lstatSync(path)
    expect([event.stat.inode, event.stat.mode]).toEqual([ino, mode & 0o7777])
    entered.push(`${path} ${event.contents}`)
  }
  expect(entered[0]).toBe('/ roots')
  expect(entered.at(-2)).toBe(`${top} roots`)
  expect(entered.at(-1)).toBe(`${top}/a all`)
})

test('roots that repeat or contain each other are walked once', () => {
  make('a/b/c', 'a/d', 'e')
  const once = walk([join(top, 'a')]).lines
  const { lines, rootsFound } = walk([`${top}/a/b`, `${top}/a`, `${top}//a/./`, `${top}/x/../a`])
  expect(lines).toEqual(once)
  expect(rootsFound).toBe(2)
})

test('a root that is a link is recorded as one, unless it ends in a slash', () => {
  make('real/in')
  symlinkSync('real', join(top, 'link'))
  expect(walkBelow([`${top}/link`])).toEqual(['+ @ roots', '@/link symlink', '- @'])
  expect(walkBelow([`${top}/link/`])).toEqual([
    '+ @ roots',
    '+ @/link',
    '@/link/in file',
    '- @/link',
    '- @',
  ])
})

test('links on the way to a root are followed and recorded as folders', () => {
  make('real/sub/in', 'real/not')
  symlinkSync('real', join(top, 'link'))
  expect(walkBelow([`${top}/link/sub`])).toEqual([
    '+ @ roots',
    '+ @/link roots',
    '+ @/link/sub',
    '@/link/sub/in file',
    '- @/link/sub',
    '- @/link',
    '- @',
  ])
})

test('a root that does not exist is a problem; the others are walked', () => {
  make('a')
  const { lines, rootsFound } = walk([`${top}/a`, `${top}/no/x`, `${top}/no/y`, `${top}/a/z`])
  expect(rootsFound).toBe(0)
  expect(lines.filter((line) => line.startsWith('!'))).toEqual([
    '! @/a open ENOTDIR root',
    '! @/a/z open ENOTDIR root',
    '! @/no/x open ENOENT root',
    '! @/no/y open ENOENT root',
  ])
  expect(walk([`${top}/a`, `${top}/no/x`]).rootsFound).toBe(1)
})

test('roots inside a root are met in their order among its names, also where one is missing', () => {
  make('real/in', 'b', 'd')
  symlinkSync('real', join(top, 'c'))
  expect(walkBelow([top, `${top}/bb`, `${top}/c/`, `${top}/z`])).toEqual([
    '+ @',
    '@/b file',
    '! @/bb open ENOENT root',
    '+ @/c',
    '@/c/in file',
    '- @/c',
    '@/d file',
    '+ @/real',
    '@/real/in file',
    '- @/real',
    '! @/z open ENOENT root',
    '- @',
  ])
})

test('what vanishes or changes between listing and looking is reported, and the rest goes on', () => {
  make('a', 'b', 'c/x', 'd/x', 'e', 'f')
  const lines = walkBelow([top], {}, (line) => {
    if (line !== '+ @') return
    unlinkSync(join(top, 'b'))
    rmSync(join(top, 'c'), { recursive: true })
    rmSync(join(top, 'd'), { recursive: true })
    symlinkSync('/etc', join(top, 'd'))
    unlinkSync(join(top, 'e'))
    mkdirSync(join(top, 'e'))
    writeFileSync(join(top, 'e/new'), '')
  })
  expect(lines).toEqual([
    '+ @',
    '@/a file',
    '! @/b stat vanished',
    '! @/c open vanished',
    '@/d symlink',
    '+ @/e',
    '@/e/new file',
    '- @/e',
    '@/f file',
    '- @',
  ])
})

test('a file that became a FIFO, link or socket is not opened', () => {
  make('file')
  const walker = new Walker({ roots: [utf8(top)] })
  for (let event = walker.next(); event !== undefined; event = walker.next()) {
    if (event.kind !== 'entry') continue
    const open = () => {
      const address = new PathSlot().put(utf8('file'))
      return openFile(event.directory.fd, address, new StatBuffer())
    }
    const replace = (command: string, ...args: string[]) => {
      rmSync(join(top, 'file'))
      execFileSync(command, [...args, join(top, 'file')])
    }
    const fd = open()
    const content = Buffer.alloc(10)
    expect(content.subarray(0, readSync(fd, content)).toString()).toBe('file')
    libc().close(fd)
    replace('mkfifo')
    expect(open()).toBe(NOT_A_FILE)
    replace('ln', '-s', '/etc/passwd')
    expect(open()).toBe(NOT_A_FILE)
    replace('mkdir')
    expect(open()).toBe(NOT_A_FILE)
    rmdirSync(join(top, 'file'))
    expect(open()).toBe(-2)
  }
})

test('sockets are skipped and say so', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(top, 'sock'), resolve))
  expect(walkBelow([top])).toEqual(['+ @', '~ @/sock socket', '- @'])
  await new Promise((resolve) => server.close(resolve))
})

test('excluded entries, large files and the contents of caches are skipped', () => {
  make('keep', 'drop.log', 'dir.log/in', 'cache/data', 'cache/sub/x', 'fake/CACHEDIR.TAG', 'big')
  writeFileSync(join(top, 'cache/CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n')
  writeFileSync(join(top, 'big'), 'x'.repeat(101))
  writeFileSync(join(top, '.cairnignore'), '*.log\n')
  const options = { caches: true, largerThanBytes: 100, ignoreFiles: true }
  expect(walkBelow([top], options)).toEqual([
    '+ @',
    '@/.cairnignore file',
    '~ @/big larger',
    '+ @/cache cache',
    '~ @/cache cache',
    '@/cache/CACHEDIR.TAG file',
    '- @/cache',
    '~ @/dir.log excluded',
    '~ @/drop.log excluded',
    '+ @/fake',
    '@/fake/CACHEDIR.TAG file',
    '- @/fake',
    '@/keep file',
    '- @',
  ])
})

test('a root inside an excluded folder is walked, what is beside it is not', () => {
  make('out/root/in', 'out/beside')
  writeFileSync(join(top, '.cairnignore'), 'out\n')
  expect(walkBelow([top, `${top}/out/root`], { ignoreFiles: true })).toEqual([
    '+ @',
    '@/.cairnignore file',
    '+ @/out roots',
    '+ @/out/root',
    '@/out/root/in file',
    '- @/out/root',
    '- @/out',
    '- @',
  ])
})

asRoot('a folder that may not be listed is entered with its metadata, and reported', () => {
  make('open/x', 'shut/x')
  chmodSync(join(top, 'shut'), 0)
  chownSync(join(top, 'shut'), 7, 7)
  const script = `
    const { Walker } = await import(${JSON.stringify(new URL('./walk.ts', import.meta.url).href)})
    const { libc } = await import(${JSON.stringify(new URL('../../base/libc.ts', import.meta.url).href)})
    // While it may still read where it is loaded from.
    libc()
    process.setgid(65534)
    process.setuid(65534)
    const walker = new Walker({ roots: [Buffer.from(${JSON.stringify(top)})] })
    for (let e = walker.next(); e !== undefined; e = walker.next()) {
      if (e.kind === 'enter') console.log('+', String(Buffer.from(e.name)), e.contents, e.stat.uid)
      if (e.kind === 'problem') console.log('!', e.operation, e.code)
    }
  `
  chmodSync(temp, 0o711)
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script]).toString()
  expect(output.split('\n').slice(-5)).toEqual([
    `+ ${serial - 1} all 0`,
    '+ open all 0',
    '+ shut unreadable 7',
    '! open EACCES',
    '',
  ])
})

const withMounts = (name: string, body: () => void) => {
  describeWith('with mounts', ['tmpfs'], () => {
    test(name, body)
  })
}

withMounts('one file system is not left: what is mounted is an empty folder', () => {
  make('mnt/', 'z')
  execFileSync('mount', ['-t', 'tmpfs', 'none', join(top, 'mnt')])
  try {
    writeFileSync(join(top, 'mnt/hidden'), '')
    const alone = ['+ @', '~ @/mnt mount', '+ @/mnt mount', '- @/mnt', '@/z file', '- @']
    const lines = walkBelow([top], { oneFileSystem: true })
    expect(lines.sort()).toEqual(alone.sort())
    expect(walkBelow([top])).toContain('@/mnt/hidden file')
    expect(walkBelow([top, `${top}/mnt`], { oneFileSystem: true })).toContain('@/mnt/hidden file')
  } finally {
    execFileSync('umount', [join(top, 'mnt')])
  }
})

test('file systems without a disk are told apart', () => {
  const walker = new Walker({ roots: [utf8('/proc/self/net'), utf8(top)] })
  const diskless = new Map<string, boolean>()
  for (let event = walker.next(); event !== undefined; event = walker.next()) {
    if (event.kind !== 'enter') continue
    diskless.set(Buffer.from(event.directory.path()).toString(), event.directory.diskless)
  }
  expect(diskless.get('/')).toBe(false)
  expect(diskless.get('/proc')).toBe(true)
  expect(diskless.get('/proc/self')).toBe(true)
  expect(diskless.get(top)).toBe(false)
})

/** Makes a chain of folders that no path reaches. */
function makeDeep(levels: number, name: string): void {
  const c = libc()
  const slot = new PathSlot()
  let fd = c.openat(-100, slot.put(utf8(top)), 0, 0)
  for (let level = 0; level < levels; level++) {
    expect(c.mkdirat(fd, slot.put(utf8(name)), 0o755)).toBe(0)
    const next = c.openat(fd, slot.put(utf8(name)), 0, 0)
    c.close(fd)
    fd = next
  }
  expect(c.mkdirat(fd, slot.put(utf8('bottom')), 0o755)).toBe(0)
  c.close(fd)
}

test('3,000 levels of long names are walked with few descriptors', () => {
  const name = 'n'.repeat(250)
  makeDeep(3000, name)
  const before = openDescriptors()
  const walker = new Walker({ roots: [utf8(top)] })
  let most = 0
  let leaves = 0
  let longest = 0
  for (let event = walker.next(); event !== undefined; event = walker.next()) {
    if (event.kind === 'problem') expect.fail(lineOf(event).slice(-50))
    if (event.kind !== 'leave') continue
    expect(event.directory.fd).toBeGreaterThanOrEqual(0)
    if (leaves++ === 0) longest = event.directory.path().length
    if (leaves % 500 === 1) most = Math.max(most, openDescriptors() - before)
  }
  expect(longest).toBe(top.length + 3000 * 251 + '/bottom'.length)
  expect(leaves).toBeGreaterThan(3000)
  expect(most).toBeLessThanOrEqual(205)
  expect(openDescriptors()).toBe(before)
})

test('a deep tree that is moved away during the walk is reported and the rest goes on', () => {
  make('away/', 'z')
  makeDeep(400, 'd')
  let depth = 0
  const { lines } = walk([top], {}, (line) => {
    if (line.startsWith('+')) depth++
    if (line !== `+ @${'/d'.repeat(400)}/bottom`) return
    renameSync(join(top, 'd/'.repeat(200)), join(top, 'away/d'))
  })
  expect(depth).toBeGreaterThan(400)
  expect(lines.filter((line) => line.startsWith('!')).length).toBeGreaterThan(0)
  expect(lines).toContain('@/z file')
  expect(lines.filter((line) => line.startsWith('+')).length).toBe(
    lines.filter((line) => line.startsWith('-')).length,
  )
})

test('giving up closes everything', () => {
  make('a/b/c/d')
  const before = openDescriptors()
  const walker = new Walker({ roots: [utf8(top)] })
  while (walker.next()?.kind !== 'entry');
  expect(openDescriptors()).toBeGreaterThan(before)
  walker.close()
  expect(openDescriptors()).toBe(before)
  expect(walker.next()).toBeUndefined()
})
