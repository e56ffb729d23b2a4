import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readingSetup } from '../../../test/engine/reading-setup.ts'
import { noise } from '../../../test/repositories/sample.ts'
import { utf8 } from '../../base/bytes.ts'
import { StatBuffer } from '../../base/libc-stat.ts'
import { batchFilesMax, ReadPool } from './read-pool.ts'
import { newReadRate } from './read-rate.ts'

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

test('what is read of a large file is told while it is read, and no more when it is done', async () => {
  const size = 2 ** 21
  const path = join(folder, 'large')
  writeFileSync(path, noise(size))
  const pool = new ReadPool({
    setup: readingSetup({
      chunker: { minBytes: 2 ** 14, avgBytes: 2 ** 16, maxBytes: 2 ** 18 },
      readRate: newReadRate(5 * size),
    }),
    workers: 2,
    segmentBytes: 2 ** 20,
    onFrame: () => undefined,
    onPackClosed: () => undefined,
  })
  const { promise, resolve } = Promise.withResolvers<number>()
  const data = [{ offset: 0, length: size }]
  const done = ({ dataBytes }: { dataBytes: number }) => {
    resolve(dataBytes)
  }
  pool.readLarge({ fd: openSync(path, 'r'), size, data, finish: () => 0, done })
  const told: number[] = []
  const timer = setInterval(() => told.push(pool.readingBytes), 5)
  expect(await promise).toBe(size)
  clearInterval(timer)
  expect(told.some((bytes) => bytes > 0 && bytes < size)).toBe(true)
  expect(pool.readingBytes).toBe(0)
  await pool.stop()
})

test('no more files wait opened than may be open', () => {
  expect(batchFilesMax(2, 20_000)).toBeGreaterThan(64)
  expect(batchFilesMax(32, 4096)).toBe(38)
  expect(batchFilesMax(2, 64)).toBe(4)
})

test.each([0, 1])(
  'a file of which segment %d cannot be read has failed as a whole',
  async (bad) => {
    // The memory of this process: nothing is at its beginning, and reading that is an error.
    const [first = ''] = readFileSync('/proc/self/maps', 'latin1').split('-')
    const length = 4096
    const good = { offset: Number.parseInt(first, 16), length }
    const data = bad === 0 ? [{ offset: 0, length }, good] : [good, { offset: 0, length }]
    const pool = new ReadPool({
      setup: readingSetup(),
      workers: 1,
      segmentBytes: length,
      onFrame: () => undefined,
      onPackClosed: () => undefined,
    })
    const { promise, resolve } = Promise.withResolvers<number>()
    const fd = openSync('/proc/self/mem', 'r')
    const done = ({ outcome }: { outcome: number }) => {
      resolve(outcome)
    }
    pool.readLarge({ fd, size: 2 * length, data, finish: () => 0, done })
    expect(await promise).toBe(constants.errno.EIO)
    await pool.stop()
  },
)
