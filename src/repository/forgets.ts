// What was forgotten: a forget record for each snapshot that was removed on purpose, with the snapshot's own
// bytes. For a window after that what it names is kept (a root, for who prunes) and can be had back; after that
// the record only explains why the snapshot is gone. In a copy the window is no longer than where it was forgotten.
//
// A record is put before its snapshot is removed. So a snapshot may be listed and have a record: whoever
// forgot it was interrupted, or it was held in that moment. It is then a snapshot like any other.

import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Certificate } from '../format/signing.ts'
import type { Summary } from '../format/snapshot.ts'
import type { ForgetRecord, Forgotten } from '../format/upkeep-records.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import type { ObjectProblem } from './object-problem.ts'
import type { Repository } from './repository.ts'
import { openSnapshot } from './snapshots.ts'
import { type FoundRecord, loadUpkeepRecords } from './upkeep-records.ts'

/** So long after the store received its record what was forgotten can be had back. */
export const UNDELETE_WINDOW_MS = 7 * 24 * 60 * 60 * 1000

/** A snapshot of which a record says that it was forgotten. */
export interface ForgottenSnapshot extends Pick<Forgotten, 'sourceId' | 'sequence'> {
  /** Object name, `snapshots/...`, which nothing has any more. */
  readonly name: string
  readonly id: string
  readonly domain: DomainAccess
  readonly isConfirmed: boolean
  /** As it was stored; undefined where the record has no longer got it. */
  readonly object: Bytes | undefined
  /** Object name of the record, of several that of the last time. */
  readonly record: string
  /**
   * When it was forgotten, by the clock of the store that it was forgotten in, as upkeep has signed it; or when this
   * store received the record, if that was before.
   */
  readonly forgottenAtMs: number
}

export interface ForgottenList {
  /** In the order in which they were forgotten. */
  readonly forgotten: readonly ForgottenSnapshot[]
  /** The records themselves. */
  readonly records: readonly FoundRecord<ForgetRecord>[]
  readonly problems: readonly ObjectProblem[]
}

/** All that was forgotten in the domains that the key holds. Throws as loadUpkeepRecords does. */
export async function loadForgotten(
  repository: Repository,
  options: { readonly onlyReading?: boolean } = {},
): Promise<ForgottenList> {
  const { records, problems } = await loadUpkeepRecords(repository, { kind: 'forget', ...options })
  const newest = new Map<string, ForgottenSnapshot>()
  for (const { name: record, domain, storedAtMs, record: said } of records) {
    for (const { snapshot, object, ...rest } of said.snapshots) {
      const name = contentName('snapshots', snapshot)
      const key = `${domain.hex} ${name}`
      const own = object !== undefined && equalBytes(sha256(object), snapshot) ? object : undefined
      const known = newest.get(key)
      if (own === undefined && known?.object !== undefined) continue
      const forgottenAtMs = Math.min(storedAtMs, said.forgottenMs)
      // In a copy they come in any order.
      const isOlder = known !== undefined && forgottenAtMs < known.forgottenAtMs
      if (isOlder && known.object !== undefined) continue
      newest.delete(key)
      const facts = { name, id: toHex(snapshot), domain, record, forgottenAtMs }
      newest.set(key, { ...rest, ...facts, object: own })
    }
  }
  return { forgotten: [...newest.values()], records, problems }
}

/** Whether it can still be had back, and must be kept, by the store's time. */
export function isInWindow(
  { forgottenAtMs, object }: ForgottenSnapshot,
  { nowMs, windowMs = UNDELETE_WINDOW_MS }: { readonly nowMs: number; readonly windowMs?: number },
): boolean {
  return object !== undefined && nowMs - forgottenAtMs < windowMs
}

/** What was forgotten, as it was. Throws 'not-found' where its record has no longer got it, or as openSnapshot. */
export function openForgotten(
  repository: Repository,
  { name, domain, object }: ForgottenSnapshot,
): { readonly summary: Summary; readonly certificate: Certificate; readonly object: Bytes } {
  if (object === undefined) {
    throw new CairnError('not-found', `The record of ${name} has no longer got the snapshot itself`)
  }
  const objectHash = digestInName(name)
  return { ...openSnapshot(repository, { domain, object, objectHash }), object }
}
