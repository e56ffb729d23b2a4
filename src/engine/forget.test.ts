// Forgetting on a store: order, kills, time, holds. What attackers make of it is in forget/hostile.test.ts.

import { beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS, policy } from '../../test/engine/candidates.ts'
import { Retention } from '../../test/engine/retention.ts'
import { NO_CATALOG } from '../../test/repositories/no-catalog.ts'
import { flipBit, namesOf } from '../../test/repositories/sample.ts'
import { fromHex } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import { FACT_BYTES, sightingCodec } from '../format/upkeep-records.ts'
import { loadForgotten } from '../repository/forgets.ts'
import { sealRecord } from '../repository/open-record.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshots, type Snapshot } from '../repository/snapshots.ts'
import { putUpkeepRecord } from '../repository/upkeep-records.ts'
import { Trust } from '../sealer/certificate.ts'
import { systemRandom } from '../sealer/random.ts'
import { putContent } from '../store/content.ts'
import { decorate } from '../store/decorate.ts'
import { openMemory } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import { inRecords } from './forget/execute.ts'
import { hold, release } from './hold.ts'
import { loadSightings } from './sightings.ts'
import { changeTags, type TagChange } from './tag.ts'

let world: Retention
let owner: Repository

beforeEach(async () => {
  world = await Retention.make()
  owner = await world.owner()
})

async function save(count: number, repository = owner): Promise<readonly string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push(await world.save(repository))
  return ids
}

async function snapshotOf(id: string): Promise<Snapshot> {
  const { snapshots } = await loadSnapshots(owner, { withReplaced: true })
  return snapshots.find((one) => one.id === id) as Snapshot
}

function count(prefix: string): Promise<number> {
  return namesOf(world.store, prefix).then(({ length }) => length)
}

/** A store on which the program is killed at a call. */
function killedAt(isAt: (call: string, name: string) => boolean): Store {
  const kill = (call: string, name: string) => {
    if (isAt(call, name)) throw new Error('killed')
  }
  return decorate(world.store, {
    put: (name, parts) => {
      kill('put', name)
      return world.store.put(name, parts)
    },
    remove: (name) => {
      kill('remove', name)
      return world.store.remove(name)
    },
  })
}

const tag = (snapshot: Snapshot, change: TagChange = { add: ['t'] }) =>
  changeTags({ repository: owner, snapshot, change, clock: world.clock, random: systemRandom })

test('what a policy does not keep is gone with its receipt, and a record has it', async () => {
  const ids = await save(3)
  const { forgotten, spared } = await world.forget(owner, { policy: policy({ last: 2 }) })
  expect([forgotten.map(({ id }) => id), spared]).toEqual([[ids[0]], []])
  expect(await world.listed()).toEqual(ids.slice(1))
  expect(await count('receipts/')).toBe(2)
  const { forgotten: recorded } = await loadForgotten(owner)
  expect(recorded).toMatchObject([{ id: ids[0], isConfirmed: true, sequence: 1 }])
  expect(await count('leases/')).toBe(0)
})

test('an upkeep key may forget, a writer and a reader may not', async () => {
  const [first] = await save(2)
  for (const role of ['writer', 'reader'] as const) {
    const repository = await world.grant(role)
    await expect(world.forget(repository, {})).rejects.toMatchObject({ code: 'not-permitted' })
  }
  const { forgotten } = await world.forget(await world.grant('upkeep'), {})
  expect(forgotten.map(({ id }) => id)).toEqual([first])
})

test('a dry run changes nothing, and writes down no sighting', async () => {
  await save(3)
  const before = await namesOf(world.store, '')
  const { plan } = await world.forget(owner, {}, { dryRun: true })
  expect(plan.sources[0]?.decisions.map(({ keeps }) => keeps)).toEqual([true, false, false])
  expect(await namesOf(world.store, '')).toEqual(before)
})

test('tags choose and keep, where the key may read them', async () => {
  const kept = await world.save(owner, { tags: ['a', 'b'] })
  const other = await world.save(owner, { tags: ['a'] })
  const [last] = await save(1)
  const rules = policy({ last: 1, tags: [['a', 'b']] })
  const upkeep = await world.grant('upkeep')
  const denied = world.forget(upkeep, { policy: rules })
  await expect(denied).rejects.toMatchObject({ code: 'not-permitted' })
  await world.forget(owner, { policy: rules, filter: { tags: ['a'] } })
  expect(await world.listed()).toEqual([kept, other, last])
  await world.forget(owner, { policy: rules })
  expect(await world.listed()).toEqual([kept, last])
})

describe('what stands for another', () => {
  test('goes with it, and is as old as it', async () => {
    const [first, second] = await save(2)
    const change = { add: ['t'] }
    const snapshot = await snapshotOf(first as string)
    world.nowMs += DAY_MS
    await tag(snapshot, change)
    const { forgotten } = await world.forget(owner, {})
    expect(forgotten).toHaveLength(1)
    expect(forgotten[0]?.lineage.members).toHaveLength(2)
    expect(await namesOf(world.store, 'snapshots/')).toEqual([`snapshots/${second}`])
    expect(await count('receipts/')).toBe(1)
  })

  test('has its age written down, for where the other one is gone', async () => {
    const [first] = await save(1)
    const { receivedMs } = await loadSightings(owner)
    expect(receivedMs.size).toBe(0)
    const born = world.nowMs
    world.nowMs += DAY_MS
    const snapshot = await snapshotOf(first as string)
    await tag(snapshot)
    await world.forget(owner, {})
    const sightings = await loadSightings(owner)
    expect([...sightings.receivedMs.values()]).toEqual([born, born])
  })

  test('with tags that a writer took away does not make it go', async () => {
    const kept = await world.save(owner, { tags: ['keep'] })
    const { summary } = await snapshotOf(kept)
    const thief = await world.grant('writer', { domain: 'default' })
    const replaces = fromHex(kept)
    await world.save(thief, { summary: { ...summary, replaces } })
    await save(1)
    const rules = policy({ last: 1, tags: [['keep']] })
    expect((await world.forget(owner, { policy: rules })).forgotten).toEqual([])
    expect(await count('snapshots/')).toBe(3)
  })

  test('counts once, however many are put in its place', async () => {
    const ids = await save(4)
    const newest = ids[3] as string
    const { summary } = await snapshotOf(newest)
    const thief = await world.grant('writer', { domain: 'default' })
    for (let i = 0; i < 5; i++) {
      const replaces = fromHex(newest)
      await world.save(thief, {
        summary: { ...summary, sessionId: new Uint8Array(16).fill(i), replaces },
      })
    }
    const { forgotten } = await world.forget(owner, { policy: policy({ last: 3 }) })
    expect(forgotten.map(({ id }) => id)).toEqual([ids[0]])
  })
})

describe('time', () => {
  test('is that of the earliest sighting, also where all stamps are new', async () => {
    const ids = await save(4)
    await world.forget(owner, { policy: policy({ last: 4 }) })
    const copy = openMemory({ clock: world.clock })
    for (const name of await namesOf(world.store, ''))
      await copy.put(name, [await world.store.get(name)])
    world.nowMs += DAY_MS
    const repository = await world.owner(copy)
    const rules = policy({ counts: { daily: 2 } })
    const { forgotten } = await world.forget(repository, { policy: rules })
    expect(forgotten.map(({ id }) => id)).toEqual([ids[1], ids[0]])
  })

  test('is the earliest that upkeep has written down, in whatever order', async () => {
    const ids = await save(3)
    const domain = owner.domains[0] as (typeof owner.domains)[0]
    const [early, late] = [world.nowMs - 50 * DAY_MS, world.nowMs]
    for (const receivedMs of [late, early, late]) {
      world.nowMs++
      const snapshots = [{ snapshot: fromHex(ids[2] as string) as Uint8Array, receivedMs }]
      await putUpkeepRecord(owner, { kind: 'sighting', domain, record: { snapshots, moved: [] } })
    }
    const { forgotten } = await world.forget(owner, { policy: policy({ last: 2 }) })
    expect(forgotten.map(({ id }) => id)).toEqual([ids[2]])
  })

  test('of what a writer claims to have seen is nothing', async () => {
    const ids = await save(2)
    const writer = await world.grant('writer', { domain: 'default' })
    const domain = writer.domains[0] as (typeof writer.domains)[0]
    const snapshots = ids.map((id, i) => ({
      snapshot: fromHex(id) as Uint8Array,
      receivedMs: 9 - i,
    }))
    const parts = sealRecord(writer, {
      domain,
      kind: 'sighting',
      signatory: domain.signatory,
      codec: sightingCodec,
      record: { snapshots, moved: [] },
    })
    await putContent(world.store, { folder: 'sightings', parts })
    const { receivedMs, problems } = await loadSightings(owner)
    expect([receivedMs.size, problems.map(({ error }) => error.code)]).toEqual([
      0,
      ['object-foreign'],
    ])
    expect((await world.forget(owner, {})).forgotten.map(({ id }) => id)).toEqual([ids[0]])
  })

  test('is not what clocks of writers say: the future is refused, the past changes nothing', async () => {
    const good = await save(3)
    const past = await world.save(owner, { summary: { startedMs: 1, endedMs: 1 } })
    const rules = policy({ last: 2 })
    const { forgotten } = await world.forget(owner, { policy: rules })
    expect(forgotten.map(({ id }) => id)).toEqual([good[1], good[0]])
    await world.save(owner, { summary: { startedMs: world.nowMs + 9 * DAY_MS } })
    const { plan, forgotten: none } = await world.forget(owner, { policy: rules })
    expect(none).toEqual([])
    expect(plan.sources[0]?.refusals.map(({ kind }) => kind)).toEqual(['future'])
    expect(await world.listed()).toContain(past)
  })
})

describe('what is held', () => {
  async function change(
    act: typeof release | typeof holdPlain,
    ...ids: readonly string[]
  ): Promise<void> {
    const { snapshots: known } = await loadSnapshots(owner, { withReplaced: true })
    const chosen = known.filter(({ id }) => ids.includes(id))
    await act({ repository: owner, known, chosen, clock: world.clock })
  }

  const holdPlain = (options: Parameters<typeof release>[0]) => hold({ ...options, reason: '' })

  test('stays, and of several that one record holds one can be released', async () => {
    const ids = await save(4)
    await change(holdPlain, ids[0] as string, ids[1] as string)
    expect((await world.forget(owner, {})).forgotten.map(({ id }) => id)).toEqual([ids[2]])
    await change(release, ids[0] as string)
    expect((await world.forget(owner, {})).forgotten.map(({ id }) => id)).toEqual([ids[0]])
    await change(release, ids[1] as string)
    expect(await count('holds/')).toBe(3)
    expect((await world.forget(owner, {})).forgotten.map(({ id }) => id)).toEqual([ids[1]])
  })

  test('can be held again after it was released, and tags change nothing', async () => {
    const [first] = await save(2)
    for (const act of [holdPlain, release, holdPlain]) await change(act, first as string)
    const snapshot = await snapshotOf(first as string)
    await tag(snapshot)
    expect((await world.forget(owner, {})).forgotten).toEqual([])
    const tagged = (await world.listed()).find((id) => !snapshot.id.startsWith(id)) as string
    const listed = await loadSnapshots(owner)
    const after = listed.snapshots.find(({ summary }) => summary.replaces)
    expect(tagged).toBeDefined()
    await change(release, after?.id as string)
    expect((await world.forget(owner, {})).forgotten).toHaveLength(1)
  })

  test('while it is being forgotten stays', async () => {
    const [first] = await save(2)
    const racing = decorate(world.store, {
      put: async (name, parts) => {
        const result = await world.store.put(name, parts)
        if (name.startsWith('forgets/')) await change(holdPlain, first as string)
        return result
      },
    })
    const { forgotten, spared } = await world.forget(await world.owner(racing), {})
    expect([forgotten, spared.map(({ id }) => id)]).toEqual([[], [first]])
    expect(await world.listed()).toContain(first)
  })

  test('is told to whoever holds it too late to be sure', async () => {
    const [first] = await save(2)
    const store = killedAt((call, name) => call === 'remove' && name.startsWith('snapshots/'))
    await expect(world.forget(await world.owner(store), {})).rejects.toThrow('killed')
    const { snapshots: known } = await loadSnapshots(owner)
    const chosen = known.filter(({ id }) => id === first)
    const held = await hold({ repository: owner, known, chosen, reason: '', clock: world.clock })
    expect(held.uncertain.map(({ id }) => id)).toEqual([first])
  })

  test('cannot be known where a hold is damaged: nothing goes', async () => {
    const [first] = await save(2)
    await change(holdPlain, first as string)
    const [name] = await namesOf(world.store, 'holds/')
    await flipBit(world.store, { name: name as string, offset: 60 })
    await expect(world.forget(owner, {})).rejects.toMatchObject({ code: 'object-damaged' })
    expect(await count('snapshots/')).toBe(2)
  })
})

test('killed between what stands for another and that, the one that is listed is left', async () => {
  const [first] = await save(2)
  const snapshot = await snapshotOf(first as string)
  await tag(snapshot)
  const before = await world.listed()
  let removed = 0
  const isSecond = (call: string, name: string) =>
    call === 'remove' && name.startsWith('snapshots/') && ++removed === 2
  const store = killedAt(isSecond)
  await expect(world.forget(await world.owner(store), {})).rejects.toThrow('killed')
  expect(await world.listed()).toEqual(before)
  await world.forget(owner, {})
  expect([await count('snapshots/'), await count('receipts/')]).toEqual([1, 1])
})

describe('killed', () => {
  test.each([
    ['before its record', 'put', 'forgets/'],
    ['before the snapshot is removed', 'remove', 'snapshots/'],
    ['before the receipt is removed', 'remove', 'receipts/'],
  ])('%s the next run goes on', async (_, call, folder) => {
    const ids = await save(3)
    const store = killedAt((at, name) => at === call && name.startsWith(folder))
    await expect(world.forget(await world.owner(store), {})).rejects.toThrow('killed')
    const recorded = new Set((await loadForgotten(owner)).forgotten.map(({ id }) => id))
    const listed = await world.listed()
    expect(ids.filter((id) => !listed.includes(id) && !recorded.has(id))).toEqual([])
    await world.forget(owner, {})
    expect(await world.listed()).toEqual([ids[2]])
    expect(await count('receipts/')).toBe(1)
    expect((await loadForgotten(owner)).forgotten).toHaveLength(2)
    expect(await count('forgets/')).toBe(1)
  })
})

test('killed at any call, nothing is gone without a record, and the next run comes to the same end', async () => {
  const calls = await (async () => {
    let made = 0
    const ids = await save(4)
    const snapshot = await snapshotOf(ids[1] as string)
    await tag(snapshot)
    await world.forget(await world.owner(killedAt(() => ++made < 0)), {})
    return made
  })()
  expect(calls).toBeGreaterThan(12)
  for (let at = 1; at < calls; at++) {
    world = await Retention.make()
    owner = await world.owner()
    const ids = await save(4)
    const snapshot = await snapshotOf(ids[1] as string)
    await tag(snapshot)
    const before = await namesOf(world.store, 'snapshots/')
    let made = 0
    const repository = await world.owner(killedAt(() => ++made === at))
    await world.forget(repository, {}).catch(() => undefined)
    const there = await namesOf(world.store, 'snapshots/')
    const recorded = new Set((await loadForgotten(owner)).forgotten.map(({ name }) => name))
    const gone = before.filter((name) => !there.includes(name))
    expect({ at, gone: gone.filter((name) => !recorded.has(name)) }).toEqual({ at, gone: [] })
    expect(await world.listed()).toContain(ids[3])
    await world.forget(owner, {})
    const end = [await world.listed(), await count('receipts/'), await count('snapshots/')]
    expect({ at, end }).toEqual({ at, end: [[ids[3]], 1, 1] })
  }
})

test('a record that is gone, because this machine was suspended for so long, is put again', async () => {
  const ids = await save(3)
  let asked = 0
  const store = decorate(world.store, {
    get: async (name, range) => {
      if (name.startsWith('forgets/') && asked++ === 0) {
        world.nowMs += 31 * DAY_MS
        await world.store.remove(name)
      }
      return world.store.get(name, range)
    },
  })
  await world.forget(await world.owner(store), {})
  expect(await world.listed()).toEqual([ids[2]])
  const { forgotten } = await loadForgotten(owner)
  expect(forgotten.map(({ id }) => id).sort()).toEqual(ids.slice(0, 2).sort())
})

test('a snapshot that cannot be read is left as it is, and the others go', async () => {
  const ids = await save(3)
  const kept = new Map<string, Uint8Array>()
  const catalog = {
    read: ({ hex }: { readonly hex: string }) => kept.get(hex),
    write: ({ hex }: { readonly hex: string }, bytes: Uint8Array) => void kept.set(hex, bytes),
  }
  await world.forget(owner, { policy: policy({ last: 3 }) }, { catalog })
  await flipBit(world.store, { name: `snapshots/${ids[0]}`, offset: 300 })
  const problems: string[] = []
  const onProblem = ({ name }: { readonly name: string }) => problems.push(name)
  const { forgotten } = await world.forget(owner, {}, { catalog, onProblem })
  expect(forgotten.map(({ id }) => id)).toEqual([ids[1]])
  expect(problems).toEqual([`snapshots/${ids[0]}`])
})

test('what is known already is not read again, and believed only as it was sealed', async () => {
  await save(3)
  const kept = new Map<string, Uint8Array>()
  const catalog = {
    read: ({ hex }: { readonly hex: string }) => kept.get(hex),
    write: ({ hex }: { readonly hex: string }, bytes: Uint8Array) => void kept.set(hex, bytes),
  }
  const dry = { dryRun: true }
  const plain = await world.forget(owner, {}, { ...dry, catalog: NO_CATALOG })
  await world.forget(owner, {}, { ...dry, catalog })
  const read: string[] = []
  const store = decorate(world.store, {
    get: (name, range) => {
      read.push(name)
      return world.store.get(name, range)
    },
  })
  const repository = await world.owner(store)
  const known = await world.forget(repository, {}, { ...dry, catalog })
  const facts = ({ plan }: typeof plain) =>
    plan.sources.flatMap(({ decisions }) => decisions.map((one) => [one.candidate.id, one.rules]))
  expect(facts(known)).toEqual(facts(plain))
  // Only the newest is, with its receipt because others go for it, and for the name of its source.
  expect(read.filter((name) => /^(snapshots|receipts)\//.test(name))).toHaveLength(3)
  for (const [hex, bytes] of kept)
    kept.set(
      hex,
      bytes.map((byte, i) => (i === 99 ? byte ^ 1 : byte)),
    )
  expect(facts(await world.forget(owner, {}, { ...dry, catalog }))).toEqual(facts(plain))
})

test('what a key signed that was taken back since counts no longer, whatever is known already', async () => {
  const kept = new Map<string, Uint8Array>()
  const catalog = {
    read: ({ hex }: { readonly hex: string }) => kept.get(hex),
    write: ({ hex }: { readonly hex: string }, bytes: Uint8Array) => void kept.set(hex, bytes),
  }
  const writer = await world.grant('writer', { domain: 'default' })
  const [old] = await save(1)
  const [late] = await save(1, writer)
  const dry = { dryRun: true, catalog }
  await world.forget(owner, {}, dry)
  const { revocations } = owner.config
  const revoked = { certificateId: await certificateIdOf(late as string), accepted: [] }
  const { id, config } = owner
  const trust = new Trust({
    repositoryId: id,
    ownerVerifyKey: config.ownerVerifyKey,
    revocations: [...revocations, revoked],
  })
  const { plan } = await world.forget({ ...owner, trust }, {}, dry)
  expect(plan.sources[0]?.decisions.map(({ candidate }) => candidate.id)).toEqual([old])
})

async function certificateIdOf(id: string): Promise<Uint8Array> {
  return (await snapshotOf(id)).certificate.id
}

test('records are split by their length and number', () => {
  const one = (length: number) => ({
    snapshot: sha256(new Uint8Array(length)),
    sourceId: new Uint8Array(16),
    sequence: 1,
    isConfirmed: true,
    predecessor: undefined,
    object: new Uint8Array(length),
  })
  const lengths = (limits: Parameters<typeof inRecords>[1]) =>
    [...inRecords([one(5), one(6), one(100), one(1)], limits)].map((record) => record.length)
  expect(lengths({ bytesMax: 11 + 2 * FACT_BYTES })).toEqual([2, 1, 1])
  expect(lengths({ countMax: 3 })).toEqual([3, 1])
})

test.each([
  ['cuts off', (parts: readonly Uint8Array[]) => [(parts[0] as Uint8Array).subarray(0, 20)]],
  ['loses', undefined],
])('where the store %s the record nothing goes', async (_, left) => {
  const ids = await save(2)
  const lying = decorate(world.store, {
    put: async (name, parts) => {
      if (!name.startsWith('forgets/')) return world.store.put(name, parts)
      if (left !== undefined) await world.store.put(name, left(parts))
      return left === undefined ? 'created' : 'exists'
    },
  })
  await expect(world.forget(await world.owner(lying), {})).rejects.toMatchObject({
    code: left === undefined ? 'object-missing' : 'object-damaged',
  })
  expect(await world.listed()).toEqual(ids)
})
