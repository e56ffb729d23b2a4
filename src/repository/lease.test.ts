import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { namesOf, newSecret } from '../../test/repositories/sample.ts'
import { toHex } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { CairnError } from '../base/errors.ts'
import { systemRandom } from '../sealer/random.ts'
import { decorate } from '../store/decorate.ts'
import { openMemory } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import { VirtualClock } from '../store/virtual-clock.ts'
import { createRepository } from './create.ts'
import { HeldLease, leaseName } from './lease.ts'
import { openRepository, type Repository, selectDomain } from './repository.ts'

/** By which the store stamps. */
let clock: VirtualClock
let store: Store
let repository: Repository
let held: HeldLease | undefined
let problems: unknown[]

const SESSION = new Uint8Array(16).fill(0xab)
const nameOf = (number: number) => leaseName(SESSION, number)
const MINUTE_MS = 60_000

beforeEach(async () => {
  clock = new VirtualClock(1_000_000)
  store = openMemory({ clock })
  const owner = newSecret()
  await createRepository(store, { ...owner, random: systemRandom, clock: systemClock })
  repository = await openRepository(store, owner)
  problems = []
})

afterEach(async () => {
  await held?.release()
  held = undefined
  vi.useRealTimers()
})

async function take(through = store): Promise<HeldLease> {
  held = await HeldLease.take({
    repository: { ...repository, store: through },
    domain: selectDomain(repository),
    sessionId: SESSION,
    purpose: 'upkeep',
    host: 'host',
    // Whatever it says: a machine's own clock counts for nothing.
    clock: new VirtualClock(77),
    onProblem: (error) => problems.push(error),
  })
  return held
}

const leases = () => namesOf(store, 'leases/')

test('a lease has the name of its session and the number of the renewal', async () => {
  await take()
  expect(nameOf(1)).toBe(`leases/${toHex(SESSION)}/1`)
  expect(await leases()).toEqual([nameOf(1)])
})

test('the first lease stays for as long as the session is at work, and of the others the two newest', async () => {
  const lease = await take()
  const stored: (readonly string[])[] = []
  for (let i = 0; i < 5; i++) {
    await clock.advance(10 * MINUTE_MS)
    await lease.storeNowMs()
    stored.push(await leases())
  }
  expect(stored).toEqual([
    [1, 2].map(nameOf),
    [1, 2, 3].map(nameOf),
    [1, 3, 4].map(nameOf),
    [1, 4, 5].map(nameOf),
    [1, 5, 6].map(nameOf),
  ])
  expect((await store.stat(nameOf(1)))?.storedAtMs).toBe(1_000_000)
  await lease.release()
  expect(await leases()).toEqual([])
})

test('it is renewed every ten minutes until it is released', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const lease = await take()
  const renewed = async () => {
    vi.advanceTimersByTime(10 * MINUTE_MS)
    await clock.advance(0)
    return leases()
  }
  expect(await renewed()).toEqual([1, 2].map(nameOf))
  expect(await renewed()).toEqual([1, 2, 3].map(nameOf))
  expect(await renewed()).toEqual([1, 3, 4].map(nameOf))
  await lease.release()
  expect(await renewed()).toEqual([])
  expect(problems).toEqual([])
})

test("the store's clock tells what time it is, and not the machine's", async () => {
  const lease = await take()
  await clock.advance(5 * MINUTE_MS)
  expect(await lease.storeNowMs()).toBe(1_000_000 + 5 * MINUTE_MS)
  await clock.advance(1)
  expect(await lease.storeNowMs()).toBe(1_000_001 + 5 * MINUTE_MS)
})

test('what time it is cannot be told where the lease is gone at once, or cannot be put', async () => {
  let fails = false
  const losing = decorate(store, {
    put: (name, parts) =>
      fails ? Promise.reject(new CairnError('store-unwritable', 'no')) : store.put(name, parts),
    stat: () => Promise.resolve(undefined),
  })
  const lease = await take(losing)
  await expect(lease.storeNowMs()).rejects.toMatchObject({ code: 'store-unreadable' })
  fails = true
  await expect(lease.storeNowMs()).rejects.toMatchObject({ code: 'store-unwritable' })
})

test('a lease that could not be removed is removed later', async () => {
  let fails = false
  const failing = decorate(store, {
    remove: (name) =>
      fails ? Promise.reject(new CairnError('store-unwritable', 'no')) : store.remove(name),
  })
  const lease = await take(failing)
  await lease.storeNowMs()
  await lease.storeNowMs()
  fails = true
  await expect(lease.storeNowMs()).rejects.toMatchObject({ code: 'store-unwritable' })
  await expect(lease.storeNowMs()).rejects.toMatchObject({ code: 'store-unwritable' })
  expect(await leases()).toEqual([1, 2, 3, 4, 5].map(nameOf))
  fails = false
  await lease.storeNowMs()
  expect(await leases()).toEqual([1, 5, 6].map(nameOf))
})

/** A store that puts nothing before it is told to. */
function heldBack(inner: Store): { readonly slow: Store; readonly letGo: () => void } {
  let letGo: () => void = () => undefined
  let gate = Promise.resolve()
  const slow = decorate(inner, {
    put: async (name, parts) => {
      const result = await inner.put(name, parts)
      await gate
      gate = new Promise((resolve) => {
        letGo = resolve
      })
      return result
    },
  })
  return { slow, letGo: () => letGo() }
}

test('whoever ask for the time at once get a lease each, and none is left behind', async () => {
  const removing = decorate(store, {
    remove: async (name) => {
      await clock.advance(0)
      return store.remove(name)
    },
  })
  const lease = await take(removing)
  await Promise.all(Array.from({ length: 6 }, () => lease.storeNowMs()))
  expect(await leases()).toEqual([1, 6, 7].map(nameOf))
  await lease.release()
  expect(await leases()).toEqual([])
})

test('a renewal that is on its way when the session ends leaves nothing behind', async () => {
  const { slow, letGo } = heldBack(store)
  const lease = await take(slow)
  const asking = lease.storeNowMs()
  await clock.advance(0)
  const ending = lease.release()
  await clock.advance(0)
  expect(await leases()).toEqual([1, 2].map(nameOf))
  letGo()
  await Promise.all([asking.catch(() => undefined), ending])
  expect(await leases()).toEqual([])
})

test('a first lease that cannot be put is thrown, a release that fails is told', async () => {
  const refuse = () => Promise.reject(new CairnError('store-unwritable', 'no'))
  await expect(take(decorate(store, { put: refuse }))).rejects.toMatchObject({
    code: 'store-unwritable',
  })
  const lease = await take(decorate(store, { remove: refuse }))
  await lease.release()
  expect(problems).toMatchObject([{ code: 'store-unwritable' }])
})
