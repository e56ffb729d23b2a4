// What is changed just before a backup may be changed once more without its times telling, and what is
// changed while it is read may be torn: neither is remembered, and the next backup looks again.

import { spawn } from 'node:child_process'
import { globSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { fromUtf8Lossy, utf8 } from '../../src/base/bytes.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { FileCacheReader } from '../../src/engine/backup/file-cache.ts'
import { splitPath } from '../../src/engine/paths.ts'
import { noise } from '../repositories/sample.ts'
import { backupFolder, makeRepository, Scratch, settledClock } from './fixture.ts'

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
  return rememberedIn(cacheFolder, join(source, 'folder'), NAMES)
}

/** Which of these names in a folder a backup has remembered, and whether the folder itself. */
function rememberedIn(
  cacheFolder: string,
  folder: string,
  names: readonly string[],
): readonly string[] {
  const [path] = globSync(join(cacheFolder, 'files-*'))
  const cache = FileCacheReader.open(path as string)
  if (cache === undefined) throw new Error('a backup leaves a cache')
  for (const name of [new Uint8Array(0), ...splitPath(utf8(folder))]) cache.enter(name)
  const remembered = names.filter((name) => cache.entry(utf8(name)) !== undefined)
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

/** Makes files longer and shorter all the time. */
const RESTLESS = `
  const { fstatSync, ftruncateSync, openSync } = require('node:fs')
  const files = process.argv.slice(1).map((path) => openSync(path, 'r+'))
  const sizes = files.map((fd) => fstatSync(fd).size)
  for (let i = 0; ; i++) files.forEach((fd, at) => ftruncateSync(fd, sizes[at] + (i % 1000)))`

test('a file that changed while it was read is not remembered, however old its times seem', async () => {
  const source = scratch.make('source')
  const names = ['large', 'linked', 'linked-again', 'small']
  const sizes = { large: 2_000_000, linked: 200_000, small: 200_000 }
  for (const [name, size] of Object.entries(sizes)) writeFileSync(join(source, name), noise(size))
  linkSync(join(source, 'linked'), join(source, 'linked-again'))
  const paths = Object.keys(sizes).map((name) => join(source, name))
  const restless = spawn(process.execPath, ['-e', RESTLESS, ...paths], { stdio: 'ignore' })
  try {
    const repository = await makeRepository()
    const everTold = new Set<string>()
    // It may rest just while one of them is read.
    for (let tries = 0; everTold.size < names.length && tries < 20; tries++) {
      const cacheFolder = scratch.path('cache')
      const run = await backupFolder(repository, source, { clock: settledClock, cacheFolder })
      const changed = run.problems.filter(({ kind }) => kind === 'changed')
      const told = changed.map(({ path }) => basename(fromUtf8Lossy(path)))
      // Of a file with several names it is told once.
      if (told.includes('linked')) told.push('linked-again')
      const remembered = rememberedIn(cacheFolder, source, names)
      expect(remembered.filter((name) => told.includes(name))).toEqual([])
      for (const name of told) everTold.add(name)
    }
    expect([...everTold].sort()).toEqual(names)
  } finally {
    restless.kill('SIGKILL')
  }
})
