import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { NO_CATALOG } from '../../test/repositories/no-catalog.ts'
import {
  backupFiles,
  copySample,
  mergeInto,
  namesOf,
  newSecret,
  type Sample,
  sampleRepository,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import { systemClock } from '../base/clock.ts'
import { decodeSnapshot, encodeSnapshot } from '../format/snapshot.ts'
import { systemRandom } from '../sealer/random.ts'
import { putContent } from '../store/content.ts'
import { decorate } from '../store/decorate.ts'
import { digestInName } from '../store/names.ts'
import type { ObjectInfo } from '../store/store.ts'
import { addGrant } from './grants-add.ts'
import { loadPredecessor } from './predecessor.ts'
import { openRepository, type Repository, selectDomain } from './repository.ts'
import {
  compareBySequence,
  loadSnapshots,
  openDetails,
  putReceipt,
  putSnapshot,
  type Snapshot,
} from './snapshots.ts'

let original: Sample
let sample: Sample

beforeAll(async () => {
  original = await sampleRepository({ a: 'first' })
  for (const a of ['second', 'third']) await backupFiles(original.repository, { files: { a } })
})

beforeEach(async () => {
  sample = await copySample(original)
})

function withBad(isBad: (name: string) => boolean): Repository {
  return { ...sample.repository, store: withBadSectors(sample.store, isBad) }
}

const reading = { onlyReading: true }

test('those of domains that the key does not hold are known by their ids, those of none by nothing', async () => {
  const ids = (await namesOf(sample.store, 'snapshots/')).map((name) => name.split('/')[1])
  const { config } = sample.repository
  expect((await loadSnapshots(sample.repository)).closed).toEqual([])
  const stranger = { ...sample.repository, domains: [] }
  const { snapshots, closed, problems } = await loadSnapshots(stranger)
  expect({ snapshots, problems }).toEqual({ snapshots: [], problems: [] })
  expect(closed.toSorted()).toEqual(ids.toSorted())
  const elsewhere = { ...stranger, config: { ...config, domains: [] } }
  expect((await loadSnapshots(elsewhere)).closed).toEqual([])
})

test('a snapshot that the store does not give out is a problem, and the others are listed', async () => {
  for (const bad of await namesOf(sample.store, 'snapshots/')) {
    const repository = withBad((name) => name === bad)
    const { snapshots, problems } = await loadSnapshots(repository, reading)
    expect(problems).toMatchObject([{ name: bad, error: { code: 'store-unreadable' } }])
    expect(snapshots.map(({ confirmed }) => confirmed)).toEqual([true, true])
    expect(snapshots.map(({ name }) => name)).not.toContain(bad)
  }
})

test('the details of another snapshot are refused, though each part opens by itself', async () => {
  const [first, second] = await namesOf(sample.store, 'snapshots/')
  const partsOf = async (name = '') => decodeSnapshot(await sample.store.get(name))
  const { encapsulation, details } = await partsOf(second)
  const mixed = { ...(await partsOf(first)), encapsulation, details }
  const name = await putContent(sample.store, { folder: 'snapshots', parts: encodeSnapshot(mixed) })
  const { snapshots, problems } = await loadSnapshots(sample.repository)
  expect(snapshots).toHaveLength(3)
  expect(problems).toMatchObject([{ name, error: { code: 'object-damaged' } }])
  expect(problems[0]?.error.message).toContain('details are not those that were signed')
})

test('a receipt that the store does not give out is a problem, and its snapshot does not count', async () => {
  const [bad] = await namesOf(sample.store, 'receipts/')
  const repository = withBad((name) => name === bad)
  const { snapshots, problems } = await loadSnapshots(repository, reading)
  expect(problems.map(({ name }) => name)).toEqual([bad])
  expect(snapshots.filter(({ confirmed }) => confirmed)).toHaveLength(2)
  expect(snapshots).toHaveLength(3)
})

test('who writes is told that not all can be read', async () => {
  for (const folder of ['snapshots/', 'receipts/']) {
    const [bad] = await namesOf(sample.store, folder)
    const repository = withBad((name) => name === bad)
    await expect(loadSnapshots(repository)).rejects.toMatchObject({ code: 'store-unreadable' })
  }
})

test('a store that gives out nothing is no store with problems', async () => {
  await expect(
    loadSnapshots(
      withBad(() => true),
      reading,
    ),
  ).rejects.toMatchObject({
    code: 'store-unreadable',
  })
})

describe('a snapshot that its writer may not have made', () => {
  let writer: Repository

  beforeEach(async () => {
    const key = newSecret()
    const giving = { label: 'w', ...key, random: systemRandom, clock: systemClock }
    const role = { role: 'writer', domain: 'default', hosts: ['here'] } as const
    await addGrant(sample.repository, { ...role, ...giving })
    writer = await openRepository(sample.store, key)
  })

  /** As a program of the writer's own would, which asks nobody whether it may. */
  async function forge(host: string): Promise<string> {
    const [first] = (await loadSnapshots(sample.repository)).snapshots as [Snapshot]
    const domain = selectDomain(writer)
    const details = { ...openDetails(sample.repository, first), host }
    const { summary } = first
    const name = await putSnapshot(writer, { domain, summary, details })
    const snapshot = digestInName(name) as Uint8Array
    const receipt = { snapshot, sessionId: summary.sessionId, confirmedMs: 1 }
    await putReceipt(writer, { domain, receipt })
    return name
  }

  test('because of its host is a problem to who can see that, and hides no other', async () => {
    const name = await forge('elsewhere')
    const options = { onlyReading: true, verifyDetails: true }
    const { snapshots, problems } = await loadSnapshots(sample.repository, options)
    expect(problems).toMatchObject([{ name, error: { code: 'object-foreign' } }])
    expect(snapshots).toHaveLength(3)
    // Who cannot open details cannot see it.
    expect((await loadSnapshots(writer, options)).problems).toEqual([])
  })

  test('because of its source opens for nobody', async () => {
    const key = newSecret()
    const giving = { label: 'w', ...key, random: systemRandom, clock: systemClock }
    const role = { role: 'writer', domain: 'default', sources: ['its own'] } as const
    await addGrant(sample.repository, { ...role, ...giving })
    writer = await openRepository(sample.store, key)
    // It is opened as any reader opens it before it is put.
    await expect(forge('here')).rejects.toMatchObject({ code: 'object-foreign' })
  })

  test('is any other than those that it may', async () => {
    const name = await forge('here')
    const { snapshots, problems } = await loadSnapshots(sample.repository, { verifyDetails: true })
    expect(problems).toEqual([])
    expect(snapshots.map((snapshot) => snapshot.name)).toContain(name)
  })
})

describe('two of one number', () => {
  beforeEach(async () => {
    const twin = await copySample(sample)
    await backupFiles(sample.repository, { files: { a: 'here' } })
    await backupFiles(twin.repository, { files: { a: 'there' } })
    await mergeInto(sample.store, twin.store)
  })

  test('are in one order, however the store lists and answers', async () => {
    const { snapshots } = await loadSnapshots(sample.repository)
    expect(snapshots.map(({ summary }) => summary.sequence)).toEqual([1, 2, 3, 4, 4])
    const bySequence = snapshots.toSorted(compareBySequence)
    expect(bySequence).toEqual(snapshots)
    const backwards = decorate(sample.store, {
      async *list(prefix) {
        for (const name of (await namesOf(sample.store, prefix)).toReversed())
          yield (await sample.store.stat(name)) as ObjectInfo
      },
    })
    const again = await loadSnapshots({ ...sample.repository, store: backwards })
    expect(again.snapshots.map(({ id }) => id)).toEqual(snapshots.map(({ id }) => id))
    expect(again.snapshots.toReversed().sort(compareBySequence)).toEqual(again.snapshots)
  })

  test('and of one time, too, are in the order of their ids', async () => {
    const { snapshots } = await loadSnapshots(sample.repository)
    const same = snapshots.map((snapshot) => ({
      ...snapshot,
      summary: { ...snapshot.summary, sequence: 1, startedMs: 1, endedMs: 2 },
    }))
    const ids = same.map(({ id }) => id).sort()
    for (const some of [same, same.toReversed()])
      expect(some.toSorted(compareBySequence).map(({ id }) => id)).toEqual(ids)
  })

  test('the later one is what the next one follows', async () => {
    const { snapshots } = await loadSnapshots(sample.repository)
    const sourceId = snapshots[0]?.summary.sourceId as Uint8Array
    const found = await loadPredecessor(sample.repository, {
      domain: selectDomain(sample.repository),
      sourceId,
      catalog: NO_CATALOG,
      onProblem: () => undefined,
    })
    expect(found?.name).toBe(snapshots.at(-1)?.name)
    expect(found?.summary.sequence).toBe(4)
  })
})
