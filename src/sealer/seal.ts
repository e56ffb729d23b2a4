// The one seal (docs/format.md, section 7): misuse-resistant and key-committing authenticated
// encryption with no nonce to get wrong.
//
//     S = BLAKE3-keyed(macKey, length of aad (u64) || aad || payload)
//     sealed = S || AES-256-GCM(key = BLAKE3-keyed(encKey, S), nonce = 0, payload) || tag
//
// The key for the cipher depends on all that is sealed, so sealing twice in the same state, on a
// cloned machine or after a resumed memory snapshot reveals at most that both were the same.

import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import { type Bytes, plain, release, viewOf } from '../base/bytes.ts'
import { copyTo } from '../base/copy.ts'
import { assert, CairnError } from '../base/errors.ts'
import { deriveKey, KeyedHasher } from '../base/hash.ts'

const SYNTHETIC_BYTES = 32
const TAG_BYTES = 16
export const SEAL_OVERHEAD_BYTES = SYNTHETIC_BYTES + TAG_BYTES

/** What is encrypted at a time: the cipher allocates as much, and it is still in the processor's cache. */
const STEP_BYTES = 256 * 1024

const CIPHER = 'aes-256-gcm'
const ZERO_NONCE = new Uint8Array(12)
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES }

/** Seals and opens under one key. Keep it: making one costs more than using it on a small payload. */
export class Seal {
  readonly #mac: KeyedHasher
  readonly #encryption: KeyedHasher

  constructor(key: Bytes) {
    this.#mac = new KeyedHasher(deriveKey('cairn v1 seal mac', key))
    this.#encryption = new KeyedHasher(deriveKey('cairn v1 seal encryption', key))
  }

  /** Seals the parts as one payload, into memory of its own of exactly the length needed. */
  seal(aad: Bytes, ...payload: readonly Bytes[]): Uint8Array<ArrayBuffer> {
    const sealed = new Uint8Array(new ArrayBuffer(sealedLength(payload)))
    this.sealInto(sealed, aad, ...payload)
    return sealed
  }

  /** The same into memory that is exactly as long as what is sealed: see sealedLength. */
  sealInto(sealed: Bytes, aad: Bytes, ...payload: readonly Bytes[]): void {
    assert(sealed.length === sealedLength(payload), 'what is sealed fills its memory')
    const synthetic = this.#mac.hash(lengthOf(aad), aad, ...payload)
    const cipher = createCipheriv(CIPHER, this.#keyFor(synthetic), ZERO_NONCE, CIPHER_OPTIONS)
    sealed.set(synthetic)
    let at = SYNTHETIC_BYTES
    for (const part of payload) {
      for (let done = 0; done < part.length; done += STEP_BYTES) {
        const encrypted = cipher.update(part.subarray(done, done + STEP_BYTES))
        copyTo(sealed.subarray(at + done, at + done + encrypted.length), encrypted)
        release(encrypted)
      }
      at += part.length
    }
    cipher.final()
    sealed.set(cipher.getAuthTag(), at)
  }

  /**
   * The payload, which is released only when both the tag and the synthetic value are right. Throws
   * 'object-damaged' where they are not: wrong key, wrong aad or changed bytes.
   */
  open(aad: Bytes, sealed: Bytes): Bytes {
    if (sealed.length < SEAL_OVERHEAD_BYTES) throw refused('it is too short to be sealed')
    const synthetic = sealed.subarray(0, SYNTHETIC_BYTES)
    const tagAt = sealed.length - TAG_BYTES
    const decipher = createDecipheriv(CIPHER, this.#keyFor(synthetic), ZERO_NONCE, CIPHER_OPTIONS)
    decipher.setAuthTag(sealed.subarray(tagAt))
    const payload = plain(decipher.update(sealed.subarray(SYNTHETIC_BYTES, tagAt)))
    try {
      decipher.final()
    } catch {
      throw refused('its authentication tag is wrong')
    }
    const expected = this.#mac.hashBriefly(lengthOf(aad), aad, payload)
    if (!timingSafeEqual(expected, synthetic)) throw refused('it was sealed for something else')
    return payload
  }

  /** As a KeyObject: on bare bytes Node first fails to find one in them, which takes 10 microseconds. */
  #keyFor(synthetic: Bytes): KeyObject {
    return createSecretKey(this.#encryption.hashBriefly(synthetic))
  }
}

/** How long the parts are, sealed as one payload. */
export function sealedLength(payload: readonly Bytes[]): number {
  return payload.reduce((sum, part) => sum + part.length, SEAL_OVERHEAD_BYTES)
}

const length = new Uint8Array(8)
const lengthView = viewOf(length)

/** Until the next call. */
function lengthOf(aad: Bytes): Bytes {
  lengthView.setUint32(0, aad.length, true)
  return length
}

function refused(why: string): CairnError {
  return new CairnError('object-damaged', `Cannot open what is sealed: ${why}`)
}
