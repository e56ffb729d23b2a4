// Taking an object out of the way without losing it: its bytes as they were found are put into quarantine
// first, and only then is it removed. Killed in between it is in both places, and the next call goes on:
// the same bytes have the same name.

import { type Bytes, equalBytes } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import type { Config } from '../format/config.ts'
import { QUARANTINED_BYTES_MAX } from '../format/limits.ts'
import { decodePrefix, NO_DOMAIN } from '../format/prefix.ts'
import {
  decodeQuarantinedHead,
  encodeQuarantined,
  QUARANTINED_HEAD_BYTES_MAX,
  type QuarantinedHead,
} from '../format/quarantined.ts'
import { putContent } from '../store/content.ts'
import type { Store } from '../store/store.ts'
import { forEachInParallel, ObjectProblems } from './object-problem.ts'
import type { Repository } from './repository.ts'

/** The longest object that can be put into quarantine. */
export const FOUND_BYTES_MAX = QUARANTINED_BYTES_MAX - QUARANTINED_HEAD_BYTES_MAX

/** Puts what was found into quarantine, then removes the object. Returns the name that it has there. */
export async function quarantine(
  { store, config }: Pick<Repository, 'store'> & { readonly config: Pick<Config, 'domains'> },
  { name, bytes }: { readonly name: string; readonly bytes: Bytes },
): Promise<string> {
  const known = domainIn(bytes)
  const domain = config.domains.find(({ id }) => equalBytes(id, known))?.id ?? NO_DOMAIN
  const parts = encodeQuarantined({ domain, name, bytes })
  const quarantined = await putContent(store, { folder: 'quarantine', parts })
  await store.remove(name)
  return quarantined
}

/** What the object says that its domain is. */
function domainIn(object: Bytes): Bytes {
  try {
    return decodePrefix(object).domain
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'unsupported')) return NO_DOMAIN
    throw error
  }
}

/** What the first bytes of an object in quarantine say. Throws what is wrong with it. */
async function readQuarantinedHead(
  store: Store,
  { name, size }: { readonly name: string; readonly size: number },
): Promise<QuarantinedHead> {
  const length = Math.min(size, QUARANTINED_HEAD_BYTES_MAX)
  return decodeQuarantinedHead(await store.get(name, { offset: 0, length }))
}

const PARALLEL = 16

/** Names of the objects that were taken out of the way. What cannot be read there is passed over. */
export async function quarantinedNames(store: Store): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const problems = new ObjectProblems()
  const listed: { readonly name: string; readonly size: number }[] = []
  for await (const info of store.list('quarantine/')) listed.push(info)
  await forEachInParallel(listed, PARALLEL, async (info) => {
    try {
      found.add((await readQuarantinedHead(store, info)).name)
      problems.noteRead()
    } catch (error) {
      if (!isCairnError(error, 'object-missing')) problems.take(info.name, error)
    }
  })
  return found
}
