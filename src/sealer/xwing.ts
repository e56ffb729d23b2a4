// X-Wing, the hybrid key encapsulation by which a session's frame keys reach the domain's readers:
// X25519 and ML-KEM-768 under one SHA3-256, secure while either of the two holds. Exactly
// draft-connolly-cfrg-xwing-kem-10, on Node's crypto alone. The section numbers are the draft's.
//
// Two traps of Node: `crypto.encapsulate` on an X25519 key is DHKEM, which hashes once more, so
// this takes `diffieHellman`; and it has no encapsulation from given randomness, so the published
// vectors prove decapsulation, and encapsulation is proved by the way back.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { type Bytes, concat, fromHex, utf8 } from '../base/bytes.ts'
import { assert, CairnError } from '../base/errors.ts'

/** Lengths (5.1). */
export const XWING = {
  seedBytes: 32,
  publicKeyBytes: 1216,
  encapsulationBytes: 1120,
  sharedSecretBytes: 32,
} as const

const LABEL = utf8('\\.//^\\')
const ML_KEM_SEED_BYTES = 64
const ML_KEM_PUBLIC_KEY_BYTES = 1184
const ML_KEM_ENCAPSULATION_BYTES = 1088
const X25519_BYTES = 32

/** What stands before the raw key in DER: PKCS #8 (for ML-KEM the seed-only form) and SPKI. */
const DER = {
  mlKemPrivate: der('3054020100300b060960864801650304040204428040'),
  mlKemPublic: der('308204b2300b0609608648016503040402038204a100'),
  x25519Private: der('302e020100300506032b656e04220420'),
  x25519Public: der('302a300506032b656e032100'),
}

/** The public key (1216 bytes) that belongs to a seed of 32 bytes. */
export function xwingPublicKey(seed: Bytes): Bytes {
  return openXwing(seed).publicKey
}

/**
 * A fresh shared secret (32 bytes), and its encapsulation (1120 bytes), from which only the holder
 * of the seed gets it back. 'object-damaged' where the public key is not one: its length, the check
 * of FIPS 203 section 7.2, or an X25519 point of low order.
 */
export function xwingEncapsulate(publicKey: Bytes): { encapsulation: Bytes; sharedSecret: Bytes } {
  const problem = lengthProblem(publicKey, XWING.publicKeyBytes)
  if (problem !== undefined) throw damagedPublicKey(problem)
  const x25519PublicKey = publicKey.slice(ML_KEM_PUBLIC_KEY_BYTES)
  const mlKem = encapsulate(importMlKemPublicKey(publicKey.subarray(0, ML_KEM_PUBLIC_KEY_BYTES)))
  const ephemeral = generateKeyPairSync('x25519')
  const x25519Encapsulation = rawPublicKey(ephemeral.publicKey, DER.x25519Public)
  const x25519Secret = x25519(ephemeral.privateKey, x25519PublicKey, damagedPublicKey)
  return {
    encapsulation: concat([mlKem.ciphertext, x25519Encapsulation]),
    sharedSecret: combine({
      mlKemSecret: mlKem.sharedKey,
      x25519Secret,
      x25519Encapsulation,
      x25519PublicKey,
    }),
  }
}

/** `XwingKey.decapsulate` for one encapsulation; for several, keep an `openXwing`. */
export function xwingDecapsulate(options: { seed: Bytes; encapsulation: Bytes }): Bytes {
  return openXwing(options.seed).decapsulate(options.encapsulation)
}

/** Expands a seed of 32 bytes (5.2). Keep the key: this costs about two decapsulations. */
export function openXwing(seed: Bytes): XwingKey {
  return new XwingKey(seed)
}

/** A private key, expanded once for many decapsulations (5.5.1). */
export class XwingKey {
  readonly publicKey: Bytes
  readonly #mlKem: KeyObject
  readonly #x25519: KeyObject

  constructor(seed: Bytes) {
    assert(seed.length === XWING.seedBytes, `an X-Wing seed of ${seed.length} bytes`)
    const bits = createHash('shake256', { outputLength: ML_KEM_SEED_BYTES + X25519_BYTES })
    const expanded = bits.update(seed).digest()
    const mlKemSeed = expanded.subarray(0, ML_KEM_SEED_BYTES)
    this.#mlKem = importPrivateKey(DER.mlKemPrivate, mlKemSeed)
    this.#x25519 = importPrivateKey(DER.x25519Private, expanded.subarray(ML_KEM_SEED_BYTES))
    this.publicKey = concat([
      rawPublicKey(createPublicKey(this.#mlKem), DER.mlKemPublic),
      rawPublicKey(createPublicKey(this.#x25519), DER.x25519Public),
    ])
  }

  /**
   * The shared secret (32 bytes). An encapsulation that was changed, or made for another key, gives
   * another secret and no error (implicit rejection): what was sealed under it then does not open.
   * 'object-damaged' where the length is wrong or the X25519 point is of low order.
   */
  decapsulate(encapsulation: Bytes): Bytes {
    const problem = lengthProblem(encapsulation, XWING.encapsulationBytes)
    if (problem !== undefined) throw damagedEncapsulation(problem)
    const x25519Encapsulation = encapsulation.slice(ML_KEM_ENCAPSULATION_BYTES)
    return combine({
      mlKemSecret: decapsulate(this.#mlKem, encapsulation.subarray(0, ML_KEM_ENCAPSULATION_BYTES)),
      x25519Secret: x25519(this.#x25519, x25519Encapsulation, damagedEncapsulation),
      x25519Encapsulation,
      x25519PublicKey: this.publicKey.subarray(ML_KEM_PUBLIC_KEY_BYTES),
    })
  }
}

interface Shares {
  readonly mlKemSecret: Bytes
  readonly x25519Secret: Bytes
  readonly x25519Encapsulation: Bytes
  readonly x25519PublicKey: Bytes
}

/** The combiner (5.3). The label stands last since version 05 of the draft. */
function combine(shares: Shares): Bytes {
  const hash = createHash('sha3-256').update(shares.mlKemSecret).update(shares.x25519Secret)
  hash.update(shares.x25519Encapsulation).update(shares.x25519PublicKey).update(LABEL)
  return new Uint8Array(hash.digest())
}

/** Raw X25519. OpenSSL refuses an all-zero result, the only way in which this can fail. */
function x25519(
  privateKey: KeyObject,
  point: Bytes,
  damaged: (problem: string, cause: unknown) => CairnError,
): Bytes {
  const publicKey = createPublicKey({
    key: asBuffer(concat([DER.x25519Public, point])),
    format: 'der',
    type: 'spki',
  })
  try {
    return diffieHellman({ privateKey, publicKey })
  } catch (error) {
    throw damaged('its X25519 point is of low order', error)
  }
}

function importPrivateKey(prefix: Bytes, raw: Bytes): KeyObject {
  return createPrivateKey({ key: asBuffer(concat([prefix, raw])), format: 'der', type: 'pkcs8' })
}

function importMlKemPublicKey(raw: Bytes): KeyObject {
  try {
    const key = asBuffer(concat([DER.mlKemPublic, raw]))
    return createPublicKey({ key, format: 'der', type: 'spki' })
  } catch (error) {
    throw damagedPublicKey('its ML-KEM-768 part is not a public key', error)
  }
}

function rawPublicKey(key: KeyObject, prefix: Bytes): Bytes {
  return key.export({ format: 'der', type: 'spki' }).subarray(prefix.length)
}

/** The same memory: Node's types ask for a Buffer where DER goes in. */
function asBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function der(hex: string): Bytes {
  return fromHex(hex) as Bytes
}

function lengthProblem(bytes: Bytes, expected: number): string | undefined {
  return bytes.length === expected ? undefined : `it has ${bytes.length} of ${expected} bytes`
}

function damagedPublicKey(problem: string, cause?: unknown): CairnError {
  return new CairnError('object-damaged', `Cannot seal to the domain's public key: ${problem}.`, {
    hint: 'Restore the grant that holds this key, or have the owner issue it again.',
    cause,
  })
}

function damagedEncapsulation(problem: string, cause?: unknown): CairnError {
  return new CairnError('object-damaged', `Cannot open a session's encapsulation: ${problem}.`, {
    hint: 'Run `cairn check` to see what else is affected.',
    cause,
  })
}
