// Trees as deep as the format allows, and deeper. How deep a folder is any user of a machine decides,
// and how deep a tree in a repository is whoever may write there: nothing may end on it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { fromUtf8Lossy, utf8 } from '../../src/base/bytes.ts'
import { splitPath } from '../../src/engine/tree-reader.ts'
import { PATH_NAMES_MAX } from '../../src/format/limits.ts'
import { makeDeep } from '../trees/deep-tree.ts'
import {
  type BackupRun,
  backupFolder,
  expectSound,
  makeRepository,
  Scratch,
  settledClock,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()

/** So that the deepest file has as many names as there may be. */
function deepestBelow(folder: string): number {
  return PATH_NAMES_MAX - splitPath(utf8(folder)).length - 1
}

describe('a tree that is as deep as the format allows', { timeout: 120_000 }, () => {
  let source: string
  let depth: number
  let repository: TestRepository
  let run: BackupRun

  beforeAll(async () => {
    source = scratch.make('deep')
    depth = deepestBelow(source)
    makeDeep(source, { depth, every: 100 })
    repository = await makeRepository()
    run = await backupFolder(repository, source, { clock: settledClock })
  }, 120_000)

  test('is saved whole, and unchanged it is not read again', async () => {
    expect(run.problems).toEqual([])
    const files = Math.ceil(depth / 100)
    expect(run.result.counts).toMatchObject({ files, filesRead: files })
    expect(run.result.counts.folders).toBe(PATH_NAMES_MAX)
    const again = await backupFolder(repository, source, { clock: settledClock })
    expect(again.problems).toEqual([])
    expect(again.result.counts).toMatchObject({ filesRead: 0, filesUnchanged: files })
    await expectSound(repository)
  })
})

test('what lies deeper than that is told, and all the rest is saved', {
  timeout: 120_000,
}, async () => {
  const source = scratch.make('deeper')
  makeDeep(source, { depth: 20_000, every: 1000 })
  writeFileSync(join(source, 'shallow'), 'shallow')
  const repository = await makeRepository()
  for (const filesRead of [5, 0]) {
    const { result, problems } = await backupFolder(repository, source, { clock: settledClock })
    expect(problems.map(({ kind, what }) => `${kind}: ${what}`)).toEqual([
      expect.stringContaining('unreadable: cannot go deeper than 4,096 names from the root'),
    ])
    const [path] = problems.map((problem) => fromUtf8Lossy(problem.path).slice(1).split('/'))
    expect(path).toHaveLength(PATH_NAMES_MAX)
    expect(result.counts).toMatchObject({ files: 5, filesRead, unreadable: 1 })
  }
  await expectSound(repository)
})
