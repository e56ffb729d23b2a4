// `prune --compact`: frames that are partly needed are split by who can open them, and what is needed of them is
// whole afterwards, byte for byte.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { CairnError } from '../../src/base/errors.ts'
import { GRACE_MS } from '../../src/engine/prune/timing.ts'
import { type PruneOptions, type PruneResult, prune } from '../../src/engine/prune.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { decorate } from '../../src/store/decorate.ts'
import { openMemory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { newSecret } from '../repositories/sample.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  expectSame,
  expectSound,
  idOf,
  makeRepository,
  namesIn,
  restoreFolder,
  Scratch,
  storedBytes,
  type TestRepository,
  throughStore,
} from './fixture.ts'
import { forgetIds } from './retention.ts'

const scratch = new Scratch()
let nowMs = 0
const clock: Clock = {
  ...systemClock,
  nowMs: () => nowMs,
  sleep: (ms) => {
    nowMs += ms
    return Promise.resolve()
  },
}
const QUIET = {
  host: 'host',
  dryRun: false,
  clock,
  random: systemRandom,
  onPlan: () => undefined,
  onWarning: () => undefined,
} as const
let source: string
let repository: TestRepository
/** Of the first run. */
let packs: readonly string[]
let before: ReturnType<typeof describeTree>

/** Three of four files of one run are gone in the next, and the first is forgotten. */
beforeEach(async () => {
  nowMs = systemClock.nowMs()
  source = scratch.make('source')
  repository = await makeRepository({ store: openMemory({ clock }) })
  for (let folder = 0; folder < 8; folder++) {
    mkdirSync(join(source, `${folder}`))
    for (let i = 0; i < 40; i++)
      writeFileSync(join(source, `${folder}/${i}`), systemRandom(200 + 10 * i))
  }
  const first = await backupFolder(repository, source, { clock })
  packs = await namesIn(repository.store, 'packs/')
  for (let folder = 0; folder < 8; folder++)
    for (let i = 0; i < 40; i++) if (i % 4 !== 0) rmSync(join(source, `${folder}/${i}`))
  before = describeTree(source)
  nowMs += 60_000
  await backupFolder(repository, source, { clock })
  await forgetIds(repository.repository, idOf(first))
  nowMs += GRACE_MS
})

function pruneOnce({
  store = repository.store,
  ...changes
}: Partial<PruneOptions> & { readonly store?: Store } = {}): Promise<PruneResult> {
  const run = async () =>
    prune({
      repository: (await throughStore(repository, store)).repository,
      limits: {
        graceMs: GRACE_MS,
        windowMs: 0,
        moveBytesMax: 2 ** 30,
        unusedMax: 0,
        compact: true,
      },
      ...QUIET,
      signal: new AbortController().signal,
      ...changes,
    })
  return run()
}

async function expectWhole(): Promise<void> {
  await expectSound(repository)
  const target = scratch.make('target')
  expect((await restoreFolder(repository, target, { from: source })).problems).toEqual([])
  expectSame(before, target)
}

test('frames are split, what is needed is whole, and the old packs go with the next run', async () => {
  const bytes = await storedBytes(repository.store)
  const { compacted, marks, plan } = await pruneOnce()
  expect(compacted[0]?.storedBytes).toBeLessThan(0.5 * (compacted[0]?.splitBytes as number))
  expect(marks).toHaveLength(1)
  expect(plan.domains[0]?.liveness.partlyNeeded()).toEqual([])
  await expectWhole()
  nowMs += GRACE_MS + 60_000
  await pruneOnce()
  nowMs += GRACE_MS + 60_000
  const last = await pruneOnce()
  expect(last.compacted).toEqual([])
  const left = await namesIn(repository.store, 'packs/')
  expect(left.filter((name) => packs.includes(name))).toEqual([])
  expect(await storedBytes(repository.store)).toBeLessThan(0.6 * bytes)
  await expectWhole()
})

test('what was split once is split again when less of it is needed, and never stored twice for good', async () => {
  await pruneOnce()
  const bytes: number[] = []
  for (const part of [8, 16]) {
    for (let folder = 0; folder < 8; folder++)
      for (let i = 0; i < 40; i++)
        if (i % part !== 0) rmSync(join(source, `${folder}/${i}`), { force: true })
    before = describeTree(source)
    const [gone] = await namesIn(repository.store, 'snapshots/')
    nowMs += GRACE_MS + 60_000
    await backupFolder(repository, source, { clock, cacheFolder: scratch.path('cache') })
    await forgetIds(repository.repository, (gone as string).slice('snapshots/'.length))
    nowMs += GRACE_MS + 60_000
    const { compacted } = await pruneOnce()
    expect(compacted[0]?.splitBytes).toBeGreaterThan(0)
    nowMs += GRACE_MS + 60_000
    await pruneOnce()
    nowMs += GRACE_MS + 60_000
    const last = await pruneOnce()
    expect(last.compacted).toEqual([])
    const [domain] = last.plan.domains
    const wasted = domain?.liveness.packs.map(
      ({ deadBytes, wastedBytes }) => deadBytes + wastedBytes,
    )
    expect(wasted?.reduce((sum, one) => sum + one, 0)).toBe(0)
    bytes.push(await storedBytes(repository.store))
    await expectWhole()
  }
  expect(bytes[1]).toBeLessThan(bytes[0] as number)
})

test('of what two have split at once, one splits both again and stores it once', async () => {
  // Two plans of the same moment: the second run sees nothing of what the first one stores.
  const names = new Set(await namesIn(repository.store, ''))
  const blind = decorate(repository.store, {
    list: async function* (prefix) {
      for await (const info of repository.store.list(prefix))
        if (names.has(info.name) || info.name.startsWith('leases/')) yield info
    },
  })
  await pruneOnce()
  await pruneOnce({ store: blind })
  await expectWhole()
  for (let folder = 0; folder < 8; folder++)
    for (let i = 0; i < 40; i++)
      if (i % 8 !== 0) rmSync(join(source, `${folder}/${i}`), { force: true })
  before = describeTree(source)
  const [gone] = await namesIn(repository.store, 'snapshots/')
  await backupFolder(repository, source, { clock, cacheFolder: scratch.path('cache') })
  await forgetIds(repository.repository, (gone as string).slice('snapshots/'.length))
  for (let run = 0; run < 4; run++) {
    nowMs += GRACE_MS + 60_000
    await pruneOnce()
  }
  const bytes = await storedBytes(repository.store)
  await expectWhole()
  const other = await makeRepository({ store: openMemory({ clock }) })
  await backupFolder(other, source, { clock })
  expect(bytes).toBeLessThan(1.5 * (await storedBytes(other.store)))
})

test('a backup after it stores nothing again', async () => {
  await pruneOnce()
  nowMs += GRACE_MS + 60_000
  await pruneOnce()
  const { result } = await backupFolder(repository, source, {
    clock,
    cacheFolder: scratch.path('cache'),
  })
  // The folders above it are not as they were.
  expect(result.addedBytes).toBeLessThan(20_000)
})

test('a dry run says what it would split, and changes nothing', async () => {
  const names = await namesIn(repository.store, '')
  const { plan } = await pruneOnce({ dryRun: true })
  expect(plan.domains[0]?.compaction.freeBytes).toBeGreaterThan(50_000)
  expect(
    (await namesIn(repository.store, '')).filter((name) => !name.startsWith('leases')),
  ).toEqual(names.filter((name) => !name.startsWith('leases')))
})

test('what may stay unused, and what one run moves, bounds what is split', async () => {
  const limits = { graceMs: GRACE_MS, windowMs: 0, compact: true }
  const few = await pruneOnce({
    dryRun: true,
    limits: { ...limits, moveBytesMax: 2 ** 30, unusedMax: 1 },
  })
  expect(few.plan.domains[0]?.compaction.frames).toEqual([])
  const none = await pruneOnce({
    dryRun: true,
    limits: { ...limits, moveBytesMax: 1, unusedMax: 0 },
  })
  expect(none.plan.domains[0]?.compaction.frames).toEqual([])
})

test('a key that opens nothing is told so before anything happens', async () => {
  const upkeep = newSecret()
  await addGrant(repository.repository, {
    ...upkeep,
    role: 'upkeep',
    label: 'upkeep',
    domains: ['default'],
    random: systemRandom,
    clock,
  })
  const names = await namesIn(repository.store, '')
  const { store } = repository
  await expect(
    pruneOnce({ repository: await openRepository(store, upkeep) }),
  ).rejects.toMatchObject({ code: 'not-permitted' })
  expect(await namesIn(repository.store, '')).toEqual(names)
})

describe('when it does not come to its end', () => {
  /** Fails at the put with this number. */
  function failingAt(number: number, error: CairnError): Store {
    let puts = 0
    return decorate(repository.store, {
      put: (name, parts) =>
        puts++ >= number ? Promise.reject(error) : repository.store.put(name, parts),
    })
  }

  test.each([0, 2, 4, 5])('all is whole where the store is full at put %i', async (number) => {
    const store = failingAt(number, new CairnError('no-space', 'full'))
    const done = await pruneOnce({ store }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'no-space' })
    })
    // Nothing is said to be stored anew that is not.
    for (const one of done?.compacted ?? []) expect(one.storedBytes).toBe(0)
    await expectWhole()
    await pruneOnce()
    nowMs += GRACE_MS + 60_000
    await pruneOnce()
    await expectWhole()
  })

  test.each([1, 3, 5])('all is whole where the store is gone at put %i', async (number) => {
    const store = failingAt(number, new CairnError('store-unwritable', 'gone'))
    await pruneOnce({ store }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'store-unwritable' })
    })
    await expectWhole()
    nowMs += GRACE_MS + 60_000
    await pruneOnce()
    await expectWhole()
  })

  test('frames that cannot be opened stay, and are told', async () => {
    const [domain] = (await pruneOnce({ dryRun: true })).plan.domains
    const pack = domain?.compaction.frames[0]?.pack as string
    const store = decorate(repository.store, {
      get: async (name, range) => {
        const bytes = await repository.store.get(name, range)
        return name === pack && range !== undefined && 'offset' in range && range.length > 100
          ? bytes.map((byte) => byte ^ 1)
          : bytes
      },
    })
    const { compacted } = await pruneOnce({ store })
    expect(compacted[0]?.obstacles.map(({ object }) => object)).toEqual([pack])
    await expectWhole()
    nowMs += GRACE_MS + 60_000
    await pruneOnce()
    await expectWhole()
  })
})
