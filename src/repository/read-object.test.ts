import { expect, test } from 'vitest'
import { sampleRepository } from '../../test/repositories/sample.ts'
import { INDEX_BYTES_MAX, METADATA_BYTES_MAX } from '../format/limits.ts'
import { decorate } from '../store/decorate.ts'
import { openMemory } from '../store/memory.ts'
import type { ByteRange, Store } from '../store/store.ts'
import { VirtualClock } from '../store/virtual-clock.ts'
import { loadIndexes } from './index-load.ts'
import { readObject } from './read-object.ts'
import { openRepository } from './repository.ts'
import { loadSnapshots } from './snapshots.ts'

const HEX = 'ab'.repeat(32)

/** How much may come of a range, of an object however long. */
function boundOf(range: ByteRange | undefined): number {
  if (range === undefined) return Number.POSITIVE_INFINITY
  return 'last' in range ? range.last : range.length
}

test.each([
  [`snapshots/${HEX}`, METADATA_BYTES_MAX],
  [`receipts/${HEX}`, METADATA_BYTES_MAX],
  [`marks/${HEX}`, METADATA_BYTES_MAX],
  [`keys/${HEX}`, METADATA_BYTES_MAX],
  ['config/00000001', METADATA_BYTES_MAX],
  [`index/${HEX}`, INDEX_BYTES_MAX],
])('of %s no more than one byte beyond its maximum is fetched', async (name, bytesMax) => {
  let fetched = 0
  const store = decorate(openMemory({ clock: new VirtualClock() }), {
    get: (_, range) => {
      fetched = Math.min(boundOf(range), 200 * 1024 * 1024)
      return Promise.resolve(new Uint8Array(fetched))
    },
  })
  const error = { code: 'object-damaged', context: { object: name } }
  await expect(readObject(store, name)).rejects.toMatchObject(error)
  await expect(readObject(store, name)).rejects.toThrow(/more than the .* bytes that it may have/)
  expect(fetched).toBe(bytesMax + 1)
})

/** The store, which counts what is asked for without a bound. */
function withUnbounded(store: Store, unbounded: string[]): Store {
  return decorate(store, {
    get: (name, range) => {
      if (boundOf(range) > INDEX_BYTES_MAX + 1) unbounded.push(name)
      return store.get(name, range)
    },
  })
}

test('nothing is read without a bound when a repository is opened and listed', async () => {
  const sample = await sampleRepository({ a: 'alpha' })
  const unbounded: string[] = []
  const repository = await openRepository(withUnbounded(sample.store, unbounded), sample.owner)
  expect((await loadSnapshots(repository)).snapshots).toHaveLength(1)
  expect(await loadIndexes(repository, repository.domains)).toHaveLength(1)
  expect(unbounded).toEqual([])
})
