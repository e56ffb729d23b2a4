// The folders of leases in a local store: one for each session, gone with the last lease in it, and made
// again for whoever puts one at that moment.

import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { systemClock as clock } from '../../src/base/clock.ts'
import { type FolderCalls, systemCalls } from '../../src/store/local/folder-calls.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { sampleObject } from './sample-objects.ts'
import { namesIn } from './store-suite.ts'

let path: string
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'cairn-leases-'))
})
afterEach(() => {
  rmSync(path, { recursive: true })
})

const SESSION = 'leases/0123456789abcdef'
const lease = (number: number) => `${SESSION}/${number}`
const bytes = [utf8('lease')]

test('the folder of a session goes with its last lease', async () => {
  const store = openLocal({ path, clock })
  for (const number of [1, 2]) await store.put(lease(number), bytes)
  await store.put('leases/aaaaaaaaaaaaaaaa/1', bytes)
  await store.remove(lease(1))
  expect(readdirSync(join(path, SESSION))).toEqual(['2'])
  await store.remove(lease(2))
  expect(readdirSync(join(path, 'leases'))).toEqual(['aaaaaaaaaaaaaaaa'])
  await store.remove(lease(2))
  expect(await store.put(lease(3), bytes)).toBe('created')
  expect(await namesIn(store, 'leases/')).toHaveLength(2)
})

test('no other folder goes, nor one with anything in it', async () => {
  const store = openLocal({ path, clock })
  const objects = [sampleObject(1, 10), sampleObject(3, 10, 'index')]
  for (const { name, bytes: content } of objects) {
    await store.put(name, [content])
    await store.remove(name)
    expect(existsSync(join(path, name, '..'))).toBe(true)
  }
  await store.put(lease(1), bytes)
  writeFileSync(join(path, SESSION, 'notes'), 'of the user')
  await store.remove(lease(1))
  expect(readdirSync(join(path, SESSION))).toEqual(['notes'])
})

/** The system's calls; before the first of one kind the folder is taken away. */
function takenBefore(call: 'link' | 'syncFolder'): FolderCalls {
  let left = 1
  const take = () => {
    if (left-- <= 0) return
    rmSync(join(path, lease(1)), { force: true })
    rmdirSync(join(path, SESSION))
  }
  return {
    ...systemCalls,
    link: (from, to) => {
      if (call === 'link') take()
      return systemCalls.link(from, to)
    },
    syncFolder: (folder) => {
      if (call === 'syncFolder' && folder.endsWith(SESSION)) take()
      return systemCalls.syncFolder(folder)
    },
  }
}

test.each(['link', 'syncFolder'] as const)(
  'a put whose folder goes just before its %s makes it again',
  async (call) => {
    const store = openLocal({ path, clock, calls: takenBefore(call) })
    expect(await store.put(lease(1), bytes)).toBe('created')
    expect(await store.get(lease(1))).toEqual(bytes[0])
  },
)

test('a removal whose folder goes before it is synced is a removal', async () => {
  await openLocal({ path, clock }).put(lease(1), bytes)
  const store = openLocal({ path, clock, calls: takenBefore('syncFolder') })
  await store.remove(lease(1))
  expect(readdirSync(join(path, 'leases'))).toEqual([])
})

test('two that put and remove at the same moment lose no lease', async () => {
  const work = async (first: number) => {
    const store = openLocal({ path, clock })
    for (let number = first; number < first + 60; number++) {
      expect(await store.put(lease(number), bytes)).toBe('created')
      expect(await store.get(lease(number))).toEqual(bytes[0])
      await store.remove(lease(number))
    }
  }
  await Promise.all([work(0), work(1000), work(2000)])
  expect(readdirSync(join(path, 'leases'))).toEqual([])
})
