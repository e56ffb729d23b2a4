// Snapshots that counted once and are gone, though nobody forgot, marked or gave them up. What only such a one needs
// looks dead, and is all that a copy of the snapshot could bring back: every blob of its domain counts as needed.
// To a copy what tells of a snapshot may come before it does: until sync has brought it, it is missing there.

import { toHex } from '../../base/bytes.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { Holds } from '../../repository/holds.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Roots } from '../../repository/roots.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { contentName, digestInName } from '../../store/names.ts'
import {
  finishedSessions,
  followedByForgotten,
  followers,
  held,
  type Witness,
} from '../witnesses.ts'

export interface MissingSnapshot {
  readonly domain: DomainAccess
  /** Object name. */
  readonly name: string
  /** Object name of what tells of it. */
  readonly witness: string
}

export interface Known {
  readonly holds: Holds
  /** Object names. */
  readonly marked: ReadonlySet<string>
  /** What upkeep has given up, in hexadecimal. */
  readonly lost: ReadonlySet<string>
}

/**
 * Each once. What was listed before the lists of `roots` explains, and what is there by now is not missing. Throws what the
 * store throws.
 */
export async function findMissing(
  { store }: Repository,
  roots: Roots,
  known: Known,
): Promise<readonly MissingSnapshot[]> {
  const isThere = new Set(roots.snapshots.map(({ name }) => name))
  const isForgotten = new Set(
    roots.forgetRecords.flatMap(({ record }) =>
      record.snapshots.map(({ snapshot }) => contentName('snapshots', snapshot)),
    ),
  )
  const isExplained = (name: string) => {
    const id = toHex(digestInName(name) ?? new Uint8Array())
    return isForgotten.has(name) || known.marked.has(name) || known.lost.has(id)
  }
  const found = new Map<string, MissingSnapshot>()
  for (const { domain, name, snapshot } of witnessesIn(roots, known)) {
    if (isThere.has(snapshot) || found.has(snapshot) || isExplained(snapshot)) continue
    // Put since snapshots were listed, or not in that list yet.
    if ((await store.stat(snapshot)) !== undefined) continue
    // The witness went meanwhile, as who forgets does.
    if ((await store.stat(name)) === undefined) continue
    found.set(snapshot, { domain, name: snapshot, witness: name })
  }
  return [...found.values()]
}

function* witnessesIn(
  roots: Roots,
  { holds }: Known,
): Generator<Witness & { readonly domain: DomainAccess }> {
  const confirmed = new Set(roots.receipts.map(({ confirms }) => confirms))
  const byDomain = Map.groupBy(roots.receipts, ({ domain }) => domain)
  for (const [domain, receipts] of byDomain) {
    const own = roots.snapshots.filter((one) => one.domain === domain)
    const finished = finishedSessions(own.filter((one) => confirmed.has(confirmationOf(one))))
    for (const one of receipts) if (!finished.has(one.session)) yield one
  }
  for (const [domain, own] of Map.groupBy(roots.snapshots, (one) => one.domain))
    for (const one of followers(own)) yield { ...one, domain }
  for (const [domain, records] of Map.groupBy(roots.forgetRecords, (one) => one.domain)) {
    const facts = records.flatMap(({ name, record }) =>
      record.snapshots.map((fact) => ({ ...fact, name })),
    )
    const own = roots.snapshots.filter((one) => one.domain === domain)
    for (const one of followedByForgotten(facts, own)) yield { ...one, domain }
  }
  for (const [domain, own] of Map.groupBy(holds.counting, (one) => one.domain))
    for (const one of held(own)) yield { ...one, domain }
}
