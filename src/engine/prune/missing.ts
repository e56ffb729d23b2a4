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
  const forgotten = namesIn(roots.forgetRecords)
  // What is held nobody forgets, unless it is held elsewhere and this is a copy that had forgotten it before.
  const byCopy = namesIn(roots.forgetRecords.filter(({ record }) => record.isOfCopy))
  const isExplained = (name: string, { isHeld }: { readonly isHeld: boolean }) => {
    const id = toHex(digestInName(name) ?? new Uint8Array())
    const isForgotten = (isHeld ? byCopy : forgotten).has(name)
    return isForgotten || known.marked.has(name) || known.lost.has(id)
  }
  const found = new Map<string, MissingSnapshot>()
  for (const { domain, name, snapshot } of witnessesIn(roots, known)) {
    const isHeld = name.startsWith('holds/')
    if (isThere.has(snapshot) || found.has(snapshot) || isExplained(snapshot, { isHeld })) continue
    // Put since snapshots were listed, or not in that list yet.
    if ((await store.stat(snapshot)) !== undefined) continue
    // The witness went meanwhile, as who forgets does.
    if ((await store.stat(name)) === undefined) continue
    found.set(snapshot, { domain, name: snapshot, witness: name })
  }
  return [...found.values()]
}

/** Names of snapshots. */
function namesIn(records: Roots['forgetRecords']): ReadonlySet<string> {
  const names = records.flatMap(({ record }) => record.snapshots.map(({ snapshot }) => snapshot))
  return new Set(names.map((hash) => contentName('snapshots', hash)))
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
