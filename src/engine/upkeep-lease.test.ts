import { expect, test } from 'vitest'
import { makeRepository } from '../../test/engine/fixture.ts'
import { namesOf } from '../../test/repositories/sample.ts'
import { CairnError } from '../base/errors.ts'
import { openRepository, selectDomain } from '../repository/repository.ts'
import { systemRandom } from '../sealer/random.ts'
import { decorate } from '../store/decorate.ts'
import { VirtualClock } from '../store/virtual-clock.ts'
import { takeUpkeepLease } from './upkeep-lease.ts'

/** Upkeep on a store that takes nothing, on a machine with this clock. */
async function onReadOnly(
  nowMs: number,
  code: 'store-unwritable' | 'timeout' = 'store-unwritable',
) {
  const made = await makeRepository()
  const error = new CairnError(code, 'Cannot write')
  const store = decorate(made.store, { put: () => Promise.reject(error) })
  const repository = await openRepository(store, made.key)
  const told: unknown[] = []
  const options = {
    repository,
    domain: selectDomain(repository),
    host: 'host',
    clock: new VirtualClock(nowMs),
    random: systemRandom,
    onWarning: (what: unknown) => told.push(what),
  }
  return { options, told, error, store }
}

test('a dry run where nothing can be put tells so, and goes by the later of newest object and clock', async () => {
  const late = 2 ** 42
  const { options, told, error, store } = await onReadOnly(late)
  const lease = await takeUpkeepLease(options, { onlyReading: true })
  expect(told).toEqual([error])
  expect(await lease.storeNowMs()).toBe(late)
  await lease.release()
  const early = { ...options, clock: new VirtualClock(1000) }
  const [config = ''] = await namesOf(store, 'config/')
  const stamp = (await store.stat(config))?.storedAtMs
  const other = await takeUpkeepLease(early, { onlyReading: true })
  expect(await other.storeNowMs()).toBeGreaterThanOrEqual(stamp as number)
})

test('who changes something needs the lease, and so does a dry run on a store that may only be slow', async () => {
  const { options, error } = await onReadOnly(1000)
  await expect(takeUpkeepLease(options, { onlyReading: false })).rejects.toBe(error)
  const slow = await onReadOnly(1000, 'timeout')
  await expect(takeUpkeepLease(slow.options, { onlyReading: true })).rejects.toBe(slow.error)
})

test('else it is one that is there until it is released', async () => {
  const made = await makeRepository()
  const { options } = await onReadOnly(1000)
  const lease = await takeUpkeepLease(
    { ...options, repository: made.repository, domain: selectDomain(made.repository) },
    { onlyReading: true },
  )
  expect(await namesOf(made.store, 'leases/')).toHaveLength(1)
  await lease.release()
  expect(await namesOf(made.store, 'leases/')).toEqual([])
})
