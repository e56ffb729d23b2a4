// Objects that are named by the SHA-256 of their stored bytes: storing them, and reading them so
// that what comes back is known to be what was stored, whatever the store, its disk and the way
// from there did to it. No key is needed for that.

import type { Bytes } from '../base/bytes.ts'
import { assert, CairnError } from '../base/errors.ts'
import { Sha256, sha256Hex } from '../base/hash.ts'
import { type ContentFolder, contentName, hexInName } from './names.ts'
import { OBJECT_BYTES_MAX, type Store } from './store.ts'

/** The SHA-256 of the parts, one after the other. */
export function digestOf(parts: readonly Bytes[]): Bytes {
  const hash = new Sha256()
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Stores the parts as one object of `folder`; returns its name. Idempotent. */
export async function putContent(
  store: Store,
  content: { readonly folder: ContentFolder; readonly parts: readonly Bytes[] },
): Promise<string> {
  const name = contentName(content.folder, digestOf(content.parts))
  await store.put(name, content.parts)
  return name
}

/** True where the name is the SHA-256 of the bytes. False for names that promise no SHA-256. */
export function matchesName(name: string, bytes: Bytes): boolean {
  return hexInName(name) === sha256Hex(bytes)
}

/**
 * The whole object, where it has at most `bytesMax` bytes. Of a longer one no more than one byte beyond is
 * read: what lies in a store must not fill the memory. Throws 'object-damaged' then.
 */
export async function getBounded(
  store: Store,
  { name, bytesMax }: { readonly name: string; readonly bytesMax: number },
): Promise<Bytes> {
  const bytes = await store.get(name, { last: bytesMax + 1 })
  if (bytes.length <= bytesMax) return bytes
  const size = bytesMax.toLocaleString('en-US')
  throw unusable(store, name, `it has more than the ${size} bytes that it may have`)
}

/** The whole object. Throws 'object-damaged' where its SHA-256 is not its name, or it is too long. */
export async function getVerified(
  store: Store,
  name: string,
  { bytesMax = OBJECT_BYTES_MAX }: { readonly bytesMax?: number } = {},
): Promise<Bytes> {
  assert(hexInName(name) !== undefined, `${name} is not named by its content`)
  const bytes = await getBounded(store, { name, bytesMax })
  if (matchesName(name, bytes)) return bytes
  throw unusable(store, name, `the SHA-256 of its ${bytes.length} bytes is not its name`)
}

function unusable({ address }: Store, name: string, why: string): CairnError {
  return new CairnError('object-damaged', `Cannot use ${name} from ${address}: ${why}`, {
    hint: 'Run `cairn check --read-data` to see what else is affected.',
    context: { object: name, retry: false },
  })
}
