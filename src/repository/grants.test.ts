import { beforeEach, expect, test } from 'vitest'
import {
  backupFiles,
  copySample,
  namesOf,
  newSecret,
  type Sample,
  type SecretKey,
  sampleRepository,
} from '../../test/repositories/sample.ts'
import { systemClock } from '../base/clock.ts'
import { systemRandom } from '../sealer/random.ts'
import { decorate } from '../store/decorate.ts'
import type { Store } from '../store/store.ts'
import { listGrants } from './grants.ts'
import { addGrant, type NewRole } from './grants-add.ts'
import { changePassphrase } from './grants-change.ts'
import { removeGrant } from './grants-remove.ts'
import { openRepository, type Repository } from './repository.ts'
import { loadSnapshots } from './snapshots.ts'

let original: Sample | undefined
let sample: Sample

beforeEach(async () => {
  original ??= await sampleRepository()
  sample = await copySample(original)
})

async function give(role: NewRole, label = 'other'): Promise<{ name: string; key: SecretKey }> {
  const key = newSecret()
  const options = { ...role, ...key, label, random: systemRandom, clock: systemClock }
  return { name: await addGrant(sample.repository, options), key }
}

async function asOwner(): Promise<Repository> {
  return openRepository(sample.store, sample.owner)
}

test('a second owner opens everything that the first does', async () => {
  const { key } = await give({ role: 'owner' })
  const second = await openRepository(sample.store, key)
  expect(second.role).toBe('owner')
  expect((await loadSnapshots(second)).snapshots).toHaveLength(1)
})

test('a writer gets a domain of its own, which the owner can read', async () => {
  const { key } = await give({ role: 'writer' }, 'laptop')
  const writer = await openRepository(sample.store, key)
  expect(writer.domains.map(({ label }) => label)).toEqual(['laptop'])
  await backupFiles(writer, { files: { a: 'of the laptop' }, host: 'laptop' })
  const owner = await asOwner()
  expect(owner.domains.map(({ label }) => label)).toEqual(['default', 'laptop'])
  expect((await loadSnapshots(owner)).snapshots.map(({ domain }) => domain.label).sort()).toEqual([
    'default',
    'laptop',
  ])
})

test('a writer that joins a domain sees the snapshots there', async () => {
  const { key } = await give({ role: 'writer', domain: 'default' })
  const writer = await openRepository(sample.store, key)
  expect((await loadSnapshots(writer)).snapshots).toHaveLength(1)
})

test('a writer of given sources and hosts is refused others', async () => {
  const { key } = await give({
    role: 'writer',
    domain: 'default',
    sources: ['mine'],
    hosts: ['here'],
  })
  const writer = await openRepository(sample.store, key)
  await backupFiles(writer, { files: { a: 'x' }, sourceName: 'mine', host: 'here' })
  await expect(
    backupFiles(writer, { files: { a: 'y' }, sourceName: 'theirs' }),
  ).rejects.toMatchObject({
    code: 'not-permitted',
  })
})

test('two domains of one label are refused', async () => {
  await give({ role: 'writer' }, 'laptop')
  sample = { ...sample, repository: await asOwner() }
  await expect(give({ role: 'writer' }, 'laptop')).rejects.toMatchObject({ code: 'usage' })
})

test('readers and upkeep get the domains that they are given', async () => {
  await give({ role: 'writer' }, 'laptop')
  sample = { ...sample, repository: await asOwner() }
  const all = await openRepository(sample.store, (await give({ role: 'reader' })).key)
  const one = await openRepository(
    sample.store,
    (await give({ role: 'upkeep', domains: ['laptop'] })).key,
  )
  expect(all.domains).toHaveLength(2)
  expect(one.domains.map(({ label }) => label)).toEqual(['laptop'])
})

test('the list names what the owner gave out, and to others only what can be seen', async () => {
  const { key, name } = await give({ role: 'reader' }, 'auditor')
  const seen = await listGrants(await asOwner())
  expect(seen.find((grant) => grant.name === name)).toMatchObject({
    role: 'reader',
    label: 'auditor',
    domains: ['default'],
    wrapping: 'secret',
    current: false,
    present: true,
  })
  const byReader = await listGrants(await openRepository(sample.store, key))
  expect(byReader.map(({ role }) => role).sort()).toEqual(['reader', undefined])
})

test('a new passphrase opens, the old one no longer does', async () => {
  const next = newSecret()
  const name = await changePassphrase(sample.repository, next)
  const reopened = await openRepository(sample.store, next)
  expect(reopened.grantName).toBe(name)
  expect((await listGrants(reopened)).map((grant) => grant.present)).toEqual([true])
  await expect(asOwner()).rejects.toMatchObject({ code: 'wrong-passphrase' })
})

test('who is no owner changes its own passphrase too', async () => {
  const { key } = await give({ role: 'reader' })
  const next = newSecret()
  await changePassphrase(await openRepository(sample.store, key), next)
  expect((await openRepository(sample.store, next)).role).toBe('reader')
})

test('the last key of an owner cannot be removed, the one before can', async () => {
  const first = sample.repository.grantName
  await expect(removeGrant(sample.repository, first)).rejects.toMatchObject({ code: 'usage' })
  const { key } = await give({ role: 'owner' })
  await removeGrant(await asOwner(), first)
  await expect(asOwner()).rejects.toMatchObject({ code: 'wrong-passphrase' })
  expect((await openRepository(sample.store, key)).role).toBe('owner')
})

test('a removed writer keeps what it wrote and writes no more', async () => {
  const { key, name } = await give({ role: 'writer', domain: 'default' })
  const writer = await openRepository(sample.store, key)
  await backupFiles(writer, { files: { a: 'before' }, sourceName: 'w' })
  await removeGrant(await asOwner(), name)
  expect((await loadSnapshots(await asOwner())).snapshots).toHaveLength(2)
  await backupFiles(writer, { files: { a: 'after' }, sourceName: 'w' })
  const { snapshots, problems } = await loadSnapshots(await asOwner())
  expect(snapshots).toHaveLength(2)
  expect(new Set(problems.map(({ error }) => error.code))).toEqual(new Set(['object-foreign']))
})

test('removing twice does not accept what was signed in between', async () => {
  const { key, name } = await give({ role: 'writer', domain: 'default' })
  const writer = await openRepository(sample.store, key)
  await removeGrant(await asOwner(), name)
  await backupFiles(writer, { files: { a: 'after' }, sourceName: 'w' })
  await expect(removeGrant(await asOwner(), name)).rejects.toMatchObject({ code: 'not-found' })
  expect((await loadSnapshots(await asOwner())).snapshots).toHaveLength(1)
})

/** A store on which the process dies after some number of changes. */
function dyingAfter(store: Store, changes: number): Store {
  let left = changes
  const died = () => {
    if (left-- <= 0) throw new Error('killed')
  }
  return decorate(store, {
    put: async (name, parts) => {
      died()
      return store.put(name, parts)
    },
    remove: async (name) => {
      died()
      return store.remove(name)
    },
  })
}

test('a kill at any point of adding, changing or removing leaves everything usable', async () => {
  const actions: ((repository: Repository) => Promise<unknown>)[] = [
    (repository) =>
      addGrant(repository, {
        role: 'writer',
        label: 'w',
        ...newSecret(),
        random: systemRandom,
        clock: systemClock,
      }),
    (repository) => changePassphrase(repository, newSecret()),
    async (repository) =>
      removeGrant(repository, (await namesOf(sample.store, 'keys/'))[0] as string),
  ]
  for (const act of actions) {
    for (let changes = 0; changes < 3; changes++) {
      sample = await copySample(original as Sample)
      await give({ role: 'reader' })
      const repository = await openRepository(dyingAfter(sample.store, changes), sample.owner)
      await act(repository).catch(() => undefined)
      const owner = await asOwner().catch(() => undefined)
      // The old passphrase opens until the new one is known to.
      if (owner !== undefined) expect((await loadSnapshots(owner)).snapshots).toHaveLength(1)
      else expect(changes).toBe(2)
    }
  }
})

test('two owners who add keys at once both succeed', async () => {
  const [a, b] = await Promise.all([give({ role: 'writer' }, 'a'), give({ role: 'writer' }, 'b')])
  const { ownership, config } = await asOwner()
  expect(ownership?.keyring.issued).toHaveLength(3)
  expect(config.domains).toHaveLength(3)
  for (const { key } of [a, b])
    expect((await openRepository(sample.store, key)).role).toBe('writer')
})
