// The corpus against prune: in each repository something may go (a pack that nobody needs) and two packs are
// marked of which everything is needed, so that they have to be moved first. Pruned again and again as the
// weeks go by. What holds for every case:
//
// 1. What could be restored before can be restored afterwards.
// 2. Where something that is needed cannot be found, or what is needed cannot be told, nothing is removed, and
//    what stands in the way is said.
// 3. What is damaged is not moved: it gets no new name, and stays.
// 4. Where a snapshot is missing, what was marked goes when all of it is elsewhere, and nothing more: what brings it
//    back finds all that it needs.
// 5. Where nothing is in the way, what nobody needs goes.

import { beforeAll, describe, expect, test } from 'vitest'
import { type Bytes, utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { type CairnError, type ErrorCode, isCairnError } from '../../src/base/errors.ts'
import { sha256 } from '../../src/base/hash.ts'
import { GRACE_MS } from '../../src/engine/prune/timing.ts'
import { prune } from '../../src/engine/prune.ts'
import { UNDELETE_WINDOW_MS } from '../../src/repository/forgets.ts'
import { putMark } from '../../src/repository/marks.ts'
import { UNREADABLE } from '../../src/repository/object-problem.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import { putUpkeepRecord } from '../../src/repository/upkeep-records.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { digestInName } from '../../src/store/names.ts'
import type { ObjectInfo, Store } from '../../src/store/store.ts'
import { objectsIn, quiet, storeOf, type World } from '../crash/stages.ts'
import { Scratch } from '../engine/fixture.ts'
import { putBlobs } from '../repositories/packs.ts'
import { flipBit, namesOf } from '../repositories/sample.ts'
import { CASES, type DamagedCase } from './cases.ts'
import { openSample, unreadable } from './observe.ts'
import { damage, expectNoWorse } from './repaired.ts'
import { type DamagedSample, makeSample } from './sample.ts'

const HOUR_MS = 3_600_000
/** Two graces, what a session that never ended may delay, and when what nobody confirmed may go. */
const HOURS = [25, 50, 15 * 24, 16 * 24 + 1, 31 * 24, 33 * 24]

const scratch = new Scratch()
let original: DamagedSample
/** That nobody needs. */
let dead: string
/** Of which everything is needed. */
let marked: readonly string[]

beforeAll(async () => {
  original = await makeSample(scratch.make())
  const repository = await openRepository(original.store, original.owner)
  const domain = selectDomain(repository)
  const blobs = [utf8('nobody needs this')]
  const put = await putBlobs(repository, { domain, type: 'data', blobs, indexed: true })
  dead = put.names[0] as string
  const isFirst = (label: string) => label === 'data-pack 1' || label === 'tree-pack 1'
  marked = [...original.labels].filter(([, label]) => isFirst(label)).map(([name]) => name)
  const packs = marked.map((name) => digestInName(name) as Bytes)
  const signatory = upkeepSignatory(repository, domain)
  await putMark(repository, { domain, signatory, mark: { packs, snapshots: [], markedMs: 1 } })
})

interface Pruned {
  /** Names of what stood in the way, of deleting at all or of moving. */
  readonly obstacles: ReadonlySet<string>
  readonly error: CairnError | undefined
  readonly before: readonly string[]
  readonly after: readonly string[]
  readonly store: Store
}

async function pruneCase(one: DamagedCase, hours = HOURS): Promise<Pruned> {
  const sample = await damage(original, one, scratch.path())
  const objects = await objectsIn(sample.store)
  const nowMs = Math.max(...objects.map(({ storedAtMs }) => storedAtMs))
  const { store, clock } = await storeOf({ objects, nowMs })
  const files = await unreadable(await openRepository(store, sample.owner), sample)
  expect(files).toEqual(one.damaged.unreadable)
  const repository = await openForUpkeep(sample, store)
  const done = await pruneOften({ repository, clock }, hours)
  const after = await unreadable(await openRepository(store, sample.owner), sample)
  expectNoWorse(files, after)
  return {
    ...done,
    before: objects.map(({ name }) => name),
    after: await namesOf(store, ''),
    store,
  }
}

/** With no key that reads, unless that is what is damaged. */
async function openForUpkeep({ upkeep, owner }: DamagedSample, store: Store): Promise<Repository> {
  try {
    return await openRepository(store, upkeep)
  } catch (error) {
    if (!isCairnError(error, 'wrong-passphrase')) throw error
    return openRepository(store, owner)
  }
}

async function pruneOften(
  { repository, clock }: World,
  runs: readonly number[],
): Promise<Pick<Pruned, 'obstacles' | 'error'>> {
  const limits = {
    graceMs: GRACE_MS,
    windowMs: UNDELETE_WINDOW_MS,
    moveBytesMax: 1 << 30,
    unusedMax: 0,
  }
  const obstacles = new Set<string>()
  for (const hours of runs) {
    clock.forwardMs = HOUR_MS * hours
    try {
      const done = await prune({ ...quiet, repository, clock, limits, dryRun: false })
      const told = [...done.plan.domains, ...done.swept].flatMap((domain) => domain.obstacles)
      for (const { object } of told) obstacles.add(object)
    } catch (error) {
      if (isCairnError(error, ...UNREADABLE)) return { obstacles, error }
      throw error
    }
  }
  return { obstacles, error: undefined }
}

const isData = (name: string) => name.startsWith('packs/') || name.startsWith('snapshots/')

/** What is needed is not there, or nobody can tell what is. */
const FROZEN = new Set([
  'missing-pack',
  'missing-tree-pack',
  'truncated-pack',
  'empty-pack',
  'flipped-bit-in-header',
  'flipped-bit-in-trailer',
  'flipped-bit-in-prefix',
  'flipped-bit-in-header-and-no-index',
  'folder-in-place-of-a-pack',
  'link-in-place-of-a-pack',
  'snapshot-without-its-packs',
  'snapshot-of-nothing',
  'damaged-snapshot-1',
  'damaged-snapshot-2',
  'damaged-receipt-1',
  'damaged-receipt-2',
  'damaged-forget',
  'huge-length-in-trailer',
])

/** What is marked, or held, cannot be read: prune ends with this. */
const REFUSED: Readonly<Record<string, ErrorCode>> = {
  'damaged-mark': 'object-damaged',
  'damaged-hold': 'object-damaged',
  'unknown-version-in-each-folder': 'unsupported',
  'unknown-version-in-marks': 'unsupported',
}

/** Damaged where a header does not tell: what is needed of it cannot be moved. */
const STAYS: Readonly<Record<string, string>> = {
  'flipped-bit-in-frame': 'data-pack 1',
  'flipped-bit-in-large-frame': 'data-pack 1',
  'flipped-bit-in-tree': 'tree-pack 1',
}

describe.each(CASES)('$name', (one) => {
  const { name, closed } = one

  test('is pruned, and nothing more is lost', async () => {
    if (closed !== undefined) {
      const sample = await damage(original, one, scratch.path())
      await expect(openSample(sample)).rejects.toMatchObject({ code: closed })
      return
    }
    const { obstacles, error, before, after, store } = await pruneCase(one)
    const there = new Set(after)
    const removed = before.filter((object) => isData(object) && !there.has(object))
    expect(error?.code).toBe(REFUSED[name])
    if (FROZEN.has(name) || error !== undefined) {
      expect(removed).toEqual([])
      expect(obstacles.size > 0).toBe(error === undefined)
      return
    }
    if (name === 'missing-snapshot') {
      const [lost] = obstacles
      expect(removed.sort()).toEqual([...marked].sort())
      await store.put(lost as string, [await original.store.get(lost as string)])
      expect(await unreadable(await openRepository(store, original.owner), original)).toEqual({})
      return
    }
    const staying = [...original.labels].filter(([, label]) => label === STAYS[name])
    const stays = staying.map(([object]) => object)
    expect([...obstacles]).toEqual(stays)
    const going = [dead, ...marked].filter((object) => !stays.includes(object))
    expect(removed).toEqual(expect.arrayContaining(going))
    for (const object of stays) expect(there).toContain(object)
  })
})

test('where a snapshot is missing and a marked pack cannot be read nothing goes: it may need that', async () => {
  const missing = CASES.find(({ name }) => name === 'missing-snapshot') as DamagedCase
  const unread: DamagedCase = {
    ...missing,
    make: async (damaged) => {
      const repository = await damaged.open()
      const domain = selectDomain(repository)
      const signatory = upkeepSignatory(repository, domain)
      const packs = [digestInName(dead) as Bytes]
      await putMark(repository, { domain, signatory, mark: { packs, snapshots: [], markedMs: 1 } })
      const { size } = (await repository.store.stat(dead)) as ObjectInfo
      // In its header, which is at its end.
      await flipBit(repository.store, { name: dead, offset: size - 60 })
      await missing.make(damaged)
    },
  }
  const { obstacles, before, after } = await pruneCase(unread)
  expect([...obstacles]).toEqual([expect.stringMatching(/^snapshots\//)])
  expect(after).toEqual(expect.arrayContaining(before.filter(isData)))
})

test('all cases that are named here are in the corpus', () => {
  const names = CASES.map((one) => one.name)
  expect(names).toEqual(
    expect.arrayContaining([...FROZEN, ...Object.keys({ ...REFUSED, ...STAYS })]),
  )
})

test('what was forgotten and does not open is in the way as long as it could be had back', async () => {
  const one: DamagedCase = {
    name: 'forgotten-snapshot-that-does-not-open',
    make: async (damaged) => {
      const repository = await damaged.open()
      const object = utf8('no snapshot, though upkeep has signed that it is one')
      const said = {
        sourceId: new Uint8Array(16),
        sequence: 1,
        isConfirmed: true,
        predecessor: undefined,
        object,
      }
      const forgottenMs = systemClock.nowMs()
      const record = { snapshots: [{ ...said, snapshot: sha256(object) }], forgottenMs }
      const domain = selectDomain(repository)
      await putUpkeepRecord(repository, { kind: 'forget', domain, record })
    },
    damaged: { check: [], unreadable: {} },
    fromCopy: { check: [], unreadable: {} },
  }
  const within = await pruneCase(one, [25, 50])
  expect(within.error).toBeUndefined()
  expect([...within.obstacles]).toEqual([expect.stringMatching(/^snapshots\//)])
  expect(within.after).toEqual(expect.arrayContaining(within.before.filter(isData)))
  const { after } = await pruneCase(one)
  expect(after).not.toContain(dead)
})
