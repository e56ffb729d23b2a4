import { expect, test } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import type { Grant, Keyring } from '../format/keys.ts'
import { OwnerKeys, openGrant, readGrantHead, sealGrant } from './grant.ts'
import type { Credential } from './passphrase.ts'

const repositoryId = new Uint8Array(32).fill(1)
const GRANT: Grant = {
  repositoryId,
  ownerVerifyKey: new Uint8Array(32).fill(2),
  role: 'reader',
  label: 'laptop',
  createdMs: 12,
  ownerSecret: undefined,
  domains: [
    {
      id: new Uint8Array(16).fill(3),
      label: 'default',
      idKey: new Uint8Array(32).fill(4),
      chunkerKey: undefined,
      epochs: [
        {
          epoch: 1,
          headerKey: new Uint8Array(32).fill(5),
          sealPublicKey: new Uint8Array(1216).fill(6),
          sealSeed: new Uint8Array(32).fill(7),
        },
      ],
      signingSeed: undefined,
      certificate: undefined,
    },
  ],
}
const secret = (text: string): Credential => ({ kind: 'secret', secret: utf8(text) })
const wrapping = { kind: 'secret', salt: new Uint8Array(32).fill(8) } as const

test('a grant opens with what it was sealed for, and with nothing else', async () => {
  const object = await sealGrant(GRANT, { wrapping, credential: secret('right') })
  expect(await openGrant(object, secret('right'))).toEqual(GRANT)
  expect(await openGrant(object, secret('wrong'))).toBeUndefined()
  expect(await openGrant(object, { kind: 'passphrase', passphrase: 'right' })).toBeUndefined()
  expect(readGrantHead(object)).toEqual({ repositoryId, wrapping })
})

test('a passphrase opens its grant, and a credential of another kind is our own bug when sealing', async () => {
  const costs = { memoryKib: 19 * 1024, passes: 2, parallelism: 1 }
  const stretched = { kind: 'passphrase', salt: new Uint8Array(32), ...costs } as const
  const credential: Credential = { kind: 'passphrase', passphrase: 'Größe' }
  const object = await sealGrant(GRANT, { wrapping: stretched, credential })
  expect(await openGrant(object, credential)).toEqual(GRANT)
  expect(await openGrant(object, { ...credential, passphrase: 'größe' })).toBeUndefined()
  const mixed = sealGrant(GRANT, { wrapping: stretched, credential: secret('x') })
  await expect(mixed).rejects.toThrow(/Bug in Cairn/)
})

test('a grant with any bit changed does not open', async () => {
  const object = await sealGrant(GRANT, { wrapping, credential: secret('right') })
  const step = 13 // all bits take too long, and each byte is reached
  for (let bit = 0; bit < 8 * object.length; bit += step) {
    const changed = object.slice()
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    const opened = await openGrant(changed, secret('right')).catch(() => undefined)
    expect(opened, `bit ${bit}`).toBeUndefined()
  }
})

test('a grant that is cut off is told to be damaged', async () => {
  const object = await sealGrant(GRANT, { wrapping, credential: secret('right') })
  for (const length of [0, 10, 32, 35, 36, 60]) {
    const cut = openGrant(object.subarray(0, length), secret('right'))
    await expect(cut).rejects.toMatchObject({ code: 'object-damaged' })
  }
})

test('a keyring opens with its owner and in its repository only', () => {
  const keyring: Keyring = { generation: 3, domains: GRANT.domains, issued: [] }
  const owner = new OwnerKeys(new Uint8Array(32).fill(9))
  const object = owner.sealKeyring(keyring, repositoryId)
  expect(owner.openKeyring(object, repositoryId)).toEqual(keyring)
  const damaged = expect.objectContaining({ code: 'object-damaged' }) as unknown as Error
  const other = new OwnerKeys(new Uint8Array(32))
  expect(() => other.openKeyring(object, repositoryId)).toThrow(damaged)
  expect(() => owner.openKeyring(object, new Uint8Array(32))).toThrow(damaged)
})
