// Bounds that a run must respect whatever the source is like: memory for uploads, and what a snapshot
// may hold.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { noise } from '../repositories/sample.ts'
import { describeTree } from '../trees/describe-tree.ts'
import { backupFolder, expectSame, makeRepository, restoreFolder, Scratch } from './fixture.ts'

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
