// What every store promises. A store is a flat set of named, immutable objects; nothing in it needs
// to be trusted, and nothing in Cairn asks more of one than this page.
//
// Names are those of names.ts, e.g. `packs/3f/3f2a...`. Any other name given to a store is our bug.
//
// - put is atomic and durable: when it returns, the whole object survives a power cut; when it
//   throws, the object is either absent or whole. It never replaces: where the name exists already
//   it answers 'exists', leaves the stored bytes as they are, and these too survive a power cut. It
//   may be called again after any failure (idempotent); then 'exists' may mean the first call's own
//   object. withRetry settles that for names that are not a SHA-256.
// - get returns exactly the bytes asked for, or throws 'object-missing'. A range beyond the end is
//   an error ('object-damaged'), never a short answer. The bytes are the caller's own: alone in
//   their ArrayBuffer, so that they may be changed or transferred to another thread.
// - list may lag behind puts and removes on some stores (there capabilities.strongListing is
//   false). Its order is unspecified. Names that no Cairn wrote are left out. An object that was
//   there all the while comes exactly once; one that was put or removed meanwhile may come or not.
// - remove of what is absent succeeds (idempotent), and like put it survives a power cut.
// - Errors from reading are 'store-unreadable', from writing 'store-unwritable' or 'no-space'; a
//   repository that is not there at all (a disk that is not mounted) is 'no-repository'. They name
//   the store and object and never contain credentials. Where waiting cannot help, their context
//   says `retry: false`.
// - Any call may be made several times at once. close waits for none of them.

import type { Bytes } from '../base/bytes.ts'

/** No object is larger; checked before anything is allocated. */
export const OBJECT_BYTES_MAX = 256 * 1024 * 1024

export interface ObjectInfo {
  readonly name: string
  /** Length in bytes of what is stored. */
  readonly size: number
  /** When the store received it, by the store's own clock, milliseconds since 1970. */
  readonly storedAtMs: number
}

export type ByteRange =
  | { readonly offset: number; readonly length: number }
  /** The last bytes of the object; the whole of it where it is shorter. */
  | { readonly last: number }

export interface StoreCapabilities {
  /** put of an existing name is refused by the store itself, also between two racing writers. */
  readonly conditionalPut: boolean
  /** list shows every put and remove that has returned. */
  readonly strongListing: boolean
}

export type PutResult = 'created' | 'exists'

/** Room that a store keeps for whoever frees space when it is full: see with-reserve.ts. */
export interface Reserve {
  /** Takes the room where it is not taken yet. Throws 'no-space' where there is none, and leaves nothing then. */
  keep(): Promise<void>
  /** Gives the room back. False where none was taken. */
  release(): Promise<boolean>
}

export interface Store {
  /** How people name it, without credentials. */
  readonly address: string
  readonly capabilities: StoreCapabilities
  /** Left out by stores that do not run full, or cannot keep any. */
  readonly reserve?: Reserve
  /** Stores the parts, one after the other, as one object. */
  put(name: string, parts: readonly Bytes[]): Promise<PutResult>
  get(name: string, range?: ByteRange): Promise<Bytes>
  /** Every object whose name begins with `prefix` (whole folders: '' or ending in '/'). */
  list(prefix: string): AsyncIterable<ObjectInfo>
  stat(name: string): Promise<ObjectInfo | undefined>
  remove(name: string): Promise<void>
  close(): Promise<void>
}
