import { expect, test } from 'vitest'
import { toHex, utf8 } from '../base/bytes.ts'
import type { Wrapping } from '../format/keys.ts'
import { generatePassphrase, passphraseWrapping, wrappingKey } from './passphrase.ts'
import { systemRandom } from './random.ts'

const CHEAP = { memoryKib: 19 * 1024, passes: 2, parallelism: 1 }
const salt = new Uint8Array(32)

function wrapping(costs: Partial<typeof CHEAP> = {}): Wrapping {
  return { kind: 'passphrase', salt, ...CHEAP, ...costs }
}

const keyOf = async (passphrase: string) =>
  toHex((await wrappingKey(wrapping(), { kind: 'passphrase', passphrase })) as Uint8Array)

test('the same passphrase, however its letters are composed, gives the same key', async () => {
  const key = await keyOf('Größe \u00e9 \ufb01')
  expect(await keyOf('Gro\u0308ße e\u0301 fi')).toBe(key)
  expect(await keyOf('Größe é fi')).toBe(key)
  expect(await keyOf('Große é fi')).not.toBe(key)
})

test('a passphrase is not trimmed, folded or cut off', async () => {
  const all = [
    'secret',
    'Secret',
    ' secret',
    'secret ',
    'secret\n',
    's'.repeat(300),
    's'.repeat(301),
  ]
  const keys = await Promise.all(all.map(keyOf))
  expect(new Set(keys).size).toBe(all.length)
})

test('the key is what it was, and follows from all costs', async () => {
  const key = await keyOf('passphrase')
  expect(key).toBe('c915a6b9713a7627fc2b15cc6a02da2bcff71a1ac7ca3b2532d46dfe063cbb76')
  const others = [{ memoryKib: 20 * 1024 }, { passes: 3 }, { parallelism: 2 }]
  for (const costs of others) {
    const credential = { kind: 'passphrase', passphrase: 'passphrase' } as const
    expect(toHex((await wrappingKey(wrapping(costs), credential)) as Uint8Array)).not.toBe(key)
  }
})

test.each([
  [{ memoryKib: 19 * 1024 - 1 }, 'weak'],
  [{ passes: 1 }, 'weak'],
  [{ passes: 0 }, 'weak'],
  [{ parallelism: 0 }, 'weak'],
  [{ memoryKib: 1024 * 1024 + 1 }, 'heavy'],
  [{ passes: 17 }, 'heavy'],
  [{ parallelism: 17 }, 'heavy'],
  [{ memoryKib: 1024 * 1024, passes: 5 }, 'heavy'],
  [{ memoryKib: 0xffffffff, passes: 0xffffffff, parallelism: 0xffffffff }, 'heavy'],
])('costs of %j are refused as too %s, at once', async (costs, which) => {
  const start = performance.now()
  const refused = wrappingKey(wrapping(costs), { kind: 'passphrase', passphrase: 'x' })
  await expect(refused).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining(`too ${which}`) as unknown,
  })
  expect(performance.now() - start).toBeLessThan(1000)
})

test('a credential of the other kind gives no key, and costs nothing', async () => {
  const secret = { kind: 'secret', secret: utf8('secret') } as const
  expect(await wrappingKey(wrapping({ passes: 999 }), secret)).toBeUndefined()
  const passphrase = { kind: 'passphrase', passphrase: 'x' } as const
  expect(await wrappingKey({ kind: 'secret', salt }, passphrase)).toBeUndefined()
})

test('a secret gives another key with another salt', async () => {
  const secret = { kind: 'secret', secret: utf8('secret') } as const
  const one = await wrappingKey({ kind: 'secret', salt }, secret)
  const two = await wrappingKey({ kind: 'secret', salt: new Uint8Array(32).fill(1) }, secret)
  expect(toHex(one as Uint8Array)).toBe(
    '72dbc7d9b8752cfb87184fa0fda8b8b0ba627924c7f3d22e2a4f30b5f5bb665f',
  )
  expect(toHex(two as Uint8Array)).not.toBe(toHex(one as Uint8Array))
})

test('the default costs are within the limits', async () => {
  const credential = { kind: 'passphrase', passphrase: 'x' } as const
  expect(await wrappingKey(passphraseWrapping(systemRandom), credential)).toHaveLength(32)
})

test('a generated passphrase has eight words, all of them drawn from all of the list', () => {
  const words = new Set<string>()
  for (let i = 0; i < 500; i++) {
    const phrase = generatePassphrase(systemRandom).split(' ')
    expect(phrase).toHaveLength(8)
    for (const word of phrase) words.add(word)
  }
  expect(words.size).toBeGreaterThan(1600)
  expect(generatePassphrase((count) => new Uint8Array(count))).toBe(
    Array(8).fill('abandon').join(' '),
  )
})
