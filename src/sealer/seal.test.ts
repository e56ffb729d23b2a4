import { createCipheriv } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concat, fromHex, toHex, utf8 } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { deriveKey, KeyedHasher } from '../base/hash.ts'
import { SEAL_OVERHEAD_BYTES, Seal } from './seal.ts'

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const bytes = fc.uint8Array({ maxLength: 300 })

function expectRefused(open: () => unknown): void {
  expect(open).toThrow(CairnError)
  expect(open).toThrow(/^Cannot open what is sealed/)
}

test('what was sealed opens to itself, and is longer by exactly the overhead', () => {
  fc.assert(
    fc.property(key, bytes, fc.array(bytes, { maxLength: 4 }), (k, aad, parts) => {
      const seal = new Seal(k)
      const sealed = seal.seal(aad, ...parts)
      const payload = concat(parts)
      expect(sealed).toHaveLength(payload.length + SEAL_OVERHEAD_BYTES)
      expect(toHex(new Seal(k).open(aad, sealed))).toBe(toHex(payload))
    }),
  )
})

test('the same is sealed to the same, however it is divided into parts', () => {
  const seal = new Seal(new Uint8Array(32))
  const aad = utf8('aad')
  const whole = toHex(seal.seal(aad, utf8('one and two')))
  expect(toHex(seal.seal(aad, utf8('one and'), utf8(''), utf8(' two')))).toBe(whole)
  expect(toHex(new Seal(new Uint8Array(32)).seal(aad, utf8('one and two')))).toBe(whole)
})

test('any bit that is flipped is noticed', () => {
  const seal = new Seal(utf8('0123456789abcdef0123456789abcdef'))
  const aad = utf8('aad')
  const sealed = seal.seal(aad, utf8('payload'))
  for (let bit = 0; bit < 8 * sealed.length; bit++) {
    const flipped = sealed.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    expectRefused(() => seal.open(aad, flipped))
  }
})

test('another key opens nothing, not one bit of it', () => {
  const k = new Uint8Array(32).fill(9)
  const sealed = new Seal(k).seal(utf8('aad'), utf8('payload'))
  for (let bit = 0; bit < 256; bit++) {
    const other = k.slice()
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7))
    expectRefused(() => new Seal(other).open(utf8('aad'), sealed))
  }
})

test('another aad opens nothing: changed, cut off, prolonged, or shifted into the payload', () => {
  fc.assert(
    fc.property(bytes, bytes, bytes, (aad, payload, other) => {
      const seal = new Seal(new Uint8Array(32))
      const sealed = seal.seal(aad, payload)
      if (toHex(other) !== toHex(aad)) expectRefused(() => seal.open(other, sealed))
      expectRefused(() => seal.open(concat([aad, Uint8Array.of(0)]), sealed))
      if (aad.length > 0) expectRefused(() => seal.open(aad.subarray(1), sealed))
      if (payload.length > 0) {
        expectRefused(() => seal.open(concat([aad, payload.subarray(0, 1)]), sealed))
      }
    }),
  )
})

test('what is cut off or prolonged is refused', () => {
  const seal = new Seal(new Uint8Array(32))
  const sealed = seal.seal(utf8(''), utf8('payload'))
  for (let length = 0; length < sealed.length; length++) {
    expectRefused(() => seal.open(utf8(''), sealed.subarray(0, length)))
  }
  expectRefused(() => seal.open(utf8(''), concat([sealed, Uint8Array.of(0)])))
})

test('the format is that of section 7 of docs/format.md', () => {
  const [k, aad, payload] = [utf8('0123456789abcdef0123456789abcdef'), utf8('aad'), utf8('payload')]
  const length = Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0)
  const mac = new KeyedHasher(deriveKey('cairn v1 seal mac', k))
  const synthetic = mac.hash(concat([length, aad, payload]))
  const encryption = new KeyedHasher(deriveKey('cairn v1 seal encryption', k)).hash(synthetic)
  const cipher = createCipheriv('aes-256-gcm', encryption, new Uint8Array(12))
  const encrypted = cipher.update(payload)
  cipher.final()
  const expected = concat([synthetic, encrypted, cipher.getAuthTag()])
  expect(toHex(new Seal(k).seal(aad, payload))).toBe(toHex(expected))
})

test('the format is what it was', () => {
  const seal = new Seal(Uint8Array.from({ length: 32 }, (_, i) => i))
  const sealed = seal.seal(utf8('aad'), utf8('payload'))
  const golden =
    '7d00da046072191476a9aa4ef08740312834cda921658b471d013d1b3eb65bfe3b8f5d05cca432868db9f0cc55bb01bb71d76f2edac4f5'
  expect(toHex(sealed)).toBe(golden)
  expect(toHex(seal.open(utf8('aad'), fromHex(golden) as Uint8Array))).toBe(toHex(utf8('payload')))
})
