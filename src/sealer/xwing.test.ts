import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type Bytes, concat, fromHex, toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { openXwing, XWING, xwingDecapsulate, xwingEncapsulate, xwingPublicKey } from './xwing.ts'
import { XWING_VECTORS } from './xwing-vectors.ts'

const ML_KEM_ENCAPSULATION_BYTES = 1088
const ML_KEM_PUBLIC_KEY_BYTES = 1184
const VECTOR = XWING_VECTORS[0] as (typeof XWING_VECTORS)[number]
const SEED = bytes(VECTOR.seed)
const ENCAPSULATION = bytes(VECTOR.encapsulation)

/** Points on which X25519 gives zero whatever the scalar: 0, 1 and p - 1 (RFC 7748, 6.1). */
const LOW_ORDER_POINTS = ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`]

describe('the published vectors', () => {
  test('have the lengths of the draft', () => {
    expect(XWING_VECTORS).toHaveLength(3)
    for (const vector of XWING_VECTORS) {
      expect(bytes(vector.seed)).toHaveLength(XWING.seedBytes)
      expect(bytes(vector.publicKey)).toHaveLength(XWING.publicKeyBytes)
      expect(bytes(vector.encapsulation)).toHaveLength(XWING.encapsulationBytes)
      expect(bytes(vector.sharedSecret)).toHaveLength(XWING.sharedSecretBytes)
    }
  })

  test('have seeds that are SHAKE128 of the empty string', () => {
    const drawn = createHash('shake128', { outputLength: 3 * 96 }).digest('hex')
    expect(XWING_VECTORS.map(({ seed, eseed }) => seed + eseed).join('')).toBe(drawn)
  })

  test.each(XWING_VECTORS)('seed $seed has its public key', (vector) => {
    expect(toHex(xwingPublicKey(bytes(vector.seed)))).toBe(vector.publicKey)
  })

  test.each(XWING_VECTORS)('seed $seed opens its encapsulation', (vector) => {
    const encapsulation = bytes(vector.encapsulation)
    const secret = xwingDecapsulate({ seed: bytes(vector.seed), encapsulation })
    expect(toHex(secret)).toBe(vector.sharedSecret)
  })

  test.each(XWING_VECTORS)('seed $seed is encapsulated to with the X25519 scalar', (vector) => {
    const scalar = bytes(vector.eseed).subarray(32)
    expect(toHex(x25519OfBase(scalar))).toBe(
      vector.encapsulation.slice(2 * ML_KEM_ENCAPSULATION_BYTES),
    )
  })
})

describe('encapsulating', () => {
  test('gives a secret that the seed gets back', () => {
    const { encapsulation, sharedSecret } = xwingEncapsulate(xwingPublicKey(SEED))
    expect(encapsulation).toHaveLength(XWING.encapsulationBytes)
    expect(sharedSecret).toHaveLength(XWING.sharedSecretBytes)
    expect(toHex(xwingDecapsulate({ seed: SEED, encapsulation }))).toBe(toHex(sharedSecret))
  })

  test('is fresh in both halves each time', () => {
    const publicKey = xwingPublicKey(SEED)
    const first = xwingEncapsulate(publicKey)
    const second = xwingEncapsulate(publicKey)
    const halves = (of: Bytes) => [
      toHex(of.subarray(0, ML_KEM_ENCAPSULATION_BYTES)),
      toHex(of.subarray(ML_KEM_ENCAPSULATION_BYTES)),
    ]
    expect(toHex(first.sharedSecret)).not.toBe(toHex(second.sharedSecret))
    expect(halves(first.encapsulation)[0]).not.toBe(halves(second.encapsulation)[0])
    expect(halves(first.encapsulation)[1]).not.toBe(halves(second.encapsulation)[1])
  })

  test('refuses a public key of a wrong length', () => {
    const publicKey = xwingPublicKey(SEED)
    for (const wrong of wrongLengths(publicKey)) {
      expect(codeOf(() => xwingEncapsulate(wrong))).toBe('object-damaged')
    }
  })

  test('refuses an ML-KEM key with a coefficient outside the field', () => {
    const publicKey = bytes(VECTOR.publicKey).fill(0xff, 0, 3)
    expect(codeOf(() => xwingEncapsulate(publicKey))).toBe('object-damaged')
  })

  test.each(LOW_ORDER_POINTS)('refuses the X25519 point %s', (point) => {
    const publicKey = bytes(VECTOR.publicKey)
    publicKey.set(bytes(point), ML_KEM_PUBLIC_KEY_BYTES)
    expect(codeOf(() => xwingEncapsulate(publicKey))).toBe('object-damaged')
  })
})

describe('decapsulating', () => {
  test('gives the same secret any number of times from one opened key', () => {
    const key = openXwing(SEED)
    for (let i = 0; i < 3; i++) {
      expect(toHex(key.decapsulate(ENCAPSULATION))).toBe(VECTOR.sharedSecret)
    }
  })

  test('gives another secret for a change of any byte', () => {
    const key = openXwing(SEED)
    const seen = new Set([VECTOR.sharedSecret])
    for (let at = 0; at < XWING.encapsulationBytes; at++) {
      const changed = ENCAPSULATION.slice()
      changed[at] = (changed[at] as number) ^ 1
      seen.add(toHex(key.decapsulate(changed)))
    }
    expect(seen.size).toBe(XWING.encapsulationBytes + 1)
  })

  test('binds the bit of the X25519 point that the curve ignores', () => {
    const changed = ENCAPSULATION.slice()
    changed[XWING.encapsulationBytes - 1] = (changed.at(-1) as number) ^ 0x80
    expect(toHex(openXwing(SEED).decapsulate(changed))).not.toBe(VECTOR.sharedSecret)
  })

  test('gives another secret when either half comes from another encapsulation', () => {
    const key = openXwing(SEED)
    const mine = xwingEncapsulate(key.publicKey)
    const split = ML_KEM_ENCAPSULATION_BYTES
    const mixed = [
      concat([mine.encapsulation.subarray(0, split), ENCAPSULATION.subarray(split)]),
      concat([ENCAPSULATION.subarray(0, split), mine.encapsulation.subarray(split)]),
    ]
    for (const encapsulation of mixed) {
      const secret = toHex(key.decapsulate(encapsulation))
      expect(secret).not.toBe(VECTOR.sharedSecret)
      expect(secret).not.toBe(toHex(mine.sharedSecret))
    }
  })

  test('gives another secret under another seed', () => {
    const seed = SEED.slice()
    seed[0] = (seed[0] as number) ^ 1
    const secret = xwingDecapsulate({ seed, encapsulation: ENCAPSULATION })
    expect(toHex(secret)).not.toBe(VECTOR.sharedSecret)
  })

  test('refuses a wrong length', () => {
    const key = openXwing(SEED)
    for (const wrong of wrongLengths(ENCAPSULATION)) {
      expect(codeOf(() => key.decapsulate(wrong))).toBe('object-damaged')
    }
  })

  test.each(LOW_ORDER_POINTS)('refuses the X25519 point %s', (point) => {
    const encapsulation = ENCAPSULATION.slice()
    encapsulation.set(bytes(point), ML_KEM_ENCAPSULATION_BYTES)
    expect(codeOf(() => openXwing(SEED).decapsulate(encapsulation))).toBe('object-damaged')
  })

  test('takes a seed of another length for our own bug', () => {
    for (const wrong of wrongLengths(SEED)) expect(() => openXwing(wrong)).toThrow('Bug in Cairn')
  })
})

function bytes(hex: string): Bytes {
  const decoded = fromHex(hex)
  if (decoded === undefined) throw new Error('a vector is not hexadecimal')
  return decoded
}

function wrongLengths(right: Bytes): Bytes[] {
  return [new Uint8Array(0), right.subarray(1), concat([right, new Uint8Array(1)])]
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof CairnError) return error.code
    throw error
  }
  return undefined
}

function x25519OfBase(scalar: Bytes): Bytes {
  const key = Buffer.concat([bytes('302e020100300506032b656e04220420'), scalar])
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32)
}
