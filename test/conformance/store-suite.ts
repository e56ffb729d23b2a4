// The contract of src/store/store.ts, line by line, for every kind of store and every decorator.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bytes, concat, equalBytes, utf8 } from '../../src/base/bytes.ts'
import { isCairnError } from '../../src/base/errors.ts'
import { digestOf, getVerified, putContent } from '../../src/store/content.ts'
import { CONTENT_FOLDERS, contentName } from '../../src/store/names.ts'
import type { ObjectInfo, Store } from '../../src/store/store.ts'
import { sampleBytes, sampleObject } from './sample-objects.ts'

export interface StoreUnderTest {
  /** An empty store of its own. */
  readonly store: Store
  /** A second way into the same store, as from another process. */
  readonly second: Store
  /** Puts there what no Cairn writes, where that is possible. */
  readonly addJunk?: () => Promise<void>
  readonly dispose: () => Promise<void>
}

const MEBI = 1024 * 1024

export async function namesIn(store: Store, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.list(prefix)) names.push(name)
  return names.sort()
}

export function describeStore(kind: string, open: () => Promise<StoreUnderTest>): void {
  describe(kind, () => {
    let opened: StoreUnderTest
    let store: Store
    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(() => opened.dispose())

    describePut(() => opened)
    describeGet(() => store)
    describeListing(() => opened)
    describeRemoval(() => store)
    describeNames(() => store)

    test('its address holds no credentials and it can be closed', async () => {
      expect(store.address).not.toMatch(/:\/\/[^/]*@/)
      await store.close()
    })
  })
}

function describePut(opened: () => StoreUnderTest): void {
  test('what was put is got, from its parts in order', async () => {
    const { store, second } = opened()
    const parts = [utf8('one '), new Uint8Array(0), utf8('two '), utf8('three')]
    const name = contentName('index', digestOf(parts))
    await store.put(name, parts)
    expect(await second.get(name)).toEqual(utf8('one two three'))
    expect(await second.put(name, parts)).toBe('exists')
  })

  test('a name that exists is answered so, and its bytes stay', async () => {
    const { store, second } = opened()
    expect(await store.put('config/1', [utf8('first')])).toBe('created')
    expect(await second.put('config/1', [utf8('second')])).toBe('exists')
    expect(await store.get('config/1')).toEqual(utf8('first'))
  })

  test('of several who put one name at once, one creates it and its bytes are there', async () => {
    const { store, second } = opened()
    const all = Array.from({ length: 16 }, (_, i) => sampleBytes(i, 1000 + i))
    const results = await Promise.all(
      all.map((bytes, i) => (i % 2 === 0 ? store : second).put('config/2', [bytes])),
    )
    expect(results.filter((result) => result === 'created')).toHaveLength(1)
    const winner = all[results.indexOf('created')] as Bytes
    expect(equalBytes(await store.get('config/2'), winner)).toBe(true)
  })

  test('an object may be empty', async () => {
    const { store } = opened()
    const name = contentName('marks', digestOf([]))
    await store.put(name, [])
    expect(await store.get(name)).toEqual(new Uint8Array(0))
    expect(await store.get(name, { last: 10 })).toEqual(new Uint8Array(0))
    expect((await store.stat(name))?.size).toBe(0)
  })

  test('40 MiB in parts of odd lengths come back as they were', async () => {
    const { store } = opened()
    const whole = sampleBytes(7, 40 * MEBI)
    const parts: Bytes[] = []
    for (let at = 0; at < whole.length; at += 511_111) parts.push(whole.subarray(at, at + 511_111))
    const name = await putContent(store, { folder: 'packs', parts })
    expect(equalBytes(await getVerified(store, name), whole)).toBe(true)
    await store.remove(name)
  })

  test('thousands of tiny parts are one object', async () => {
    const { store } = opened()
    const parts = Array.from({ length: 5000 }, (_, i) => sampleBytes(i, i % 7))
    const name = await putContent(store, { folder: 'packs', parts })
    expect(equalBytes(await store.get(name), concat(parts))).toBe(true)
  })

  test('what the caller does to its bytes afterwards changes nothing', async () => {
    const { store } = opened()
    const bytes = utf8('before')
    await store.put('keys/mine', [bytes])
    bytes.fill(0)
    expect(await store.get('keys/mine')).toEqual(utf8('before'))
  })
}

function describeGet(store: () => Store): void {
  const { name, bytes } = sampleObject(11, 10_000)
  beforeAll(async () => {
    await store().put(name, [bytes])
  })

  test.each([
    ['from its beginning', { offset: 0, length: 100 }, [0, 100]],
    ['from its middle', { offset: 5000, length: 17 }, [5000, 5017]],
    ['to its end', { offset: 9999, length: 1 }, [9999, 10_000]],
    ['of no length', { offset: 10_000, length: 0 }, [10_000, 10_000]],
    ['that is all of it', { offset: 0, length: 10_000 }, [0, 10_000]],
    ['of its last bytes', { last: 12 }, [9988, 10_000]],
    ['of more last bytes than there are', { last: 20_000 }, [0, 10_000]],
    ['of its last 0 bytes', { last: 0 }, [10_000, 10_000]],
  ])('a range %s', async (_, range, [from, to]) => {
    expect(equalBytes(await store().get(name, range), bytes.slice(from, to))).toBe(true)
  })

  test.each([
    { offset: 9999, length: 2 },
    { offset: 10_001, length: 0 },
    { offset: 1_000_000, length: 1 },
  ])('a range beyond the end is damage and never a short answer: %o', async (range) => {
    const error = await errorOf(store().get(name, range))
    expect(error.code).toBe('object-damaged')
    expect(error.message).toContain(name)
    expect(error.message).toContain('10,000')
  })

  test('what is not there is missing, whole and in part', async () => {
    const absent = sampleObject(12).name
    for (const range of [undefined, { offset: 0, length: 1 }, { last: 1 }]) {
      expect((await errorOf(store().get(absent, range))).code).toBe('object-missing')
    }
    expect(await store().stat(absent)).toBeUndefined()
  })

  test('bytes are alone in their memory: changed and transferred, the object stays', async () => {
    const got = await store().get(name)
    expect(got.buffer.byteLength).toBe(10_000)
    expect(structuredClone(got.buffer, { transfer: [got.buffer as ArrayBuffer] })).toBeDefined()
    const again = await store().get(name, { offset: 10, length: 10 })
    expect(again.buffer.byteLength).toBe(10)
    again.fill(0)
    expect(equalBytes(await store().get(name), bytes)).toBe(true)
  })

  test('many ranges at once', async () => {
    const offsets = Array.from({ length: 200 }, (_, i) => i * 37)
    const got = await Promise.all(offsets.map((offset) => store().get(name, { offset, length: 9 })))
    got.forEach((part, i) => {
      expect(part).toEqual(bytes.slice(i * 37, i * 37 + 9))
    })
  })

  test('stat tells size and the time of storing', async () => {
    const info = await store().stat(name)
    expect(info).toMatchObject({ name, size: 10_000 })
    expect(Number.isSafeInteger(info?.storedAtMs)).toBe(true)
  })
}

function describeListing(opened: () => StoreUnderTest): void {
  const names = CONTENT_FOLDERS.map((folder, i) => sampleObject(i + 20, 50, folder).name)

  test('each folder lists its objects, and all of them are in the listing of everything', async () => {
    const { store, second } = opened()
    await store.put('leases/0123456789abcdef/0', [utf8('lease')])
    await store.put('leases/0123456789abcdef/1', [utf8('lease')])
    for (const [i, folder] of CONTENT_FOLDERS.entries()) {
      await store.put(names[i] as string, [sampleBytes(i + 20, 50)])
      expect(await namesIn(second, `${folder}/`)).toContain(names[i])
    }
    expect(await namesIn(store, 'leases/')).toHaveLength(2)
    expect(await namesIn(store, 'leases/0123456789abcdef/')).toHaveLength(2)
    expect(await namesIn(store, 'leases/aaaaaaaaaaaaaaaa/')).toEqual([])
    const pack = names[0] as string
    expect(await namesIn(store, pack.slice(0, 9))).toEqual([pack])
    expect(await namesIn(store, '')).toEqual(expect.arrayContaining([...names, 'config/1']))
  })

  test('what a listing says of an object is what stat says', async () => {
    const { store } = opened()
    const infos: ObjectInfo[] = []
    for await (const info of store.list('')) infos.push(info)
    for (const info of infos) expect(await store.stat(info.name)).toEqual(info)
  })

  test('10,000 objects come exactly once each, also while others are put and removed', async () => {
    const { store } = opened()
    const before = await namesIn(store, 'packs/')
    const made = Array.from({ length: 10_000 }, (_, i) => sampleObject(i + 1000, 8))
    await inGroups(made, 64, ({ name, bytes }) => store.put(name, [bytes]))
    expect(await namesIn(store, 'packs/')).toEqual([...before, ...made.map(nameOf)].sort())
    const [late, gone] = [sampleObject(99_999), made.pop() as { name: string }]
    const seen: string[] = []
    for await (const { name } of store.list('packs/')) {
      if (seen.push(name) === 1) await Promise.all([put(store, late), store.remove(gone.name)])
    }
    const fixed = seen.filter((name) => name !== late.name && name !== gone.name)
    expect(fixed.sort()).toEqual([...before, ...made.map(nameOf)].sort())
    await inGroups(made, 64, ({ name }) => store.remove(name))
  })

  test('a listing may be left before its end', async () => {
    for await (const info of opened().store.list('')) {
      expect(info.name).not.toBe('')
      break
    }
  })

  test('junk is left out and breaks nothing', async () => {
    const { store, addJunk } = opened()
    const before = await namesIn(store, '')
    await addJunk?.()
    expect(await namesIn(store, '')).toEqual(before)
    expect(await store.put('config/3', [utf8('still works')])).toBe('created')
  })
}

function describeRemoval(store: () => Store): void {
  test('what was removed is gone, and removing it again succeeds', async () => {
    const { name, bytes } = sampleObject(30)
    await store().put(name, [bytes])
    await store().remove(name)
    await store().remove(name)
    expect(await store().stat(name)).toBeUndefined()
    expect((await errorOf(store().get(name))).code).toBe('object-missing')
    expect(await namesIn(store(), name.slice(0, 9))).toEqual([])
    await store().put(name, [bytes])
    expect(await store().get(name)).toEqual(bytes)
  })

  test('removing what never was succeeds', async () => {
    await store().remove(sampleObject(31, 100, 'renewals').name)
  })
}

function describeNames(store: () => Store): void {
  test.each(['../etc/passwd', 'packs/../config/1', '/config/1', 'config/', 'CONFIG/1', 'tmp/1'])(
    'refuses the name %j',
    async (name) => {
      await expect(store().put(name, [])).rejects.toThrow('not the name of an object')
      await expect(store().get(name)).rejects.toThrow('not the name of an object')
      await expect(store().stat(name)).rejects.toThrow('not the name of an object')
      await expect(store().remove(name)).rejects.toThrow('not the name of an object')
    },
  )

  test.each(['packs', 'tmp/', '../', 'pa', '/'])('refuses to list %j', async (prefix) => {
    await expect(namesIn(store(), prefix)).rejects.toThrow('not a folder of objects')
  })
}

async function errorOf(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isCairnError(error)) throw new Error('no CairnError was thrown', { cause: error })
  return error
}

function nameOf({ name }: { readonly name: string }): string {
  return name
}

function put(store: Store, { name, bytes }: { name: string; bytes: Bytes }) {
  return store.put(name, [bytes])
}

async function inGroups<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) {
    await Promise.all(items.slice(at, at + size).map(work))
  }
}
