// What the program stores, a tool that knows only docs/format.md restores: if this fails, the page
// and the program disagree. Everything here goes through the two programs, as a user would.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeWith } from '../test/require.ts'

const PROGRAM = join(import.meta.dirname, '../bin/cairn')
const TOOL = join(import.meta.dirname, 'restore-from-spec.ts')
/** It is for people who have lost Cairn: they have to read it before they trust it. */
const LINES_MAX = 400
const COLUMNS_MAX = 100

const scratch = fs.mkdtempSync(join(os.tmpdir(), 'cairn-spec-'))
const source = join(scratch, 'source')
const repository = join(scratch, 'repository')
const keyFile = join(scratch, 'key')
const environment = {
  PATH: process.env['PATH'],
  HOME: join(scratch, 'home'),
  XDG_CACHE_HOME: join(scratch, 'home/cache'),
  XDG_CONFIG_HOME: join(scratch, 'home/config'),
  XDG_DATA_HOME: join(scratch, 'home/data'),
  XDG_STATE_HOME: join(scratch, 'home/state'),
  CAIRN_REPOSITORY: repository,
  CAIRN_PASSPHRASE: 'a passphrase of several words',
}

const cairn = (...args: readonly string[]): string =>
  execFileSync(PROGRAM, args, { env: environment, encoding: 'utf8', stdio: 'pipe' })

interface Restored {
  readonly target: string
  readonly status: number | null
  readonly output: string
}

let targets = 0

function restore(from: string, { id = '', env = {} } = {}): Restored {
  targets += 1
  const target = join(scratch, `target-${targets}`)
  const { status, stdout, stderr } = spawnSync(process.execPath, [TOOL, from, target, id], {
    env: { ...environment, ...env },
    encoding: 'utf8',
  })
  return { target, status, output: stdout + stderr }
}

/** Fixed bytes that do not compress. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0, x = 1; i < length; i += 4) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0
    bytes.writeUInt32LE(x, i)
  }
  return bytes
}

function makeSource(): void {
  fs.mkdirSync(join(source, 'many'), { recursive: true })
  for (let i = 0; i < 3000; i++) fs.writeFileSync(join(source, 'many', `file ${i}`), `${i}`)
  fs.writeFileSync(
    join(source, 'large'),
    Buffer.concat([noise(9 << 20), Buffer.alloc(5 << 20, 'a')]),
  )
  fs.writeFileSync(join(source, 'empty'), '')
  makeSparse(join(source, 'sparse'))
  fs.truncateSync(makeEmpty(join(source, 'hole')), 3 << 20)
  fs.linkSync(join(source, 'large'), join(source, 'many/hard link'))
  fs.symlinkSync(Buffer.from('nowhere/\xff', 'latin1'), join(source, 'symlink'))
  execFileSync('mkfifo', [join(source, 'fifo')])
  fs.writeFileSync(Buffer.from(`${source}/not UTF-8 \xff\xfe`, 'latin1'), 'odd')
  fs.writeFileSync(join(source, 'set-user-id'), 'run')
  fs.chmodSync(join(source, 'set-user-id'), 0o4710)
  fs.utimesSync(join(source, 'empty'), '-1000.5', '-1000.5')
  fs.utimesSync(join(source, 'many'), 1_234_567_890.125, 1_234_567_890.125)
}

/** Attributes, ACLs and capabilities, as far as this user may set them. */
function makeAttributed(folder: string): void {
  const odd = 'odd = \\\n ü'
  fs.mkdirSync(join(folder, 'many'), { recursive: true })
  fs.mkdirSync(join(folder, odd))
  for (const name of ['large', 'set-user-id', 'many/read-only'])
    fs.writeFileSync(join(folder, name), name)
  fs.symlinkSync('nowhere', join(folder, 'symlink'))
  fs.chmodSync(join(folder, 'set-user-id'), 0o4710)
  const set = (name: string, value: string, path: string) =>
    execFileSync('setfattr', ['-h', '-n', name, '-v', value, path], { cwd: folder })
  set('user.text', 'some text', 'large')
  set('user.bytes', '0x00ff0a5c', 'large')
  set('user.empty', '', 'large')
  set('user.a=b \n\xfc', 'of an odd name', 'many')
  set('user.text', 'of a path that needs quotes', odd)
  set('user.text', 'of what cannot be written', 'many/read-only')
  fs.chmodSync(join(folder, 'many/read-only'), 0o444)
  set('system.posix_acl_access', ACCESS_ACL, 'set-user-id')
  set('system.posix_acl_default', ACCESS_ACL, 'many')
  if (process.getuid?.() !== 0) return
  set('security.capability', '0x0100000200040000000000000000000000000000', 'set-user-id')
  set('trusted.of-a-link', 'value', 'symlink')
}

/** user::rwx, user 1234:r-x, group::--x, mask::r-x, other::--- (linux/posix_acl_xattr.h). */
const ACCESS_ACL =
  '0x02000000' +
  '01000700ffffffff' +
  '02000500d2040000' +
  '04000100ffffffff' +
  '10000500ffffffff' +
  '20000000ffffffff'

/** All attributes of everything in a folder, with the paths. */
function xattrsIn(root: string): string[] {
  const options = { cwd: root, encoding: 'latin1' as const }
  const all = execFileSync('getfattr', ['-RPhd', '-m', '-', '-e', 'hex', '.'], options)
  return all.trim().split('\n\n').sort()
}

function makeEmpty(path: string): string {
  fs.writeFileSync(path, '')
  return path
}

/** More extents than fit into an entry. */
function makeSparse(path: string): void {
  const fd = fs.openSync(path, 'w')
  for (let i = 0; i < 200; i++) fs.writeSync(fd, noise(4096), 0, 4096, i * 65_536)
  fs.closeSync(fd)
}

/** A line for each entry; names and contents as bytes. */
function describeTree(root: string): string[] {
  const inodes = new Map<number, string>()
  const describeEntry = (path: Buffer): string[] => {
    const stat = fs.lstatSync(path)
    const name = path.subarray(root.length).toString('latin1')
    const first = inodes.get(stat.ino) ?? name
    inodes.set(stat.ino, first)
    const facts = [name, first, stat.mode.toString(8), stat.uid, stat.gid, stat.mtimeMs.toFixed(2)]
    const line = [...facts, contentOf(path, stat)].join(' | ')
    if (!stat.isDirectory()) return [line]
    const names = fs.readdirSync(path, { encoding: 'buffer' }).sort((a, b) => a.compare(b))
    const children = names.map((child) => Buffer.concat([path, Buffer.from('/'), child]))
    return [line, ...children.flatMap(describeEntry)]
  }
  return describeEntry(Buffer.from(root))
}

function contentOf(path: Buffer, stat: fs.Stats): string {
  if (stat.isSymbolicLink()) return fs.readlinkSync(path, { encoding: 'latin1' })
  if (stat.isFile()) return `${stat.size} ${fs.readFileSync(path).toString('base64')}`
  return ''
}

/** All objects that the tool reads. */
function objectsIn(folder: string): string[] {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((e) => join(e.parentPath, e.name))
  return files.filter((file) => !/\/(index|leases|tmp)\//.test(file.slice(folder.length)))
}

const sizeOf = (file: string): number => fs.statSync(file).size

/** Whether a file was restored, below a target, as it is. */
function isSame(file: string, target: string): boolean {
  const restored = join(target, file)
  return fs.existsSync(restored) && fs.readFileSync(restored).equals(fs.readFileSync(file))
}

function flipByte(file: string): void {
  const bytes = fs.readFileSync(file)
  const middle = bytes.length >> 1
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle)
  fs.chmodSync(file, 0o600)
  fs.writeFileSync(file, bytes)
}

/** A time for each that a number says exactly: of others what is read and written is rounded here and there. */
function setTimes(path: Buffer, seconds = 1_234_000_000.125): void {
  if (fs.lstatSync(path).isDirectory())
    for (const [i, name] of fs.readdirSync(path, { encoding: 'buffer' }).entries())
      setTimes(Buffer.concat([path, Buffer.from('/'), name]), seconds + 1 + i)
  fs.lutimesSync(path, 1_234_567_890, seconds)
}

beforeAll(() => {
  fs.mkdirSync(environment.HOME)
  makeSource()
  setTimes(Buffer.from(source))
  cairn('init')
  cairn('backup', source)
})
afterAll(() => fs.rmSync(scratch, { recursive: true, force: true }))

describe('restoring from the page alone', () => {
  test('brings back what was saved', () => {
    const { target, status, output } = restore(repository)
    expect(output).toContain(' 0 problems')
    expect(status).toBe(0)
    expect(describeTree(join(target, source))).toEqual(describeTree(source))
    expect(fs.statSync(join(target, source, 'hole')).blocks).toBe(0)
  })

  test('opens with a key file, and brings back the snapshot that is named', () => {
    const before = cairn('snapshots', '--json')
    const [, id = ''] = /"id":"([0-9a-f]{64})"/.exec(before) ?? []
    const was = describeTree(source)
    const late = join(source, 'many/late')
    fs.writeFileSync(late, 'later')
    cairn('key', 'add', '--label', 'file', '--new-key-file', keyFile)
    cairn('backup', source)
    fs.rmSync(late)
    fs.utimesSync(join(source, 'many'), 1_234_567_890.125, 1_234_567_890.125)

    const newest = restore(repository)
    expect(fs.readFileSync(join(newest.target, late), 'utf8')).toBe('later')
    const env = { CAIRN_PASSPHRASE: undefined, CAIRN_KEY_FILE: keyFile }
    const named = restore(repository, { id: id.slice(0, 8), env })
    expect(named.output).toContain(' 0 problems')
    expect(describeTree(join(named.target, source))).toEqual(was)
  })

  test('refuses a wrong passphrase', () => {
    const env = { CAIRN_PASSPHRASE: 'another passphrase of several words' }
    const { target, status, output } = restore(repository, { env })
    expect(status).not.toBe(0)
    expect(output).toContain('no grant opens')
    expect(fs.existsSync(target)).toBe(false)
  })

  test('notices a flipped byte in every object', () => {
    const small = join(scratch, 'small')
    cairn('init', '--repository', small)
    cairn('backup', '--repository', small, join(source, 'empty'), join(source, 'sparse'))
    // The reserve is no object: nothing in it means anything.
    const objects = objectsIn(small).filter((file) => !file.endsWith('/reserve'))
    expect(objects.length).toBeGreaterThanOrEqual(7)
    for (const object of objects) {
      const bytes = fs.readFileSync(object)
      flipByte(object)
      const { status, output } = restore(small)
      expect(status, object).toBe(1)
      expect(output, object).toMatch(/SHA-256 is not its name|signature is not|authenticate data/)
      fs.writeFileSync(object, bytes)
    }
    expect(restore(small).status).toBe(0)
  })

  test('takes nothing that was changed and is named by its new SHA-256', () => {
    const forged = join(scratch, 'forged')
    cairn('init', '--repository', forged)
    cairn('backup', '--repository', forged, join(source, 'empty'))
    const named = objectsIn(forged).filter((file) => /\/[0-9a-f]{64}$/.test(file))
    const sealed = named.filter((file) => !file.includes('/packs/'))
    expect(sealed.length).toBe(3)
    for (const object of sealed) {
      const bytes = fs.readFileSync(object)
      flipByte(object)
      const renamed = join(
        object,
        '..',
        createHash('sha256').update(fs.readFileSync(object)).digest('hex'),
      )
      fs.renameSync(object, renamed)
      const { target, status } = restore(forged)
      expect(status, object).toBe(1)
      expect(fs.existsSync(target), object).toBe(false)
      fs.rmSync(renamed)
      fs.writeFileSync(object, bytes)
    }
    expect(restore(forged).status).toBe(0)
  })

  test('goes on past what is damaged', () => {
    const damaged = join(scratch, 'damaged')
    cairn('init', '--repository', damaged)
    fs.mkdirSync(join(source, 'frames'))
    for (let i = 0; i < 9; i++)
      fs.writeFileSync(join(source, 'frames', `${i}`), noise(200_000 + 4 * i))
    cairn('backup', '--repository', damaged, join(source, 'frames'))
    const [pack = ''] = objectsIn(join(damaged, 'packs')).sort((a, b) => sizeOf(b) - sizeOf(a))
    flipByte(pack)

    const { target, status, output } = restore(damaged)
    expect(status).toBe(1)
    expect(output).toContain('SHA-256 is not its name')
    const expected = fs.readdirSync(join(source, 'frames'))
    const same = expected.filter((name) => isSame(join(source, 'frames', name), target))
    expect(same.length).toBeGreaterThanOrEqual(3)
    expect(same.length).toBeLessThan(9)
    for (const name of expected)
      if (!same.includes(name)) expect(output).toContain(`frames/${name}:`)
    fs.rmSync(join(source, 'frames'), { recursive: true })
  })
})

describeWith('extended attributes', ['attr'], () => {
  test('come back, ACLs and capabilities among them', () => {
    const [attributed, stored] = [join(scratch, 'attributed'), join(scratch, 'stored')]
    makeAttributed(attributed)
    cairn('init', '--repository', stored)
    cairn('backup', '--repository', stored, attributed)
    const { target, status, output } = restore(stored)
    expect(output).toContain(' 0 problems')
    expect(status).toBe(0)
    expect(xattrsIn(attributed).length).toBeGreaterThanOrEqual(5)
    expect(xattrsIn(join(target, attributed))).toEqual(xattrsIn(attributed))
    expect(describeTree(join(target, attributed))).toEqual(describeTree(attributed))
  })
})

describe('the tool', () => {
  const text = fs.readFileSync(TOOL, 'utf8')

  test('imports nothing of the program', () => {
    const imports = [...text.matchAll(/(?:from|import|import\(|require\() ?'([^']+)'/g)]
    const foreign = imports.map(([, name]) => name).filter((name) => !name?.startsWith('node:'))
    expect(imports.length).toBeGreaterThan(3)
    expect(foreign).toEqual(['@napi-rs/blake-hash'])
  })

  test('is short enough to be read', () => {
    const lines = text.trimEnd().split('\n')
    expect(lines.length).toBeLessThanOrEqual(LINES_MAX)
    expect(lines.filter((line) => line.length > COLUMNS_MAX)).toEqual([])
  })
})
