// Objects that are named by the SHA-256 of their stored bytes: storing them, and reading them so
// that what comes back is known to be what was stored, whatever the store, its disk and the way
// from there did to it. No key is needed for that.

import { type Bytes, equalBytes } from '../base/bytes.ts'
import { assert, CairnError } from '../base/errors.ts'
import { Sha256, sha256 } from '../base/hash.ts'
import { type ContentFolder, contentName, digestInName } from './names.ts'
import type { Store } from './store.ts'

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
  const digest = digestInName(name)
  return digest !== undefined && equalBytes(digest, sha256(bytes))
}

/** The whole object. Throws 'object-damaged' where its SHA-256 is not its name. */
export async function getVerified(store: Store, name: string): Promise<Bytes> {
  assert(digestInName(name) !== undefined, `${name} is not named by its content`)
  const bytes = await store.get(name)
  if (matchesName(name, bytes)) return bytes
  throw new CairnError(
    'object-damaged',
    `Cannot use ${name} from ${store.address}: ` +
      `the SHA-256 of its ${bytes.length} bytes is not its name`,
    {
      hint: 'Run `cairn check --read-data` to see what else is affected.',
      context: { object: name, size: bytes.length, retry: false },
    },
  )
}
