import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  backupFiles,
  copySample,
  flipBit,
  namesOf,
  newRepository,
  noise,
  replaceObject,
  type Sample,
  sampleRepository,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import {
  addRecords,
  emptyTarget,
  expectSoundCopy,
  firstName,
  historyRepository,
  mark,
  namesToCopy,
  runSync,
  withPuts,
} from '../../test/repositories/syncing.ts'
import type { Bytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { KIND } from '../format/prefix.ts'
import { openRepository } from '../repository/repository.ts'
import { decorate } from '../store/decorate.ts'
import { withListingLag } from '../store/listing-lag.ts'
import { withSpaceLimit } from '../store/space-limit.ts'
import type { Store } from '../store/store.ts'
import { VirtualClock } from '../store/virtual-clock.ts'

const NO_PACK = `packs/00/${'0'.repeat(64)}`

let original: Sample
let source: Sample
let target: Store

beforeAll(async () => {
  original = await historyRepository()
})

beforeEach(async () => {
  source = await copySample(original)
  target = emptyTarget()
})

test('copies everything but leases and quarantine', async () => {
  await addRecords(source)
  await source.store.put(`leases/${'0'.repeat(32)}/1`, [noise(10)])
  await source.store.put(`quarantine/${'0'.repeat(64)}`, [noise(10)])
  const { result, problems } = await runSync(source.store, target)
  expect(problems).toEqual([])
  expect(await namesToCopy(target)).toEqual(await namesToCopy(source.store))
  expect(result).toMatchObject({ objects: (await namesToCopy(source.store)).length, snapshots: 2 })
  for (const name of await namesToCopy(target))
    expect(await target.get(name)).toEqual(await source.store.get(name))
})

test('the copy is a repository', async () => {
  await runSync(original.store, target)
  await expectSoundCopy({ store: target, owner: original.owner })
})

test('leaves out what is no part of a repository', async () => {
  await source.store.put('keys/junk', [noise(10)])
  await source.store.put('config/7', [noise(10)])
  expect((await runSync(source.store, target)).problems).toEqual([])
  expect(await target.stat('keys/junk')).toBeUndefined()
  expect(await target.stat('config/7')).toBeUndefined()
})

test('copies nothing twice', async () => {
  await runSync(source.store, target)
  const puts: string[] = []
  const { result } = await runSync(source.store, withPuts(target, puts))
  expect(puts).toEqual([])
  expect(result).toMatchObject({
    objects: 0,
    bytes: 0,
    present: (await namesToCopy(target)).length,
  })
})

test('puts what the source has, keys, config, packs, index and records first, then snapshots with receipts, and marks last', async () => {
  const two = await sampleRepository({ 'a.txt': 'alpha' })
  await backupFiles(two.repository, { files: { 'a.txt': 'beta' } })
  await addRecords(two)
  await mark(two, { packs: [NO_PACK] })
  const puts: string[] = []
  await runSync(two.store, withPuts(target, puts))
  const folders = puts.map((name) => name.slice(0, name.indexOf('/')))
  const order = folders.filter((folder, at) => folder !== folders[at - 1])
  expect(order).toEqual([
    'origins',
    'keys',
    'config',
    'packs',
    'index',
    'sightings',
    'forgets',
    'renewals',
    'losses',
    // Each confirmed before the next one follows it.
    'snapshots',
    'receipts',
    'snapshots',
    'receipts',
    'holds',
    'marks',
  ])
})

test('lists receipts before snapshots, those before the index and packs last', async () => {
  const listed: string[] = []
  const watched = decorate(source.store, {
    list: (prefix) => {
      listed.push(prefix)
      return source.store.list(prefix)
    },
  })
  await runSync(watched, target)
  const at = ['marks/', 'receipts/', 'snapshots/', 'forgets/', 'config/', 'index/', 'packs/'].map(
    (prefix) => listed.indexOf(prefix),
  )
  expect(at).toEqual(at.toSorted((a, b) => a - b))
  expect(listed.filter((prefix) => prefix !== 'origins/').at(-1)).toBe('packs/')
})

test('has no more than 256 MiB on their way', async () => {
  let [onTheirWay, most] = [0, 0]
  const large = decorate(source.store, {
    list: async function* (prefix) {
      const size = 128 * 1024 * 1024
      for await (const info of source.store.list(prefix))
        yield prefix === 'packs/' ? { ...info, size } : info
    },
    get: (name, range) => {
      if (name.startsWith('packs/')) most = Math.max(most, ++onTheirWay)
      return source.store.get(name, range)
    },
  })
  const slow = decorate(target, {
    put: async (name, parts) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (name.startsWith('packs/')) onTheirWay--
      return target.put(name, parts)
    },
  })
  await runSync(large, slow)
  expect(await namesOf(target, 'packs/')).toHaveLength(4)
  expect(most).toBe(2)
})

test('a dry run tells what a run does, and does nothing', async () => {
  const puts: string[] = []
  const dry = await runSync(source.store, withPuts(target, puts), { dryRun: true })
  expect(puts).toEqual([])
  const { result } = await runSync(source.store, target)
  expect(dry.result).toEqual(result)
  expect(dry.planned.toSorted()).toEqual((await namesToCopy(target)).map((name) => `copy ${name}`))
})

describe('the source', () => {
  test('without a config is no repository', async () => {
    await expect(runSync(emptyTarget(), target)).rejects.toMatchObject({ code: 'no-repository' })
  })

  test.each(['packs/', 'index/', 'snapshots/', 'receipts/', 'keys/', 'config/', 'holds/'])(
    'that has a damaged object in %s: it is told and left out, all else is copied',
    async (prefix) => {
      await addRecords(source)
      const name = await firstName(source.store, prefix)
      await flipBit(source.store, { name, offset: 40 })
      const { result, problems } = await runSync(source.store, target)
      expect(problems).toMatchObject([{ kind: 'damaged', object: name }])
      expect(result.problems).toBe(1)
      const others = (await namesToCopy(source.store)).filter((other) => other !== name)
      expect(await namesToCopy(target)).toEqual(others)
    },
  )

  test('that does not give out an object: it is told, and copied when it does', async () => {
    const name = await firstName(source.store, 'packs/')
    const bad = withBadSectors(source.store, (one) => one === name)
    const { problems } = await runSync(bad, target)
    expect(problems).toMatchObject([{ kind: 'unreadable', object: name }])
    expect((await runSync(source.store, target)).result).toMatchObject({ objects: 1, problems: 0 })
  })

  test('that gives out nothing any more ends the run with its own error', async () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}`, noise(9, i)]))
    const many = await sampleRepository(files)
    for (let i = 0; i < 20; i++) {
      await many.store.put(`packs/aa/aa${String(i).padStart(62, '0')}`, [noise(10, i)])
    }
    const gone = withBadSectors(many.store, (name) => name.startsWith('packs/'))
    await expect(runSync(gone, target)).rejects.toMatchObject({ code: 'store-unreadable' })
  })

  test('that has an object longer than it lists: no more than that is read', async () => {
    const name = await firstName(source.store, 'packs/')
    const lying = decorate(source.store, {
      list: async function* (prefix) {
        for await (const info of source.store.list(prefix))
          yield info.name === name ? { ...info, size: 100 } : info
      },
      get: (one, range) => {
        if (one === name) expect(range).toEqual({ last: 101 })
        return source.store.get(one, range)
      },
    })
    const { problems } = await runSync(lying, target)
    expect(problems).toMatchObject([{ kind: 'damaged', object: name }])
  })

  test.each(['snapshots/', 'receipts/'])(
    'that loses one of its %s meanwhile: it is not copied, and no problem',
    async (prefix) => {
      const name = await firstName(source.store, prefix)
      const forgetful = decorate(source.store, {
        get: async (one, range) => {
          if (one === name) await source.store.remove(name)
          return source.store.get(one, range)
        },
      })
      expect((await runSync(forgetful, target)).problems).toEqual([])
      expect(await target.stat(name)).toBeUndefined()
    },
  )
})

describe('a source that is pruned meanwhile', () => {
  /** Two runs that do not know of each other: the same blobs of data, in other packs. */
  async function twins(): Promise<{ one: Sample; other: Sample }> {
    const { store, owner } = await newRepository()
    const empty = { store, owner, repository: await openRepository(store, owner) }
    const files = { 'a.bin': noise(200_000, 8), 'b.txt': 'beta' }
    const other = await copySample(empty)
    await backupFiles(empty.repository, { files })
    await backupFiles(other.repository, { files })
    return { one: empty, other }
  }

  test('is listed again, and what has moved is copied before any snapshot', async () => {
    const { one, other } = await twins()
    const old = await dataPacks(one.store)
    const [snapshot = ''] = await namesOf(one.store, 'snapshots/')
    let pruned = false
    const moving = decorate(one.store, {
      get: async (name, range) => {
        if (name.startsWith('packs/') && !pruned) {
          pruned = true
          for (const prefix of ['packs/', 'index/'])
            for (const moved of await namesOf(other.store, prefix))
              await one.store.put(moved, [await other.store.get(moved)])
          for (const gone of [...old, ...(await segmentsOf(one, other))])
            await one.store.remove(gone)
        }
        return one.store.get(name, range)
      },
    })
    const puts: string[] = []
    const { problems } = await runSync(moving, withPuts(target, puts))
    expect(problems).toEqual([])
    const lastPack = puts.findLastIndex((name) => name.startsWith('packs/'))
    expect(puts.indexOf(snapshot)).toBeGreaterThan(lastPack)
    for (const name of await namesOf(other.store, 'packs/'))
      expect(await target.stat(name)).toBeDefined()
    await expectSoundCopy({ store: target, owner: one.owner })
  })

  async function dataPacks(store: Store): Promise<readonly string[]> {
    const packs = await namesOf(store, 'packs/')
    const kinds = await Promise.all(packs.map(async (name) => (await store.get(name))[6]))
    return packs.filter((_, at) => kinds[at] === KIND['data-pack'])
  }

  async function segmentsOf(one: Sample, other: Sample): Promise<readonly string[]> {
    const theirs = new Set(await namesOf(other.store, 'index/'))
    return (await namesOf(one.store, 'index/')).filter((name) => !theirs.has(name))
  }

  test('without end: no snapshot is put, and the run is incomplete', async () => {
    const always = decorate(source.store, {
      get: async (name, range) => {
        if (!name.startsWith('packs/')) return source.store.get(name, range)
        throw new CairnError('object-missing', `There is no ${name}`)
      },
    })
    const { result, problems } = await runSync(always, target)
    expect(problems).toMatchObject([{ kind: 'unsettled' }])
    expect(result).toMatchObject({ snapshots: 0, heldSnapshots: 2 })
    expect(await namesOf(target, 'snapshots/')).toEqual([])
    expect(await namesOf(target, 'receipts/')).toEqual([])
  })

  test('is listed twice where it has marks: what moves within one listing is found', async () => {
    await mark(source, { packs: [NO_PACK] })
    const late = await firstName(source.store, 'packs/')
    let lists = 0
    const hiding = decorate(source.store, {
      list: async function* (prefix) {
        const isFirst = prefix === 'packs/' && lists++ === 0
        for await (const info of source.store.list(prefix))
          if (!isFirst || info.name !== late) yield info
      },
    })
    const puts: string[] = []
    await runSync(hiding, withPuts(target, puts))
    const snapshot = puts.findIndex((name) => name.startsWith('snapshots/'))
    expect(puts.indexOf(late)).toBeGreaterThan(-1)
    expect(puts.indexOf(late)).toBeLessThan(snapshot)
  })
})

describe('the target', () => {
  test('that is another repository stays as it is', async () => {
    const other = await sampleRepository({ 'a.txt': 'other' })
    const before = await namesOf(other.store, '')
    await expect(runSync(source.store, other.store)).rejects.toMatchObject({
      code: 'object-foreign',
    })
    expect(await namesOf(other.store, '')).toEqual(before)
  })

  test('that has only the keyring of another repository stays as it is, too', async () => {
    const other = await newRepository()
    await other.store.remove(await firstName(other.store, 'config/'))
    await expect(runSync(source.store, other.store)).rejects.toMatchObject({
      code: 'object-foreign',
    })
  })

  test('that has a config of no generation in common is not taken for a copy', async () => {
    const config = await firstName(source.store, 'config/')
    await target.put('config/00000009', [await source.store.get(config)])
    await expect(runSync(source.store, target)).rejects.toMatchObject({ code: 'object-foreign' })
    expect(await namesOf(target, 'packs/')).toEqual([])
  })

  test('is known as a copy by its keyring, where the config of the source is damaged', async () => {
    await runSync(source.store, target)
    const name = await firstName(source.store, 'config/')
    await flipBit(source.store, { name, offset: 40 })
    await addRecords(source)
    const { result, problems } = await runSync(source.store, target)
    expect(problems).toEqual([])
    expect(result.objects).toBe(5)
  })

  test('that has another length under a name: told, and left as it is', async () => {
    await runSync(source.store, target)
    const name = await firstName(target, 'packs/')
    await replaceObject(target, { name, bytes: noise(10) })
    const { problems } = await runSync(source.store, target)
    expect(problems).toMatchObject([{ kind: 'mismatch', object: name }])
    expect((await target.get(name)).length).toBe(10)
  })

  test('that cuts off a pack is told, and no snapshot is confirmed that may need it', async () => {
    const cut = await firstName(source.store, 'packs/')
    const tearing = decorate(target, {
      put: async (name, parts) => {
        if (name !== cut) return target.put(name, parts)
        await target.put(name, [(parts[0] as Bytes).subarray(0, 20)])
        return 'exists' // what is heard when the put that failed is tried again
      },
    })
    const { problems, result } = await runSync(source.store, tearing)
    expect(problems).toMatchObject([{ kind: 'mismatch', object: cut }])
    expect(result.heldSnapshots).toBeGreaterThan(0)
    expect(await namesOf(target, 'receipts/')).toEqual([])
    await target.remove(cut)
    expect((await runSync(source.store, target)).problems).toEqual([])
    expect(await namesToCopy(target)).toEqual(await namesToCopy(source.store))
  })

  test('that has whole what the source has cut off is confirmed', async () => {
    const pack = await firstName(source.store, 'packs/')
    await target.put(pack, [await source.store.get(pack)])
    await replaceObject(source.store, { name: pack, bytes: noise(10) })
    const { problems } = await runSync(source.store, target)
    expect(problems).toMatchObject([{ kind: 'mismatch', object: pack }])
    expect(await namesOf(target, 'receipts/')).toEqual(await namesOf(source.store, 'receipts/'))
  })

  test('that is full ends the run with what was copied kept, and it goes on with more room', async () => {
    const full = withSpaceLimit(target, 400_000)
    await expect(runSync(source.store, full)).rejects.toMatchObject({ code: 'no-space' })
    expect((await namesOf(target, 'packs/')).length).toBeGreaterThan(0)
    expect(await namesOf(target, 'snapshots/')).toEqual([])
    expect((await runSync(source.store, target)).problems).toEqual([])
    expect(await namesToCopy(target)).toEqual(await namesToCopy(source.store))
  })

  test('that cannot be written is no fault of the source', async () => {
    const broken = decorate(target, {
      put: () => Promise.reject(new CairnError('timeout', 'Cannot write: no answer')),
    })
    const problems: unknown[] = []
    const run = runSync(source.store, broken, { onProblem: (problem) => problems.push(problem) })
    await expect(run).rejects.toMatchObject({ code: 'timeout' })
    expect(problems).toEqual([])
  })

  test('whose listings lag gets the same', async () => {
    const clock = new VirtualClock()
    const lagging = withListingLag(target, { clock, lagMs: () => 1000 })
    await mark(source, { packs: [NO_PACK] })
    expect((await runSync(source.store, lagging)).problems).toEqual([])
    expect((await runSync(source.store, lagging)).problems).toEqual([])
    await clock.advance(2000)
    expect((await runSync(source.store, lagging)).result.objects).toBe(0)
    expect(await namesToCopy(target)).toEqual(await namesToCopy(source.store))
  })
})

test('a signal ends it in order, and the next run goes on', async () => {
  const controller = new AbortController()
  const puts: string[] = []
  const stopping = decorate(target, {
    put: async (name, parts) => {
      puts.push(name)
      if (name.startsWith('packs/')) controller.abort()
      return target.put(name, parts)
    },
  })
  const run = runSync(source.store, stopping, { signal: controller.signal })
  await expect(run).rejects.toMatchObject({ code: 'interrupted' })
  for (const name of puts) expect(await target.stat(name)).toBeDefined()
  expect((await runSync(source.store, target)).problems).toEqual([])
  expect(await namesToCopy(target)).toEqual(await namesToCopy(source.store))
})
