// Nasty trees, backed up and restored: what comes back is what was there, in every attribute, and a
// second backup finds that nothing has changed.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ChunkerConfig } from '../../src/format/config.ts'
import { describeWith } from '../require.ts'
import { buildTree } from '../trees/build-tree.ts'
import { describeTree } from '../trees/describe-tree.ts'
import { type NastyFolder, nastyTree } from '../trees/nasty-tree.ts'
import {
  backupFolder,
  entryOf,
  expectSame,
  makeRepository,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
  settledClock,
} from './fixture.ts'

const scratch = new Scratch()
const RUNS = Number(process.env['CAIRN_TEST_ENGINE_RUNS'] ?? 8)

async function roundTrip(tree: NastyFolder, chunker: ChunkerConfig | undefined): Promise<void> {
  const source = scratch.path('source')
  const { leftOut } = buildTree(tree, source)
  expect(leftOut.filter((reason) => reason.includes('root'))).toEqual([])
  const before = describeTree(source)
  const repository = await makeRepository(chunker && { chunker })
  const options = { clock: settledClock }
  const first = await backupFolder(repository, source, options)
  expect(first.problems).toEqual([])
  expect(first.warnings).toEqual([])
  expectSame(before, source)

  const second = await backupFolder(repository, source, options)
  expect(await entryOf(repository, second, source)).toBe(await entryOf(repository, first, source))
  expect(second.result.counts).toMatchObject({ filesRead: 0, readBytes: 0 })
  // Nothing but the folders above, which are everyone's.
  expect(second.result.addedBytes).toBeLessThan(10_000)

  const whole = scratch.path('whole')
  const everything = await restoreFolder(repository, whole, { workers: 2 })
  expect(everything.problems).toEqual([])
  expectSame(before, join(whole, source))
  const part = scratch.path('part')
  expect((await restoreFolder(repository, part, { from: source })).problems).toEqual([])
  expectSame(before, part)
  execFileSync('rm', ['-rf', source, whole, part, `${source}.cache`])
}

describeWith('as root', ['root', 'attr', 'acl'], () => {
  test.each([
    ['small chunks, many lists and segments', SMALL_CHUNKER],
    ['the default chunks', undefined],
  ])('a nasty tree comes back in every attribute: %s', async (_, chunker) => {
    const tree = nastyTree()
    await fc.assert(
      fc.asyncProperty(tree, (one) => roundTrip(one, chunker)),
      { numRuns: RUNS },
    )
  })
})
