import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { forgetIds } from '../../../test/engine/retention.ts'
import {
  backupFiles,
  copySample,
  flipBit,
  mergeInto,
  namesOf,
  newRepository,
  type Sample,
  withBadSectors,
} from '../../../test/repositories/sample.ts'
import { systemClock } from '../../base/clock.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { openRepository } from '../../repository/repository.ts'
import { loadSnapshots, putReceipt, type Snapshot } from '../../repository/snapshots.ts'
import { loadUpkeepRecords, putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { systemRandom } from '../../sealer/random.ts'
import { decorate } from '../../store/decorate.ts'
import { contentName } from '../../store/names.ts'
import { type CheckResult, check } from '../check.ts'
import { hold, release } from '../hold.ts'

let original: Sample
let sample: Sample
/** Names of the four snapshots, oldest first, and of the receipt of each. */
let snapshots: readonly string[]
let receipts: readonly string[]

beforeAll(async () => {
  const { store, owner } = await newRepository()
  const repository = await openRepository(store, owner)
  const found: string[] = []
  for (const content of ['1', '2', '3', '4']) {
    await backupFiles(repository, { files: { a: content } })
    found.push(...(await namesOf(store, 'receipts/')).filter((name) => !found.includes(name)))
  }
  receipts = found
  snapshots = (await loadSnapshots(repository)).snapshots.map(({ name }) => name)
  original = { store, owner, repository }
})

beforeEach(async () => {
  sample = await copySample(original)
})

async function remove(...names: readonly (string | undefined)[]): Promise<void> {
  for (const name of names) await sample.store.remove(name as string)
}

function run(repository = sample.repository): Promise<CheckResult> {
  const { signal } = new AbortController()
  const quiet = { onProgress: () => undefined, onProblem: () => undefined }
  return check({ repository, mode: 'structure', workers: 1, signal, ...quiet })
}

async function missing(): Promise<readonly string[]> {
  const { problems } = await run()
  expect(problems.every(({ kind }) => kind === 'missing')).toBe(true)
  return problems.map(({ object }) => object)
}

test('nothing is missing where all is there', async () => {
  expect(await run()).toMatchObject({ problems: [], notes: [], unconfirmed: 0 })
})

describe('a snapshot that is gone', () => {
  test('is missed by its receipt, one in the middle by what follows it too', async () => {
    await remove(snapshots[1], snapshots[2])
    // Of the two the one that was not followed by anything is named by a number as well.
    expect((await missing()).toSorted()).toEqual(snapshots.slice(1).toSorted())
  })

  test('is missed by what follows it where its receipt is gone too', async () => {
    await remove(snapshots[1], snapshots[2], receipts[1], receipts[2])
    const { problems } = await run()
    expect(problems).toMatchObject([
      { kind: 'missing', object: snapshots[2] },
      { kind: 'missing', object: snapshots[3] },
    ])
    expect(problems[1]?.what).toContain('number 2')
  })

  test('is missed at the beginning', async () => {
    await remove(snapshots[0], receipts[0])
    expect(await missing()).toEqual([snapshots[0]])
  })

  test('is missed where it is the newest, and where there is no other', async () => {
    await remove(snapshots[3])
    expect(await missing()).toEqual([snapshots[3]])
    await remove(snapshots[0], snapshots[1], snapshots[2])
    const result = await run()
    expect(result.problems.map(({ object }) => object).toSorted()).toEqual(snapshots.toSorted())
    expect(result.snapshots).toBe(0)
    expect(result.notes.map(({ object }) => object)).toContain('snapshots/')
  })

  test('is none where it only cannot be read', async () => {
    await flipBit(sample.store, { name: snapshots[1] as string, offset: 300 })
    const { problems, notes } = await run()
    expect(problems).toMatchObject([{ kind: 'damaged', object: snapshots[1] }])
    expect(notes.map(({ object }) => object)).toEqual([snapshots[2]])
  })

  test('is none where it was put while the check was at work', async () => {
    const late = snapshots[3] as string
    const store = decorate(sample.store, {
      async *list(prefix) {
        for await (const info of sample.store.list(prefix)) if (info.name !== late) yield info
      },
    })
    expect((await run({ ...sample.repository, store })).problems).toEqual([])
  })
})

describe('a receipt that is gone', () => {
  test('is missed where another snapshot follows its own', async () => {
    await remove(...receipts)
    expect((await missing()).toSorted()).toEqual(snapshots.slice(0, 3).toSorted())
    const { notes, unconfirmed } = await run()
    expect(notes.map(({ object }) => object)).toEqual([snapshots[3]])
    expect(unconfirmed).toBe(4)
  })

  test('is none of the newest snapshot: an interrupted run leaves that', async () => {
    await remove(receipts[3])
    const { problems, notes } = await run()
    expect(problems).toEqual([])
    expect(notes).toMatchObject([{ object: snapshots[3] }])
  })

  test('is none where one cannot be read: it may be that', async () => {
    const store = withBadSectors(sample.store, (name) => name === receipts[1])
    const { problems } = await run({ ...sample.repository, store })
    expect(problems.map(({ object }) => object)).toEqual([receipts[1]])
  })
})

test('a held snapshot is missed by its hold, also where nothing else is left of it', async () => {
  const { repository } = sample
  const known = (await loadSnapshots(repository)).snapshots
  const chosen = known.slice(3)
  await hold({ repository, known, chosen, clock: systemClock, reason: 'proof' })
  await remove(snapshots[3], receipts[3])
  expect(await missing()).toEqual([snapshots[3]])
  await release({ repository, known, chosen, clock: systemClock })
  expect(await missing()).toEqual([])
})

describe('a receipt of what is not there', () => {
  /** Of the run that made the newest snapshot: an earlier attempt of it was removed. */
  async function ofEarlierAttempt(): Promise<string> {
    const { repository } = sample
    const newest = (await loadSnapshots(repository)).snapshots[3] as Snapshot
    const receipt = { snapshot: systemRandom(32), sessionId: newest.summary.sessionId }
    await putReceipt(repository, { domain: newest.domain, receipt: { ...receipt, confirmedMs: 1 } })
    return contentName('snapshots', receipt.snapshot)
  }

  test('is explained by another one of its run that counts', async () => {
    await ofEarlierAttempt()
    const { problems, notes } = await run()
    expect(problems).toEqual([])
    expect(notes.map(({ what }) => what)).toEqual([expect.stringContaining('its run put another')])
  })

  test('is not by one that does not', async () => {
    const earlier = await ofEarlierAttempt()
    await remove(receipts[3])
    expect(await missing()).toEqual([earlier])
  })
})

test('a number that a writer left out is no loss, and noted', async () => {
  const store = withBadSectors(sample.store, (name) => name === snapshots[3])
  // Of another source: nothing of this one is missing afterwards.
  await backupFiles(sample.repository, { files: { b: 'b' }, sourceName: 'other' })
  await backupFiles({ ...sample.repository, store }, { files: { b: 'c' }, sourceName: 'other' })
  const { problems, notes } = await run()
  expect({ problems, notes }).toEqual({ problems: [], notes: [] })
  const other = (await loadSnapshots(sample.repository)).snapshots.at(-1)
  const unread = withBadSectors(sample.store, (name) => name === other?.name)
  await backupFiles({ ...sample.repository, store: unread }, { files: { a: '5' } })
  const after = await run()
  expect(after.problems).toEqual([])
  expect(after.notes.map(({ what }) => what).join()).toContain('number 5')
})

test('two runs at the same time miss nothing', async () => {
  const twin = await copySample(sample)
  await backupFiles(sample.repository, { files: { a: 'here' } })
  await backupFiles(twin.repository, { files: { a: 'there' } })
  await mergeInto(sample.store, twin.store)
  await backupFiles(sample.repository, { files: { a: 'after' } })
  expect((await run()).problems).toEqual([])
})

describe('what was forgotten', () => {
  async function forget(...which: readonly number[]): Promise<void> {
    const { repository } = sample
    const ids = which.map((at) => (snapshots[at] as string).slice('snapshots/'.length))
    await forgetIds(repository, ...ids)
  }

  test('is not missed: not in the middle, not at the beginning, not with the newest', async () => {
    await forget(1, 2)
    expect(await run()).toMatchObject({ problems: [], notes: [] })
    await forget(0)
    expect(await run()).toMatchObject({ problems: [], notes: [] })
    await backupFiles(sample.repository, { files: { a: '5' } })
    await forget(3)
    expect(await run()).toMatchObject({ problems: [], notes: [] })
  })

  test('explains nothing that was taken away before it', async () => {
    await forget(2)
    await remove(snapshots[1], receipts[1])
    expect(await missing()).toEqual([snapshots[1]])
  })

  test('tells of the one before it for good, where something newer is there', async () => {
    await forget(1)
    const known = (await loadUpkeepRecords(sample.repository, { kind: 'forget' })).records[0]
    const facts = known?.record.snapshots.map((one) => ({ ...one, object: undefined })) ?? []
    const domain = known?.domain as DomainAccess
    const alone = facts.map((one) => ({ ...one, predecessor: undefined }))
    // In whatever order they are read.
    for (let forgottenMs = 1; forgottenMs <= 10; forgottenMs++) {
      const record = { snapshots: forgottenMs === 5 ? facts : alone, forgottenMs }
      await putUpkeepRecord(sample.repository, { kind: 'forget', domain, record })
    }
    await remove(known?.name, snapshots[0], receipts[0])
    expect(await missing()).toEqual([snapshots[0]])
    // As sync brings it: records first, then snapshots, oldest first.
    await remove(...snapshots.slice(2), ...receipts.slice(2))
    expect(await missing()).toEqual([])
  })

  test('leaves a receipt where it was interrupted, which is noted', async () => {
    const receipt = await sample.store.get(receipts[1] as string)
    await forget(1)
    await sample.store.put(receipts[1] as string, [receipt])
    const { problems, notes } = await run()
    expect(problems).toEqual([])
    expect(notes).toMatchObject([{ object: receipts[1] }])
  })

  test('is noted where it could not be brought back', async () => {
    await forget(0, 1, 2, 3)
    expect((await run()).notes.map(({ object }) => object)).toEqual(['snapshots/'])
    for (const name of await namesOf(sample.store, 'packs/')) await remove(name)
    const { problems, notes } = await run()
    expect(problems).toEqual([])
    expect(notes.map(({ object }) => object).toSorted()).toEqual(snapshots.toSorted())
  })
})
