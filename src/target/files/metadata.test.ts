import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { describeWith } from '../../../test/require.ts'
import { utf8 } from '../../base/bytes.ts'
import { type FileType, StatBuffer } from '../../base/libc-stat.ts'
import type { AttributeProblem } from './attribute-problem.ts'
import { type EntryMetadata, MetadataWriter } from './metadata.ts'
import type { OwnerPolicy } from './owner.ts'
import { TargetFolder } from './target-folder.ts'

const temp = mkdtempSync(join(tmpdir(), 'cairn-metadata-'))
afterAll(() => execFileSync('rm', ['-rf', temp]))
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

let serial = 0
let top: string
let target: TargetFolder
beforeEach(() => {
  top = join(temp, String(serial++))
  mkdirSync(top)
  target = TargetFolder.open(utf8(top)) as TargetFolder
})
afterEach(() => target.close())

const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0

function metadata(type: FileType, rest: Partial<EntryMetadata> = {}): EntryMetadata {
  const plain = { mode: 0o644, uid, gid, mtimeSeconds: 1_000_000_000, mtimeNanos: 5, xattrs: [] }
  return { type, ...plain, ...rest }
}

function xattr(name: string, ...value: number[]) {
  return { name: utf8(name), value: Uint8Array.from(value) }
}

/** Applies by O_PATH, as the engine does for what it does not open. */
function applyTo(
  name: string,
  wanted: EntryMetadata,
  owners: OwnerPolicy = { kind: 'numbers' },
): readonly AttributeProblem[] {
  const fd = target.openForMetadata(target.rootFd, utf8(name))
  expect(fd).toBeGreaterThanOrEqual(0)
  const problems = new MetadataWriter(owners).apply(fd, wanted)
  closeSync(fd)
  return problems
}

function xattrsOf(name: string): string[] {
  const args = ['-h', '-d', '-m', '-', '-e', 'hex', '--absolute-names', join(top, name)]
  const lines = execFileSync('getfattr', args, { stdio: 'pipe' }).toString().split('\n')
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

function summary(problems: readonly AttributeProblem[]): string[] {
  return problems.map(({ attribute, kind, code, name }) =>
    [attribute, ...(name === undefined ? [] : [Buffer.from(name).toString()]), kind, code].join(
      ' ',
    ),
  )
}

withAttr('a new file gets mode, time and attributes', () => {
  const fd = target.createFile(target.rootFd, utf8('file'))
  const wanted = metadata('file', {
    mode: 0o4755,
    mtimeSeconds: -86_400,
    mtimeNanos: 999_999_999,
    xattrs: [xattr('user.a', 0, 255, 10), xattr('user.empty')],
  })
  expect(new MetadataWriter({ kind: 'numbers' }).apply(fd, wanted)).toEqual([])
  closeSync(fd)
  const stat = lstatSync(join(top, 'file'), { bigint: true })
  expect(stat.mode & 0o7777n).toBe(0o4755n)
  expect(stat.mtimeNs).toBe(-86_400n * 1_000_000_000n + 999_999_999n)
  expect(xattrsOf('file')).toEqual(['user.a=0x00ff0a', 'user.empty=0x'])
})

asRoot('owner, capabilities, ACL and setgid survive each other', () => {
  writeFileSync(join(top, 'model'), '')
  chownSync(join(top, 'model'), 1234, 2345)
  execFileSync('setfacl', ['-m', 'u:77:rwx,m:r-x', join(top, 'model')])
  execFileSync('setcap', ['cap_net_raw+ep', join(top, 'model')])
  const wanted = xattrsOf('model').map((line) => {
    const [name, hex] = line.split('=0x') as [string, string]
    return { name: utf8(name), value: Buffer.from(hex, 'hex') }
  })
  expect(wanted.length).toBe(2)
  const fd = target.createFile(target.rootFd, utf8('file'))
  const mode = lstatSync(join(top, 'model')).mode & 0o7777
  const all = metadata('file', { uid: 1234, gid: 2345, mode: mode | 0o6000, xattrs: wanted })
  expect(new MetadataWriter({ kind: 'numbers' }).apply(fd, all)).toEqual([])
  closeSync(fd)
  const stat = lstatSync(join(top, 'file'))
  expect([stat.uid, stat.gid, stat.mode & 0o7777]).toEqual([1234, 2345, mode | 0o6000])
  expect(xattrsOf('file')).toEqual(xattrsOf('model'))
})

asRoot('setuid and setgid survive a change of the owner where nothing else changes', () => {
  const bits = 0o6755
  writeFileSync(join(top, 'old'), '')
  chownSync(join(top, 'old'), 77, 77)
  chmodSync(join(top, 'old'), bits)
  closeSync(target.createFile(target.rootFd, utf8('new')))
  for (const name of ['old', 'new']) {
    const wanted = metadata('file', { uid: 1234, gid: 2345, mode: bits })
    expect(applyTo(name, wanted)).toEqual([])
    const stat = lstatSync(join(top, name))
    expect([stat.uid, stat.gid, stat.mode & 0o7777]).toEqual([1234, 2345, bits])
  }
})

withAttr('an ACL that a new file inherits from its folder is removed', () => {
  execFileSync('setfacl', ['-d', '-m', 'u:77:rwx', top])
  const fd = target.createFile(target.rootFd, utf8('file'))
  expect(xattrsOf('file').length).toBe(1)
  const wanted = metadata('file', { mode: 0o640 })
  expect(new MetadataWriter({ kind: 'numbers' }).apply(fd, wanted)).toEqual([])
  closeSync(fd)
  expect(xattrsOf('file')).toEqual([])
  expect(lstatSync(join(top, 'file')).mode & 0o7777).toBe(0o640)
  target.makeDirectory(target.rootFd, utf8('folder'))
  expect(applyTo('folder', metadata('directory', { mode: 0o755 }))).toEqual([])
  expect(xattrsOf('folder')).toEqual([])
})

asRoot('attributes of an old file are replaced, labels of the system are left alone', () => {
  writeFileSync(join(top, 'old'), '')
  for (const name of ['user.same', 'user.other', 'user.gone', 'trusted.gone', 'security.label']) {
    execFileSync('setfattr', ['-n', name, '-v', '0x01', join(top, 'old')])
  }
  const xattrs = [xattr('user.new', 3), xattr('user.other', 2), xattr('user.same', 1)]
  expect(applyTo('old', metadata('file', { xattrs }))).toEqual([])
  expect(xattrsOf('old').sort()).toEqual([
    'security.label=0x01',
    'user.new=0x03',
    'user.other=0x02',
    'user.same=0x01',
  ])
})

asRoot('links, FIFOs and devices get theirs without being followed or opened', () => {
  writeFileSync(join(top, 'goal'), '')
  const goalBefore = lstatSync(join(top, 'goal'), { bigint: true })
  symlinkSync('goal', join(top, 'link'))
  target.makeFifo(target.rootFd, utf8('fifo'))
  target.makeDevice(target.rootFd, utf8('dev'), { type: 'char-device', major: 1, minor: 3 })
  const rest = { uid: 12, gid: 34, mode: 0o620, xattrs: [xattr('trusted.t', 1)] }
  expect(applyTo('link', metadata('symlink', rest))).toEqual([])
  expect(applyTo('fifo', metadata('fifo', rest))).toEqual([])
  expect(applyTo('dev', metadata('char-device', rest))).toEqual([])
  for (const name of ['link', 'fifo', 'dev']) {
    const stat = lstatSync(join(top, name), { bigint: true })
    expect([stat.uid, stat.gid]).toEqual([12n, 34n])
    expect(stat.mtimeNs).toBe(1_000_000_000_000_000_005n)
    if (name !== 'link') expect(stat.mode & 0o7777n).toBe(0o620n)
    expect(xattrsOf(name)).toEqual(['trusted.t=0x01'])
  }
  const goalAfter = lstatSync(join(top, 'goal'), { bigint: true })
  expect([goalAfter.ctimeNs, goalAfter.uid]).toEqual([goalBefore.ctimeNs, goalBefore.uid])
})

asRoot('an entry that was exchanged for another kind is not touched', () => {
  const victim = join(top, 'victim')
  writeFileSync(victim, '')
  const before = lstatSync(victim, { bigint: true }).mode
  target.makeFifo(target.rootFd, utf8('fifo'))
  renameSync(join(top, 'fifo'), join(top, 'aside'))
  linkSync(victim, join(top, 'fifo'))
  const problems = applyTo('fifo', metadata('fifo', { mode: 0o4777, uid: 1234 }))
  expect(summary(problems)).toEqual(['type failed ESTALE'])
  expect(lstatSync(victim, { bigint: true }).mode).toBe(before)
})

test('any time is set exactly, and one that the file system cannot hold is reported', () => {
  writeFileSync(join(top, 'file'), '')
  const has = (seconds: number | bigint, nanos: number) => {
    const stat = new StatBuffer()
    target.statEntry(target.rootFd, utf8('file'), stat)
    return stat.mtimeSeconds === seconds && stat.mtimeNanos === nanos
  }
  for (const seconds of [0, -1, -2_147_483_647, 2_147_483_648, 4_294_967_296]) {
    const time = { mtimeSeconds: seconds, mtimeNanos: 123_456_789 }
    expect(applyTo('file', metadata('file', time))).toEqual([])
    expect(lstatSync(join(top, 'file'), { bigint: true }).mtimeNs).toBe(
      BigInt(seconds) * 1_000_000_000n + 123_456_789n,
    )
  }
  // Which these are depends on the file system; that they are reported does not.
  for (const mtimeSeconds of [-2_147_483_648, 2n ** 62n, -(2n ** 62n)]) {
    const problems = summary(applyTo('file', metadata('file', { mtimeSeconds })))
    expect(problems).toEqual(has(mtimeSeconds, 5) ? [] : ['times unsupported ENOTSUP'])
  }
  const now = metadata('file', { mtimeNanos: 2 ** 30 - 1 })
  expect(summary(applyTo('file', now))).toEqual(['times failed EINVAL'])
})

test('the access time stays as it is', () => {
  writeFileSync(join(top, 'file'), '')
  execFileSync('touch', ['-a', '-d', '2001-02-03T04:05:06Z', join(top, 'file')])
  applyTo('file', metadata('file'))
  expect(lstatSync(join(top, 'file')).atime.toISOString()).toBe('2001-02-03T04:05:06.000Z')
})

asRoot('owners are set by name where the name exists, else by number, or not at all', () => {
  writeFileSync(join(top, 'file'), '')
  const names = {
    userId: (name: string) => (name === 'known' ? 777 : undefined),
    groupId: () => undefined,
  }
  const wanted = metadata('file', { uid: 5, gid: 6, userName: 'known', groupName: 'unknown' })
  expect(applyTo('file', wanted, { kind: 'names', names })).toEqual([])
  expect([lstatSync(join(top, 'file')).uid, lstatSync(join(top, 'file')).gid]).toEqual([777, 6])
  expect(applyTo('file', wanted)).toEqual([])
  expect(lstatSync(join(top, 'file')).uid).toBe(5)
  expect(applyTo('file', { ...wanted, uid: 9 }, { kind: 'keep' })).toEqual([])
  expect(lstatSync(join(top, 'file')).uid).toBe(5)
})

asRoot(
  'setuid and setgid of another owner are left off, which is no problem where that was asked for',
  () => {
    const fd = target.createFile(target.rootFd, utf8('file'))
    const wanted = { ...metadata('file', { mode: 0o6755 }), uid: 5, gid: 6 }
    expect(new MetadataWriter({ kind: 'keep' }).apply(fd, wanted)).toEqual([])
    expect(lstatSync(join(top, 'file')).mode & 0o7777).toBe(0o755)
    closeSync(fd)
  },
)

/** Applies to a new file as an ordinary user whose folder `top` is: what that tells, a line each. */
function applyAsNobody(wanted: string): string[] {
  const modules = {
    metadata: new URL('./metadata.ts', import.meta.url).href,
    folder: new URL('./target-folder.ts', import.meta.url).href,
    libc: new URL('../../base/libc.ts', import.meta.url).href,
  }
  const script = `
    const { MetadataWriter } = await import(${JSON.stringify(modules.metadata)})
    const { TargetFolder } = await import(${JSON.stringify(modules.folder)})
    const { libc } = await import(${JSON.stringify(modules.libc)})
    // While it may still read where it is loaded from.
    libc()
    process.setgroups([]); process.setgid(65534); process.setuid(65534)
    const target = TargetFolder.open(Buffer.from(${JSON.stringify(top)}))
    const fd = target.createFile(target.rootFd, Buffer.from('file'))
    const xattrs = (names) => names.map((name) => ({ name: Buffer.from(name), value: Buffer.from('v') }))
    const problems = new MetadataWriter({ kind: 'numbers' }).apply(fd, {
      type: 'file', mtimeSeconds: 1, mtimeNanos: 0, ${wanted} })
    for (const { attribute, kind, code } of problems) console.log(attribute, kind, code)`
  chmodSync(temp, 0o711)
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script]).toString()
  return output.trim().split('\n')
}

asRoot('an ordinary user is told what is not permitted, and gets no foreign setuid', () => {
  chownSync(top, 65534, 65534)
  const wanted = "mode: 0o6755, uid: 0, gid: 0, xattrs: xattrs(['trusted.t', 'user.u'])"
  expect(applyAsNobody(wanted)).toEqual([
    'owner not-permitted EPERM',
    'group not-permitted EPERM',
    'xattr not-permitted EPERM',
    'mode not-permitted EPERM',
  ])
  const stat = lstatSync(join(top, 'file'))
  expect([stat.mode & 0o7777, stat.uid, stat.mtimeMs]).toEqual([0o755, 65534, 1000])
  expect(xattrsOf('file')).toEqual(['user.u=0x76'])
})

asRoot('a setgid that Linux drops without a word is told', () => {
  chownSync(top, 65534, 77)
  // What is made in it is of its group, of which its user is not.
  chmodSync(top, 0o2777)
  expect(applyAsNobody('mode: 0o2755, uid: 65534, gid: 77, xattrs: []')).toEqual([
    'mode not-permitted EPERM',
  ])
  expect(lstatSync(join(top, 'file')).mode & 0o7777).toBe(0o755)
})

test('what a file system does not support is reported as that', () => {
  const fd = openSync('/dev/shm', 'r')
  const shm = new TargetFolder(fd)
  const name = utf8(`cairn-test-${process.pid}`)
  const file = shm.createFile(shm.rootFd, name)
  const xattrs = [xattr('strange.x', 1)]
  const problems = new MetadataWriter({ kind: 'numbers' }).apply(file, metadata('file', { xattrs }))
  expect(summary(problems)).toEqual(['xattr strange.x unsupported ENOTSUP'])
  closeSync(file)
  shm.removeEntry(shm.rootFd, name)
  shm.close()
})
