// A source that changes under the backup. The moments are exact: the walk tells of an excluded name when
// it comes to it, in the order of names, so what sorts before is open by then and what sorts behind
// has been listed and not been looked at.

import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromUtf8Lossy } from '../../src/base/bytes.ts'
import { parseIgnorePattern } from '../../src/source/files/ignore-pattern.ts'
import { noise } from '../repositories/sample.ts'
import { describeTree, diffTrees, type TreeDescription } from '../trees/describe-tree.ts'
import {
  type BackupRun,
  backupFolder,
  backupOptions,
  makeRepository,
  type RestoreRun,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
  settledClock,
  snapshotOf,
} from './fixture.ts'

const scratch = new Scratch()
const HOOK = 'm-hook'
const HOOKS = [parseIgnorePattern(HOOK)].filter((pattern) => pattern !== undefined)
/** More than goes with others: read while the walk goes on, slowly where a rate is given. */
const LARGE = 2 << 20

/** With which files of 50 kB still go with others, and have several chunks. */
const CHUNKER = { minBytes: 1024, avgBytes: 4096, maxBytes: 16_384, segmentBytes: 65_536 }

interface Changed extends BackupRun {
  readonly kinds: Readonly<Record<string, string>>
  /** How files changed of which that is told. */
  readonly changes: Readonly<Record<string, string>>
  readonly target: string
  readonly restored: RestoreRun
}

/** Backs up a folder in which `change` happens when the walk comes to the hook; and restores it. */
async function backupWhile(
  source: string,
  change: () => void,
  options: { readBytesPerSecond?: number; clock?: typeof settledClock } = {},
): Promise<Changed> {
  writeFileSync(join(source, HOOK), '')
  const repository = await makeRepository({ chunker: CHUNKER })
  const { source: files } = backupOptions(repository, source)
  if (files.kind !== 'files') throw new Error('a source of files')
  const run = await backupFolder(repository, source, {
    ...options,
    source: { ...files, walk: { ...files.walk, patterns: HOOKS } },
    onSkipped: change,
  })
  const target = scratch.path('target')
  const restored = await restoreFolder(repository, target, { from: source })
  unlinkSync(join(source, HOOK))
  const told = run.problems.map(({ path, ...problem }) => ({
    name: fromUtf8Lossy(path).slice(source.length + 1),
    ...problem,
  }))
  const kinds = Object.fromEntries(told.map(({ name, kind }) => [name, kind]))
  const changes = Object.fromEntries(told.map(({ name, change = 'none' }) => [name, change]))
  return { ...run, kinds, changes, target, restored }
}

function contentsOf(folder: string): TreeDescription {
  return new Map([...describeTree(folder)].filter(([path]) => path !== ''))
}

/** All but the folder itself, which the hook has changed. */
function expectSameContents(source: string, target: string): void {
  expect(diffTrees(contentsOf(source), contentsOf(target), { blockTolerance: 8 })).toEqual([])
}

describe('between listing and opening', () => {
  test('a file that is gone is told as vanished, and the rest is backed up', async () => {
    const source = scratch.make('source')
    for (const name of ['a', 'x', 'z']) writeFileSync(join(source, name), name)
    const gone = () => unlinkSync(join(source, 'x'))
    const { kinds, result, restored, target } = await backupWhile(source, gone)
    expect(kinds).toEqual({ x: 'vanished' })
    expect(result.counts).toMatchObject({ files: 2, vanished: 1, unreadable: 0, changed: 0 })
    expect(restored.problems).toEqual([])
    expect(readFileSync(join(target, 'z'), 'utf8')).toBe('z')
  })

  test('a folder that is gone is told as vanished', async () => {
    const source = scratch.make('source')
    mkdirSync(join(source, 'x/inner'), { recursive: true })
    writeFileSync(join(source, 'z'), 'z')
    const gone = () => rmSync(join(source, 'x'), { recursive: true })
    const { kinds, result } = await backupWhile(source, gone)
    expect(kinds).toEqual({ x: 'vanished' })
    expect(result.counts).toMatchObject({ files: 1, unreadable: 0 })
  })

  test.each(['fifo', 'link', 'folder'])(
    'a file that has become a %s is recorded as that, never read',
    async (what) => {
      const source = scratch.make('source')
      writeFileSync(join(source, 'x'), 'x')
      const { kinds, restored, target } = await backupWhile(source, () => {
        unlinkSync(join(source, 'x'))
        if (what === 'fifo') execFileSync('mkfifo', [join(source, 'x')])
        else if (what === 'link') symlinkSync('/etc/passwd', join(source, 'x'))
        else mkdirSync(join(source, 'x'))
      })
      expect(
        Object.values(kinds).every((kind) => kind === 'unreadable' || kind === 'vanished'),
      ).toBe(true)
      expect(restored.problems).toEqual([])
      const type = describeTree(target).get('x')?.type
      const expected = { fifo: 'fifo', link: 'symlink', folder: 'directory' }[what]
      // What it has become, or told: nothing in between.
      expect([expected, kinds['x'] === undefined ? expected : undefined]).toContain(type)
    },
  )

  test('a folder that has become a link is not followed', async () => {
    const source = scratch.make('source')
    mkdirSync(join(source, 'x'))
    const { restored, target } = await backupWhile(source, () => {
      renameSync(join(source, 'x'), join(source, 'y'))
      symlinkSync('/etc', join(source, 'x'))
    })
    expect(restored.problems).toEqual([])
    expect(describeTree(target).get('x')).toMatchObject({ type: 'symlink', content: '/etc' })
  })
})

describe('between opening and reading', () => {
  test.each([500, 50_000])(
    'a file of %i bytes that is written to is read as it is then',
    async (size) => {
      const source = scratch.make('source')
      writeFileSync(join(source, 'a'), noise(size))
      const write = () => appendFileSync(join(source, 'a'), 'more')
      const { kinds, restored, target } = await backupWhile(source, write)
      expect(kinds).toEqual({})
      expect(restored.problems).toEqual([])
      expectSameContents(source, target)
    },
  )

  test('a file that is cut off is read as it is then', async () => {
    const source = scratch.make('source')
    writeFileSync(join(source, 'a'), noise(50_000))
    const cut = () => truncateSync(join(source, 'a'), 10)
    const { kinds, restored, target } = await backupWhile(source, cut)
    expect(kinds).toEqual({})
    expect(restored.problems).toEqual([])
    expectSameContents(source, target)
  })

  test('a file that is deleted is backed up all the same', async () => {
    const source = scratch.make('source')
    writeFileSync(join(source, 'a'), noise(50_000))
    const remove = () => unlinkSync(join(source, 'a'))
    const { changes, result, restored, target } = await backupWhile(source, remove)
    expect(changes).toEqual({ a: 'removed' })
    expect(result.counts.unreadable).toBe(0)
    expect(restored.problems).toEqual([])
    expect(Buffer.compare(readFileSync(join(target, 'a')), noise(50_000))).toBe(0)
  })

  test('all names of a file that is written to have the same content', async () => {
    const source = scratch.make('source')
    writeFileSync(join(source, 'a'), noise(50_000))
    linkSync(join(source, 'a'), join(source, 'z'))
    const write = () => appendFileSync(join(source, 'a'), 'more')
    const { restored, target } = await backupWhile(source, write)
    expect(restored.problems).toEqual([])
    expectSameContents(source, target)
  })
})

describe('while it is read', () => {
  const slowly = { readBytesPerSecond: 6 * LARGE, clock: settledClock }
  const write = (path: string) =>
    writeSync(openSync(path, 'r+'), noise(1000, 4), 0, 1000, LARGE - 1000)

  test.each<[how: string, change: string, (path: string) => void]>([
    ['cut off', 'shrank', (path) => truncateSync(path, LARGE / 2)],
    ['emptied', 'shrank', (path) => truncateSync(path, 0)],
    ['made longer', 'grew', (path) => appendFileSync(path, noise(100_000, 3))],
    ['written to', 'content', write],
    ['given another mode', 'attributes', (path) => chmodSync(path, 0o600)],
    ['removed', 'removed', unlinkSync],
  ])(
    'a long file that is %s is told as changed (%s), and what is stored is whole',
    async (_, expected, change) => {
      const source = scratch.make('source')
      const path = join(source, 'a')
      writeFileSync(path, noise(LARGE))
      const { kinds, changes, result, restored, target } = await backupWhile(
        source,
        () => change(path),
        slowly,
      )
      expect(kinds).toEqual({ a: 'changed' })
      expect(changes).toEqual({ a: expected })
      expect(result.counts).toMatchObject({ files: 1, changed: 1, unreadable: 0, sizeBytes: LARGE })
      expect(result.snapshot).toBeDefined()
      // Restoring verifies length and CRC.
      expect(restored.problems).toEqual([])
      const content = readFileSync(join(target, 'a'))
      expect(content).toHaveLength(LARGE)
      expect(content.subarray(0, 1000).equals(noise(LARGE).subarray(0, 1000))).toBe(true)
    },
  )

  test('a file that does not stop changing is told as changed, and what is stored is whole', async () => {
    const source = scratch.make('source')
    const path = join(source, 'a')
    writeFileSync(path, noise(LARGE / 4))
    let timer: NodeJS.Timeout | undefined
    const begin = () => {
      timer = setInterval(() => appendFileSync(path, 'more'), 5)
    }
    try {
      const { kinds, restored } = await backupWhile(source, begin, {
        ...slowly,
        readBytesPerSecond: LARGE,
      })
      expect(kinds).toEqual({ a: 'changed' })
      expect(restored.problems).toEqual([])
    } finally {
      clearInterval(timer)
    }
  })

  test('a sparse file whose holes are filled is told as changed', async () => {
    const source = scratch.make('source')
    const path = join(source, 'a')
    writeFileSync(path, noise(LARGE / 2))
    truncateSync(path, 2 * LARGE)
    const fill = () => writeSync(openSync(path, 'r+'), noise(5000, 4), 0, 5000, LARGE)
    const { kinds, restored, target } = await backupWhile(source, fill, slowly)
    expect(kinds).toEqual({ a: 'changed' })
    expect(restored.problems).toEqual([])
    expect(statSync(join(target, 'a')).size).toBe(2 * LARGE)
  })

  test('a file that changed is read again next time, whatever its times say', async () => {
    const source = scratch.make('source')
    const path = join(source, 'a')
    writeFileSync(path, noise(LARGE))
    writeFileSync(join(source, HOOK), '')
    const repository = await makeRepository({ chunker: SMALL_CHUNKER })
    const first = await backupFolder(repository, source, {
      ...slowly,
      source: {
        kind: 'files',
        walk: { roots: [Buffer.from(source)], patterns: HOOKS },
      },
      onSkipped: () => appendFileSync(path, 'more'),
    })
    expect(first.result.counts.changed).toBe(1)
    const second = await backupFolder(repository, source, { clock: settledClock })
    expect(second.result.counts).toMatchObject({ filesRead: 2, changed: 0 })
    const { summary } = await snapshotOf(repository)
    expect(summary.sizeBytes).toBe(LARGE + 4)
    const target = scratch.path()
    expect((await restoreFolder(repository, target, { from: source })).problems).toEqual([])
    expectSameContents(source, target)
  })
})

test('what a file system makes up as it is read is read to its end, though it says it is empty', async () => {
  const roots = ['/proc/version', '/proc/filesystems', '/proc/cpuinfo']
  const repository = await makeRepository({ chunker: SMALL_CHUNKER })
  const run = await backupFolder(repository, scratch.path(), { roots })
  expect(run.problems).toEqual([])
  expect(run.result.counts.files).toBe(3)
  const target = scratch.path()
  const { problems } = await restoreFolder(repository, target)
  expect(problems).toEqual([])
  for (const root of roots.slice(0, 2)) {
    expect(readFileSync(join(target, root), 'utf8')).toBe(readFileSync(root, 'utf8'))
  }
  expect(statSync(join(target, '/proc/cpuinfo')).size).toBeGreaterThan(100)
})
