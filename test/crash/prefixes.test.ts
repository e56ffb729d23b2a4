// Everything that a life of a repository changes in its store, cut off after each change: whoever was killed
// there, or lost power, since what a store has acknowledged stays. The invariants:
//
// 1. `check` finds nothing wrong.
// 2. Every confirmed snapshot that is listed is whole.
// 3. Forgotten ones can be had back as long as their window is open.

import { beforeAll, expect, test } from 'vitest'
import type { Bytes } from '../../src/base/bytes.ts'
import { concat } from '../../src/base/bytes.ts'
import { check } from '../../src/engine/check.ts'
import { forget } from '../../src/engine/forget.ts'
import { loadUndeletable, undelete } from '../../src/engine/undelete.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { decorate } from '../../src/store/decorate.ts'
import { openMemory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { DAY_MS, HOUR_MS, Siege } from '../attacks/siege.ts'
import { NO_CATALOG } from '../repositories/no-catalog.ts'

interface Change {
  readonly name: string
  /** What was put; undefined where it was removed. */
  readonly bytes: Bytes | undefined
  readonly atMs: number
}

/** In the order in which the store acknowledged them. */
const changes: Change[] = []
let siege: Siege
/** Before the first change. */
let first: readonly { readonly name: string; readonly bytes: Bytes }[]

function recording(store: Store): Store {
  return decorate(store, {
    put: async (name, parts) => {
      const result = await store.put(name, parts)
      if (result === 'created') changes.push({ name, bytes: concat(parts), atMs: siege.nowMs })
      return result
    },
    remove: async (name) => {
      await store.remove(name)
      changes.push({ name, bytes: undefined, atMs: siege.nowMs })
    },
  })
}

const quiet = {
  host: 'host',
  random: systemRandom,
  onWarning: () => undefined,
  onProblem: () => undefined,
  onForgotten: () => undefined,
  onPlan: () => undefined,
} as const

function forgetOne(repository: Repository, id: string): Promise<unknown> {
  return forget({
    ...quiet,
    repository,
    forgetting: {
      kind: 'ids',
      select: ({ snapshots }) => snapshots.filter((one) => one.id === id),
      minimum: 0,
    },
    dryRun: false,
    catalog: NO_CATALOG,
    clock: siege.clock,
  })
}

beforeAll(async () => {
  siege = await Siege.begin()
  first = await objectsOf(siege.store)
  siege.through(recording)
  const [one, two] = [await siege.save(['a', 'b', 'c']), await siege.save(['c', 'd'])]
  await siege.save(['d', 'e'])
  await forgetOne(siege.owner, one)
  await siege.prune(2)
  await undelete({ ...quiet, repository: siege.owner, clock: siege.clock, wanted: [one] })
  await forgetOne(siege.owner, two)
  siege.nowMs += 8 * DAY_MS
  await siege.prune(3)
  await siege.save(['c', 'f'])
  await siege.prune(2, { compact: true })
})

test('the life has what is to be cut off: moved frames, marks, records, removals', () => {
  const folders = new Set(changes.map(({ name }) => name.split('/')[0]))
  expect([...folders].sort()).toEqual(
    [
      'forgets',
      'index',
      'leases',
      'marks',
      'packs',
      'receipts',
      'renewals',
      'sightings',
      'snapshots',
    ].sort(),
  )
  const removed = changes.filter(({ bytes }) => bytes === undefined)
  expect(removed.some(({ name }) => name.startsWith('packs/'))).toBe(true)
  expect(removed.some(({ name }) => name.startsWith('marks/'))).toBe(true)
})

test('cut off after any change it is whole', async () => {
  for (let length = 0; length <= changes.length; length++) {
    const store = await storeAfter(length)
    const repository = { ...siege.owner, store, segmentDomains: new Map<string, string>() }
    expect(await problemsOf(repository), `after ${length} changes`).toEqual([])
    const { snapshots } = await loadSnapshots(repository)
    const confirmed = snapshots.filter((one) => one.confirmed).map(({ id }) => id)
    expect(await siege.lost(confirmed, store), `after ${length} changes`).toEqual([])
  }
}, 300_000)

test('what was forgotten can be had back wherever the rest was cut off', async () => {
  let offers = 0
  for (let length = 0; length <= changes.length; length += 3) {
    const store = await storeAfter(length)
    const repository = { ...siege.owner, store, segmentDomains: new Map<string, string>() }
    const options = { ...quiet, repository, clock: siege.clock }
    const { offered } = await loadUndeletable(options)
    const wanted = offered.map(({ id }) => id)
    offers += wanted.length
    const { failed } = await undelete({ ...options, wanted })
    expect(failed, `after ${length} changes`).toEqual([])
  }
  expect(offers).toBeGreaterThan(5)
}, 300_000)

async function objectsOf(store: Store) {
  const objects = []
  for await (const { name } of store.list('')) objects.push({ name, bytes: await store.get(name) })
  return objects
}

/** As it was after so many changes, with the stamps of then. */
async function storeAfter(length: number): Promise<Store> {
  let nowMs = siege.nowMs
  const clock = { ...siege.clock, nowMs: () => nowMs }
  const store = openMemory({ clock })
  for (const { name, bytes } of first) await store.put(name, [bytes])
  for (const { name, bytes, atMs } of changes.slice(0, length)) {
    nowMs = atMs
    if (bytes === undefined) await store.remove(name)
    else await store.put(name, [bytes])
  }
  nowMs = (changes[length - 1]?.atMs ?? siege.nowMs) + HOUR_MS
  return store
}

async function problemsOf(repository: Repository): Promise<readonly string[]> {
  const { problems } = await check({
    repository,
    mode: 'structure',
    workers: 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onProblem: () => undefined,
  })
  return problems.map(({ kind, object, what }) => `${kind} ${object} ${what}`)
}
