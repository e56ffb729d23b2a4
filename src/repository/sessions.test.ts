import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  flipBit,
  namesOf,
  newSecret,
  type SecretKey,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import { type Bytes, toHex } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import type { Lease } from '../format/records.ts'
import { systemRandom } from '../sealer/random.ts'
import { decorate } from '../store/decorate.ts'
import { openMemory } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import { VirtualClock } from '../store/virtual-clock.ts'
import { createRepository } from './create.ts'
import { addGrant, type NewRole } from './grants-add.ts'
import { HeldLease, leaseName } from './lease.ts'
import { openRepository, type Repository, selectDomain } from './repository.ts'
import { loadSessions } from './sessions.ts'

/** By which the store stamps. */
let clock: VirtualClock
let store: Store
let owner: SecretKey
let repository: Repository
let held: HeldLease[]

beforeEach(async () => {
  clock = new VirtualClock(1_000_000)
  store = openMemory({ clock })
  owner = newSecret()
  await createRepository(store, { ...owner, random: systemRandom, clock: systemClock })
  repository = await openRepository(store, owner)
  held = []
})

afterEach(async () => {
  for (const lease of held) await lease.release()
})

async function openAs(role: NewRole, label: string = role.role): Promise<Repository> {
  const key = newSecret()
  const options = { ...role, ...key, label, random: systemRandom, clock: systemClock }
  await addGrant(await openRepository(store, owner), options)
  return openRepository(store, key)
}

const session = (byte: number) => new Uint8Array(16).fill(byte)

async function work(
  by: Repository,
  sessionId: Bytes,
  purpose: Lease['purpose'] = 'backup',
): Promise<HeldLease> {
  const lease = await HeldLease.take({
    repository: by,
    domain: selectDomain(by),
    sessionId,
    purpose,
    host: `host of ${by.label}`,
    clock: new VirtualClock(77),
    onProblem: () => undefined,
  })
  held.push(lease)
  return lease
}

test('a session began at the stamp of its first lease and was renewed at that of its newest', async () => {
  const lease = await work(repository, session(1))
  for (let i = 0; i < 5; i++) {
    await clock.advance(1000)
    await lease.storeNowMs()
  }
  expect(await namesOf(store, 'leases/')).toEqual([1, 5, 6].map((n) => leaseName(session(1), n)))
  const { sessions, problems } = await loadSessions(repository)
  expect(problems).toEqual([])
  expect(sessions).toEqual([
    {
      id: toHex(session(1)),
      domain: selectDomain(repository),
      purpose: 'backup',
      host: 'host of owner',
      label: expect.any(String) as string,
      beganMs: 1_000_000,
      renewedMs: 1_005_000,
    },
  ])
})

test('all sessions are there, oldest first, whoever they are of and whatever for', async () => {
  const writer = await openAs({ role: 'writer', domain: 'default' }, 'laptop')
  const upkeep = await openAs({ role: 'upkeep' }, 'pruner')
  await work(writer, session(9))
  await clock.advance(5)
  await work(upkeep, session(1), 'upkeep')
  await clock.advance(5)
  await work(repository, session(5))
  const { sessions } = await loadSessions(upkeep)
  expect(sessions.map(({ id }) => id)).toEqual([9, 1, 5].map((byte) => toHex(session(byte))))
  expect(sessions.map(({ purpose }) => purpose)).toEqual(['backup', 'upkeep', 'backup'])
  expect(sessions.map(({ label }) => label).slice(0, 2)).toEqual(['laptop', 'pruner'])
  expect(sessions.map(({ beganMs }) => beganMs)).toEqual([1_000_000, 1_000_005, 1_000_010])
})

test('a session that has ended is not there', async () => {
  const lease = await work(repository, session(1))
  await lease.release()
  expect(await loadSessions(repository)).toEqual({ sessions: [], problems: [] })
})

test('one of a domain that the key does not hold is not shown', async () => {
  const writer = await openAs({ role: 'writer' })
  await work(repository, session(1))
  await clock.advance(1)
  await work(writer, session(2))
  const seen = await loadSessions(writer)
  expect(seen.problems).toEqual([])
  expect(seen.sessions.map(({ id }) => id)).toEqual([toHex(session(2))])
  const all = await loadSessions(await openRepository(store, owner))
  expect(all.sessions.map(({ domain }) => domain.label)).toEqual(['default', 'writer'])
})

test('whoever writes in another domain does not make a session of ours its own', async () => {
  const writer = await openAs({ role: 'writer' })
  const lease = await work(writer, session(1))
  await lease.storeNowMs()
  await store.remove(leaseName(session(1), 1))
  await clock.advance(10)
  await work(repository, session(1))
  const { sessions } = await loadSessions(await openRepository(store, owner))
  expect(sessions.map(({ domain, beganMs }) => [domain.label, beganMs])).toEqual([
    ['writer', 1_000_000],
    ['default', 1_000_010],
  ])
})

test('junk protects nothing, and is told', async () => {
  await work(repository, session(1))
  const own = leaseName(session(1), 1)
  const junk = leaseName(session(2), 1)
  const damaged = leaseName(session(3), 1)
  const renamed = leaseName(session(4), 1)
  await store.put(junk, [Uint8Array.of(1, 2, 3)])
  for (const name of [damaged, renamed]) await store.put(name, [await store.get(own)])
  await flipBit(store, { name: damaged, offset: 60 })
  const { sessions, problems } = await loadSessions(repository)
  expect(sessions.map(({ id }) => id)).toEqual([toHex(session(1))])
  const told = problems.map(({ name, error }) => [name, error.code])
  expect(told.sort()).toEqual([
    [junk, 'object-damaged'],
    [damaged, 'object-damaged'],
    [renamed, 'object-foreign'],
  ])
})

test('a lease that is removed while it is read is not missed', async () => {
  await work(repository, session(1))
  await work(repository, session(2))
  const removing = decorate(store, {
    get: async (name, range) => {
      if (name === leaseName(session(1), 1)) await store.remove(name)
      return store.get(name, range)
    },
  })
  const { sessions, problems } = await loadSessions({ ...repository, store: removing })
  expect(problems).toEqual([])
  expect(sessions.map(({ id }) => id)).toEqual([toHex(session(2))])
})

test('where the store gives out none of them, it is not taken for nobody at work', async () => {
  await work(repository, session(1))
  await work(repository, session(2))
  const dead = { ...repository, store: withBadSectors(store, () => true) }
  await expect(loadSessions(dead)).rejects.toMatchObject({ code: 'store-unreadable' })
  const bad = leaseName(session(1), 1)
  const scratched = { ...repository, store: withBadSectors(store, (name) => name === bad) }
  const { sessions, problems } = await loadSessions(scratched)
  expect(sessions.map(({ id }) => id)).toEqual([toHex(session(2))])
  expect(problems.map(({ name }) => name)).toEqual([bad])
})
