// Hashing. SHA-256 names stored bytes (any server or tool can verify it); BLAKE3 does all that is
// keyed. CRC-32 is the one check that no reader bug of ours can satisfy by accident, because it is
// taken from what the operating system handed over.

import { createHash, hash } from 'node:crypto'
import { crc32 as platformCrc32 } from 'node:zlib'
import { Blake3Hasher } from '@napi-rs/blake-hash'
import type { Bytes } from './bytes.ts'

export const HASH_BYTES = 32

const digest = Buffer.alloc(HASH_BYTES)

/** By way of text: each Buffer that native code makes costs as much again, and the collector later. */
export function sha256(bytes: Bytes): Bytes {
  digest.write(hash('sha256', bytes, 'binary'), 'binary')
  return new Uint8Array(digest)
}

/** The same in hexadecimal. */
export function sha256Hex(bytes: Bytes): string {
  return hash('sha256', bytes, 'hex')
}

/** SHA-256 of what is given piece by piece. */
export class Sha256 {
  readonly #hash = createHash('sha256')

  update(bytes: Bytes): void {
    this.#hash.update(bytes)
  }

  /** The hash of all; the object is of no use afterwards. */
  digest(): Bytes {
    return new Uint8Array(this.#hash.digest())
  }
}

/** BLAKE3's keyed mode. Reused, because making one costs four times what using one does. */
export class KeyedHasher {
  readonly #hasher: Blake3Hasher
  readonly #digest = Buffer.alloc(HASH_BYTES)

  constructor(key: Bytes) {
    this.#hasher = Blake3Hasher.newKeyed(Buffer.from(key))
  }

  /** The 32-byte keyed hash of the parts, one after the other. */
  hash(...parts: readonly Bytes[]): Bytes {
    return new Uint8Array(this.hashBriefly(...parts))
  }

  /** The same in memory that the next call overwrites: thousands of small ones are not garbage then. */
  hashBriefly(...parts: readonly Bytes[]): Bytes {
    this.#hasher.reset()
    for (const part of parts) this.#hasher.update(part)
    return this.#result()
  }

  /** The same of parts that come one after the other. Until all have come, nothing else can be hashed. */
  async hashEach(parts: AsyncIterable<Bytes>): Promise<Bytes> {
    this.#hasher.reset()
    for await (const part of parts) this.#hasher.update(part)
    return new Uint8Array(this.#result())
  }

  #result(): Bytes {
    // See sha256.
    this.#digest.write(this.#hasher.digest('hex'), 'hex')
    return this.#digest
  }
}

/** BLAKE3's key derivation mode: 32 bytes that are independent for each context string. */
export function deriveKey(context: string, material: Bytes): Bytes {
  return new Uint8Array(Blake3Hasher.newDeriveKey(context).update(material).digestBuffer())
}

/** CRC-32 as in zip, gzip and PNG (IEEE 802.3); `previous` continues an earlier one. */
export function crc32(bytes: Bytes, previous = 0): number {
  return platformCrc32(bytes, previous)
}
