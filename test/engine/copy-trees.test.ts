// Whatever a snapshot holds: copied into another repository it restores as it was, in every attribute, and the
// copy is sound.

import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { splitPath } from '../../src/engine/paths.ts'
import type { ChunkerConfig } from '../../src/format/config.ts'
import { PATH_NAMES_MAX } from '../../src/format/limits.ts'
import { makeLike, makeOther, runCopy } from '../repositories/copying.ts'
import { noise } from '../repositories/sample.ts'
import { describeWith } from '../require.ts'
import { buildTree } from '../trees/build-tree.ts'
import { makeDeep, readDeep } from '../trees/deep-tree.ts'
import { describeTree } from '../trees/describe-tree.ts'
import { type NastyFolder, nastyTree } from '../trees/nasty-tree.ts'
import {
  backupFolder,
  entryOf,
  expectSame,
  expectSound,
  makeRepository,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
  settledClock,
  snapshotOf,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()
const RUNS = Number(process.env['CAIRN_TEST_ENGINE_RUNS'] ?? 6)

/** Backs a folder up, copies it and restores the copy. Ends with the copy's repository. */
async function copyOf(
  source: string,
  options: {
    readonly chunker?: ChunkerConfig | undefined
    readonly make?: (source: TestRepository) => Promise<TestRepository>
  } = {},
): Promise<TestRepository> {
  const { chunker, make = makeOther } = options
  const before = describeTree(source)
  const repository = await makeRepository(chunker && { chunker })
  const run = await backupFolder(repository, source, { clock: settledClock })
  expect(run.problems).toEqual([])
  const target = await make(repository)
  const { result, problems, warnings } = await runCopy(repository.repository, target.repository)
  expect([problems, warnings]).toEqual([[], []])
  expect(result.outcomes.map(({ kind }) => kind)).toEqual(['copied'])
  await expectSound(target)
  const restored = scratch.path('restored')
  expect((await restoreFolder(target, restored, { from: source })).problems).toEqual([])
  expectSame(before, restored)
  if (make === makeLike) {
    const copied = { ...run, result: { ...run.result, snapshot: (await snapshotOf(target)).name } }
    expect(await entryOf(target, copied, source)).toBe(await entryOf(repository, run, source))
  }
  execFileSync('rm', ['-rf', restored])
  return target
}

async function roundTrip(tree: NastyFolder, chunker: ChunkerConfig | undefined): Promise<void> {
  const source = scratch.path('source')
  buildTree(tree, source)
  for (const make of [makeOther, makeLike]) await copyOf(source, { chunker, make })
  execFileSync('rm', ['-rf', source, `${source}.cache`])
}

describeWith('as root', ['root', 'attr', 'acl'], () => {
  test.each([
    ['small chunks, many lists and segments', SMALL_CHUNKER],
    ['the default chunks', undefined],
  ])('a nasty tree is copied in every attribute: %s', { timeout: 120_000 }, async (_, chunker) => {
    await fc.assert(
      fc.asyncProperty(nastyTree(), (one) => roundTrip(one, chunker)),
      { numRuns: RUNS },
    )
  })
})

test('files with lists of lists, extents in lists, many names, and folders of many nodes', async () => {
  const source = scratch.make('lists')
  // Chunks of 64 bytes and more: some 10,000 pieces, in three nodes and one above them.
  writeFileSync(join(source, 'pieces'), noise(2_000_000, 1))
  linkSync(join(source, 'pieces'), join(source, 'pieces again'))
  execFileSync('sh', [
    '-c',
    'i=0; while [ $i -lt 200 ]; do printf x | dd of="$0" bs=1 seek=$((i * 65536)) conv=notrunc status=none; i=$((i + 1)); done',
    join(source, 'extents'),
  ])
  truncateSync(join(source, 'extents'), 20_000_000)
  mkdirSync(join(source, 'many'))
  for (let i = 0; i < 6000; i++) writeFileSync(join(source, 'many', `${i}`), `${i % 7}`)
  writeFileSync(join(source, 'empty'), '')
  await copyOf(source, { chunker: SMALL_CHUNKER })
}, 120_000)

test('a tree that is as deep as the format allows', { timeout: 240_000 }, async () => {
  const source = scratch.make('deep')
  const depth = PATH_NAMES_MAX - splitPath(utf8(source)).length - 1
  makeDeep(source, { depth, every: 100 })
  const repository = await makeRepository()
  await backupFolder(repository, source, { clock: settledClock })
  const target = await makeOther(repository)
  const { result, problems } = await runCopy(repository.repository, target.repository)
  expect(problems).toEqual([])
  expect(result.outcomes.map(({ kind }) => kind)).toEqual(['copied'])
  const restored = scratch.path('restored')
  expect((await restoreFolder(target, restored, { from: source })).problems).toEqual([])
  expect(readDeep(restored)).toEqual(readDeep(source))
})
