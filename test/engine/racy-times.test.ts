// What is changed just before a backup may be changed once more without its times telling: it is not
// remembered, and the next backup looks again.

import { globSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { FileCacheReader } from '../../src/engine/backup/file-cache.ts'
import { splitPath } from '../../src/engine/tree-reader.ts'
import { noise } from '../repositories/sample.ts'
import { backupFolder, makeRepository, Scratch } from './fixture.ts'

const scratch = new Scratch()
const NAMES = ['large', 'link', 'small']

/** What a backup remembers of entries of all kinds that were made so long before it, or a little less. */
async function rememberedAfter(afterMs: number): Promise<readonly string[]> {
  const madeMs = systemClock.nowMs()
  const clock: Clock = { ...systemClock, nowMs: () => madeMs + afterMs }
  const source = scratch.make('source')
  mkdirSync(join(source, 'folder'))
  for (const folder of [source, join(source, 'folder')]) {
    writeFileSync(join(folder, 'large'), noise(2_000_000))
    writeFileSync(join(folder, 'small'), 'small')
    symlinkSync('goal', join(folder, 'link'))
  }
  const cacheFolder = scratch.path('cache')
  await backupFolder(await makeRepository(), source, { clock, cacheFolder })
  const [path] = globSync(join(cacheFolder, 'files-*'))
  const cache = FileCacheReader.open(path as string)
  if (cache === undefined) throw new Error('a backup leaves a cache')
  const above = splitPath(utf8(source))
  for (const name of [new Uint8Array(0), ...above, utf8('folder')]) cache.enter(name)
  const remembered = NAMES.filter((name) => cache.entry(utf8(name)) !== undefined)
  if (cache.leave().entry !== undefined) remembered.push('folder')
  cache.close()
  return remembered
}

test('what was changed within two seconds before is not remembered', async () => {
  expect(await rememberedAfter(0)).toEqual([])
})

test('what was changed long before is remembered', async () => {
  expect(await rememberedAfter(60_000)).toEqual([...NAMES, 'folder'])
})
