import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { describeWith } from '../require.ts'
import { buildTree } from './build-tree.ts'
import { copyTree } from './copy-tree.ts'
import { describeTree, diffTrees } from './describe-tree.ts'
import { nastyTree } from './nasty-tree.ts'

const temp = mkdtempSync(join(tmpdir(), 'cairn-trees-'))
afterAll(() => execFileSync('rm', ['-rf', temp]))

const isRoot = process.getuid?.() === 0
const withAttr = (name: string, body: () => void) => {
  describeWith('with attributes', ['attr', 'acl'], () => {
    test(name, body)
  })
}
const asRoot = (name: string, body: () => void | Promise<void>) => {
  describeWith('as root', ['root', 'attr'], () => {
    test(name, body)
  })
}
const RUNS = Number(process.env['CAIRN_TEST_RUNS'] ?? 40)

let serial = 0
function freshPath(): string {
  return join(temp, String(serial++))
}

withAttr('the same tree built twice is described the same', () => {
  fc.assert(
    fc.property(nastyTree(), (tree) => {
      const [one, two] = [freshPath(), freshPath()]
      expect(buildTree(tree, one)).toEqual(buildTree(tree, two))
      expect(diffTrees(describeTree(one), describeTree(two))).toEqual([])
      execFileSync('rm', ['-rf', one, two])
    }),
    { numRuns: RUNS / 2 },
  )
})

withAttr('what is read by the source and written by the target is the same tree', () => {
  fc.assert(
    fc.property(nastyTree(), (tree) => {
      const [from, to] = [freshPath(), freshPath()]
      const { leftOut } = buildTree(tree, from)
      if (isRoot) expect(leftOut.filter((reason) => reason.includes('root'))).toEqual([])
      mkdirSync(to)
      const before = describeTree(from)
      expect(copyTree(from, to)).toEqual([])
      expect(diffTrees(before, describeTree(to))).toEqual([])
      // Reading has changed nothing.
      expect(diffTrees(before, describeTree(from))).toEqual([])
      execFileSync('rm', ['-rf', from, to])
    }),
    { numRuns: RUNS },
  )
})

withAttr('nasty trees have everything in them that they are there for', () => {
  const seen = new Set<string>()
  for (const tree of fc.sample(nastyTree(), { numRuns: 120, seed: 1 })) {
    const at = freshPath()
    buildTree(tree, at)
    for (const [path, entry] of describeTree(at)) {
      seen.add(entry.type)
      if (entry.linkedWith !== '' && entry.linkedWith !== path) seen.add('hard link')
      if (entry.type === 'file' && entry.blocks * 512 < Number(entry.size)) seen.add('sparse')
      if (entry.mtime.startsWith('-')) seen.add('before 1970')
      if (Number.parseInt(entry.mode, 8) >= 0o4000) seen.add('setuid')
      if (entry.mode === '0000') seen.add('mode 0000')
      if (Buffer.from(path, 'latin1').toString().includes('\ufffd')) seen.add('not UTF-8')
      if (path.split('/').some((name) => name.length === 255)) seen.add('255 bytes')
      for (const name of Object.keys(entry.xattrs)) seen.add(name.replace(/cairn-.*/, '*'))
    }
    execFileSync('rm', ['-rf', at])
  }
  const expected = ['255 bytes', 'before 1970', 'directory', 'fifo', 'file', 'hard link']
  expected.push('not UTF-8', 'setuid', 'sparse', 'symlink', 'user.*', 'system.posix_acl_access')
  if (isRoot) expected.push('block-device', 'char-device', 'mode 0000', 'security.*', 'trusted.*')
  if (isRoot) expected.push('security.capability', 'system.posix_acl_default')
  expect([...seen]).toEqual(expect.arrayContaining(expected))
})

const CHANGES: Record<string, (at: string) => void> = {
  'a: mode 0644 became 0600': (at) => chmodSync(join(at, 'a'), 0o600),
  'a: owner 0:0 became 0:7': (at) => chownSync(join(at, 'a'), 0, 7),
  'a: mtime 1000000000000000000 became 1000000000500000000': (at) =>
    utimesSync(join(at, 'a'), 1, 1_000_000_000.5),
  'link: mtime 1000000000000000000 became 5000000000': (at) => lutimesSync(join(at, 'link'), 5, 5),
  'a: user.x absent became 0x01': (at) => setXattr(join(at, 'a'), 'user.x', '0x01'),
  'a: user.old 0x00 became 0x': (at) => setXattr(join(at, 'a'), 'user.old', '0x'),
  'link: trusted.t absent became 0x02': (at) => setXattr(join(at, 'link'), 'trusted.t', '0x02'),
  'a: is missing (file)': (at) => {
    unlinkSync(join(at, 'a'))
  },
  'new: was added': (at) => writeFileSync(join(at, 'new'), ''),
  'a: size 1 became 2': (at) => appendFileSync(join(at, 'a'), 'x'),
  'sparse: blocks 0 became 8': (at) => {
    writeSync(openSync(join(at, 'sparse'), 'r+'), new Uint8Array(4096), 0, 4096, 8192)
  },
  'link: content goal became other': (at) => {
    unlinkSync(join(at, 'link'))
    symlinkSync('other', join(at, 'link'))
  },
  'hard2: linkedWith hard1 became ': (at) => {
    unlinkSync(join(at, 'hard2'))
    writeFileSync(join(at, 'hard2'), '')
  },
  'dev: content device 259 became device 261': (at) => {
    unlinkSync(join(at, 'dev'))
    execFileSync('mknod', [join(at, 'dev'), 'c', '1', '5'])
  },
}

function setXattr(path: string, name: string, value: string): void {
  execFileSync('setfattr', ['-h', '-n', name, '-v', value, path])
}

/** A small tree with one of each. */
function makeModel(at: string): void {
  mkdirSync(at)
  writeFileSync(join(at, 'a'), 'a', { mode: 0o644 })
  setXattr(join(at, 'a'), 'user.old', '0x00')
  execFileSync('truncate', ['-s', '1M', join(at, 'sparse')])
  symlinkSync('goal', join(at, 'link'))
  writeFileSync(join(at, 'hard1'), '')
  linkSync(join(at, 'hard1'), join(at, 'hard2'))
  execFileSync('mknod', [join(at, 'dev'), 'c', '1', '3'])
  for (const name of ['a', 'sparse', 'link', 'hard1', 'dev', '.']) {
    lutimesSync(join(at, name), 1_000_000_000, 1_000_000_000)
  }
}

for (const [line, change] of Object.entries(CHANGES)) {
  asRoot(`a difference is seen: ${line}`, () => {
    const [before, after] = [freshPath(), freshPath()]
    makeModel(before)
    makeModel(after)
    expect(diffTrees(describeTree(before), describeTree(after))).toEqual([])
    change(after)
    const [what, ...rest] = line.split(':')
    const lines = diffTrees(describeTree(before), describeTree(after))
    expect(lines).toContain(`${JSON.stringify(what)}:${rest.join(':')}`)
  })
}

test('what the user may not make is left out by name', () => {
  const at = freshPath()
  const tree = fc.sample(nastyTree(), { numRuns: 1, seed: 4 })[0]
  if (tree === undefined) return
  const { leftOut } = buildTree(tree, at)
  if (isRoot) expect(leftOut.join()).not.toContain('not root')
  else expect(leftOut).toContain('owners: not root')
  expect(lstatSync(at).isDirectory()).toBe(true)
  rmSync(at, { recursive: true, force: true })
})
