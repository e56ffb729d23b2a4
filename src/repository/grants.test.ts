import { beforeEach, describe, expect, test } from 'vitest'
import {
  backupFiles,
  copySample,
  flipBit,
  namesOf,
  newSecret,
  replaceObject,
  type Sample,
  type SecretKey,
  sampleRepository,
  withBadSectors,
} from '../../test/repositories/sample.ts'
import { toHex } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { readGrantHead, sealGrant } from '../sealer/grant.ts'
import { systemRandom } from '../sealer/random.ts'
import { putContent } from '../store/content.ts'
import { decorate } from '../store/decorate.ts'
import type { Store } from '../store/store.ts'
import { grantNameOf } from './create.ts'
import { isGrantName } from './generations.ts'
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

describe('a grant that its holder wraps anew', () => {
  const ROLES: readonly NewRole[] = [
    { role: 'reader' },
    { role: 'upkeep' },
    { role: 'writer', domain: 'default' },
    { role: 'writer' },
  ]

  /** Twice: the holder does not know the name that the owner knows. */
  async function changeTwice(first: SecretKey): Promise<{ name: string; key: SecretKey }> {
    const second = newSecret()
    await changePassphrase(await openRepository(sample.store, first), second)
    const key = newSecret()
    return { name: await changePassphrase(await openRepository(sample.store, second), key), key }
  }

  test.each(ROLES)('is the same one to the owner: %o', async (role) => {
    const before = await give(role, 'theirs')
    const listed = (await listGrants(await asOwner())).find(({ name }) => name === before.name)
    const { name } = await changeTwice(before.key)
    const grants = await listGrants(await asOwner())
    expect(grants).toHaveLength(2)
    expect(grants.find((grant) => grant.name === name)).toEqual({ ...listed, name })
  })

  test('is told apart from others that are alike', async () => {
    const [a, b] = [await give({ role: 'reader' }, 'a'), await give({ role: 'reader' }, 'b')]
    const changed = [await changeTwice(b.key), await changeTwice(a.key)]
    const labels = new Map(
      (await listGrants(await asOwner())).map(({ name, label }) => [name, label]),
    )
    expect(changed.map(({ name }) => labels.get(name))).toEqual(['b', 'a'])
    expect(labels.size).toBe(3)
  })

  test('goes when it is removed, by its new name or by the one that it was given under', async () => {
    for (const which of ['new', 'old']) {
      const before = await give({ role: 'reader' }, which)
      const { name, key } = await changeTwice(before.key)
      await removeGrant(await asOwner(), which === 'new' ? name : before.name)
      await expect(openRepository(sample.store, key)).rejects.toMatchObject({
        code: 'wrong-passphrase',
      })
      const owner = await asOwner()
      expect(owner.ownership?.keyring.issued).toHaveLength(1)
      expect(await listGrants(owner)).toHaveLength(1)
    }
  })

  test('writes no more once it is removed', async () => {
    const before = await give({ role: 'writer', domain: 'default' })
    const { name, key } = await changeTwice(before.key)
    const writer = await openRepository(sample.store, key)
    await removeGrant(await asOwner(), name)
    await backupFiles(writer, { files: { a: 'after' }, sourceName: 'w' })
    expect((await loadSnapshots(await asOwner())).snapshots).toHaveLength(1)
  })

  test('and whose old object is still there, after a crash, is removed with it', async () => {
    const before = await give({ role: 'reader' })
    const object = await sample.store.get(before.name)
    const { key } = await changeTwice(before.key)
    await sample.store.put(before.name, [object])
    expect(await listGrants(await asOwner())).toHaveLength(3)
    await removeGrant(await asOwner(), before.name)
    for (const one of [key, before.key]) {
      await expect(openRepository(sample.store, one)).rejects.toMatchObject({
        code: 'wrong-passphrase',
      })
    }
  })

  test('shows nothing of that to who has no header key: its salt is never the same', async () => {
    const { key } = await give({ role: 'reader' })
    const salts = new Set<string>()
    let now = key
    for (let i = 0; i < 3; i++) {
      const next = newSecret()
      const name = await changePassphrase(await openRepository(sample.store, now), next)
      const { salt } = readGrantHead(await sample.store.get(name)).wrapping
      expect(salt).toHaveLength(32)
      salts.add(toHex(salt.subarray(16)))
      now = next
    }
    expect(salts.size).toBe(3)
  })
})

test('a grant that nobody gave out is listed, and nothing is said of it', async () => {
  const stranger = await sealGrant({ ...sample.repository.grant, label: 'mine' }, newSecret())
  const name = grantNameOf(stranger)
  await sample.store.put(name, [stranger])
  const found = (await listGrants(await asOwner())).find((grant) => grant.name === name)
  expect(found).toMatchObject({ present: true, role: undefined, label: undefined })
  await removeGrant(await asOwner(), name)
  expect(await listGrants(await asOwner())).toHaveLength(1)
})

test('one grant on a bad sector hides no other', async () => {
  const { name } = await give({ role: 'reader' }, 'auditor')
  const owner = await asOwner()
  const store = withBadSectors(sample.store, (one) => one === name)
  const listed = await listGrants({ ...owner, store })
  expect(listed).toHaveLength(2)
  expect(listed.find((grant) => grant.name === name)).toMatchObject({
    label: 'auditor',
    present: true,
    problem: expect.stringContaining('bad sector') as string,
  })
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

test('an owner whose key cannot be used any more is not another owner', async () => {
  const { name } = await give({ role: 'owner' })
  await flipBit(sample.store, { name, offset: (await sample.store.get(name)).length - 1 })
  const owner = await asOwner()
  await expect(removeGrant(owner, owner.grantName)).rejects.toMatchObject({ code: 'usage' })
  expect((await listGrants(owner)).find((grant) => grant.name === name)?.problem).toBeDefined()
})

test('a key that another owner gave out meanwhile is revoked as well', async () => {
  const early = await asOwner()
  const { key, name } = await give({ role: 'writer', domain: 'default' })
  const writer = await openRepository(sample.store, key)
  await removeGrant(early, name)
  await backupFiles(writer, { files: { a: 'after' }, sourceName: 'w' })
  expect((await loadSnapshots(await asOwner())).snapshots).toHaveLength(1)
})

test.each(['damaged', 'on a bad sector'])(
  'what a removed writer had saved counts again when it can be read again: %s',
  async (how) => {
    const { key, name } = await give({ role: 'writer', domain: 'default' })
    const known = new Set(await namesOf(sample.store, ''))
    const writer = await openRepository(sample.store, key)
    await backupFiles(writer, { files: { a: 'before' }, sourceName: 'w' })
    const bad = (await namesOf(sample.store, '')).filter(
      (one) => !known.has(one) && /^(snapshots|receipts|index)/.test(one),
    )
    expect(bad).toHaveLength(3)
    const before = new Map<string, Uint8Array>()
    if (how === 'damaged')
      for (const one of bad) before.set(one, await flipBit(sample.store, { name: one, offset: 99 }))
    const isBad = (one: string) => how !== 'damaged' && bad.includes(one)
    // What is as its name says and nothing of ours is no damage.
    await putContent(sample.store, { folder: 'index', parts: [new Uint8Array(40)] })
    await removeGrant(await openRepository(withBadSectors(sample.store, isBad), sample.owner), name)
    for (const [one, bytes] of before) await replaceObject(sample.store, { name: one, bytes })
    const owner = await asOwner()
    const { snapshots, problems } = await loadSnapshots(owner)
    expect(problems).toEqual([])
    expect(owner.config.revocations[0]?.accepted).toHaveLength(3)
    expect(snapshots.filter(({ confirmed }) => confirmed)).toHaveLength(2)
    await backupFiles(writer, { files: { a: 'after' }, sourceName: 'w' })
    expect((await loadSnapshots(await asOwner())).snapshots).toHaveLength(2)
  },
)

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

test('a bit that is flipped anywhere in the only key is told as that, and not as a wrong passphrase', async () => {
  const [name = ''] = (await namesOf(sample.store, 'keys/')).filter(isGrantName)
  const { length } = await sample.store.get(name)
  for (let offset = 0; offset < length; offset += 41) {
    await flipBit(sample.store, { name, offset })
    await expect(asOwner(), `byte ${offset}`).rejects.toMatchObject({
      code: 'object-damaged',
      message: expect.stringContaining(name) as unknown,
    })
    await flipBit(sample.store, { name, offset })
  }
  expect((await asOwner()).role).toBe('owner')
})
