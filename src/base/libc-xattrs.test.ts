import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { describeWith } from '../../test/require.ts'
import { utf8 } from './bytes.ts'
import { libc } from './libc.ts'
import { AT_FDCWD, O_PATH } from './libc-constants.ts'
import { PathSlot } from './libc-memory.ts'
import { digestXattrs, NO_XATTRS_DIGEST, XattrReader, type XattrReading } from './libc-xattrs.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-xattrs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const withAttr = (name: string, body: () => void) => {
  describeWith('with attributes', ['attr', 'acl'], () => {
    test(name, body)
  })
}
const asRoot = (name: string, body: () => void | Promise<void>) => {
  describeWith('as root', ['root', 'attr', 'acl', 'capabilities'], () => {
    test(name, body)
  })
}

function setXattr(path: string, name: string, hexValue: string): void {
  const value = hexValue === '' ? '""' : `0x${hexValue}`
  execFileSync('setfattr', ['-h', '-n', name, '-v', value, path])
}

function plain({ xattrs, problems }: XattrReading): unknown {
  expect(problems).toEqual([])
  return xattrs.map(({ name, value }) => [
    Buffer.from(name).toString(),
    Buffer.from(value).toString('hex'),
  ])
}

function ofFile(path: string, flags: number | string = 'r'): XattrReading {
  const fd = openSync(path, flags)
  try {
    return new XattrReader().ofFd(fd)
  } finally {
    closeSync(fd)
  }
}

function atFolder(name: string): XattrReading {
  const fd = openSync(folder, 'r')
  try {
    return new XattrReader().at(fd, utf8(name))
  } finally {
    closeSync(fd)
  }
}

withAttr('attributes come exactly and sorted, by descriptor, by O_PATH and by name', () => {
  const path = join(folder, 'file')
  writeFileSync(path, '')
  setXattr(path, 'user.b', '00ff0a')
  setXattr(path, 'user.a', '')
  setXattr(path, 'user.B', '61'.repeat(900))
  const expected = [
    ['user.B', '61'.repeat(900)],
    ['user.a', ''],
    ['user.b', '00ff0a'],
  ]
  expect(plain(ofFile(path))).toEqual(expected)
  expect(plain(atFolder('file'))).toEqual(expected)
  const fd = libc().openat(AT_FDCWD, new PathSlot().put(utf8(path)), O_PATH, 0)
  expect(plain(new XattrReader().ofFd(fd))).toEqual(expected)
  closeSync(fd)
})

asRoot('ACLs, capabilities and trusted attributes are among them', () => {
  const path = join(folder, 'special')
  writeFileSync(path, '')
  execFileSync('setfacl', ['-m', 'u:1234:rw', path])
  execFileSync('setcap', ['cap_net_raw+ep', path])
  setXattr(path, 'trusted.t', '01')
  const names = ofFile(path).xattrs.map(({ name }) => Buffer.from(name).toString())
  expect(names).toEqual(['security.capability', 'system.posix_acl_access', 'trusted.t'])
})

asRoot('a link has its own attributes, not those of what it points to', () => {
  writeFileSync(join(folder, 'target'), '')
  setXattr(join(folder, 'target'), 'user.target', '01')
  symlinkSync('target', join(folder, 'link'))
  setXattr(join(folder, 'link'), 'trusted.link', '02')
  expect(plain(atFolder('link'))).toEqual([['trusted.link', '02']])
})

withAttr('long values and long lists are whole', () => {
  const path = join('/dev/shm', `cairn-xattrs-${process.pid}`)
  writeFileSync(path, '')
  try {
    setXattr(path, 'user.large', 'a5'.repeat(60_000))
    for (let i = 0; i < 30; i++) setXattr(path, `user.${'n'.repeat(100)}${i}`, '01')
    const { xattrs } = ofFile(path)
    expect(xattrs.length).toBe(31)
    expect(xattrs[0]?.value).toEqual(new Uint8Array(60_000).fill(0xa5))
  } finally {
    rmSync(path)
  }
})

test('nothing, and a file system without attributes, are both none', () => {
  writeFileSync(join(folder, 'bare'), '')
  expect(plain(ofFile(join(folder, 'bare')))).toEqual([])
  expect(plain(ofFile('/proc/self/status'))).toEqual([])
})

test('an entry that is gone is a problem, not none', () => {
  expect(atFolder('absent').problems).toEqual([{ name: undefined, errno: 2, code: 'ENOENT' }])
})

test('the digest differs where a name or value does', () => {
  const pair = (name: string, value: string) => ({ name: utf8(name), value: utf8(value) })
  expect(digestXattrs([])).toEqual(NO_XATTRS_DIGEST)
  const digests = [
    [pair('a', 'bc')],
    [pair('ab', 'c')],
    [pair('a', ''), pair('b', 'c')],
    [pair('a', 'b'), pair('c', '')],
    [pair('a', 'bc'), pair('', '')],
  ].map((xattrs) => Buffer.from(digestXattrs(xattrs)).toString('hex'))
  expect(new Set(digests).size).toBe(digests.length)
})
