import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  backupFiles,
  copySample,
  flipBit,
  namesOf,
  noise,
  replaceObject,
  type Sample,
  sampleRepository,
} from '../../test/repositories/sample.ts'
import { fromUtf8Lossy } from '../base/bytes.ts'
import { type CheckMode, type CheckResult, check } from './check.ts'

let original: Sample
let sample: Sample

beforeAll(async () => {
  original = await sampleRepository()
})

beforeEach(async () => {
  sample = await copySample(original)
})

function run(
  mode: CheckMode = 'read-data',
  signal = new AbortController().signal,
): Promise<CheckResult> {
  const quiet = { onProgress: () => undefined, onProblem: () => undefined }
  return check({ repository: sample.repository, mode, workers: 1, signal, ...quiet })
}

async function packOf(kind: 'data' | 'tree'): Promise<string> {
  const numbers = { data: 4, tree: 5 }
  for (const name of await namesOf(sample.store, 'packs/')) {
    const prefix = await sample.store.get(name, { offset: 0, length: 32 })
    if (prefix[6] === numbers[kind]) return name
  }
  throw new Error(`no ${kind} pack`)
}

function pathsOf(result: CheckResult): readonly string[] {
  const paths = result.problems.flatMap(({ paths: found = [] }) => found.map(fromUtf8Lossy))
  return [...new Set(paths.map((path) => path.replace(/^.*\/source/, '')))].sort()
}

test.each(['structure', 'read-data'] as const)(
  '%s finds nothing wrong with what is right',
  async (mode) => {
    const result = await run(mode)
    expect(result.problems).toEqual([])
    expect(result).toMatchObject({ packs: 2, snapshots: 1, problemCount: 0 })
    expect(result.packsRead).toBe(mode === 'structure' ? 0 : 2)
    expect(result.blobsNeeded).toBeGreaterThan(6)
  },
)

test('a damaged frame is named with its place, the snapshot and the path', async () => {
  const name = await packOf('data')
  const { length } = await sample.store.get(name)
  await flipBit(sample.store, { name, offset: Math.floor(length / 2) })
  const { problems } = await run()
  expect(problems.map(({ kind, object }) => ({ kind, object }))).toEqual([
    { kind: 'damaged', object: name },
    { kind: 'damaged', object: name },
  ])
  expect(problems[1]?.offset).toBeGreaterThan(0)
  expect(problems[1]?.offset).toBeLessThan(length / 2)
  expect(problems[0]?.snapshots).toHaveLength(1)
  expect(pathsOf(await run())).toEqual(['/large.bin'])
})

test('a missing pack is named with the snapshots and paths that need it', async () => {
  const name = await packOf('data')
  await sample.store.remove(name)
  for (const mode of ['structure', 'read-data'] as const) {
    const result = await run(mode)
    expect(result.problems).toMatchObject([{ kind: 'missing', object: name }])
    expect(pathsOf(result)).toEqual([
      '/a.txt',
      '/folder/b.txt',
      '/folder/inner/c.bin',
      '/large.bin',
    ])
  }
})

test('a pack that is cut off is told from the index', async () => {
  const name = await packOf('data')
  const bytes = await sample.store.get(name)
  await replaceObject(sample.store, { name, bytes: bytes.slice(0, -100) })
  const { problems } = await run('structure')
  expect(problems.map(({ kind }) => kind)).toContain('mismatch')
  expect(problems.every(({ object }) => object === name)).toBe(true)
  expect(problems[0]?.snapshots).toHaveLength(1)
})

test('without index segments everything is found by the headers, and told', async () => {
  for (const name of await namesOf(sample.store, 'index/')) await sample.store.remove(name)
  const { problems, notes, blobsNeeded } = await run('structure')
  expect(problems).toEqual([])
  expect(notes).toHaveLength(2)
  expect(blobsNeeded).toBeGreaterThan(6)
})

test('a damaged index segment is named and affects nothing', async () => {
  const [name] = await namesOf(sample.store, 'index/')
  await flipBit(sample.store, { name: name as string, offset: 500 })
  const { problems } = await run('structure')
  expect(problems).toMatchObject([{ kind: 'damaged', object: name }])
  expect(problems[0]?.snapshots).toBeUndefined()
})

test('a damaged header does not make lost what the index still leads to', async () => {
  const name = await packOf('tree')
  const { length } = await sample.store.get(name)
  await flipBit(sample.store, { name, offset: length - 20 })
  const { problems, blobsRead } = await run()
  expect(problems.every(({ object, kind }) => object === name && kind === 'damaged')).toBe(true)
  expect(problems.every(({ snapshots }) => snapshots === undefined)).toBe(true)
  expect(blobsRead).toBeGreaterThan(6)
})

test('an id that nothing knows is named with what it affects', async () => {
  for (const name of await namesOf(sample.store, 'index/')) await sample.store.remove(name)
  await sample.store.remove(await packOf('data'))
  const { problems } = await run('structure')
  expect(new Set(problems.map(({ kind }) => kind))).toEqual(new Set(['unresolved']))
  expect(
    problems.every(({ object, snapshots }) => object.length === 64 && snapshots?.length === 1),
  ).toBe(true)
})

test('all packs gone is a problem even where the index is gone too', async () => {
  for (const folder of ['packs/', 'index/']) {
    for (const name of await namesOf(sample.store, folder)) await sample.store.remove(name)
  }
  const { problems } = await run()
  expect(problems.map(({ kind }) => kind)).toContain('missing')
})

test('an unconfirmed snapshot is a note', async () => {
  for (const name of await namesOf(sample.store, 'receipts/')) await sample.store.remove(name)
  const { problems, notes } = await run('structure')
  expect(problems).toEqual([])
  expect(notes.map(({ object }) => object)).toEqual(await namesOf(sample.store, 'snapshots/'))
})

test('successive subsets read everything', async () => {
  for (let i = 0; i < 4; i++) {
    const files = { [`more-${i}`]: noise(1000, 10 + i) }
    await backupFiles(sample.repository, { files, sourceName: `source-${i}` })
  }
  const { packs } = await run('structure')
  let read = 0
  for (let turn = 0; turn < 4; turn++)
    read += (await run({ subset: { percent: 25, turn } })).packsRead
  expect(read).toBeGreaterThanOrEqual(packs)
})

test('an interrupted check says so', async () => {
  const controller = new AbortController()
  controller.abort()
  await expect(run('read-data', controller.signal)).rejects.toMatchObject({ code: 'interrupted' })
})
