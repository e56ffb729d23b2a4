// The names of things: branded, so that one is not taken for another.

import type { Bytes } from '../base/bytes.ts'

declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** 32 bytes: keyed BLAKE3 of a blob's plaintext, under the domain's id key for its type. */
export type BlobId = Branded<Bytes, 'BlobId'>

export const BLOB_ID_BYTES = 32

/** The type of a blob decides under which key its id is made: ids of the two never meet. */
export type BlobType = 'data' | 'tree'

/** A view of 32 bytes as a blob id. */
export function blobId(bytes: Bytes): BlobId {
  return bytes as BlobId
}
