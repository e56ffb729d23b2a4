import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  copySample,
  namesOf,
  newSecret,
  replaceObject,
  type Sample,
  sampleRepository,
  withBadSectors,
} from '../../../test/repositories/sample.ts'
import { putMark } from '../../../test/substitution/world.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { addGrant } from '../../repository/grants-add.ts'
import { openRepository, selectDomain } from '../../repository/repository.ts'
import { loadSnapshots, openDetails, type Snapshot } from '../../repository/snapshots.ts'
import { systemRandom } from '../../sealer/random.ts'
import { decorate } from '../../store/decorate.ts'
import { digestInName } from '../../store/names.ts'
import type { Store } from '../../store/store.ts'
import type { StoredPack } from '../lost-packs.ts'
import { type CommitOptions, type Committed, commit, type Lost } from './commit.ts'

const clock: Clock = { ...systemClock, sleep: () => Promise.resolve() }

let original: Sample
let sample: Sample
let packs: readonly StoredPack[]

beforeAll(async () => {
  original = await sampleRepository()
})

beforeEach(async () => {
  sample = await copySample(original)
  packs = await Promise.all(
    (await namesOf(sample.store, 'packs/')).map(async (name) => ({
      name,
      bytes: (await sample.store.get(name)).length,
    })),
  )
})

/** Commits the snapshot that is there once more. */
async function commitAgain(
  changes: Partial<CommitOptions>,
  store: Store = sample.store,
): Promise<Committed | Lost> {
  const repository = { ...sample.repository, store }
  const [snapshot] = (await loadSnapshots(sample.repository)).snapshots as [Snapshot]
  return commit({
    repository,
    domain: selectDomain(repository),
    summary: { ...snapshot.summary, sequence: 2 },
    details: openDetails(repository, snapshot),
    stored: [],
    relied: [],
    clock,
    ...changes,
  })
}

const confirmed = async () =>
  (await loadSnapshots(sample.repository)).snapshots.filter((snapshot) => snapshot.confirmed)

test('with all that it needs there, a snapshot is confirmed', async () => {
  const [first, ...others] = packs as [StoredPack, StoredPack]
  const outcome = await commitAgain({ stored: others, relied: [first] })
  expect(outcome.kind).toBe('committed')
  expect(await confirmed()).toHaveLength(2)
})

test.each(['stored', 'relied'] as const)(
  'a %s pack that was cut off meanwhile is lost, and nothing is confirmed',
  async (which) => {
    const [{ name }] = packs as [StoredPack]
    const bytes = (await sample.store.get(name)).slice(0, -1)
    await replaceObject(sample.store, { name, bytes })
    expect(await commitAgain({ [which]: packs })).toEqual({ kind: 'lost', packs: [name] })
    expect(await confirmed()).toHaveLength(1)
  },
)

test.each(['stored', 'relied'] as const)('a %s pack that is gone is lost', async (which) => {
  const [{ name }] = packs as [StoredPack]
  await sample.store.remove(name)
  expect(await commitAgain({ [which]: packs })).toEqual({ kind: 'lost', packs: [name] })
})

/** Lets upkeep mark a pack or a snapshot. */
async function mark(name: string): Promise<void> {
  const key = newSecret()
  const giving = { label: 'up', ...key, random: systemRandom, clock: systemClock }
  await addGrant(sample.repository, { role: 'upkeep', ...giving })
  const names = { packs: [] as Uint8Array[], snapshots: [] as Uint8Array[] }
  names[name.startsWith('packs/') ? 'packs' : 'snapshots'].push(digestInName(name) as Uint8Array)
  const repository = await openRepository(sample.store, key)
  await putMark(repository, { domain: 'default', mark: { ...names, markedMs: 1 } })
}

/** A prune that comes to its end just when the folder has been listed: with what was marked goes the mark. */
function sweptBehind(folder: string, { store }: Sample): Store {
  return decorate(store, {
    list: async function* (prefix) {
      yield* store.list(prefix)
      if (prefix === folder)
        for (const name of await namesOf(store, 'marks/')) await store.remove(name)
    },
  })
}

test('a pack that is marked is lost, though it is there', async () => {
  const [{ name }] = packs as [StoredPack]
  await mark(name)
  expect(await commitAgain({ relied: packs })).toEqual({ kind: 'lost', packs: [name] })
})

test('a pack of which the mark goes after packs were listed is lost', async () => {
  const [{ name }] = packs as [StoredPack]
  await mark(name)
  const swept = sweptBehind('packs/', sample)
  expect(await commitAgain({ relied: packs }, swept)).toEqual({ kind: 'lost', packs: [name] })
})

test('a snapshot that is marked meanwhile is put again under another name', async () => {
  const put = new Set<string>()
  const marking = decorate(sample.store, {
    put: async (name, parts) => {
      const result = await sample.store.put(name, parts)
      if (name.startsWith('snapshots/') && put.add(name).size === 1) await mark(name)
      return result
    },
  })
  // Also where the mark goes after snapshots were listed.
  const swept = sweptBehind('snapshots/', { ...sample, store: marking })
  const outcome = await commitAgain({ relied: packs }, swept)
  expect(outcome).toEqual({ kind: 'committed', snapshot: [...put].at(-1) })
  expect(put.size).toBe(2)
})

test('a snapshot that is forgotten behind the listing is put again under another name', async () => {
  const put: string[] = []
  const forgetting = decorate(sample.store, {
    put: async (name, parts) => {
      if (name.startsWith('snapshots/')) put.push(name)
      return sample.store.put(name, parts)
    },
    list: async function* (prefix) {
      yield* sample.store.list(prefix)
      const [first] = put
      if (prefix === 'snapshots/' && put.length === 1) await sample.store.remove(first as string)
    },
  })
  const outcome = await commitAgain({ relied: packs }, forgetting)
  expect(outcome).toEqual({ kind: 'committed', snapshot: put[1] })
})

test('nothing is reported as saved where the receipt was cut off', async () => {
  const cutting = decorate(sample.store, {
    put: async (name, parts) => {
      if (!name.startsWith('receipts/')) return sample.store.put(name, parts)
      // The put failed half way, and was tried again.
      await sample.store.put(name, [(parts[0] as Uint8Array).subarray(0, 9)])
      return sample.store.put(name, parts)
    },
  })
  await expect(commitAgain({ relied: packs }, cutting)).rejects.toMatchObject({
    code: 'object-damaged',
  })
})

test('what cannot be read is not taken for what is not there', async () => {
  // A mark: nobody knows what it names.
  const key = newSecret()
  const giving = { label: 'up', ...key, random: systemRandom, clock: systemClock }
  await addGrant(sample.repository, { role: 'upkeep', ...giving })
  await putMark(await openRepository(sample.store, key), { domain: 'default' })
  const withoutMark = withBadSectors(sample.store, (name) => name.startsWith('marks/'))
  await expect(commitAgain({ relied: packs }, withoutMark)).rejects.toMatchObject({
    code: 'store-unreadable',
  })
  expect(await confirmed()).toHaveLength(1)
  // The new snapshot itself: it does not count as saved before it was read back.
  const before = new Set(await namesOf(sample.store, 'snapshots/'))
  const unreadable = withBadSectors(
    sample.store,
    (name) => name.startsWith('snapshots/') && !before.has(name),
  )
  await expect(commitAgain({ relied: packs }, unreadable)).rejects.toMatchObject({
    code: 'store-unreadable',
  })
})

test('a snapshot that is removed each time is never reported as saved', async () => {
  const removing = decorate(sample.store, {
    put: async (name, parts) => {
      const result = await sample.store.put(name, parts)
      if (name.startsWith('snapshots/')) await sample.store.remove(name)
      return result
    },
  })
  await expect(commitAgain({ relied: packs }, removing)).rejects.toMatchObject({
    code: 'snapshot-unconfirmed',
  })
})
