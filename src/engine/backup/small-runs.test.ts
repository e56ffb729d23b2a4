import { expect, test } from 'vitest'
import { concat, utf8 } from '../../base/bytes.ts'
import { STAT_KEY, StatBuffer } from '../../base/libc-stat.ts'
import { BLOB_ID_BYTES } from '../../format/ids.ts'
import { CACHE_KEY_BYTES } from './cache-keys.ts'
import type { SmallFilesResult } from './messages.ts'
import { FillingBatch, type ReadRun, type RunDone } from './small-runs.ts'

const stat = new StatBuffer()
const idOf = (n: number) => new Uint8Array(BLOB_ID_BYTES).fill(n)

/** What a worker would say of files whose entries and ids have as many bytes as told. */
function resultOf(task: number, pieceCounts: readonly number[]): SmallFilesResult {
  const entries = pieceCounts.map((_, i) => new Uint8Array(i).fill(i))
  return {
    kind: 'small',
    task,
    outcomes: Int32Array.from(pieceCounts, (_, i) => (i % 2 === 0 ? 0 : -1)),
    sizes: Float64Array.from(pieceCounts, (_, i) => 10 * i),
    entries: concat(entries),
    entryLengths: Uint32Array.from(entries, (entry) => entry.length),
    keys: concat(pieceCounts.map((_, i) => new Uint8Array(CACHE_KEY_BYTES).fill(i))),
    pieceCounts: Uint32Array.from(pieceCounts),
    pieceIds: concat(
      pieceCounts.flatMap((count, i) => Array.from({ length: count }, () => idOf(i))),
    ),
    troubles: new Map([[2, [{ errno: 5, doing: 'try' }]]]),
  }
}

interface Told {
  readonly who: string
  readonly names: readonly string[]
  readonly run: ReadRun
}

function taker(who: string, told: Told[]): RunDone {
  return (run) => {
    const names: string[] = []
    run.forEach(({ name }) => names.push(Buffer.from(name).toString()))
    told.push({ who, names, run })
  }
}

test('each run is told of its own files, in order, as often as it looks', () => {
  const batch = new FillingBatch()
  const told: Told[] = []
  const [a, b] = [taker('a', told), taker('b', told)]
  const owners = [a, a, b, b, b, a]
  owners.forEach((done, i) =>
    batch.add({ fd: 100 + i, name: utf8('x'.repeat(i + 1)), size: 7 * i, stat }, done),
  )
  const sent = batch.send(9)
  expect(batch.isEmpty).toBe(true)
  expect([...sent.task.fds]).toEqual([100, 101, 102, 103, 104, 105])
  expect([...sent.task.sizes]).toEqual([0, 7, 14, 21, 28, 35])
  expect(sent.task.names).toEqual(utf8('x'.repeat(1 + 2 + 3 + 4 + 5 + 6)))
  expect(sent.task.keys).toHaveLength(6 * STAT_KEY.bytes)
  // The next batch is filled in the same memory.
  batch.add({ fd: 7, name: utf8('other'), size: 1, stat }, a)
  sent.finish(resultOf(9, [1, 0, 2, 1, 3, 1]))
  expect(told.map(({ who, names }) => [who, names.map((name) => name.length)])).toEqual([
    ['a', [1, 2]],
    ['b', [3, 4, 5]],
    ['a', [6]],
  ])
  const files: unknown[] = []
  told[1]?.run.forEach(({ outcome, bytes, encoded, key, ids, troubles }) =>
    files.push({ outcome, bytes, encoded, key: key[0], ids, troubles: troubles.length }),
  )
  expect(files).toEqual(
    [2, 3, 4].map((i) => ({
      outcome: i % 2 === 0 ? 0 : -1,
      bytes: 10 * i,
      encoded: new Uint8Array(i).fill(i),
      key: i,
      ids: new Uint8Array(BLOB_ID_BYTES * ([2, 1, 3][i - 2] as number)).fill(i),
      troubles: i === 2 ? 1 : 0,
    })),
  )
})

test('a batch is full by its files or by their bytes', () => {
  const [many, large] = [new FillingBatch(), new FillingBatch()]
  const done = () => undefined
  for (let i = 0; i < 64; i++) {
    expect(many.isFull).toBe(false)
    many.add({ fd: i, name: new Uint8Array(255).fill(65), size: 1, stat }, done)
  }
  expect(many.isFull).toBe(true)
  expect(many.send(1).task.names).toHaveLength(64 * 255)
  large.add({ fd: 1, name: utf8('a'), size: 4 << 20, stat }, done)
  expect(large.isFull).toBe(true)
})
