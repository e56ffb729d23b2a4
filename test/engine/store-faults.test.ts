// A store that fails: at any put a backup ends with the store's own error, never as a success, never
// for ever; what was there before stays good, and the next run goes on from what was acknowledged.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { fromHex } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { CairnError } from '../../src/base/errors.ts'
import { putMark } from '../../src/repository/marks.ts'
import { openRepository, selectDomain } from '../../src/repository/repository.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { decorate } from '../../src/store/decorate.ts'
import { type Call, type Fault, withFaults } from '../../src/store/fault.ts'
import { withListingLag } from '../../src/store/listing-lag.ts'
import { withSpaceLimit } from '../../src/store/space-limit.ts'
import type { Store } from '../../src/store/store.ts'
import { noise } from '../repositories/sample.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  copyRepository,
  expectSame,
  expectSound,
  makeRepository,
  namesIn,
  restoreFolder,
  Scratch,
  SHORT_FRAMES,
  snapshotsOf,
  storedBytes,
  type TestRepository,
  throughStore,
} from './fixture.ts'

const scratch = new Scratch()
let source: string
let before: ReturnType<typeof describeTree>

beforeAll(() => {
  source = scratch.make('source')
  mkdirSync(join(source, 'folder'))
  for (let i = 0; i < 6; i++) writeFileSync(join(source, `folder/${i}`), noise(700_000, i))
  before = describeTree(source)
})

async function expectRestores(test: TestRepository): Promise<void> {
  const target = scratch.path('target')
  expect((await restoreFolder(test, target, { from: source })).problems).toEqual([])
  expectSame(before, target)
}

/** Packs that are small, so that there are several. */
const small = { uploadBytesMax: 2_000_000 }

describe('a put that fails', () => {
  let earlier: TestRepository
  let other: string

  beforeAll(async () => {
    other = scratch.make('other')
    writeFileSync(join(other, 'file'), noise(100_000, 99))
    earlier = await makeRepository({ chunker: SHORT_FRAMES })
    await backupFolder(earlier, other, { sourceName: 'other' })
  })

  async function countPuts(): Promise<number> {
    const { store, repository } = await copyRepository(earlier)
    let puts = 0
    const counting = decorate(store, {
      put: (name, parts) => {
        puts++
        return store.put(name, parts)
      },
    })
    await backupFolder({ repository: { ...repository, store: counting } }, source, {
      ...small,
      cacheFolder: scratch.path('cache'),
    })
    return puts
  }

  test.each(['fail', 'lose-reply'] as const)(
    'ends the run with its error, whichever put it is (%s)',
    async (kind) => {
      const count = await countPuts()
      expect(count).toBeGreaterThan(6)
      for (let failing = 0; failing < count; failing++) await failAt(failing, kind, count)
    },
  )

  async function failAt(
    failing: number,
    kind: 'fail' | 'lose-reply',
    count: number,
  ): Promise<void> {
    const made = await copyRepository(earlier)
    let puts = 0
    const decide = ({ operation }: Call): Fault | undefined =>
      operation === 'put' && puts++ === failing ? { kind } : undefined
    const faulty = await throughStore(made, withFaults(made.store, { clock: systemClock, decide }))
    const cacheFolder = scratch.path('cache')
    const run = backupFolder(faulty, source, { ...small, cacheFolder })
    await expect(run, `put ${failing}`).rejects.toMatchObject({ code: 'store-unwritable' })
    const again = await openRepository(made.store, made.key)
    const kept = await storedBytes(made.store)
    await expectSound({ ...made, repository: again })
    const names = (await snapshotsOf({ repository: again })).filter((one) => one.confirmed)
    // Only a receipt whose reply was lost makes a snapshot of a run that has failed.
    const mayBeMade = kind === 'lose-reply' && failing === count - 1
    expect(names.length).toBe(mayBeMade ? 2 : 1)
    const next = await backupFolder({ repository: again }, source, { ...small, cacheFolder })
    expect(next.result.snapshot).toBeDefined()
    expect(kept + next.result.addedStoredBytes).toBe(await storedBytes(made.store))
    await expectSound({ ...made, repository: again })
    await expectRestores({ ...made, repository: again })
  }

  test('for lack of space is told as such', async () => {
    const made = await copyRepository(earlier)
    const full = await throughStore(made, withSpaceLimit(made.store, 1_000_000))
    const run = backupFolder(full, source, { ...small, cacheFolder: scratch.path('cache') })
    await expect(run).rejects.toMatchObject({ code: 'no-space' })
    await expectSound(made)
  })
})

test('a lease that cannot be put ends the run before anything else is stored', async () => {
  const made = await makeRepository()
  const names = await namesIn(made.store, '')
  const refusing = decorate(made.store, {
    put: (name, parts) =>
      name.startsWith('leases/')
        ? Promise.reject(new CairnError('store-unwritable', 'no'))
        : made.store.put(name, parts),
  })
  const run = backupFolder(await throughStore(made, refusing), source)
  await expect(run).rejects.toMatchObject({ code: 'store-unwritable' })
  expect(await namesIn(made.store, '')).toEqual(names)
})

/** A mark of a pack, by the owner. */
async function mark({ repository }: TestRepository, pack: string): Promise<void> {
  const domain = selectDomain(repository)
  const packs = [fromHex(pack.slice(-64)) as Uint8Array]
  await putMark(repository, {
    domain,
    signatory: upkeepSignatory(repository, domain),
    mark: { packs, snapshots: [], markedMs: 1 },
  })
}

describe('a pack that is lost between scan and commit', () => {
  const lose: Readonly<Record<string, (made: TestRepository, pack: string) => Promise<void>>> = {
    removed: ({ store }, pack) => store.remove(pack),
    marked: mark,
  }
  const whose = ['of this run', 'of an earlier run'] as const
  const cases = Object.keys(lose).flatMap((how) => whose.map((which) => [how, which] as const))

  test.each(cases)('is stored again where it was %s, %s', async (how, which) => {
    const made = await makeRepository()
    const cacheFolder = scratch.path('cache')
    if (which === 'of an earlier run') await backupFolder(made, source, { cacheFolder })
    const earlier = await namesIn(made.store, 'packs/')
    let lost: string | undefined
    const losing = decorate(made.store, {
      put: async (name, parts) => {
        const result = await made.store.put(name, parts)
        // The snapshot is the first thing that depends on all packs.
        if (name.startsWith('snapshots/') && lost === undefined) {
          const packs = await namesIn(made.store, 'packs/')
          const candidates = which === 'of this run' ? packs : earlier
          lost = await firstDataPack(made.store, candidates)
          await lose[how]?.(made, lost)
        }
        return result
      },
    })
    const { result } = await backupFolder(await throughStore(made, losing), source, { cacheFolder })
    expect(lost).toBeDefined()
    if (how === 'marked') await made.store.remove(lost as string)
    const snapshots = await snapshotsOf(made)
    expect(snapshots.find(({ name }) => name === result.snapshot)?.confirmed).toBe(true)
    await expectRestores(made)
  })

  test('again and again, the run gives up and does not claim success', async () => {
    const made = await makeRepository()
    const losing = decorate(made.store, {
      put: async (name, parts) => {
        const result = await made.store.put(name, parts)
        if (name.startsWith('snapshots/')) {
          for (const pack of await namesIn(made.store, 'packs/')) await made.store.remove(pack)
        }
        return result
      },
    })
    const run = backupFolder(await throughStore(made, losing), source)
    await expect(run).rejects.toMatchObject({ code: 'snapshot-unconfirmed' })
    expect((await snapshotsOf(made)).some(({ confirmed }) => confirmed)).toBe(false)
    expect(await namesIn(made.store, 'leases/')).toEqual([])
  })
})

async function firstDataPack(store: Store, names: readonly string[]): Promise<string> {
  for (const name of names) {
    if ((await store.get(name, { offset: 0, length: 32 }))[6] === 4) return name
  }
  throw new Error('no data pack')
}

test('a snapshot that is removed while it is confirmed is put again under another name', async () => {
  const made = await makeRepository()
  let removed: string | undefined
  const removing = decorate(made.store, {
    put: async (name, parts) => {
      if (name.startsWith('receipts/') && removed === undefined) {
        removed = (await namesIn(made.store, 'snapshots/'))[0] ?? ''
        await made.store.remove(removed)
      }
      return made.store.put(name, parts)
    },
  })
  const { result } = await backupFolder(await throughStore(made, removing), source)
  expect(result.snapshot).not.toBe(removed)
  expect((await snapshotsOf(made)).map(({ name }) => name)).toEqual([result.snapshot])
  await expectRestores(made)
})

test('a marked pack counts for nothing: what is in it is stored again', async () => {
  const made = await makeRepository()
  await backupFolder(made, source)
  for (const pack of await namesIn(made.store, 'packs/')) await mark(made, pack)
  const { result } = await backupFolder(made, source)
  expect(result.counts.filesRead).toBe(6)
  expect(result.addedStoredBytes).toBeGreaterThan(6 * 300_000)
})

test('a lost pack is stored again though the source has not changed and that is to be skipped', async () => {
  const made = await makeRepository()
  await backupFolder(made, source)
  const lost = await firstDataPack(made.store, await namesIn(made.store, 'packs/'))
  await made.store.remove(lost)
  const { result } = await backupFolder(made, source, { skipIfUnchanged: true })
  expect(result.addedStoredBytes).toBeGreaterThan(6 * 300_000)
  await expectSound(made)
  await expectRestores(made)
})

test('index segments that the store lists late cost an upload, never a snapshot', async () => {
  const made = await makeRepository()
  const clock = { ...systemClock, monotonicMs: () => 0 }
  const lagMs = (name: string) => (name.startsWith('index/') ? 1000 : 0)
  const lagging = await throughStore(made, withListingLag(made.store, { clock, lagMs }))
  await backupFolder(lagging, source)
  const second = await backupFolder(lagging, source, { sourceName: 'other' })
  expect(second.result.snapshot).toBeDefined()
  await expectSound(made)
  await expectRestores(made)
})
