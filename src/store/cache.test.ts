import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Bytes, utf8 } from '../base/bytes.ts'
import { openCacheFolder, pruneCache, withCache } from './cache.ts'
import { putContent } from './content.ts'
import { newCounts, withCounting } from './counting.ts'
import { withFaults } from './fault.ts'
import { openMemory } from './memory.ts'
import type { Store } from './store.ts'
import { VirtualClock } from './virtual-clock.ts'

let path: string
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'cairn-cache-'))
})
afterEach(() => {
  rmSync(path, { recursive: true })
})

const clock = new VirtualClock()

function setUp(bytesMax = 1000) {
  const memory = openMemory({ clock })
  const counts = newCounts()
  const cache = openCacheFolder({ path, clock })
  const errors: unknown[] = []
  const options = { cache, bytesMax, onCacheError: (error: unknown) => errors.push(error) }
  return { memory, counts, cache, errors, store: withCache(withCounting(memory, counts), options) }
}

function putIndex(store: Store, bytes: Bytes): Promise<string> {
  return putContent(store, { folder: 'index', parts: [bytes] })
}

test('the second reading asks the cache, in this process and in the next', async () => {
  const { memory, counts, store } = setUp()
  const name = await putIndex(memory, utf8('index'))
  for (let i = 0; i < 3; i++) expect(await store.get(name)).toEqual(utf8('index'))
  expect(await store.get(name, { offset: 1, length: 3 })).toEqual(utf8('nde'))
  expect(await store.get(name, { last: 2 })).toEqual(utf8('ex'))
  expect(counts.gets).toBe(1)
  const next = withCache(withCounting(memory, counts), {
    cache: openCacheFolder({ path, clock }),
    bytesMax: 1000,
  })
  expect(await next.get(name)).toEqual(utf8('index'))
  expect(counts.gets).toBe(1)
})

test.each([
  ['a flipped bit', utf8('indey')],
  ['a lost end', utf8('in')],
  ['nothing left', new Uint8Array(0)],
])('an entry with %s is fetched again and mended', async (_, damaged) => {
  const { memory, counts, store, errors } = setUp()
  const name = await putIndex(memory, utf8('index'))
  await store.get(name)
  writeFileSync(join(path, name), damaged)
  expect(await store.get(name)).toEqual(utf8('index'))
  expect(await store.get(name)).toEqual(utf8('index'))
  expect(counts.gets).toBe(2)
  expect(errors).toEqual([])
})

test('what was put is read back from the store and not from the cache', async () => {
  const { counts, store } = setUp()
  const name = await putIndex(store, utf8('index'))
  await store.get(name)
  expect(counts.gets).toBe(1)
})

test('who bounds what is read gets no more, and all of it is kept', async () => {
  const { memory, counts, cache, store } = setUp()
  const name = await putIndex(memory, utf8('index'))
  expect(await store.get(name, { last: 4 })).toEqual(utf8('ndex'))
  expect(counts.bytesGot).toBe(4)
  expect(await cache.stat(name)).toBeUndefined()
  for (let i = 0; i < 3; i++) expect(await store.get(name, { last: 6 })).toEqual(utf8('index'))
  expect(counts.gets).toBe(2)
})

test('packs, keys and configurations do not go into it', async () => {
  const { memory, counts, store } = setUp()
  const pack = await putContent(memory, { folder: 'packs', parts: [utf8('pack')] })
  await memory.put('keys/mine', [utf8('key')])
  await memory.put('config/1', [utf8('config')])
  for (const name of [pack, 'keys/mine', 'config/1', pack, 'keys/mine', 'config/1']) {
    await store.get(name)
  }
  expect(counts.gets).toBe(6)
  expect(readdirSync(path)).toEqual([])
})

test('what does not match its name is handed on as it is and not kept', async () => {
  const memory = openMemory({ clock })
  const name = await putIndex(memory, utf8('index'))
  const damaged = withFaults(memory, { clock, decide: () => ({ kind: 'flip', bit: 0 }) })
  const cache = openCacheFolder({ path, clock })
  const store = withCache(damaged, { cache, bytesMax: 1000 })
  expect(await store.get(name)).not.toEqual(utf8('index'))
  expect(await cache.stat(name)).toBeUndefined()
})

test('it stays below its limit, and leaves out what is larger than that', async () => {
  const { memory, cache, store } = setUp(1000)
  for (let i = 0; i < 30; i++) {
    await store.get(await putIndex(memory, new Uint8Array(100).fill(i)))
  }
  await store.get(await putIndex(memory, new Uint8Array(1001)))
  let kept = 0
  for await (const { size } of cache.list('')) kept += size
  expect(kept).toBeLessThanOrEqual(1000)
  expect(kept).toBeGreaterThanOrEqual(500)
})

test('pruning drops what the store no longer lists', async () => {
  const { memory, cache, store } = setUp()
  const names = [await putIndex(memory, utf8('a')), await putIndex(memory, utf8('b'))]
  for (const name of names) await store.get(name)
  await pruneCache(cache, { prefix: 'index/', listed: new Set(names.slice(1)) })
  expect(await cache.stat(names[0] as string)).toBeUndefined()
  expect(await cache.stat(names[1] as string)).toBeDefined()
})

test('a cache that cannot be used fails nothing, and somebody is told', async () => {
  writeFileSync(join(path, 'index'), 'a file where a folder should be')
  const { memory, store, errors } = setUp()
  const name = await putIndex(memory, utf8('index'))
  expect(await store.get(name)).toEqual(utf8('index'))
  expect(errors.length).toBeGreaterThan(0)
})

test('several at once, with one folder between them, read the same', async () => {
  const { memory } = setUp()
  const names = await Promise.all(
    Array.from({ length: 50 }, (_, i) => putIndex(memory, utf8(`index ${i}`))),
  )
  const readers = [1, 2, 3].map(() =>
    withCache(memory, { cache: openCacheFolder({ path, clock }), bytesMax: 200 }),
  )
  await Promise.all(
    readers.flatMap((reader) =>
      names.map(async (name, i) => expect(await reader.get(name)).toEqual(utf8(`index ${i}`))),
    ),
  )
})
