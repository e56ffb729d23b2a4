// Folders of many entries, long paths, long names and files of many chunks: what is divided into nodes.

import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { BlobReader } from '../../src/engine/blob-reader.ts'
import { splitPath } from '../../src/engine/paths.ts'
import { entriesOf, findEntry } from '../../src/engine/tree-reader.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  type BackupRun,
  backupFolder,
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
const WIDE = 20_000

describe('a folder of 20,000 entries', () => {
  let source: string
  let repository: TestRepository

  beforeAll(async () => {
    source = scratch.make('wide')
    for (let i = 0; i < WIDE; i++) writeFileSync(join(source, `entry ${i}`), '')
    repository = await makeRepository()
    await backupFolder(repository, source, { clock: settledClock })
  })

  async function namesInSnapshot(): Promise<readonly string[]> {
    const { summary, domain } = await snapshotOf(repository)
    const index = await loadIndex(repository.repository, domain)
    const reader = new BlobReader({ store: repository.store, domain, index })
    const root = summary.roots[0] as BlobId
    const entry = await findEntry(reader, { root, names: splitPath(utf8(source)) })
    const names: string[] = []
    for await (const { name } of entriesOf(reader, entry?.tree as BlobId)) {
      names.push(Buffer.from(name).toString('latin1'))
    }
    return names
  }

  test('is complete and in order', async () => {
    expect(await namesInSnapshot()).toEqual(readdirSync(source).sort())
  })

  test('with an entry more, or less, stores little', async () => {
    const changes: readonly ((at: string) => void)[] = [
      (at) => writeFileSync(join(at, 'entry 10000 and more'), 'new'),
      (at) => execFileSync('rm', [join(at, 'entry 777')]),
      (at) => execFileSync('mv', [join(at, 'entry 5'), join(at, 'zzz')]),
    ]
    for (const change of changes) {
      change(source)
      const { result } = await backupFolder(repository, source, { clock: settledClock })
      expect(result.addedBytes).toBeGreaterThan(0)
      expect(result.addedBytes).toBeLessThan(600_000)
      expect(result.addedStoredBytes).toBeLessThan(200_000)
      expect(await namesInSnapshot()).toEqual(readdirSync(source).sort())
    }
  })

  test('comes back', async () => {
    const target = scratch.path()
    const { counts, problems } = await restoreFolder(repository, target, { from: source })
    expect(problems).toEqual([])
    expect(counts.files).toBe(WIDE)
    expect(readdirSync(target).sort()).toEqual(readdirSync(source).sort())
    expect(lstatSync(target).mtimeMs).toBe(lstatSync(source).mtimeMs)
  })
})

test('300 folders inside each other come back, with long names', async () => {
  const source = scratch.make('deep')
  // Longer than a path may be: each is made from inside of the one above.
  const name = 'x'.repeat(255)
  const commands = `for i in $(seq 300); do mkdir ${name} && cd -P ${name} || exit 1; echo $i > f; done`
  execFileSync('bash', ['-c', commands], { cwd: source })
  const repository = await makeRepository()
  const run = await backupFolder(repository, source, { clock: settledClock })
  expect(run.problems).toEqual([])
  expect(run.result.counts.files).toBe(300)
  const again = await backupFolder(repository, source, { clock: settledClock })
  expect(again.result.counts).toMatchObject({ filesRead: 0, filesUnchanged: 300 })
  const target = scratch.path()
  const { problems, counts } = await restoreFolder(repository, target, { from: source })
  expect(problems).toEqual([])
  expect(counts).toMatchObject({ files: 300, folders: 301 })
  // No path is that long, so it is read from inside.
  const seen = (folder: string) =>
    execFileSync('bash', ['-c', `for i in $(seq 300); do cd -P ${name} || exit 1; cat f; done`], {
      cwd: folder,
    }).toString()
  expect(seen(target)).toBe(seen(source))
})

describe('a file of many chunks and extents', () => {
  async function roundTrip(make: (path: string) => void): Promise<BackupRun> {
    const source = scratch.make('long')
    make(join(source, 'file'))
    utimesSync(join(source, 'file'), 1_500_000_000, 1_500_000_000)
    const before = describeTree(source)
    const repository = await makeRepository({ chunker: SMALL_CHUNKER })
    const run = await backupFolder(repository, source, { workers: 2 })
    const target = scratch.path()
    expect((await restoreFolder(repository, target, { from: source })).problems).toEqual([])
    expectSame(before, target)
    return run
  }

  test('more pieces than a node of a list has come back', async () => {
    const { result } = await roundTrip((path) => {
      execFileSync('bash', [
        '-c',
        `openssl enc -aes-128-ctr -K 0 -iv 0 -in /dev/zero 2>/dev/null | head -c 3000000 > ${path}`,
      ])
    })
    expect(result.addedBytes).toBeGreaterThan(3_000_000)
  })

  test('more holes than an entry has come back as holes', async () => {
    await roundTrip((path) => {
      const parts = Array.from(
        { length: 400 },
        (_, i) => `printf ${i} | dd of=${path} bs=1 seek=${i * 8192} conv=notrunc status=none`,
      )
      execFileSync('bash', ['-c', `${parts.join('; ')}; truncate -s 5M ${path}`])
    })
  })

  test('nothing but a hole comes back', async () => {
    const { result } = await roundTrip((path) => {
      mkdirSync(join(path, '..'), { recursive: true })
      execFileSync('truncate', ['-s', '64M', path])
    })
    expect(result.counts).toMatchObject({ sizeBytes: 2 ** 26, readBytes: 0 })
  })
})
