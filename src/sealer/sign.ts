// Ed25519 (RFC 8032): the owner signs the config and certificates, writers and upkeep sign what they
// put into the repository. Keys are kept as 32-byte seeds; Node wants them in DER.

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { type Bytes, concat, fromHex, toHex } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'

const PKCS8_HEAD = der('302e020100300506032b657004220420')
const SPKI_HEAD = der('302a300506032b6570032100')

function der(hex: string): Bytes {
  const bytes = fromHex(hex)
  assert(bytes, 'a constant is not hexadecimal')
  return bytes
}

export class Signer {
  readonly #key: KeyObject
  /** 32 bytes. */
  readonly verifyKey: Bytes

  constructor(seed: Bytes) {
    const key = Buffer.from(concat([PKCS8_HEAD, seed]))
    this.#key = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(this.#key).export({ format: 'der', type: 'spki' })
    this.verifyKey = new Uint8Array(spki.subarray(SPKI_HEAD.length))
  }

  /** 64 bytes; the same for the same message. */
  sign(message: Bytes): Bytes {
    return sign(null, message, this.#key)
  }
}

/** That `signature` is one of `message` by the holder of `verifyKey`: a claim, until it is verified. */
export interface Claim {
  readonly verifyKey: Bytes
  readonly message: Bytes
  readonly signature: Bytes
}

/** True where what is claimed is so. */
export function isSignedBy({ verifyKey, message, signature }: Claim): boolean {
  try {
    return verify(null, message, publicKeyOf(verifyKey), signature)
  } catch {
    return false // not a point on the curve: nobody's signature
  }
}

/** Making a key object of a key takes a third as long as using it. */
const PUBLIC_KEYS_KEPT_MAX = 256
const publicKeys = new Map<string, KeyObject>()

function publicKeyOf(verifyKey: Bytes): KeyObject {
  const name = toHex(verifyKey)
  const known = publicKeys.get(name)
  if (known !== undefined) return known
  const key = Buffer.from(concat([SPKI_HEAD, verifyKey]))
  const made = createPublicKey({ key, format: 'der', type: 'spki' })
  if (publicKeys.size >= PUBLIC_KEYS_KEPT_MAX) publicKeys.clear()
  publicKeys.set(name, made)
  return made
}
