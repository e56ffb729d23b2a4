import { mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readingSetup } from '../../../test/engine/reading-setup.ts'
import { utf8 } from '../../base/bytes.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import { ReadPool } from './read-pool.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-pool-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function openFiles(): number {
  return readdirSync('/proc/self/fd').length
}

/** Keeps the main thread from taking any message. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

test('a pool that is stopped while its workers are at work leaves no file open', async () => {
  const path = join(folder, 'file')
  writeFileSync(path, 'content')
  const stat = new StatBuffer()
  const before = openFiles()
  const pool = new ReadPool({
    setup: readingSetup(),
    workers: 1,
    segmentBytes: 1 << 20,
    onFrame: () => undefined,
    onPackClosed: () => undefined,
  })
  const first = Promise.withResolvers<undefined>()
  // Ten batches, of which two are with the worker, and some files in a batch that is not full.
  for (let i = 0; i < 10 * 64 + 7; i++) {
    const fd = openSync(path, 'r')
    stat.readFd(fd)
    const done = () => {
      first.resolve(undefined)
    }
    pool.readSmall({ fd, name: utf8('file'), size: stat.size, stat }, done)
  }
  await first.promise
  // Meanwhile the worker ends what it has: results are on their way when the pool is stopped, and are
  // taken when the worker listens no more.
  standStill(200)
  const stopped = pool.stop()
  standStill(100)
  await stopped
  expect(openFiles()).toBe(before)
})
