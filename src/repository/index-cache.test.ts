// The image that is kept between runs. Whatever happens to the repository, and whatever happens to the file:
// 1. loading with it gives what loading without it gives;
// 2. nothing that is wrong with it stops anybody.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { forgeMark } from '../../test/repositories/marks.ts'
import { putBlobs } from '../../test/repositories/packs.ts'
import {
  type Asked,
  namesOf,
  newRepository,
  replaceObject,
  withRecord,
} from '../../test/repositories/sample.ts'
import { type Bytes, equalBytes, toHex, utf8 } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { putContent } from '../store/content.ts'
import { digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import { IndexCache } from './index-cache.ts'
import { type Index, loadIndex, loadIndexes, loadSegment } from './index-load.ts'
import { putSegment } from './index-write.ts'
import { packsOfSegment } from './pack-headers.ts'
import { openRepository, type Repository, selectDomain } from './repository.ts'
import { upkeepSignatory } from './upkeep-signatory.ts'

let folder: string
let store: Store
let plain: Repository
let problems: unknown[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-index-cache-'))
  const made = await newRepository()
  store = made.store
  plain = await openRepository(store, made.owner)
  problems = []
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

const newCache = (path = folder) =>
  new IndexCache({
    folder: path,
    clock: systemClock,
    blobsMin: 0,
    onProblem: (error) => problems.push(error),
  })

const domain = () => selectDomain(plain)

/** Loads with the cache, and waits until what was built is kept. */
async function load(onlyReading = false, repository = plain, path = folder): Promise<Index> {
  const indexCache = newCache(path)
  const index = await loadIndex({ ...repository, indexCache }, selectDomain(repository), {
    onlyReading,
  })
  await indexCache.settled()
  return index
}

async function loadPlainly(onlyReading = false): Promise<Index> {
  const [index] = await loadIndexes(plain, [domain()], { onlyReading })
  return index as Index
}

/** What an index says, however it numbers packs. */
function describe({ image, packs, sessions, segments, problems: found, passedOver }: Index) {
  const blobs: string[] = []
  for (const { number, id } of image.numberedIds()) {
    const number_ = image.frameOf(number)
    const { pack, session, ...frame } = image.frame(number_)
    const sealed = sessions[session]
    const place = [packs[pack]?.name, number - image.firstBlob(number_), JSON.stringify(frame)]
    const key = sealed && `${sealed.epoch} ${toHex(sealed.encapsulation).slice(0, 16)}`
    blobs.push([toHex(id), ...place, key].join(' '))
  }
  const inOrder = (some: readonly unknown[]) => some.map((one) => JSON.stringify(one)).sort()
  return {
    blobs: blobs.sort(),
    packs: inOrder(
      packs.map((pack) => [
        pack.name,
        pack.kind,
        pack.packBytes,
        pack.headerBytes,
        pack.frameCount,
      ]),
    ),
    passedOver: inOrder(passedOver),
    segments: segments.toSorted(),
    problems: found.map(({ name }) => name),
  }
}

/** Every id is found, in a pack that is not marked if any is; its copies ascend. */
function expectFindable({ image, packs, marked }: Index): void {
  for (const id of image.ids()) {
    const copies = image.copies(id)
    expect([...copies].sort((a, b) => a - b)).toEqual(copies)
    expect(image.blobNumber(id)).toBe(copies[0])
    const isMarked = (blob: number) =>
      marked.packs.has(packs[image.packOf(image.frameOf(blob))]?.name ?? '')
    expect(isMarked(copies[0] as number)).toBe(copies.every(isMarked))
    const { pack, frame, position } = image.locate(id) as NonNullable<
      ReturnType<typeof image.locate>
    >
    expect(image.frame(frame).pack).toBe(pack)
    expect(image.firstBlob(frame) + position).toBe(copies[0])
  }
}

const put = (contents: readonly number[]) =>
  putBlobs(plain, {
    domain: domain(),
    type: 'data',
    blobs: contents.map((content) => utf8(`content ${content}`)),
    indexed: true,
  })

async function mark(packs: readonly string[]): Promise<void> {
  const signed = { packs: packs.map((name) => digestInName(name) as Bytes), snapshots: [] }
  const signatory = upkeepSignatory(plain, domain())
  const parts = [forgeMark(plain, { domain: domain(), signatory, signed })]
  await putContent(store, { folder: 'marks', parts })
}

/** One segment for all that these name. */
async function merge(names: readonly string[], supersedes = names): Promise<void> {
  const packs = []
  for (const name of names) {
    const segment = await loadSegment(plain, { domain: domain(), name })
    if (segment !== undefined) packs.push(...packsOfSegment(segment))
  }
  const { signatory } = domain()
  await putSegment(plain, {
    domain: domain(),
    signatory,
    packs,
    supersedes: supersedes.map((name) => digestInName(name) as Bytes),
  })
}

const pick = (names: readonly string[], n: number) =>
  names.slice(n % (names.length + 1)).slice(0, 1)

/** Segments that a store did not list for a while. */
const gone = new Map<string, Bytes>()

const HAPPENINGS: Readonly<Record<string, (n: number) => Promise<void>>> = {
  put: async (n) => {
    await put([n, n + 1, n + 2].slice(0, 1 + (n % 3)))
  },
  'put again': async () => {
    await put([1, 2])
  },
  mark: async (n) => mark(pick(await namesOf(store, 'packs/'), n)),
  'marks go': async () => {
    for (const name of await namesOf(store, 'marks/')) await store.remove(name)
  },
  'a pack goes': async (n) => {
    for (const name of pick(await namesOf(store, 'packs/'), n)) await store.remove(name)
  },
  'a pack is cut off': async (n) => {
    for (const name of pick(await namesOf(store, 'packs/'), n)) {
      const bytes = await store.get(name)
      await replaceObject(store, { name, bytes: bytes.subarray(0, -1) })
    }
  },
  'segments are put together': async () => {
    const names = (await namesOf(store, 'index/')).slice(0, 3)
    await merge(names)
    for (const name of names.slice(0, 1)) {
      gone.set(name, await store.get(name))
      await store.remove(name)
    }
  },
  'a segment says again what others say': async () =>
    merge((await namesOf(store, 'index/')).slice(-2), []),
  'a segment goes': async (n) => {
    for (const name of pick(await namesOf(store, 'index/'), n)) {
      gone.set(name, await store.get(name))
      await store.remove(name)
    }
  },
  'a segment that went is there again': async () => {
    for (const [name, bytes] of gone) await store.put(name, [bytes])
  },
  'nothing happens': () => Promise.resolve(),
}

test('whatever happens, it says what the segments say', async () => {
  const names = Object.keys(HAPPENINGS)
  const happening = fc.tuple(fc.constantFrom(...names), fc.nat(30), fc.boolean())
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 10 }), async (happenings) => {
      const made = await newRepository()
      store = made.store
      plain = await openRepository(store, made.owner)
      rmSync(folder, { recursive: true })
      gone.clear()
      for (const [name, n, isLoaded] of [['put', 1, true] as const, ...happenings]) {
        await HAPPENINGS[name]?.(n)
        if (!isLoaded) continue
        for (const onlyReading of [false, true]) {
          const index = await load(onlyReading)
          expect(describe(index)).toEqual(describe(await loadPlainly(onlyReading)))
          expectFindable(index)
        }
      }
      mkdirSync(folder, { recursive: true })
      expect(problems).toEqual([])
    }),
    { numRuns: 100 },
  )
})

/** Loads, and tells how many segments were fetched. */
async function fetchedSegments(): Promise<number> {
  const asked: Asked[] = []
  const index = await load(false, { ...plain, store: withRecord(store, asked) })
  expect(describe(index)).toEqual(describe(await loadPlainly()))
  return asked.filter(({ name }) => name.startsWith('index/')).length
}

test('segments are fetched once, and afterwards only those that are new', async () => {
  for (let i = 0; i < 5; i++) await put([10 * i, 10 * i + 1])
  expect(await fetchedSegments()).toBe(5)
  expect(await fetchedSegments()).toBe(0)
  await put([1, 100])
  expect(await fetchedSegments()).toBe(1)
  expect(await fetchedSegments()).toBe(0)
})

test('what marks name is absent at once, and what they named is there again when they are gone', async () => {
  const { names } = await put([1, 2, 3])
  await load()
  await mark(names.slice(0, 1))
  expect((await load()).packs.map(({ name }) => name).sort()).toEqual(names.slice(1).sort())
  await HAPPENINGS['marks go']?.(0)
  expect((await load()).packs).toHaveLength(3)
})

test('many new packs: the image grows, or is made anew', async () => {
  await put([0])
  await load()
  for (const count of [1, 3, 20, 200]) {
    await put(Array.from({ length: count }, (_, i) => 1000 * count + i))
    const index = await load()
    expect(describe(index)).toEqual(describe(await loadPlainly()))
    expectFindable(index)
  }
})

const fileOf = () => join(folder, readdirSync(folder)[0] as string)

test('a file of which any bit is another is not used, and is replaced', async () => {
  await put([1, 2, 3])
  const expected = describe(await load())
  const good = readFileSync(fileOf())
  const places = [...Array(72).keys()].concat(
    Array.from({ length: 150 }, (_, i) => Math.floor((i * good.length) / 150)),
  )
  for (const place of places) {
    const bad = Buffer.from(good)
    bad[place] = (bad[place] as number) ^ (1 << (place % 8))
    writeFileSync(fileOf(), bad)
    expect(await newCache().read({ domain: domain(), onlyReading: false })).toBeUndefined()
  }
  expect(describe(await load())).toEqual(expected)
  expect(await newCache().read({ domain: domain(), onlyReading: false })).toBeDefined()
})

test('a file that is cut off, too long or empty is not used', async () => {
  await put([1, 2, 3])
  const expected = describe(await load())
  const good = readFileSync(fileOf())
  for (const length of [0, 1, 40, 72, 100, good.length - 1]) {
    writeFileSync(fileOf(), good.subarray(0, length))
    expect(describe(await load())).toEqual(expected)
  }
  writeFileSync(fileOf(), Buffer.concat([good, Buffer.of(0)]))
  expect(await newCache().read({ domain: domain(), onlyReading: false })).toBeUndefined()
  expect(problems).toEqual([])
})

test('the file of another repository, or of who only reads, is not used', async () => {
  await put([1, 2, 3])
  await load()
  const [name] = readdirSync(folder) as [string]
  const other = await newRepository()
  const theirs = await openRepository(other.store, other.owner)
  const path = join(folder, 'other')
  mkdirSync(path)
  const own = `${selectDomain(theirs).hex}-writing`
  writeFileSync(join(path, own), readFileSync(join(folder, name)))
  expect((await load(false, theirs, path)).packs).toEqual([])
  writeFileSync(join(folder, name.replace('writing', 'reading')), readFileSync(join(folder, name)))
  expect(await newCache().read({ domain: domain(), onlyReading: true })).toBeUndefined()
})

test('where nothing can be kept everything works', async () => {
  const { names } = await put([1])
  const path = join(folder, 'file')
  writeFileSync(path, 'not a folder')
  expect((await load(false, plain, path)).packs.map(({ name }) => name)).toEqual(names)
  expect(problems.length).toBeGreaterThan(0)
})

test('what is wrong with a segment is told each time', async () => {
  await put([1])
  await put([2])
  const [name] = (await namesOf(store, 'index/')) as [string]
  const bytes = await store.get(name)
  await replaceObject(store, { name, bytes: bytes.map((byte, i) => (i === 200 ? byte ^ 1 : byte)) })
  for (let i = 0; i < 2; i++)
    expect((await load()).problems.map((problem) => problem.name)).toEqual([name])
})

test('several at once leave one whole file', async () => {
  await put(Array.from({ length: 50 }, (_, i) => i))
  const caches = Array.from({ length: 6 }, () => newCache())
  await Promise.all(caches.map((indexCache) => loadIndex({ ...plain, indexCache }, domain())))
  await Promise.all(caches.map((cache) => cache.settled()))
  expect(readdirSync(folder)).toHaveLength(1)
  expect(await newCache().read({ domain: domain(), onlyReading: false })).toBeDefined()
  expect(problems).toEqual([])
})

test('what killed runs have left goes, and what is being written stays', async () => {
  const [old, young, unused] = ['a.tmp', 'b.tmp', 'unused'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [old, young, unused]) writeFileSync(path, 'part of an image')
  const ago = (days: number) => new Date(systemClock.nowMs() - days * 86_400_000)
  utimesSync(old, ago(1), ago(1))
  utimesSync(unused, ago(100), ago(100))
  await put([1])
  await load()
  expect([old, young, unused].map((path) => existsSync(path))).toEqual([false, true, false])
})

test('a small index is not kept', async () => {
  await put([1, 2])
  const indexCache = new IndexCache({ folder, clock: systemClock })
  await loadIndex({ ...plain, indexCache }, domain())
  await indexCache.settled()
  expect(readdirSync(folder)).toEqual([])
})

test('keys for what is kept differ from those under which anything is stored', () => {
  const { headerKey } = domain().latest
  expect(equalBytes(domain().localKey('index cache'), headerKey)).toBe(false)
  expect(equalBytes(domain().localKey('index cache'), domain().localKey('other'))).toBe(false)
})
