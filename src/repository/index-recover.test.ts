import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  backupFiles,
  copySample,
  flipBit,
  namesOf,
  noise,
  type Sample,
  sampleRepository,
} from '../../test/repositories/sample.ts'
import { equalBytes, toHex } from '../base/bytes.ts'
import { digestInName } from '../store/names.ts'
import { type Index, loadIndex } from './index-load.ts'
import { columnsOfPack, recoverIndex, unindexedPacks } from './index-recover.ts'
import { columnsDigest, readPackHeader } from './pack-headers.ts'
import { selectDomain } from './repository.ts'

let original: Sample
let sample: Sample

beforeAll(async () => {
  original = await sampleRepository()
  await backupFiles(original.repository, { files: { more: noise(50_000, 9) }, sourceName: 'other' })
})

beforeEach(async () => {
  sample = await copySample(original)
})

function load(): Promise<Index> {
  return loadIndex(sample.repository, selectDomain(sample.repository))
}

function recover(index: Index): Promise<Index> {
  return recoverIndex(sample.repository, { index, packs: unindexedPacks(index) })
}

/** Ids with where they lie, whatever the packs are numbered. */
function locations({ image, packs, sessions }: Index): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const id of image.ids()) {
    const { frame, position } = image.locate(id) ?? { frame: 0, position: -1 }
    const { pack, offset, session, rawBytes, storedBytes } = image.frame(frame)
    const encapsulation = sessions[session]?.encapsulation
    const place = [packs[pack]?.name, offset, storedBytes, rawBytes, position]
    found.set(toHex(id), `${place.join(' ')} ${encapsulation && toHex(encapsulation.slice(0, 8))}`)
  }
  return found
}

test('without any segment the headers give the same index', async () => {
  const before = locations(await load())
  for (const name of await namesOf(sample.store, 'index/')) await sample.store.remove(name)
  const empty = await load()
  expect(empty.image.blobs).toBe(0)
  expect(locations(await recover(empty))).toEqual(before)
})

test('with one segment lost the rest keeps its place', async () => {
  const before = locations(await load())
  for (const name of await namesOf(sample.store, 'index/')) {
    const bytes = await flipBit(sample.store, { name, offset: 100 })
    const index = await load()
    expect(index.problems.map((problem) => problem.name)).toEqual([name])
    expect(unindexedPacks(index)).toHaveLength(2)
    expect(locations(await recover(index))).toEqual(before)
    await sample.store.remove(name)
    await sample.store.put(name, [bytes])
  }
})

test('what is complete is left as it is', async () => {
  const index = await load()
  expect((await recover(index)).image).toBe(index.image)
})

test('headers that cannot be read are problems', async () => {
  for (const name of await namesOf(sample.store, 'index/')) await sample.store.remove(name)
  const [name] = await namesOf(sample.store, 'packs/')
  const { length } = await sample.store.get(name as string)
  await flipBit(sample.store, { name: name as string, offset: length - 10 })
  const { problems, packs } = await recover(await load())
  expect(problems.map((problem) => problem.name)).toEqual([name])
  expect(packs).toHaveLength(3)
})

test('an index and a header say the same of a pack', async () => {
  const index = await load()
  for (const { name, packBytes, ...indexed } of index.packs) {
    const read = await readPackHeader(sample.store, { name, packBytes }, sample.repository.domains)
    const columns = columnsOfPack(index, name)
    expect(read && columns).toBeDefined()
    if (read === undefined || columns === undefined) continue
    const digests = [
      columnsDigest({ ...indexed, hash: digestInName(name) as Uint8Array, packBytes }, columns),
      columnsDigest(read.indexed, read.header),
    ] as const
    expect(equalBytes(...digests)).toBe(true)
  }
  expect(columnsOfPack(index, 'packs/none')).toBeUndefined()
})
