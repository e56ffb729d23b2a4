// Small files are read in runs: folders in which they stand between everything that ends a run (links,
// large and sparse files, further names of files, folders, what is as it was), with checkpoints amid.

import { linkSync, mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/store/seeded-random.ts'
import { noise } from '../repositories/sample.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  expectSame,
  expectSound,
  makeRepository,
  restoreFolder,
  Scratch,
  SHORT_FRAMES,
  settledClock,
} from './fixture.ts'

const scratch = new Scratch()

/** Adds entries of all kinds anywhere below `root`. */
function grow(root: string, { seed, entries }: { seed: number; entries: number }): void {
  const random = seededRandom(seed)
  const below = (limit: number) => Math.floor(limit * random())
  const folders = [root]
  const files: string[] = []
  for (let i = 0; i < entries; i++) {
    const folder = folders[below(folders.length)] as string
    const path = join(folder, `${String.fromCharCode(97 + below(26))}${i}-${seed}`)
    const kind = random()
    const known = files[below(files.length)]
    if (kind < 0.06) {
      mkdirSync(path)
      folders.push(path)
    } else if (kind < 0.12) symlinkSync('x'.repeat(1 + below(50)), path)
    else if (kind < 0.2 && known !== undefined) linkSync(known, path)
    else {
      writeFileSync(path, contentOf(kind, below))
      if (kind < 0.22) truncateSync(path, 3_000_000)
      files.push(path)
    }
  }
}

function contentOf(kind: number, below: (limit: number) => number): Uint8Array {
  if (kind < 0.22) return new Uint8Array(0)
  if (kind < 0.24) return noise(1_200_000 + below(2_000_000), below(1000))
  if (kind < 0.32) return new Uint8Array(0)
  if (kind < 0.38) return noise(100_000 + below(200_000), below(1000))
  return noise(1 + below(5000), below(200))
}

test.each([
  ['', 3_600_000],
  [', with a checkpoint whenever there may be one', 0],
])('a tree of all kinds comes back, and again when it has grown%s', async (_, checkpointMs) => {
  const source = scratch.make('source')
  grow(source, { seed: checkpointMs + 1, entries: 700 })
  const made = await makeRepository({ chunker: SHORT_FRAMES })
  const cacheFolder = scratch.path('cache')
  const openBefore = readdirSync('/proc/self/fd').length
  for (const seed of [2, 3]) {
    const run = await backupFolder(made, source, {
      workers: 2,
      checkpointMs,
      uploadBytesMax: 2_000_000,
      clock: settledClock,
      cacheFolder,
    })
    expect(run.problems).toEqual([])
    if (seed === 3) expect(run.result.counts.filesUnchanged).toBeGreaterThan(100)
    const target = scratch.path('target')
    expect((await restoreFolder(made, target, { from: source })).problems).toEqual([])
    expectSame(describeTree(source), target)
    grow(source, { seed: checkpointMs + seed, entries: 150 })
  }
  await expectSound(made)
  expect(readdirSync('/proc/self/fd')).toHaveLength(openBefore)
})
