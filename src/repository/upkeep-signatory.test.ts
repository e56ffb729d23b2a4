import { beforeEach, expect, test } from 'vitest'
import { newRepository, newSecret, type SecretKey } from '../../test/repositories/sample.ts'
import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { systemClock } from '../base/clock.ts'
import { systemRandom } from '../sealer/random.ts'
import type { Store } from '../store/store.ts'
import type { DomainAccess } from './access.ts'
import { addGrant, type NewRole } from './grants-add.ts'
import { openRepository, type Repository } from './repository.ts'
import { upkeepSignatory } from './upkeep-signatory.ts'

let store: Store
let owner: SecretKey

beforeEach(async () => {
  ;({ store, owner } = await newRepository())
})

async function openAs(role: NewRole): Promise<Repository> {
  const key = newSecret()
  const options = { ...role, ...key, label: `a ${role.role}`, random: systemRandom }
  await addGrant(await openRepository(store, owner), { ...options, clock: systemClock })
  return openRepository(store, key)
}

function certificateOf(repository: Repository, domain: DomainAccess): Bytes {
  return upkeepSignatory(repository, domain).certificate
}

const first = ({ domains }: Repository) => domains[0] as DomainAccess

test('a key of upkeep signs with what it was given', async () => {
  const upkeep = await openAs({ role: 'upkeep' })
  expect(upkeepSignatory(upkeep, first(upkeep))).toBe(first(upkeep).signatory)
})

test('the owner signs as upkeep of the domain, with a certificate that anybody verifies', async () => {
  await openAs({ role: 'writer' })
  const repository = await openRepository(store, owner)
  expect(repository.domains).toHaveLength(2)
  const { trust } = await openAs({ role: 'reader' })
  for (const domain of repository.domains) {
    const { certificate, signer } = upkeepSignatory(repository, domain)
    const verified = trust.verify(certificate, { domain: domain.id, roles: ['upkeep'] })
    expect(verified.role).toBe('upkeep')
    expect(equalBytes(verified.verifyKey, signer.verifyKey)).toBe(true)
    const writing = { domain: domain.id, roles: ['writer'] } as const
    expect(() => trust.verify(certificate, writing)).toThrow(
      expect.objectContaining({ code: 'object-foreign' }),
    )
  }
  const ids = repository.domains.map((domain) => {
    const roles = ['upkeep'] as const
    return toHex(trust.verify(certificateOf(repository, domain), { domain: domain.id, roles }).id)
  })
  expect(new Set(ids).size).toBe(2)
})

test('it is the same each time, and with each of the keys that the owner has', async () => {
  const repository = await openRepository(store, owner)
  const certificate = certificateOf(repository, first(repository))
  const again = await openRepository(store, owner)
  expect(certificateOf(again, first(again))).toEqual(certificate)
  const second = await openAs({ role: 'owner' })
  expect(certificateOf(second, first(second))).toEqual(certificate)
})

test('it is another in another repository of the same owner', async () => {
  const other = await newRepository()
  const [one, two] = [
    await openRepository(store, owner),
    await openRepository(other.store, other.owner),
  ]
  const ownership = one.ownership as NonNullable<typeof one.ownership>
  const { signer } = upkeepSignatory(one, first(one))
  const moved = { ...one, id: two.id, ownership }
  expect(upkeepSignatory(moved, first(one)).signer.verifyKey).not.toEqual(signer.verifyKey)
})

test.each(['writer', 'reader'] as const)('a %s may not', async (role) => {
  const repository = await openAs({ role })
  expect(() => upkeepSignatory(repository, first(repository))).toThrow(
    expect.objectContaining({
      code: 'not-permitted',
      message: expect.stringContaining(`the key a ${role} is of a ${role}`) as string,
    }),
  )
})
