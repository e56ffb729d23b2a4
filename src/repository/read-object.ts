// Reading an object as a whole: bounded by the longest that its kind may be (docs/format.md, section 16)
// before it is fetched, so that what lies in a store cannot fill the memory, and compared with its name
// where that is a SHA-256 of the store's grammar.

import type { Bytes } from '../base/bytes.ts'
import {
  GRANT_BYTES_MAX,
  INDEX_BYTES_MAX,
  METADATA_BYTES_MAX,
  PACK_BYTES_MAX,
} from '../format/limits.ts'
import { getBounded, getVerified } from '../store/content.ts'
import { hexInName } from '../store/names.ts'
import type { Store } from '../store/store.ts'

/** Throws 'object-damaged' or what the store throws. */
export function readObject(
  store: Store,
  name: string,
  { bytesMax = objectBytesMax(name) }: { readonly bytesMax?: number } = {},
): Promise<Bytes> {
  if (hexInName(name) === undefined) return getBounded(store, { name, bytesMax })
  return getVerified(store, name, { bytesMax })
}

/** The longest that an object of this name may be. */
export function objectBytesMax(name: string): number {
  if (name.startsWith('packs/')) return PACK_BYTES_MAX
  if (name.startsWith('index/')) return INDEX_BYTES_MAX
  return name.startsWith('keys/') ? GRANT_BYTES_MAX : METADATA_BYTES_MAX
}
