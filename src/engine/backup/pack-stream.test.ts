import { expect, test } from 'vitest'
import { newRepository } from '../../../test/repositories/sample.ts'
import { systemClock } from '../../base/clock.ts'
import { CairnError } from '../../base/errors.ts'
import type { SealedFrame } from '../../packer/pack-writer.ts'
import { loadIndex } from '../../repository/index-load.ts'
import { openRepository, selectDomain } from '../../repository/repository.ts'
import { systemRandom } from '../../sealer/random.ts'
import { beginSession } from '../../sealer/session.ts'
import { decorate } from '../../store/decorate.ts'
import type { Store } from '../../store/store.ts'
import { PackMemory } from './pack-memory.ts'
import { PackStream } from './pack-stream.ts'

interface Changes {
  readonly wrap?: (store: Store) => Store
  readonly uploadBytesMax?: number
  readonly frameBytesMax?: number
}

async function openStream(changes: Changes) {
  const { store, owner } = await newRepository()
  const { wrap = (same: Store) => same, uploadBytesMax = 1 << 30, frameBytesMax = 900 } = changes
  const repository = await openRepository(wrap(store), owner)
  const domain = selectDomain(repository)
  const failures: Error[] = []
  const stream = new PackStream({
    repository,
    domain,
    session: beginSession(domain.scope, domain.latest).session,
    random: systemRandom,
    clock: systemClock,
    uploadBytesMax,
    frameBytesMax,
    onFailure: (error) => failures.push(error),
  })
  return { stream, repository, domain, failures }
}

const NO_REFS = { refCounts: [0], refs: new Uint8Array(0) }

let serial = 0
function frame(blobs: number, bytes = 10): SealedFrame {
  const ids = new Uint8Array(32 * blobs)
  new DataView(ids.buffer).setUint32(0, serial++)
  return { sealed: new Uint8Array(bytes), rawBytes: bytes, ids }
}

/** Does what a worker would, and lets what it was given be stored. */
async function addData(stream: PackStream, { sealed, ...facts }: SealedFrame): Promise<void> {
  const memory = new PackMemory(stream.dataMemory)
  const { bytes, ...at } = memory.room(
    { bytes: sealed.length, ids: facts.ids.length / 32 },
    (pack) => stream.dataPackClosed(pack),
  )
  bytes.set(sealed)
  stream.addData({ ...facts, ...at, storedBytes: sealed.length })
  await new Promise((resolve) => setImmediate(resolve))
}

async function segmentsOf(store: Store): Promise<number> {
  const names: string[] = []
  for await (const { name } of store.list('index/')) names.push(name)
  return names.length
}

test('more blobs than one index segment may name go into several', async () => {
  const { stream, repository, domain } = await openStream({})
  for (let i = 0; i < 270; i++) await addData(stream, frame(4096))
  await stream.flush()
  await stream.commitIndex()
  const index = await loadIndex(repository, domain)
  expect(index.problems).toEqual([])
  expect(index.image.blobs).toBe(270 * 4096)
  expect(index.packs).toHaveLength(stream.stored.length)
  expect(await segmentsOf(repository.store)).toBeGreaterThan(1)
})

/** A store that keeps packs waiting until it is told. */
function slowStore(): {
  wrap: (store: Store) => Store
  acknowledge: () => void
  puts: () => number
} {
  const waiting: (() => void)[] = []
  let puts = 0
  const wrap = (store: Store) =>
    decorate(store, {
      put: async (name, parts) => {
        if (name.startsWith('packs/')) {
          puts++
          await new Promise<void>((resolve) => waiting.push(resolve))
        }
        return store.put(name, parts)
      },
    })
  return { wrap, acknowledge: () => waiting.shift()?.(), puts: () => puts }
}

const later = () => new Promise((resolve) => setTimeout(resolve, 20))

test('a frame waits while all memory is in packs that no store has acknowledged', async () => {
  const { wrap, acknowledge, puts } = slowStore()
  const { stream, repository, domain } = await openStream({ wrap, uploadBytesMax: 10_000 })
  for (let i = 0; i < 5; i++) stream.addTrees({ ...frame(1, 900), ...NO_REFS })
  // Two packs of a thousand bytes, and the rest waits in order.
  await later()
  expect(puts()).toBe(2)
  acknowledge()
  await later()
  expect(puts()).toBe(3)
  const flushed = stream.flush()
  for (let i = 0; i < 5; i++) {
    acknowledge()
    await later()
  }
  await flushed
  expect(puts()).toBe(5)
  await stream.commitIndex()
  expect((await loadIndex(repository, domain)).image.blobs).toBe(5)
})

test('whoever makes frames faster than the store takes them is asked to wait', async () => {
  const { wrap, acknowledge } = slowStore()
  const { stream } = await openStream({ wrap, uploadBytesMax: 10 << 20 })
  for (let i = 0; i < 6; i++) stream.addTrees({ ...frame(1, 1 << 20), ...NO_REFS })
  expect(stream.isBehind).toBe(false)
  for (let i = 0; i < 2; i++) stream.addTrees({ ...frame(1, 1 << 20), ...NO_REFS })
  expect(stream.isBehind).toBe(true)
  let caughtUp = false
  const waiting = stream.caughtUp().then(() => {
    caughtUp = true
  })
  await later()
  expect(caughtUp).toBe(false)
  for (let i = 0; i < 9; i++) {
    acknowledge()
    await later()
  }
  await waiting
})

test('a frame that is longer than a pack has one for itself', async () => {
  const { stream, repository, domain } = await openStream({ uploadBytesMax: 300 })
  for (const bytes of [90, 5000, 90, 5000]) stream.addTrees({ ...frame(1, bytes), ...NO_REFS })
  await stream.flush()
  await stream.commitIndex()
  expect((await loadIndex(repository, domain)).packs).toHaveLength(4)
})

test('frames of data fit, however little memory there is for packs', async () => {
  const { stream, repository, domain } = await openStream({
    uploadBytesMax: 300,
    frameBytesMax: 5000,
  })
  for (const bytes of [90, 5000, 90, 5000]) await addData(stream, frame(1, bytes))
  await stream.flush()
  await stream.commitIndex()
  expect((await loadIndex(repository, domain)).packs).toHaveLength(4)
})

test('what is acknowledged is named once, data and trees in packs of their own', async () => {
  const { stream, repository, domain } = await openStream({})
  await addData(stream, frame(3))
  stream.addTrees({ ...frame(2), refCounts: [0, 0], refs: new Uint8Array(0) })
  await addData(stream, frame(1))
  await stream.flush()
  await stream.commitIndex()
  await stream.commitIndex()
  const { packs, image } = await loadIndex(repository, domain)
  expect(packs.map(({ kind }) => kind).sort()).toEqual(['data-pack', 'tree-pack'])
  expect(image.blobs).toBe(6)
  expect(await segmentsOf(repository.store)).toBe(1)
})

test('a pack that the store refuses fails the run and is never named', async () => {
  const refused = new CairnError('store-unwritable', 'no')
  let packs = 0
  const { stream, repository, domain, failures } = await openStream({
    wrap: (store) =>
      decorate(store, {
        put: (name, parts) => {
          if (name.startsWith('packs/') && ++packs === 2) return Promise.reject(refused)
          return store.put(name, parts)
        },
      }),
    uploadBytesMax: 100,
    frameBytesMax: 200,
  })
  for (let i = 0; i < 3; i++) await addData(stream, frame(1, 200))
  await expect(stream.flush()).rejects.toBe(refused)
  expect(failures).toEqual([refused])
  await stream.keepWhatIsStored()
  expect((await loadIndex(repository, domain)).packs).toHaveLength(2)
})

test('an index segment that the store refuses once is put at the end', async () => {
  let refusals = 1
  const { stream, repository, domain } = await openStream({
    wrap: (store) =>
      decorate(store, {
        put: (name, parts) =>
          name.startsWith('index/') && refusals-- > 0
            ? Promise.reject(new CairnError('store-unwritable', 'no'))
            : store.put(name, parts),
      }),
    uploadBytesMax: 100,
    frameBytesMax: 200,
  })
  // So many packs that a segment is due on the way.
  for (let i = 0; i < 300; i++) await addData(stream, frame(1, 200))
  await expect(stream.flush()).rejects.toMatchObject({ code: 'store-unwritable' })
  await stream.keepWhatIsStored()
  expect((await loadIndex(repository, domain)).packs).toHaveLength(300)
})
