// Restoring into a target that has something in it already: what is kept, replaced, removed, and what
// is never touched.

import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { OverwritePolicy } from '../../src/engine/restore/existing.ts'
import { noise } from '../repositories/sample.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  differences,
  expectSame,
  makeRepository,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()
const OLD = 1_000_000_000
const THEN = 1_500_000_000
const NEW = 1_700_000_000

let source: string
let repository: TestRepository
let before: ReturnType<typeof describeTree>

beforeAll(async () => {
  source = scratch.make('source')
  mkdirSync(join(source, 'folder'))
  writeFileSync(join(source, 'small'), 'small')
  writeFileSync(join(source, 'large'), noise(20_000, 1))
  writeFileSync(join(source, 'folder/inner'), noise(5000, 2))
  writeFileSync(join(source, 'empty'), '')
  symlinkSync('small', join(source, 'link'))
  for (const name of ['small', 'large', 'folder/inner', 'empty']) {
    utimesSync(join(source, name), THEN, THEN)
  }
  before = describeTree(source)
  repository = await makeRepository({ chunker: SMALL_CHUNKER })
  await backupFolder(repository, source)
})

function write(folder: string, name: string, content: string | Uint8Array, seconds: number): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), content)
  utimesSync(join(folder, name), seconds, seconds)
}

function joined(path: readonly Uint8Array[]): string {
  return path.map((name) => Buffer.from(name).toString()).join('/')
}

function restoreTo(target: string, changes: Parameters<typeof restoreFolder>[2] = {}) {
  return restoreFolder(repository, target, { from: source, ...changes })
}

describe('what stands in the place of a file', () => {
  const cases: readonly [OverwritePolicy, number, 'ours' | 'theirs'][] = [
    ['always', NEW, 'ours'],
    ['always', OLD, 'ours'],
    ['if-changed', NEW, 'ours'],
    ['if-changed', OLD, 'ours'],
    ['if-newer', NEW, 'theirs'],
    ['if-newer', OLD, 'ours'],
    ['never', NEW, 'theirs'],
    ['never', OLD, 'theirs'],
  ]
  test.each(cases)(
    'with %s and a time of %i the file is %s afterwards',
    async (overwrite, time, whose) => {
      const target = scratch.make()
      write(target, 'small', 'theirs', time)
      write(target, 'large', noise(20_000, 9), time)
      const { problems } = await restoreTo(target, { overwrite, verify: false })
      expect(problems).toEqual([])
      const ours = whose === 'ours'
      expect(readFileSync(join(target, 'small'), 'utf8')).toBe(ours ? 'small' : 'theirs')
      const large = noise(20_000, ours ? 1 : 9)
      expect(Buffer.compare(readFileSync(join(target, 'large')), large)).toBe(0)
      // What was not there is restored whatever the policy.
      expect(readFileSync(join(target, 'folder/inner'))).toHaveLength(5000)
      if (overwrite === 'always' || overwrite === 'if-changed') expectSame(before, target)
    },
  )
})

describe('with never', () => {
  const attributesOf = (path: string) => {
    const { mode, uid, gid, ino } = lstatSync(path)
    return { mode, uid, gid, ino }
  }

  test('folders that are there, and the target, stay as they are', async () => {
    const target = scratch.make()
    write(target, 'folder/inner', 'theirs', OLD)
    for (const path of [join(target, 'folder'), target]) {
      execFileSync('chmod', ['711', path])
      utimesSync(path, OLD, OLD)
    }
    const { mtimeMs } = statSync(join(target, 'folder'))
    const paths = [target, join(target, 'folder')]
    const untouched = paths.map(attributesOf)
    const { counts } = await restoreTo(target, { overwrite: 'never', verify: false })
    expect(paths.map(attributesOf)).toEqual(untouched)
    // Nothing was missing in this one; what is made in the other gives it a new time.
    expect(statSync(join(target, 'folder')).mtimeMs).toBe(mtimeMs)
    expect(statSync(target).mtimeMs).not.toBe(statSync(source).mtimeMs)
    expect(counts).toMatchObject({ folders: 0, skipped: 2, problems: 0 })
    expect(existsSync(join(target, 'large'))).toBe(true)
  })

  test('what is made, the target included, is as it was', async () => {
    const target = scratch.path()
    await restoreTo(target, { overwrite: 'never' })
    expectSame(before, target)
  })
})

test('a file of the same length and time is not written again, and gets its attributes', async () => {
  const target = scratch.make()
  write(target, 'large', readFileSync(join(source, 'large')), THEN)
  execFileSync('chmod', ['600', join(target, 'large')])
  const { ino } = statSync(join(target, 'large'))
  const { counts, problems } = await restoreTo(target)
  expect(problems).toEqual([])
  expect(counts.skipped).toBe(1)
  expect(statSync(join(target, 'large')).ino).toBe(ino)
  expectSame(before, target)
})

test('what verifies finds content that only looks right', async () => {
  const target = scratch.make()
  write(target, 'large', noise(20_000, 7), THEN)
  const { counts, affected } = await restoreTo(target)
  expect(affected).toEqual(['large'])
  expect(counts).toMatchObject({ problems: 1, verified: 4 })
  const { affected: again } = await restoreTo(target, { overwrite: 'always' })
  expect(again).toEqual([])
  expectSame(before, target)
})

test('what verifies tells what stands in the place of a file', async () => {
  const target = scratch.make()
  symlinkSync('large', join(target, 'small'))
  symlinkSync('/nowhere', join(target, 'empty'))
  mkdirSync(join(target, 'folder/inner'), { recursive: true })
  execFileSync('mkfifo', [join(target, 'large')])
  const { problems } = await restoreTo(target, { overwrite: 'never' })
  expect(problems.map(({ path, what }) => `${joined([path])}: ${what}`)).toEqual([
    'empty: cannot read it back: a symbolic link stands in its place',
    'folder/inner: cannot read it back: a folder stands in its place',
    'large: cannot read it back: a pipe stands in its place',
    'small: cannot read it back: a symbolic link stands in its place',
  ])
})

describe('deleting', () => {
  test('what the snapshot does not have is removed, and nothing else', async () => {
    const target = scratch.make()
    write(target, 'folder/extra/deep', 'x', OLD)
    write(target, 'extra', 'x', OLD)
    symlinkSync('/etc', join(target, 'extra-link'))
    const { counts, problems } = await restoreTo(target, { delete: true })
    expect(problems).toEqual([])
    expect(counts.deleted).toBe(3)
    expectSame(before, target)
    expect(existsSync('/etc/passwd')).toBe(true)
  })

  test('a dry run plans what a run then removes, and what is removed is told', async () => {
    const target = scratch.make()
    const outside = scratch.make('outside')
    const theirs = ['extra', 'kept', 'folder/extra/deep', 'folder/kept', 'large/precious']
    for (const name of theirs) write(target, name, 'x', OLD)
    write(outside, 'precious', 'x', OLD)
    symlinkSync(outside, join(target, 'extra-link'))
    const untouched = describeTree(target)
    const options = { delete: true, exclude: ['kept'], verify: false }
    const planned: string[] = []
    const { counts } = await restoreTo(target, {
      ...options,
      dryRun: true,
      onPlanned: ({ path, action }) => action === 'delete' && planned.push(joined(path)),
    })
    expect(planned.sort()).toEqual(['extra', 'extra-link', 'folder/extra'])
    expect(counts.deleted).toBe(3)
    expectSame(untouched, target)
    const deleted: string[] = []
    const done = await restoreTo(target, {
      ...options,
      onDeleted: (path) => deleted.push(joined(path)),
    })
    expect(deleted.sort()).toEqual(planned)
    expect(done.counts.deleted).toBe(3)
  })

  test('plans nothing where it looks through a link, or is of a part only', async () => {
    const target = scratch.make()
    const outside = scratch.make('outside')
    write(outside, 'precious', 'x', OLD)
    write(target, 'extra', 'x', OLD)
    symlinkSync(outside, join(target, 'folder'))
    const options = { delete: true, include: ['/folder'], dryRun: true }
    expect((await restoreTo(target, options)).counts.deleted).toBe(0)
  })

  test('does not take away what is being written', async () => {
    const target = scratch.make()
    for (const name of ['small', 'large', 'folder/inner', 'empty']) write(target, name, 'old', OLD)
    const { counts, problems } = await restoreTo(target, { delete: true, overwrite: 'always' })
    expect(problems).toEqual([])
    expect(counts.deleted).toBe(0)
    expectSame(before, target)
  })

  test('leaves alone what is excluded, and what lies outside of what is included', async () => {
    const target = scratch.make()
    for (const name of ['extra', 'folder/extra', 'folder/kept']) write(target, name, 'x', OLD)
    await restoreTo(target, {
      delete: true,
      exclude: ['kept'],
      include: ['/folder'],
      verify: false,
    })
    expect(readdirSync(target).sort()).toEqual(['extra', 'folder'])
    expect(readdirSync(join(target, 'folder')).sort()).toEqual(['inner', 'kept'])
  })
})

describe('another type', () => {
  test('a folder in the place of a file is kept and told, the rest is restored', async () => {
    const target = scratch.make()
    write(target, 'large/precious', 'x', OLD)
    const { affected } = await restoreTo(target, { overwrite: 'always', verify: false })
    expect(affected).toEqual(['large'])
    expect(readFileSync(join(target, 'large/precious'), 'utf8')).toBe('x')
    expect(differences(before, target).every((line) => /^"(\.|large.*)": /.test(line))).toBe(true)
  })

  test.each(['file', 'link', 'fifo', 'dangling link'])(
    'a %s in the place of a folder is replaced',
    async (what) => {
      const target = scratch.make()
      const outside = scratch.make('outside')
      write(outside, 'inner', 'precious', OLD)
      const at = join(target, 'folder')
      if (what === 'file') writeFileSync(at, 'x')
      else if (what === 'fifo') execFileSync('mkfifo', [at])
      else symlinkSync(what === 'link' ? outside : '/nowhere', at)
      const { problems } = await restoreTo(target)
      expect(problems).toEqual([])
      expectSame(before, target)
      expect(readFileSync(join(outside, 'inner'), 'utf8')).toBe('precious')
      expect(readdirSync(outside)).toEqual(['inner'])
    },
  )

  test('with never, a link in the place of a folder is neither replaced nor followed', async () => {
    const target = scratch.make()
    const outside = scratch.make('outside')
    symlinkSync(outside, join(target, 'folder'))
    const { affected } = await restoreTo(target, { overwrite: 'never', verify: false })
    expect(affected).toEqual(['folder'])
    expect(readdirSync(outside)).toEqual([])
    expect(lstatSync(join(target, 'folder')).isSymbolicLink()).toBe(true)
  })

  test.each(['always', 'if-changed', 'if-newer'] as const)(
    'with %s, a link in the place of a file is not written through',
    async (overwrite) => {
      const target = scratch.make()
      const outside = scratch.make('outside')
      write(outside, 'precious', 'precious', OLD)
      for (const name of ['small', 'large', 'empty']) {
        symlinkSync(join(outside, 'precious'), join(target, name))
        execFileSync('touch', ['-h', '-d', '2001-01-01', join(target, name)])
      }
      const { problems } = await restoreTo(target, { overwrite })
      expect(problems).toEqual([])
      expectSame(before, target)
      expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious')
    },
  )

  test('a name that is shared with a file outside is replaced, not written into', async () => {
    const target = scratch.make()
    const outside = scratch.make('outside')
    write(outside, 'precious', 'precious', OLD)
    for (const name of ['small', 'large', 'empty']) {
      linkSync(join(outside, 'precious'), join(target, name))
    }
    const { problems } = await restoreTo(target, { overwrite: 'always' })
    expect(problems).toEqual([])
    expectSame(before, target)
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious')
    expect(statSync(join(outside, 'precious')).mtimeMs).toBe(OLD * 1000)
  })
})

test('a dry run tells what a restore would do and touches nothing', async () => {
  const target = scratch.make()
  write(target, 'small', 'theirs', OLD)
  write(target, 'large', readFileSync(join(source, 'large')), THEN)
  mkdirSync(join(target, 'empty'))
  const untouched = describeTree(target)
  const planned: string[] = []
  const { counts } = await restoreTo(target, {
    dryRun: true,
    onPlanned: ({ path, action }) => planned.push(`${Buffer.concat(path).toString()} ${action}`),
  })
  expect(planned).toEqual([
    'empty blocked',
    'folder create',
    'folderinner create',
    'large keep',
    'link create',
    'small replace',
  ])
  expect(counts).toMatchObject({ files: 2, folders: 2, others: 1, skipped: 1, problems: 1 })
  expectSame(untouched, target)
  const nowhere = scratch.path()
  await restoreTo(nowhere, { dryRun: true })
  expect(existsSync(nowhere)).toBe(false)
})

describe('a dry run counts what a run then does', () => {
  const targets: Record<string, (target: string) => void> = {
    'an empty target': () => {},
    'a folder that is there': (target) => write(target, 'folder/inner', 'theirs', OLD),
    'a file where a folder is to be': (target) => write(target, 'folder', 'theirs', OLD),
    'a link where a folder is to be': (target) => symlinkSync('elsewhere', join(target, 'folder')),
  }
  const policies: readonly OverwritePolicy[] = ['always', 'if-changed', 'if-newer', 'never']
  const includes = [[], ['/folder'], ['inner'], ['nothing']]
  const cases = Object.keys(targets).flatMap((name) =>
    policies.flatMap((overwrite) => includes.map((include) => ({ name, overwrite, include }))),
  )
  test.each(cases)('$name, $overwrite, $include', async ({ name, overwrite, include }) => {
    const target = scratch.make()
    targets[name]?.(target)
    const planned = await restoreTo(target, { overwrite, include, dryRun: true })
    const done = await restoreTo(target, { overwrite, include, verify: false })
    expect(planned.counts).toEqual(done.counts)
  })
})

describe('links, pipes and devices that are there', () => {
  let special: TestRepository
  let folder: string
  const isRoot = process.geteuid?.() === 0
  const names = ['link', 'dangling', 'fifo', ...(isRoot ? ['device'] : [])]

  beforeAll(async () => {
    folder = scratch.make('special')
    symlinkSync('fifo', join(folder, 'link'))
    symlinkSync('/nowhere/at all', join(folder, 'dangling'))
    execFileSync('mkfifo', [join(folder, 'fifo')])
    if (isRoot) execFileSync('mknod', [join(folder, 'device'), 'c', '1', '3'])
    linkSync(join(folder, 'link'), join(folder, 'second-link'))
    for (const name of names) execFileSync('touch', ['-h', '-d', '2017-07-14', join(folder, name)])
    special = await makeRepository({ chunker: SMALL_CHUNKER })
    await backupFolder(special, folder)
  })

  const restoreSpecial = (target: string, changes: Parameters<typeof restoreFolder>[2] = {}) =>
    restoreFolder(special, target, { from: folder, ...changes })
  const inodesOf = (target: string) => names.map((name) => lstatSync(join(target, name)).ino)

  test('a second run leaves them as they are, and a dry run says so', async () => {
    const target = scratch.make()
    await restoreSpecial(target)
    const inodes = inodesOf(target)
    const planned = new Set<string>()
    await restoreSpecial(target, { dryRun: true, onPlanned: ({ action }) => planned.add(action) })
    expect([...planned]).toEqual(['keep'])
    const { counts } = await restoreSpecial(target)
    expect(counts).toMatchObject({ others: 0, files: 0, skipped: names.length + 1, problems: 0 })
    expect(inodesOf(target)).toEqual(inodes)
    expectSame(describeTree(folder), target)
  })

  test('they are given the attributes that differ, and are not made anew', async () => {
    const target = scratch.make()
    await restoreSpecial(target)
    const inodes = inodesOf(target)
    for (const name of names.filter((name) => name !== 'link'))
      execFileSync('touch', ['-h', join(target, name)])
    execFileSync('chmod', ['611', join(target, 'fifo')])
    const { counts } = await restoreSpecial(target)
    expect(counts).toMatchObject({ others: 0, skipped: names.length + 1, problems: 0 })
    expect(inodesOf(target)).toEqual(inodes)
    expectSame(describeTree(folder), target)
  })

  test('what leads elsewhere, or is of another kind, is made anew', async () => {
    const target = scratch.make()
    symlinkSync('fif', join(target, 'link'))
    symlinkSync('/nowhere/at all/', join(target, 'dangling'))
    writeFileSync(join(target, 'fifo'), '')
    if (isRoot) execFileSync('mknod', [join(target, 'device'), 'c', '1', '5'])
    const { counts } = await restoreSpecial(target)
    expect(counts).toMatchObject({ files: 0, others: names.length + 1, skipped: 0, problems: 0 })
    expectSame(describeTree(folder), target)
  })

  test('names of one link that stand apart become one again', async () => {
    const target = scratch.make()
    for (const name of ['link', 'second-link']) symlinkSync('fifo', join(target, name))
    const { counts } = await restoreSpecial(target)
    expect(counts).toMatchObject({ skipped: 1, problems: 0 })
    expectSame(describeTree(folder), target)
  })
})

describe('names of one file', () => {
  let linked: TestRepository
  let folder: string

  beforeAll(async () => {
    folder = scratch.make('linked')
    writeFileSync(join(folder, 'a'), noise(3000, 5))
    for (const name of ['b', 'c']) linkSync(join(folder, 'a'), join(folder, name))
    utimesSync(join(folder, 'a'), THEN, THEN)
    linked = await makeRepository({ chunker: SMALL_CHUNKER })
    await backupFolder(linked, folder)
  })

  test.each(['never', 'if-newer'] as const)(
    'with %s, a name is not linked to a file that was kept for being another',
    async (overwrite) => {
      const target = scratch.make()
      write(target, 'a', 'theirs', NEW)
      await restoreFolder(linked, target, { from: folder, overwrite, verify: false })
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe('theirs')
      expect(Buffer.compare(readFileSync(join(target, 'b')), noise(3000, 5))).toBe(0)
      expect(statSync(join(target, 'b')).ino).toBe(statSync(join(target, 'c')).ino)
    },
  )

  test('a name that was missing is linked to the ones that are there', async () => {
    const target = scratch.make()
    await restoreFolder(linked, target, { from: folder })
    execFileSync('rm', [join(target, 'b')])
    const { counts } = await restoreFolder(linked, target, { from: folder })
    expect(counts).toMatchObject({ skipped: 2, problems: 0 })
    expectSame(describeTree(folder), target)
  })

  test('names that stand there as files of their own become one file again', async () => {
    const target = scratch.make()
    for (const name of ['a', 'b', 'c']) write(target, name, noise(3000, 5), THEN)
    const { problems, counts } = await restoreFolder(linked, target, { from: folder })
    expect(problems).toEqual([])
    expect(counts.skipped).toBe(1)
    expectSame(describeTree(folder), target)
  })
})
