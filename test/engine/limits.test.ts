// Bounds that a run must respect whatever the source is like: memory for uploads, and what a snapshot
// may hold.

import { linkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { noise } from '../repositories/sample.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  expectSame,
  makeRepository,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
} from './fixture.ts'

const scratch = new Scratch()

test('little memory for uploads slows a run down and never stops it', {
  timeout: 20_000,
}, async () => {
  const source = scratch.make('source')
  for (let i = 0; i < 8; i++) writeFileSync(join(source, String(i)), noise(400_000, i))
  const before = describeTree(source)
  const repository = await makeRepository()
  await backupFolder(repository, source, { uploadBytesMax: 1 << 20, workers: 2 })
  const target = scratch.path()
  await restoreFolder(repository, target, { from: source })
  expectSame(before, target)
})

// 40,000 pieces: a window of a restore takes 16,384.
test('a file of more pieces than a window takes is restored, between small ones and with two names', {
  timeout: 60_000,
}, async () => {
  const source = scratch.make('source')
  for (const name of ['a', 'z']) writeFileSync(join(source, name), noise(500, 3))
  writeFileSync(join(source, 'image'), noise(12_000_000, 4))
  linkSync(join(source, 'image'), join(source, 'second-name'))
  const before = describeTree(source)
  const repository = await makeRepository({ chunker: SMALL_CHUNKER })
  await backupFolder(repository, source, { workers: 2 })
  const target = scratch.path()
  await restoreFolder(repository, target, { from: source, workers: 2 })
  expectSame(before, target)
  // And in place of what is there.
  truncateSync(join(target, 'image'), 5)
  await restoreFolder(repository, target, { from: source, workers: 2 })
  expectSame(before, target)
})
