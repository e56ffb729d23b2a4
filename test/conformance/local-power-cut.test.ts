// A power cut at any moment, for the local store. The invariants:
//
// 1. an object under its name is whole, whatever else was lost;
// 2. an object whose put has returned is there;
// 3. an object whose removal has returned is gone.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bytes, fromUtf8, utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { matchesName } from '../../src/store/content.ts'
import type { FolderCalls } from '../../src/store/local/folder-calls.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { isObjectName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { powerCuts, type RecordedCall, recordCalls } from './recorded-calls.ts'
import { sampleObject } from './sample-objects.ts'

let scratch: string
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'cairn-power-'))
})
afterAll(() => {
  rmSync(scratch, { recursive: true })
})

let runs = 0

/** Puts and removes, one after the other and at once; returns what was recorded. */
async function workload(calls: (record: RecordedCall[]) => FolderCalls) {
  const record: RecordedCall[] = []
  const path = join(scratch, `${runs++}`, 'repository')
  const store = openLocal({ path, clock: systemClock, create: true, calls: calls(record) })
  const other = openLocal({ path, clock: systemClock, create: true, calls: calls(record) })
  const put = async (seed: number, into = store) => {
    const { name, bytes } = sampleObject(seed, 5000, seed % 3 === 0 ? 'index' : 'packs')
    await into.put(name, [bytes.subarray(0, 1234), bytes.subarray(1234)])
    record.push({ call: 'returned', path: `${path}/${name}` })
    return name
  }
  for (let seed = 0; seed < 6; seed++) await put(seed)
  await Promise.all([6, 7, 8, 9, 10].map((seed) => put(seed)))
  // The same object from two sides: who is told 'exists' is promised as much.
  await Promise.all([put(11), put(11, other), put(12), put(12, other)])
  for (const seed of [0, 1, 7]) {
    const name = sampleObject(seed, 5000, seed % 3 === 0 ? 'index' : 'packs').name
    await store.remove(name)
    record.push({ call: 'removed', path: `${path}/${name}` })
  }
  await leaveLeases(store, { record, path })
  return { record, path }
}

/** A lease that goes with its folder, and others that are put into it afterwards and at that moment. */
async function leaveLeases(
  store: Store,
  { record, path }: { readonly record: RecordedCall[]; readonly path: string },
): Promise<void> {
  const put = async (number: number) => {
    const name = `leases/0123456789abcdef/${number}`
    await store.put(name, [utf8('lease')])
    record.push({ call: 'returned', path: `${path}/${name}` })
    return name
  }
  const remove = async (name: string) => {
    await store.remove(name)
    record.push({ call: 'removed', path: `${path}/${name}` })
  }
  await remove(await put(1))
  const second = await put(2)
  await Promise.all([remove(second), put(3)])
}

/** The invariants that some power cut breaks. */
function brokenBy({ record, path }: { record: RecordedCall[]; path: string }): Set<number> {
  const broken = new Set<number>()
  for (const { eager, lazy, promised, removed } of powerCuts(record, scratch)) {
    for (const [file, bytes] of [...eager, ...lazy]) {
      const name = file.slice(path.length + 1)
      if (isObjectName(name) && !isWhole(name, bytes)) broken.add(1)
    }
    for (const file of promised) if (!lazy.has(file)) broken.add(2)
    for (const file of removed) if (lazy.has(file)) broken.add(3)
  }
  return broken
}

function isWhole(name: string, bytes: Bytes): boolean {
  return name.startsWith('leases/') ? fromUtf8(bytes) === 'lease' : matchesName(name, bytes)
}

test('a power cut at any moment leaves whole objects, all that were promised, none removed', async () => {
  const done = await workload((record) => recordCalls(record))
  expect(done.record.length).toBeGreaterThan(100)
  expect(brokenBy(done)).toEqual(new Set())
})

test('the same holds on a file system without links', async () => {
  const done = await workload((record) => recordCalls(record, { links: false }))
  expect(done.record.filter(({ call }) => call === 'rename').length).toBeGreaterThan(10)
  expect(brokenBy(done)).toEqual(new Set())
})

// The suite must notice each of these, else it shows nothing.
test.each([
  ['a file that is not synced', 'syncFile', [1]],
  ['a folder that is not synced', 'syncFolder', [2]],
] as const)('notices %s', async (_, missing, invariants) => {
  const { record, path } = await workload((calls) => recordCalls(calls))
  const without = record.filter(({ call }) => call !== missing)
  expect([...brokenBy({ record: without, path })]).toEqual(expect.arrayContaining([...invariants]))
})

test('notices a name that appears before its bytes are safe', async () => {
  const { record, path } = await workload((calls) => recordCalls(calls))
  const late = record.filter(({ call }) => call !== 'syncFile')
  late.push(...record.filter(({ call }) => call === 'syncFile').slice(-1))
  expect(brokenBy({ record: late.slice(0, -1), path })).toContain(1)
})

test('notices a removal that is not synced', async () => {
  const { record, path } = await workload((calls) => recordCalls(calls))
  const isRemoval = (one: RecordedCall) =>
    one.call === 'unlink' && isObjectName(one.path.slice(path.length + 1))
  const lastUnlink = record.findLastIndex(isRemoval)
  const without = record.filter((call, at) => at < lastUnlink || call.call !== 'syncFolder')
  expect(brokenBy({ record: without, path })).toContain(3)
})
