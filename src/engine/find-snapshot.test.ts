// What is found among facts is what selectSnapshot finds among all that were read and opened, and little is read
// for it.

import { beforeEach, describe, expect, test } from 'vitest'
import { Retention } from '../../test/engine/retention.ts'
import { NO_CATALOG } from '../../test/repositories/no-catalog.ts'
import { fromHex } from '../base/bytes.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshotFacts } from '../repository/snapshot-facts.ts'
import { loadSnapshots, sourceIdOf } from '../repository/snapshots.ts'
import { decorate } from '../store/decorate.ts'
import type { Store } from '../store/store.ts'
import { type FoundSnapshot, findAmongFacts } from './find-snapshot.ts'
import { type SnapshotFilter, selectSnapshot } from './select-snapshot.ts'

let retention: Retention
let owner: Repository

beforeEach(async () => {
  retention = await Retention.make()
  owner = await retention.owner()
})

interface Asked {
  readonly wanted: string
  readonly filter?: SnapshotFilter
  readonly store?: Store
}

async function found({ wanted, filter = {}, store = owner.store }: Asked): Promise<FoundSnapshot> {
  const { snapshots } = await loadSnapshotFacts(owner, NO_CATALOG)
  return findAmongFacts({ repository: { ...owner, store }, snapshots, wanted, filter })
}

async function idOf(asked: Asked): Promise<string | undefined> {
  return (await found(asked)).snapshot?.id
}

/** What it is among all; undefined where it is none. */
async function expected({ wanted, filter = {} }: Asked): Promise<string | undefined> {
  const known = await loadSnapshots(owner, { onlyReading: true, verifyDetails: true })
  try {
    return selectSnapshot(known, { repository: owner, wanted, filter }).id
  } catch {
    return undefined
  }
}

test('it is the one that is found among all', async () => {
  const ids: string[] = []
  for (const source of ['one', 'two', 'one', 'two', 'one'])
    ids.push(await retention.save(owner, { source, tags: [`tag-${ids.length % 2}`] }))
  ids.push(await retention.save(owner, { isConfirmed: false }))
  ids.push(await retention.save(owner, { source: 'one', summary: { ending: 'checkpoint' } }))
  const filters: SnapshotFilter[] = [
    {},
    { source: 'two' },
    { tags: ['tag-1'] },
    { host: 'host', source: 'one' },
    { host: 'elsewhere' },
    { atMs: retention.nowMs - 4 * 86_400_000 },
  ]
  const wanted = ['latest', 'latest~1', 'latest~2', 'latest~9', 'ffffffff']
  let known = 0
  for (const asked of [...wanted, ...ids, ...ids.map((id) => id.slice(0, 8))]) {
    for (const filter of filters) {
      const id = await expected({ wanted: asked, filter })
      expect(await idOf({ wanted: asked, filter })).toBe(id)
      if (id !== undefined) known++
    }
  }
  expect(known).toBeGreaterThan(2 * 7 * filters.length)
})

test('no more is read than may be it', async () => {
  for (let i = 0; i < 5; i++) await retention.save(owner, { tags: [`tag-${i}`] })
  const read: string[] = []
  const store = decorate(owner.store, {
    get: (name, range) => {
      read.push(name)
      return owner.store.get(name, range)
    },
  })
  const reads = async (asked: Omit<Asked, 'store'>) => {
    read.length = 0
    expect(await idOf({ ...asked, store })).toBe(await expected(asked))
    return read.length
  }
  expect(await reads({ wanted: 'latest' })).toBe(1)
  expect(await reads({ wanted: 'latest~2' })).toBe(3)
  expect(await reads({ wanted: 'latest', filter: { tags: ['tag-3'] } })).toBe(2)
  const [oldest = ''] = await retention.listed()
  expect(await reads({ wanted: oldest })).toBe(1)
})

describe('one that was known and cannot be used any more', () => {
  test('is told of where it would have been it, and the one before is taken', async () => {
    const before = await retention.save(owner)
    const newest = await retention.save(owner)
    const store = decorate(owner.store, {
      get: async (name, range) => {
        const bytes = Uint8Array.from(await owner.store.get(name, range))
        if (name.endsWith(newest)) bytes[100] = (bytes[100] as number) ^ 1
        return bytes
      },
    })
    const { snapshot, problems } = await found({ wanted: 'latest', store })
    expect(snapshot?.id).toBe(before)
    expect(problems).toMatchObject([
      { name: `snapshots/${newest}`, error: { code: 'object-damaged' } },
    ])
    expect(await idOf({ wanted: newest, store })).toBeUndefined()
  })

  test('and is gone is not missed', async () => {
    const before = await retention.save(owner)
    const newest = await retention.save(owner)
    const { snapshots } = await loadSnapshotFacts(owner, NO_CATALOG)
    await owner.store.remove(`snapshots/${newest}`)
    const asked = { repository: owner, snapshots, wanted: 'latest', filter: {} }
    const { snapshot, problems } = await findAmongFacts(asked)
    expect(snapshot?.id).toBe(before)
    expect(problems).toEqual([])
  })
})

describe('one of a host that its writer may not write for', () => {
  let writer: Repository

  beforeEach(async () => {
    writer = await retention.grant('writer', { domain: 'default', hosts: ['elsewhere'] })
    owner = await retention.owner()
  })

  test('is never it', async () => {
    const right = await retention.save(owner)
    const wrong = await retention.save(writer)
    const { snapshot, problems } = await found({ wanted: 'latest' })
    expect(snapshot?.id).toBe(right)
    expect(problems).toMatchObject([
      { name: `snapshots/${wrong}`, error: { code: 'object-foreign' } },
    ])
  })

  test.each(['complete', 'checkpoint'] as const)('hides no other: %s', async (ending) => {
    await retention.save(owner)
    const right = await retention.save(owner)
    const { snapshots } = await loadSnapshots(owner)
    const { summary } = snapshots.find(({ id }) => id === right) ?? {}
    const replaces = fromHex(right) as Uint8Array
    await retention.save(writer, { summary: { ...summary, ending, replaces } })
    expect(await expected({ wanted: 'latest' })).toBe(right)
    expect(await idOf({ wanted: 'latest' })).toBe(right)
  })
})

test('of hundreds that cannot be used all together are left to tell', async () => {
  for (let i = 0; i < 70; i++) await retention.save(owner)
  const store = decorate(owner.store, { get: () => Promise.resolve(new Uint8Array(64)) })
  const { snapshot, problems } = await found({ wanted: 'latest', store })
  expect(snapshot).toBeUndefined()
  expect(problems).toHaveLength(64)
})

describe('of a source of which some are copies', () => {
  const copyOf = new Uint8Array(32)
  const monthAgo = () => ({ startedMs: retention.nowMs - 30 * 86_400_000 })

  /** Both find it. */
  async function expectFound(asked: Asked, id: string | undefined): Promise<void> {
    expect(await expected(asked)).toBe(id)
    expect(await idOf(asked)).toBe(id)
  }

  test('the newest is the one that was begun last, not the one that was copied last', async () => {
    const newer = await retention.save(owner, { summary: { copyOf } })
    const older = await retention.save(owner, { summary: { ...monthAgo(), copyOf } })
    for (const filter of [{}, { source: 'source' }]) {
      await expectFound({ wanted: 'latest', filter }, newer)
      await expectFound({ wanted: 'latest~1', filter }, older)
    }
  })

  test('that is so too where no copy fits', async () => {
    const tags = ['own']
    const newer = await retention.save(owner, { tags })
    const older = await retention.save(owner, { tags, summary: monthAgo() })
    await expectFound({ wanted: 'latest', filter: { tags } }, older)
    await retention.save(owner, { summary: { ...monthAgo(), copyOf } })
    await expectFound({ wanted: 'latest', filter: { tags } }, newer)
    await expectFound({ wanted: 'latest~1', filter: { tags } }, older)
  })

  test('one whose writer may not write for its host changes nothing', async () => {
    const writer = await retention.grant('writer', { domain: 'default', hosts: ['elsewhere'] })
    owner = await retention.owner()
    await retention.save(owner)
    const last = await retention.save(owner, { summary: monthAgo() })
    await retention.save(writer, { summary: { ...monthAgo(), copyOf } })
    await expectFound({ wanted: 'latest' }, last)
  })
})

describe('a writer of another domain', () => {
  let thief: Repository

  beforeEach(async () => {
    thief = await retention.grant('writer')
    owner = await retention.owner()
  })

  test('does not come before what was saved since by a time to come', async () => {
    const startedMs = retention.nowMs + 365 * 86_400_000
    const fake = await retention.save(thief, { source: 'fake', summary: { startedMs } })
    expect(await expected({ wanted: 'latest' })).toBe(fake)
    const own = await retention.save(owner)
    expect(await expected({ wanted: 'latest' })).toBe(own)
    expect(await idOf({ wanted: 'latest' })).toBe(own)
  })

  test('does not come into a source by its id', async () => {
    const [domain] = owner.domains
    if (domain === undefined) throw new Error('no domain')
    const sourceId = sourceIdOf(domain, 'source')
    await retention.save(thief, { summary: { sourceId, sequence: 1000 } })
    const own = await retention.save(owner)
    expect(await expected({ wanted: 'latest' })).toBe(own)
    expect(await idOf({ wanted: 'latest' })).toBe(own)
    expect(await idOf({ wanted: 'latest~1' })).toBeUndefined()
  })
})
