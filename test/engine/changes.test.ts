// Snapshots of a tree that changes between them: each restores to exactly what was, and only what changed
// is read.

import { execFileSync } from 'node:child_process'
import {
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/store/seeded-random.ts'
import { noise } from '../repositories/sample.ts'
import { describeWith } from '../require.ts'
import { buildTree } from '../trees/build-tree.ts'
import { describeTree } from '../trees/describe-tree.ts'
import { type NastyFolder, nastyTree } from '../trees/nasty-tree.ts'
import { editTree } from './edit-tree.ts'
import {
  backupFolder,
  copyRepository,
  entryOf,
  expectSame,
  makeRepository,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
  settledClock,
  snapshotOf,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()
const RUNS = Number(process.env['CAIRN_TEST_ENGINE_RUNS'] ?? 8)

/** Everything that tells a file from another or from itself at another time, by path. */
function filesOf(folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const visit = (path: Buffer) => {
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: 'buffer' })) {
      const child = Buffer.concat([path, Buffer.from('/'), Buffer.from(entry.name)])
      if (entry.isDirectory()) visit(child)
      else if (entry.isFile()) {
        const { ino, ctimeNs } = lstatSync(child, { bigint: true })
        found.set(child.toString('latin1'), `${ino} ${ctimeNs}`)
      }
    }
  }
  visit(Buffer.from(folder))
  return found
}

async function twoSnapshots(tree: NastyFolder, seed: number): Promise<void> {
  const source = scratch.path('source')
  buildTree(tree, source)
  const repository = await makeRepository({ chunker: SMALL_CHUNKER })
  const before = describeTree(source)
  const filesBefore = filesOf(source)
  const first = await backupFolder(repository, source, { clock: settledClock })

  editTree(source, { random: seededRandom(seed), count: 6 })
  const after = describeTree(source)
  const filesAfter = filesOf(source)
  const second = await backupFolder(repository, source, { clock: settledClock })
  expect([...first.problems, ...second.problems]).toEqual([])
  const same = [...filesAfter].filter(([path, key]) => filesBefore.get(path) === key)
  expect(second.result.counts).toMatchObject({
    files: filesAfter.size,
    filesUnchanged: same.length,
    filesRead: filesAfter.size - same.length,
  })
  expect(second.result.parent).toBe(first.result.snapshot)

  for (const [run, expected] of [
    [first, before],
    [second, after],
  ] as const) {
    const target = scratch.path('target')
    const snapshot = await snapshotOf(repository, run.result.snapshot)
    const { problems } = await restoreFolder(repository, target, { from: source, snapshot })
    expect(problems).toEqual([])
    expectSame(expected, target)
    execFileSync('rm', ['-rf', target])
  }
  execFileSync('rm', ['-rf', source, `${source}.cache`])
}

describeWith('as root', ['root', 'attr', 'acl'], () => {
  test('each of two snapshots of a changing tree restores to what was, and only what changed is read', async () => {
    await fc.assert(fc.asyncProperty(nastyTree(), fc.nat(), twoSnapshots), { numRuns: RUNS })
  })

  test('a tree has the same id however many workers read it, and in whatever order they end', async () => {
    const repository = await makeRepository({ chunker: SMALL_CHUNKER })
    const source = scratch.path('source')
    const [tree] = fc.sample(nastyTree({ depth: 4 }), { numRuns: 1, seed: 11 })
    buildTree(tree as NastyFolder, source)
    mkdirSync(join(source, 'more'))
    for (let i = 0; i < 300; i++) {
      writeFileSync(join(source, `more/${i}`), noise(i % 7 === 0 ? 30_000 : i * 10, i % 90))
    }
    writeFileSync(join(source, 'long'), noise(3_000_000))
    const ids = new Set<string>()
    for (const workers of [1, 2, 4, 3]) {
      const copy = await copyRepository(repository)
      const run = await backupFolder(copy, source, { workers, cacheFolder: scratch.path('cache') })
      ids.add(await entryOf(copy, run, source))
    }
    expect(ids.size).toBe(1)
  })
})

describe('without the ctime', () => {
  const options = { clock: settledClock, ignoreCtime: true }

  /** Backed up with all that may change of a file, among them one of several pieces and one with holes. */
  async function backedUp(): Promise<{ source: string; repository: TestRepository }> {
    const source = scratch.make('source')
    for (let i = 0; i < 5; i++) writeFileSync(join(source, String(i)), noise(100, i))
    writeFileSync(join(source, 'long'), noise(100_000, 9))
    writeFileSync(join(source, 'sparse'), noise(5000, 10))
    truncateSync(join(source, 'sparse'), 10_000_000)
    const repository = await makeRepository({ chunker: SMALL_CHUNKER })
    await backupFolder(repository, source, options)
    return { source, repository }
  }

  test.each([
    ['chmod', (path: string) => execFileSync('chmod', ['611', path])],
    ['setfattr', (path: string) => execFileSync('setfattr', ['-n', 'user.x', '-v', 'y', path])],
    ['ln', (path: string) => linkSync(path, `${path}-again`)],
    ...(process.geteuid?.() === 0
      ? [['chown', (path: string) => execFileSync('chown', ['5:6', path])] as const]
      : []),
  ] as const)('%s changes what is recorded, and nothing is read again', async (command, change) => {
    const { source, repository } = await backedUp()
    for (const name of ['1', 'long', 'sparse']) change(join(source, name))
    const { result } = await backupFolder(repository, source, options)
    expect(result.counts.filesRead).toBe(command === 'ln' ? 3 : 0)
    const again = await backupFolder(repository, source, options)
    expect(again.result.counts).toMatchObject({
      filesRead: 0,
      filesUnchanged: command === 'ln' ? 10 : 7,
    })
    const target = scratch.path()
    await restoreFolder(repository, target, { from: source })
    expectSame(describeTree(source), target)
  })

  test('another size or modification time is a change, another kind of entry too', async () => {
    const { source, repository } = await backedUp()
    writeFileSync(join(source, '1'), noise(100, 77))
    utimesSync(join(source, '2'), 5, 5)
    const { atime, mtime } = statSync(join(source, '3'))
    writeFileSync(join(source, '3'), noise(101, 3))
    utimesSync(join(source, '3'), atime, mtime)
    execFileSync('sh', ['-c', `rm '${source}/4'; mkfifo '${source}/4'`])
    const { result } = await backupFolder(repository, source, options)
    expect(result.counts.filesRead).toBe(3)
    const target = scratch.path()
    await restoreFolder(repository, target, { from: source })
    expectSame(describeTree(source), target)
  })
})

describe('without the inode', () => {
  test('a copy of the source with the same times is not read again', async () => {
    const [source, copy] = [scratch.make('source'), scratch.path('source')]
    for (let i = 0; i < 5; i++) writeFileSync(join(source, String(i)), noise(100, i))
    const repository = await makeRepository()
    const options = { clock: settledClock, ignoreInode: true, ignoreCtime: true }
    const cacheFolder = scratch.path('cache')
    await backupFolder(repository, source, { ...options, cacheFolder })
    const before = describeTree(source)
    execFileSync('mv', [source, copy])
    cpSync(copy, source, { recursive: true, preserveTimestamps: true })
    execFileSync('cp', ['-a', '--remove-destination', `${copy}/.`, source])
    const { result } = await backupFolder(repository, source, { ...options, cacheFolder })
    expect(result.counts).toMatchObject({ filesRead: 0, filesUnchanged: 5 })
    const target = scratch.path()
    await restoreFolder(repository, target, { from: source })
    expectSame(before, target)
  })

  test('files of which one has the number that another had are not taken for one', async () => {
    const source = scratch.make('source')
    writeFileSync(join(source, 'a'), 'first')
    linkSync(join(source, 'a'), join(source, 'b'))
    const repository = await makeRepository()
    const options = { clock: settledClock, ignoreInode: true, ignoreCtime: true }
    await backupFolder(repository, source, options)
    // The same names again with another number; then the old number for another file.
    const held = scratch.make('held')
    execFileSync('cp', ['-a', `${source}/.`, held])
    execFileSync('sh', ['-c', `mv '${source}/a' '${held}/old'; rm '${source}/b'`])
    execFileSync('cp', ['-a', join(held, 'a'), join(held, 'b'), source])
    writeFileSync(join(held, 'old'), 'other!')
    execFileSync('mv', [join(held, 'old'), join(source, 'y')])
    linkSync(join(source, 'y'), join(source, 'z'))
    expect(statSync(join(source, 'a')).ino).toBe(statSync(join(source, 'b')).ino)
    await backupFolder(repository, source, options)
    const target = scratch.path()
    const { problems } = await restoreFolder(repository, target, { from: source })
    expect(problems).toEqual([])
    expect(readFileSync(join(target, 'y'), 'utf8')).toBe('other!')
    expectSame(describeTree(source), target)
  })
})
