// Signing and verifying, remembered by their input: the model plays the same calls over and over, and Ed25519
// says the same each time. Whoever runs the model imports this first.

import { createHash, type KeyObject } from 'node:crypto'
import { createRequire, syncBuiltinESMExports } from 'node:module'

/** The part of node:crypto that the code that ships uses for Ed25519. */
interface Ed25519 {
  createPrivateKey: (key: { readonly key: Buffer }) => KeyObject
  sign: (algorithm: null, message: Uint8Array, key: KeyObject) => Buffer
  verify: (
    algorithm: null,
    message: Uint8Array,
    key: KeyObject,
    signature: Uint8Array,
    callback?: (error: Error | null, isRight: boolean) => void,
  ) => boolean
}

const crypto = createRequire(import.meta.url)('node:crypto') as Ed25519
const { createPrivateKey, sign, verify } = crypto

const KEPT_MAX = 100_000

class Remembered<T> {
  readonly #known = new Map<string, T>()

  /** `make` is asked once for each input. */
  of(input: readonly Uint8Array[], make: () => T): T {
    const hash = createHash('sha256')
    for (const part of input) hash.update(`${part.length}:`).update(part)
    const name = hash.digest('base64')
    const before = this.#known.get(name)
    if (before !== undefined) return before
    if (this.#known.size >= KEPT_MAX) this.#known.clear()
    const made = make()
    this.#known.set(name, made)
    return made
  }
}

const privateKeys = new Remembered<KeyObject>()
const signed = new WeakMap<KeyObject, Remembered<Buffer>>()
const verified = new WeakMap<KeyObject, Remembered<boolean>>()

function ofKey<T>(all: WeakMap<KeyObject, Remembered<T>>, key: KeyObject): Remembered<T> {
  const known = all.get(key) ?? new Remembered<T>()
  all.set(key, known)
  return known
}

crypto.createPrivateKey = (given) => privateKeys.of([given.key], () => createPrivateKey(given))

// A copy: what is signed may be written over.
crypto.sign = (_, message, key) =>
  Buffer.from(ofKey(signed, key).of([message], () => sign(null, message, key)))

crypto.verify = (_, message, key, signature, callback) => {
  if (callback !== undefined) return verify(null, message, key, signature, callback)
  const ask = () => verify(null, message, key, signature)
  return ofKey(verified, key).of([message, signature], ask)
}

syncBuiltinESMExports()
