import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  openSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { utf8 } from './bytes.ts'
import { AT_FDCWD } from './libc-constants.ts'
import { PathSlot } from './libc-memory.ts'
import { STAT_KEY, StatBuffer } from './libc-stat.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-stat-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function statOf(path: string): StatBuffer {
  const stat = new StatBuffer()
  expect(stat.readAt(AT_FDCWD, new PathSlot().put(utf8(path)))).toBe(0)
  return stat
}

function keyOf(path: string): Uint8Array {
  const key = new Uint8Array(STAT_KEY.bytes + 1)
  statOf(path).writeKey(key, 1)
  return key.slice(1)
}

test('every field is what Node says it is', () => {
  execFileSync('mkfifo', [join(folder, 'pipe')])
  execFileSync('ln', ['-s', 'x', join(folder, 'link')])
  const paths = [folder, join(folder, 'pipe'), join(folder, 'link'), '/dev/null', '/usr/bin/env']
  for (const path of paths) {
    const stat = statOf(path).copy()
    const node = lstatSync(path, { bigint: true })
    expect(BigInt(stat.mode)).toBe(node.mode & 0o7777n)
    expect([stat.uid, stat.gid, stat.size].map(BigInt)).toEqual([node.uid, node.gid, node.size])
    expect([stat.inode, stat.links, stat.blocks].map(BigInt)).toEqual([
      node.ino,
      node.nlink,
      node.blocks,
    ])
    const nanos = (seconds: number | bigint, rest: number) =>
      BigInt(seconds) * 1_000_000_000n + BigInt(rest)
    expect(nanos(stat.mtimeSeconds, stat.mtimeNanos)).toBe(node.mtimeNs)
    expect(nanos(stat.ctimeSeconds, stat.ctimeNanos)).toBe(node.ctimeNs)
    expect(BigInt((stat.deviceMajor << 8) | stat.deviceMinor)).toBe(node.dev)
    expect(BigInt((stat.rdevMajor << 8) | stat.rdevMinor)).toBe(node.rdev)
  }
  expect(paths.map((path) => statOf(path).type)).toEqual([
    'directory',
    'fifo',
    'symlink',
    'char-device',
    'file',
  ])
})

test('times before 1970 are negative seconds and positive nanoseconds', () => {
  const path = join(folder, 'old')
  writeFileSync(path, '')
  execFileSync('touch', ['-d', '1960-01-01T00:00:00.25Z', path])
  const stat = statOf(path)
  expect([stat.mtimeSeconds, stat.mtimeNanos]).toEqual([-315619200, 250_000_000])
})

test('the key is the same until something changes, and different afterwards', () => {
  const path = join(folder, 'key')
  writeFileSync(path, 'a')
  const keys = [keyOf(path)]
  const change = (what: () => void) => {
    const { mtime } = lstatSync(path)
    what()
    utimesSync(path, mtime, mtime)
    keys.push(keyOf(path))
  }
  change(() => writeFileSync(path, 'ab'))
  change(() => chmodSync(path, 0o4711))
  change(() => linkSync(path, join(folder, 'key2')))
  const hex = keys.map((key) => Buffer.from(key.subarray(0, STAT_KEY.ctime)).toString('hex'))
  expect(new Set(hex).size).toBe(keys.length)
  expect(statOf(path).matchesKey(keyOf(path), 0)).toBe(true)
  expect(statOf(path).matchesKey(keys[0] as Uint8Array, 0)).toBe(false)
})

test('the key has each field where STAT_KEY says', () => {
  const stat = statOf('/usr/bin/env')
  const key = keyOf('/usr/bin/env')
  const view = new DataView(key.buffer)
  expect(view.getBigUint64(STAT_KEY.size, true)).toBe(BigInt(stat.size))
  expect(view.getBigInt64(STAT_KEY.mtime, true)).toBe(BigInt(stat.mtimeSeconds))
  expect(view.getUint32(STAT_KEY.mtime + 8, true)).toBe(stat.mtimeNanos)
  expect(view.getUint16(STAT_KEY.mode, true)).toBe(0o100000 | stat.mode)
  expect(view.getUint32(STAT_KEY.uid, true)).toBe(stat.uid)
  expect(view.getUint32(STAT_KEY.gid, true)).toBe(stat.gid)
  expect(view.getUint32(STAT_KEY.links, true)).toBe(stat.links)
  expect(view.getBigInt64(STAT_KEY.ctime, true)).toBe(BigInt(stat.ctimeSeconds))
  expect(view.getBigUint64(STAT_KEY.inode, true)).toBe(BigInt(stat.inode))
  const device = new DataView(keyOf('/dev/null').buffer)
  expect([device.getUint32(0, true), device.getUint32(4, true)]).toEqual([1, 3])
})

test('a descriptor can be asked as well', () => {
  const fd = openSync('/usr/bin/env', 'r')
  const stat = new StatBuffer()
  expect(stat.readFd(fd)).toBe(0)
  expect(stat.copy()).toEqual(statOf('/usr/bin/env').copy())
  closeSync(fd)
  expect(stat.readFd(fd)).toBe(-9)
})
