import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { putForged } from '../../test/repositories/forged.ts'
import {
  backupFiles,
  copySample,
  flipBit,
  mergeInto,
  namesOf,
  newSecret,
  noise,
  replaceObject,
  SAMPLE_FILES,
  type Sample,
  sampleRepository,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import { putMark } from '../../test/substitution/world.ts'
import { fromUtf8Lossy } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { CairnError } from '../base/errors.ts'
import { addGrant, type NewRole } from '../repository/grants-add.ts'
import { loadIndex } from '../repository/index-load.ts'
import { openRepository, type Repository, selectDomain } from '../repository/repository.ts'
import { loadSnapshots } from '../repository/snapshots.ts'
import { systemRandom } from '../sealer/random.ts'
import { decorate } from '../store/decorate.ts'
import { digestInName } from '../store/names.ts'
import { type CheckMode, type CheckResult, check } from './check.ts'
import { changeTags } from './tag.ts'

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
    expect(result.packsRead).toBe(mode === 'structure' ? 1 : 2)
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

test('a pack that is marked and needed is no problem while it is there, and is missing when it is gone', async () => {
  const key = newSecret()
  const giving = { label: 'up', ...key, random: systemRandom, clock: systemClock }
  await addGrant(sample.repository, { role: 'upkeep', ...giving })
  const name = await packOf('data')
  const packs = [digestInName(name) as Uint8Array]
  await putMark(await openRepository(sample.store, key), {
    domain: 'default',
    mark: { packs, snapshots: [], markedMs: 1 },
  })
  // Whoever sweeps the mark moves what is needed before.
  expect((await run('structure')).problems).toEqual([])
  await sample.store.remove(name)
  const { problems } = await run('structure')
  expect(problems).toMatchObject([{ kind: 'missing', object: name }])
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
  expect(notes).toHaveLength(3)
  const what = 'no segment names 2 of the packs that snapshots need: `cairn repair` names them'
  expect(notes).toContainEqual({ object: 'index/', what })
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
  for (const start of [0, 0.25, 0.5, 0.75])
    read += (await run({ subset: { percent: 25, start } })).packsRead
  expect(read).toBeGreaterThanOrEqual(packs)
})

test('an interrupted check says so', async () => {
  const controller = new AbortController()
  controller.abort()
  await expect(run('read-data', controller.signal)).rejects.toMatchObject({ code: 'interrupted' })
})

async function openAs(role: NewRole): Promise<Repository> {
  const key = newSecret()
  const giving = { ...key, label: `a ${role.role}`, random: systemRandom, clock: systemClock }
  await addGrant(await openRepository(sample.store, sample.owner), { ...role, ...giving })
  return openRepository(sample.store, key)
}

test('upkeep checks the structure, and says that it cannot read the data', async () => {
  const name = await packOf('data')
  const upkeep = await openAs({ role: 'upkeep' })
  sample = { ...sample, repository: upkeep }
  expect((await run('structure')).problems).toEqual([])
  await expect(run('read-data')).rejects.toMatchObject({ code: 'not-permitted' })
  await sample.store.remove(name)
  const { problems } = await run('structure')
  expect(problems).toMatchObject([{ kind: 'missing', object: name, paths: [] }])
  expect(problems[0]?.snapshots).toHaveLength(1)
})

test('who holds one of several domains checks that one, and of others that they are intact', async () => {
  const writer = await openAs({ role: 'writer' })
  await backupFiles(writer, { files: { theirs: noise(10_000) } })
  sample = { ...sample, repository: await openAs({ role: 'reader', domains: ['default'] }) }
  const result = await run('read-data')
  expect(result).toMatchObject({ problems: [], notes: [], packs: 4, packsRead: 4, snapshots: 1 })
  const theirs = (await loadIndex(writer, selectDomain(writer))).packs[0]?.name as string
  await flipBit(sample.store, { name: theirs, offset: 40 })
  expect((await run('structure')).problems).toEqual([])
  expect((await run('read-data')).problems).toMatchObject([{ kind: 'damaged', object: theirs }])
})

test('a blob that is stored twice is not lost with the copy that nobody reads', async () => {
  const twin = await openRepository(sample.store, sample.owner)
  const hidden = decorate(sample.store, {
    // It sees no index and no packs, so it stores everything again.
    async *list(prefix) {
      for await (const info of sample.store.list(prefix))
        if (!/^(index|packs)\//.test(info.name)) yield info
    },
  })
  await backupFiles({ ...twin, store: hidden }, { files: SAMPLE_FILES, sourceName: 'twin' }).catch(
    () => undefined,
  )
  const index = await loadIndex(sample.repository, selectDomain(sample.repository))
  const used = new Set<number | undefined>()
  for (const id of index.image.ids()) used.add(index.image.locate(id)?.pack)
  const spare = index.packs.filter((pack, i) => pack.kind === 'data-pack' && !used.has(i))
  expect(spare.length).toBeGreaterThan(0)
  for (const { name, packBytes } of spare)
    await flipBit(sample.store, { name, offset: packBytes >> 1 })
  const { problems } = await run()
  expect(problems.length).toBeGreaterThanOrEqual(spare.length)
  expect(problems.every(({ snapshots }) => snapshots === undefined)).toBe(true)
})

test('a store of which nothing can be read any more ends the check', async () => {
  const failing = decorate(sample.store, {
    get: (name, range) =>
      name.startsWith('packs/')
        ? Promise.reject(new CairnError('store-unreadable', 'the disk is gone'))
        : sample.store.get(name, range),
  })
  sample = { ...sample, repository: { ...sample.repository, store: failing } }
  const { problems } = await run('read-data')
  expect(problems.map(({ what }) => what)).toContain('the disk is gone')
  expect(problems[0]?.snapshots).toHaveLength(1)
})

test('one object on a bad sector is named, and the rest is checked', async () => {
  const bad = new Set([
    (await namesOf(sample.store, 'index/'))[0],
    (await namesOf(sample.store, 'receipts/'))[0],
  ])
  const failing = decorate(sample.store, {
    get: (name, range) =>
      bad.has(name)
        ? Promise.reject(new CairnError('store-unreadable', 'a bad sector'))
        : sample.store.get(name, range),
  })
  sample = { ...sample, repository: { ...sample.repository, store: failing } }
  const { problems, blobsRead } = await run('read-data')
  expect(new Set(problems.map(({ object }) => object))).toEqual(bad)
  expect(problems.every(({ kind }) => kind === 'damaged')).toBe(true)
  expect(blobsRead).toBeGreaterThan(6)
})

test('paths that cannot be told, because their tree is on a bad sector, do not end the check', async () => {
  const tree = await packOf('tree')
  await sample.store.remove(await packOf('data'))
  const failing = decorate(sample.store, {
    get: (name, range) =>
      name === tree && range !== undefined && 'offset' in range && range.offset > 0
        ? Promise.reject(new CairnError('store-unreadable', 'a bad sector'))
        : sample.store.get(name, range),
  })
  sample = { ...sample, repository: { ...sample.repository, store: failing } }
  const { problems } = await run('structure')
  expect(problems).toMatchObject([{ kind: 'missing' }])
  expect(problems[0]?.snapshots).toHaveLength(1)
})

test('a pack that no segment names and that cannot be read is a problem of that pack', async () => {
  for (const name of await namesOf(sample.store, 'index/')) await sample.store.remove(name)
  const bad = await packOf('data')
  const store = withBadSectors(sample.store, (name) => name === bad)
  sample = { ...sample, repository: { ...sample.repository, store } }
  const { problems } = await run('structure')
  expect(problems.map(({ object }) => object)).toContain(bad)
  expect(problems.every(({ object }) => object === bad || !object.includes('/'))).toBe(true)
})

describe('two snapshots of one number', () => {
  let twin: Sample

  beforeEach(async () => {
    twin = await copySample(sample)
    await backupFiles(sample.repository, { files: { ...SAMPLE_FILES, a: 'here' } })
    await backupFiles(twin.repository, { files: { ...SAMPLE_FILES, a: 'there' } })
    await mergeInto(sample.store, twin.store)
  })

  const names = async () =>
    (await loadSnapshots(sample.repository)).snapshots.map(({ name }) => name)

  test('are sound, and it is noted of the later one', async () => {
    const { problems, notes, snapshots } = await run('structure')
    expect({ problems, snapshots }).toEqual({ problems: [], snapshots: 3 })
    const [, earlier, later] = await names()
    expect(notes.map(({ object }) => object)).toEqual([later])
    expect(notes[0]?.what).toContain(`number 2 of its source, and so has ${earlier}`)
  })

  test('are none where one stands for the other', async () => {
    const { snapshots } = await loadSnapshots(twin.repository)
    const changing = { change: { add: ['x'] }, clock: systemClock, random: systemRandom }
    for (const snapshot of snapshots)
      await changeTags({ repository: twin.repository, snapshot, ...changing })
    sample = twin
    expect((await run('structure')).notes).toEqual([])
  })

  test('are named in the order of their time, with others that something affects', async () => {
    // The one that all of them need.
    for (const name of await namesOf(sample.store, 'packs/'))
      if ((await sample.store.get(name)).length > 1_000_000) await sample.store.remove(name)
    const ids = (await names()).map((name) => name.slice(-64))
    for (let i = 0; i < 3; i++) {
      // Whatever comes first from the store.
      const slow = decorate(sample.store, {
        get: async (name, range) => {
          if (name.endsWith(ids[i] as string)) await new Promise((go) => setTimeout(go, 20))
          return sample.store.get(name, range)
        },
      })
      const repository = { ...sample.repository, store: slow }
      const quiet = { onProgress: () => undefined, onProblem: () => undefined }
      const { signal } = new AbortController()
      const { problems } = await check({
        repository,
        mode: 'structure',
        workers: 1,
        signal,
        ...quiet,
      })
      expect(problems[0]?.snapshots).toEqual(ids)
    }
  })
})

test('a snapshot that names no tree is a problem if it counts, and a note if not', async () => {
  const forged = (isConfirmed: boolean, source: string) =>
    putForged(sample.repository, { roots: [] }, { isConfirmed, source })
  const [counts, left] = [await forged(true, 'a'), await forged(false, 'b')]
  const { problems, notes } = await run('structure')
  const snapshots = [counts.slice('snapshots/'.length)]
  expect(problems).toMatchObject([{ kind: 'malformed', object: counts, snapshots }])
  expect(notes.map(({ object }) => object)).toEqual([left])
})
