import { beforeEach, describe, expect, test } from 'vitest'
import {
  namesOf,
  newSecret,
  type SecretKey,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import type { Bytes } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { decodeOpenNames, encodeOpenNames } from '../format/open-names.ts'
import { PREFIX_BYTES } from '../format/prefix.ts'
import { type Hold, holdCodec } from '../format/upkeep-records.ts'
import { systemRandom } from '../sealer/random.ts'
import { putContent } from '../store/content.ts'
import { openMemory } from '../store/memory.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'
import { VirtualClock } from '../store/virtual-clock.ts'
import type { DomainAccess } from './access.ts'
import { createRepository } from './create.ts'
import { addGrant, type NewRole } from './grants-add.ts'
import { sealRecord } from './open-record.ts'
import { openRepository, type Repository, selectDomain } from './repository.ts'
import {
  isUpkeepKind,
  loadUpkeepRecords,
  openUpkeepRecord,
  putUpkeepRecord,
  type UpkeepKind,
  type UpkeepRecords,
} from './upkeep-records.ts'

let clock: VirtualClock
let store: Store
let owner: SecretKey
let repository: Repository

beforeEach(async () => {
  clock = new VirtualClock(1000)
  store = openMemory({ clock })
  owner = newSecret()
  await createRepository(store, { ...owner, random: systemRandom, clock: systemClock })
  repository = await openRepository(store, owner)
})

async function openAs(role: NewRole): Promise<Repository> {
  const key = newSecret()
  const options = { ...role, ...key, label: role.role, random: systemRandom, clock: systemClock }
  await addGrant(await openRepository(store, owner), options)
  return openRepository(store, key)
}

const HASH: Bytes = new Uint8Array(32).fill(7)
const HOLD: Hold = { snapshots: [HASH], releases: [], reason: 'evidence', heldMs: 5 }

/** One of each kind. */
const RECORDS: UpkeepRecords = {
  forget: {
    snapshots: [
      {
        snapshot: HASH,
        sourceId: HASH.slice(16),
        sequence: 3,
        isConfirmed: false,
        predecessor: HASH,
        object: Uint8Array.of(1, 2),
      },
    ],
    forgottenMs: 5,
  },
  sighting: {
    snapshots: [{ snapshot: HASH, receivedMs: 5 }],
    moved: [{ pack: HASH, receivedMs: [5, 6] }],
  },
  hold: HOLD,
  renewal: { packs: [HASH], renewedMs: 5 },
  loss: { ids: [HASH], foundMs: 5 },
}
const FOLDER = {
  forget: 'forgets',
  sighting: 'sightings',
  hold: 'holds',
  renewal: 'renewals',
  loss: 'losses',
} as const satisfies Record<UpkeepKind, string>
const KINDS = Object.keys(RECORDS) as UpkeepKind[]

function put<K extends UpkeepKind>(
  by: Repository,
  kind: K,
  record: UpkeepRecords[K] = RECORDS[kind],
): Promise<string> {
  return putUpkeepRecord(by, { kind, domain: selectDomain(by, 'default'), record })
}

/** What a holder of the header key can put: signed by the domain's own signer. */
function forge(by: Repository): Promise<string> {
  const domain = selectDomain(by, 'default')
  const { signatory } = domain
  const sealing = { domain, kind: 'hold', signatory, codec: holdCodec, record: HOLD } as const
  return putContent(store, { folder: 'holds', parts: sealRecord(by, sealing) })
}

describe.each(KINDS)('a record of kind %s', (kind) => {
  test.each(['owner', 'upkeep'] as const)('of %s comes back as it was put', async (role) => {
    const by = role === 'owner' ? repository : await openAs({ role })
    await clock.advance(500)
    const name = await put(by, kind)
    expect(name.startsWith(`${FOLDER[kind]}/`)).toBe(true)
    const domain = selectDomain(by, 'default')
    expect(await loadUpkeepRecords(by, { kind })).toEqual({
      records: [
        {
          name,
          hash: digestInName(name),
          domain,
          record: RECORDS[kind],
          storedAtMs: 1500,
          bytes: (await store.get(name)).length,
        },
      ],
      problems: [],
    })
    // Writers read it too: they hold the header key.
    const writer = await openAs({ role: 'writer', domain: 'default' })
    const { records } = await loadUpkeepRecords(writer, { kind })
    expect(records.map(({ record }) => record)).toEqual([RECORDS[kind]])
  })

  test.each(['writer', 'reader'] as const)('is not put by a %s', async (role) => {
    const scope = role === 'writer' ? { role, domain: 'default' } : { role }
    const by = await openAs(scope)
    await expect(put(by, kind)).rejects.toMatchObject({ code: 'not-permitted' })
    expect(await namesOf(store, `${FOLDER[kind]}/`)).toEqual([])
  })

  test('under the folder of another kind is none, and is told', async () => {
    const object = await store.get(await put(repository, kind))
    const other = KINDS.find((one) => one !== kind) as UpkeepKind
    const name = await putContent(store, { folder: FOLDER[other], parts: [object] })
    const { records, problems } = await loadUpkeepRecords(repository, { kind: other })
    expect(records).toEqual([])
    expect(problems).toMatchObject([{ name, error: { code: 'object-foreign' } }])
  })

  test('is known as one', () => {
    expect(isUpkeepKind(kind)).toBe(true)
  })
})

test('what others put is none of these kinds', () => {
  const others = ['snapshot', 'receipt', 'lease', 'mark', 'quarantined', 'data-pack'] as const
  expect(others.filter(isUpkeepKind)).toEqual([])
})

test('records come in the order in which the store received them', async () => {
  for (const reason of ['a', 'b', 'c']) {
    await put(repository, 'hold', { ...HOLD, reason, heldMs: 9 })
    await clock.advance(1)
  }
  const { records } = await loadUpkeepRecords(repository, { kind: 'hold' })
  expect(records.map(({ record }) => record.reason)).toEqual(['a', 'b', 'c'])
})

test('what a writer signed says nothing, and is told', async () => {
  const own = await put(repository, 'hold')
  const name = await forge(await openAs({ role: 'writer', domain: 'default' }))
  const { records, problems } = await loadUpkeepRecords(repository, { kind: 'hold' })
  expect(records.map((record) => record.name)).toEqual([own])
  expect(problems).toMatchObject([{ name, error: { code: 'object-foreign' } }])
  // The owner writes as a writer too, and only as upkeep does it say such things.
  const forged = await forge(repository)
  const again = await loadUpkeepRecords(repository, { kind: 'hold' })
  expect(again.problems.map((problem) => problem.name).sort()).toEqual([forged, name].sort())
})

test('what is of a domain that the key does not hold is passed over', async () => {
  const writer = await openAs({ role: 'writer' })
  await put(repository, 'hold')
  expect(await loadUpkeepRecords(writer, { kind: 'hold' })).toEqual({ records: [], problems: [] })
  // Both are the owner's.
  const both = await openRepository(store, owner)
  const [, other] = both.domains as [DomainAccess, DomainAccess]
  await putUpkeepRecord(both, { kind: 'hold', domain: other, record: HOLD })
  const { records } = await loadUpkeepRecords(both, { kind: 'hold' })
  expect(records.map(({ domain }) => domain.label).sort()).toEqual(['default', 'writer'])
  const seen = await loadUpkeepRecords(writer, { kind: 'hold' })
  expect(seen.records.map(({ domain }) => domain.label)).toEqual(['writer'])
})

test('one of another domain does not open as one of ours', async () => {
  await openAs({ role: 'writer' })
  const both = await openRepository(store, owner)
  const [ours, theirs] = both.domains as [DomainAccess, DomainAccess]
  const name = await putUpkeepRecord(both, { kind: 'hold', domain: theirs, record: HOLD })
  const object = await store.get(name)
  const place = { kind: 'hold', domain: ours, object, objectHash: undefined } as const
  expect(() => openUpkeepRecord(both, place)).toThrow(
    expect.objectContaining({ code: 'object-damaged' }),
  )
})

test('junk is told, and keeps nobody from the rest', async () => {
  const own = await put(repository, 'loss')
  const junk = await putContent(store, { folder: 'losses', parts: [Uint8Array.of(1, 2, 3)] })
  const { records, problems } = await loadUpkeepRecords(repository, { kind: 'loss' })
  expect(records.map(({ name }) => name)).toEqual([own])
  expect(problems).toMatchObject([{ name: junk, error: { code: 'object-damaged' } }])
})

test('what the store does not give out is thrown, unless it is only read', async () => {
  const bad = await put(repository, 'hold')
  await put(repository, 'hold', { ...HOLD, reason: 'another' })
  const reading = { ...repository, store: withBadSectors(store, (name) => name === bad) }
  await expect(loadUpkeepRecords(reading, { kind: 'hold' })).rejects.toMatchObject({
    code: 'store-unreadable',
  })
  const { records, problems } = await loadUpkeepRecords(reading, {
    kind: 'hold',
    onlyReading: true,
  })
  expect(records).toHaveLength(1)
  expect(problems.map(({ name }) => name)).toEqual([bad])
})

test('a record of more bytes than a reader takes is not put', async () => {
  const [one] = RECORDS.forget.snapshots
  const large = { ...one, object: new Uint8Array(4 << 20) } as typeof one & object
  const record = { snapshots: [large, large, large, large], forgottenMs: 1 }
  await expect(put(repository, 'forget', record)).rejects.toThrow('longer than any may be')
  expect(await namesOf(store, 'forgets/')).toEqual([])
  const name = await put(repository, 'forget', { ...record, snapshots: [large, large, large] })
  expect(name).toBe(contentName('forgets', digestInName(name) as Bytes))
  expect((await loadUpkeepRecords(repository, { kind: 'forget' })).records).toHaveLength(1)
})

describe('the names that lie open in a forget record', () => {
  /** A record whose signature is right, put again with other names before it. */
  async function withNames(names: readonly Bytes[]): Promise<string> {
    const name = await put(repository, 'forget')
    const object = await store.get(name)
    const { sealed } = decodeOpenNames(object)
    await store.remove(name)
    const parts = [object.subarray(0, PREFIX_BYTES), encodeOpenNames(names), sealed]
    return putContent(store, { folder: 'forgets', parts })
  }

  test('are those of its snapshots, for who has no key', async () => {
    const object = await store.get(await put(repository, 'forget'))
    expect(decodeOpenNames(object).names).toEqual([HASH])
  })

  test.each([
    ['others', [new Uint8Array(32).fill(8)]],
    ['fewer', []],
    ['more', [HASH, HASH]],
  ])('are %s than were signed: it says nothing', async (_, names) => {
    const forged = await withNames(names)
    const { records, problems } = await loadUpkeepRecords(repository, { kind: 'forget' })
    expect(records).toEqual([])
    expect(problems).toMatchObject([{ name: forged, error: { code: 'object-damaged' } }])
  })

  test('are no more than there may be, and all there', async () => {
    const object = await store.get(await put(repository, 'forget'))
    const huge = object.slice()
    huge.fill(0xff, PREFIX_BYTES, PREFIX_BYTES + 4)
    expect(() => decodeOpenNames(huge)).toThrow(expect.objectContaining({ code: 'object-damaged' }))
    const cut = object.subarray(0, PREFIX_BYTES + 20)
    expect(() => decodeOpenNames(cut)).toThrow(expect.objectContaining({ code: 'object-damaged' }))
  })
})
