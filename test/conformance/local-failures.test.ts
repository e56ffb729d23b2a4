// A local store on a disk that is full, read-only, gone or not ours: which error, what it says, and
// that nothing is left half done.

import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock as clock } from '../../src/base/clock.ts'
import { type CairnError, isCairnError } from '../../src/base/errors.ts'
import { getVerified } from '../../src/store/content.ts'
import { type FolderCalls, systemCalls } from '../../src/store/local/folder-calls.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { canPass } from '../../src/store/retry.ts'
import { describeWith } from '../require.ts'
import { sampleObject } from './sample-objects.ts'
import { namesIn } from './store-suite.ts'

let scratch: string
let path: string
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'cairn-failures-'))
  path = join(scratch, 'repository')
  mkdirSync(path)
})
afterEach(() => {
  rmSync(scratch, { recursive: true })
})

const one = sampleObject(1, 1000)
const two = sampleObject(2, 1000)

async function errorOf(work: Promise<unknown>): Promise<CairnError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isCairnError(error)) throw new Error('no CairnError was thrown', { cause: error })
  return error
}

function failing(call: 'createFile' | 'link' | 'syncFolder', code: string): FolderCalls {
  const error = Object.assign(new Error(`${code}: the system's words`), { code })
  return { ...systemCalls, [call]: () => Promise.reject(error) }
}

describeWith('a full disk', ['tmpfs'], () => {
  let mounted: string
  beforeEach(() => {
    mounted = join(scratch, 'small')
    mkdirSync(mounted)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mounted])
  })
  afterEach(() => {
    execFileSync('umount', [mounted])
  })

  test('says no-space, keeps what it has, leaves nothing behind, and works after a removal', async () => {
    const store = openLocal({ path: mounted, clock })
    const objects = Array.from({ length: 9 }, (_, i) => sampleObject(i, 1 << 20))
    let error: CairnError | undefined
    const stored: typeof objects = []
    for (const object of objects) {
      try {
        await store.put(object.name, [object.bytes])
        stored.push(object)
      } catch (thrown) {
        error = thrown as CairnError
        break
      }
    }
    expect(error?.code).toBe('no-space')
    expect(error?.message).toContain('the disk is full')
    expect(error && canPass(error)).toBe(false)
    expect(stored.length).toBeGreaterThanOrEqual(6)
    expect(readdirSync(join(mounted, 'tmp'))).toEqual([])
    expect(await namesIn(store, '')).toEqual(stored.map(({ name }) => name).sort())
    for (const { name } of stored) await getVerified(store, name)
    for (const { name } of stored.slice(0, 1)) await store.remove(name)
    const last = sampleObject(9, 1 << 20)
    expect(await store.put(last.name, [last.bytes])).toBe('created')
  })

  test('mounted read-only it says so, and reads as before', async () => {
    const store = openLocal({ path: mounted, clock })
    await store.put(one.name, [one.bytes])
    execFileSync('mount', ['-o', 'remount,ro', mounted])
    const error = await errorOf(openLocal({ path: mounted, clock }).put(two.name, [two.bytes]))
    expect(error.code).toBe('store-unwritable')
    expect(error.message).toContain('read-only')
    expect(canPass(error)).toBe(false)
    expect((await errorOf(store.remove(one.name))).code).toBe('store-unwritable')
    expect(await getVerified(store, one.name)).toEqual(one.bytes)
  })
})

test.each([
  ['ENOSPC', 'no-space', false],
  ['EDQUOT', 'no-space', false],
  ['EROFS', 'store-unwritable', false],
  ['EACCES', 'store-unwritable', false],
  ['EXDEV', 'store-unwritable', false],
  ['EIO', 'store-unwritable', true],
  ['EMFILE', 'store-unwritable', true],
] as const)(
  '%s while writing is %s, with a hint, and nothing is left',
  async (errno, code, passes) => {
    for (const call of ['createFile', 'link', 'syncFolder'] as const) {
      const store = openLocal({ path, clock, calls: failing(call, errno) })
      const error = await errorOf(store.put(one.name, [one.bytes]))
      expect(error).toMatchObject({ code, context: { object: one.name } })
      expect(error.message).toContain(path)
      expect(error.hint).toMatch(/\.$/)
      expect(canPass(error)).toBe(passes)
      const tmp = join(path, 'tmp')
      if (statSync(tmp, { throwIfNoEntry: false })) expect(readdirSync(tmp)).toEqual([])
    }
    expect(await openLocal({ path, clock }).put(two.name, [two.bytes])).toBe('created')
  },
)

test('a link whose reply was lost, as NFS may, is told created', async () => {
  const link = async (existing: string, target: string) => {
    await systemCalls.link(existing, target)
    await systemCalls.link(existing, target)
  }
  const store = openLocal({ path, clock, calls: { ...systemCalls, link } })
  expect(await store.put(one.name, [one.bytes])).toBe('created')
  expect(await store.put(one.name, [one.bytes])).toBe('exists')
})

test('where links were promised and are refused, a put fails and replaces nothing', async () => {
  const calls = { ...failing('link', 'ENOSYS'), promisesLinks: () => true }
  const store = openLocal({ path, clock, calls })
  expect(store.capabilities.conditionalPut).toBe(true)
  expect((await errorOf(store.put(one.name, [one.bytes]))).code).toBe('store-unwritable')
  const modest = openLocal({ path, clock, calls: { ...calls, promisesLinks: () => false } })
  expect(modest.capabilities.conditionalPut).toBe(false)
  expect(await modest.put(one.name, [one.bytes])).toBe('created')
  expect(await modest.put(one.name, [two.bytes])).toBe('exists')
})

describe('a repository folder that is not there', () => {
  test('is no repository, whatever is asked, so that an unmounted disk never looks empty', async () => {
    const store = openLocal({ path: join(scratch, 'absent'), clock })
    const asked = [
      () => store.put(one.name, [one.bytes]),
      () => store.get(one.name),
      () => store.stat(one.name),
      () => store.remove(one.name),
      () => namesIn(store, ''),
      () => namesIn(store, 'packs/'),
    ]
    for (const ask of asked) expect((await errorOf(ask())).code).toBe('no-repository')
    expect(readdirSync(scratch)).toEqual(['repository'])
  })

  test('is noticed when it goes away between two puts', async () => {
    const store = openLocal({ path, clock })
    await store.put(one.name, [one.bytes])
    renameSync(path, `${path}-unmounted`)
    expect((await errorOf(store.put(two.name, [two.bytes]))).code).toBe('store-unwritable')
    expect((await errorOf(store.put(two.name, [two.bytes]))).code).toBe('no-repository')
    renameSync(`${path}-unmounted`, path)
    expect(await store.put(two.name, [two.bytes])).toBe('created')
  })

  test('is empty for init, and its first put makes it, private, parents and all', async () => {
    const deep = join(scratch, 'a', 'b', 'c')
    const store = openLocal({ path: deep, clock, create: true })
    expect(await namesIn(store, '')).toEqual([])
    expect(await store.stat('config/1')).toBeUndefined()
    await store.put('config/1', [one.bytes])
    expect(statSync(deep).mode & 0o777).toBe(0o700)
    expect(statSync(join(deep, 'config')).mode & 0o777).toBe(0o700)
    expect(statSync(join(deep, 'config', '1')).mode & 0o777).toBe(0o600)
  })
})

describe('what stands in the place of an object', () => {
  const place = () => join(path, one.name)
  beforeEach(() => {
    mkdirSync(join(path, one.name.slice(0, 8)), { recursive: true })
  })

  test.each([
    ['a link', () => symlinkSync('/etc/passwd', place())],
    ['a dangling link', () => symlinkSync('nowhere', place())],
    ['a folder', () => mkdirSync(place())],
    ['a pipe', () => spawnSync('mkfifo', [place()])],
  ])('%s is no object: not listed, not read, not replaced', async (_, make) => {
    make()
    const store = openLocal({ path, clock })
    expect(await namesIn(store, '')).toEqual([])
    expect(await store.stat(one.name)).toBeUndefined()
    expect((await errorOf(store.get(one.name))).code).toBe('object-damaged')
    const error = await errorOf(store.put(one.name, [one.bytes]))
    expect(error.code).toBe('store-unwritable')
    expect(canPass(error)).toBe(false)
  })

  test('a file that was cut short is put as existing, and reading it says where it ends', async () => {
    const store = openLocal({ path, clock })
    await store.put(one.name, [one.bytes])
    truncateSync(place(), 512)
    expect((await errorOf(store.get(one.name, { offset: 500, length: 500 }))).message).toContain(
      'it ends after 512 of at least 1,000 bytes',
    )
    expect((await errorOf(getVerified(store, one.name))).code).toBe('object-damaged')
  })

  test('a file larger than any object is refused before memory is taken for it', async () => {
    writeFileSync(place(), '')
    truncateSync(place(), 2 ** 40)
    const store = openLocal({ path, clock })
    expect((await errorOf(store.get(one.name))).message).toContain('more than any object has')
    expect(await store.get(one.name, { last: 8 })).toEqual(new Uint8Array(8))
  })
})

test('a folder that is a link out of the repository is not followed', async () => {
  const outside = join(scratch, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, one.name.slice(9)), one.bytes)
  mkdirSync(join(path, 'packs'))
  symlinkSync(outside, join(path, one.name.slice(0, 8)))
  const store = openLocal({ path, clock })
  expect(await namesIn(store, '')).toEqual([])
  expect((await errorOf(store.get(one.name))).code).toBe('object-damaged')
  expect((await errorOf(store.put(one.name, [one.bytes]))).code).toBe('store-unwritable')
  expect((await errorOf(store.remove(one.name))).code).toBe('store-unwritable')
  expect(readdirSync(outside)).toEqual([one.name.slice(9)])
})

test('the repository folder itself may be a link', async () => {
  const link = join(scratch, 'link')
  symlinkSync(path, link)
  await openLocal({ path: link, clock }).put(one.name, [one.bytes])
  expect(await getVerified(openLocal({ path, clock }), one.name)).toEqual(one.bytes)
})

test('a folder without permission says so', async () => {
  chmodSync(scratch, 0o755)
  chmodSync(path, 0o555)
  const asRoot = process.geteuid?.() === 0
  if (asRoot) process.seteuid?.(65_534)
  const error = await errorOf(openLocal({ path, clock }).put(one.name, [one.bytes])).finally(() => {
    if (asRoot) process.seteuid?.(0)
    chmodSync(path, 0o700)
  })
  expect(error.code).toBe('store-unwritable')
  expect(error.message).toContain('permission is denied')
})
