// Snapshots that counted once and are gone, though nobody forgot, marked or gave them up. What only such a one needs
// looks dead, and is all that a copy of the snapshot could bring back: every blob of its domain counts as needed.
//
// What was forgotten is no witness of the one that it followed: its record comes to a copy before the snapshots do, and
// while sync is on its way nothing is missing there.

import { toHex } from '../../base/bytes.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Roots } from '../../repository/roots.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { contentName, digestInName } from '../../store/names.ts'
import { finishedSessions, followers, type Witness } from '../witnesses.ts'

export interface MissingSnapshot {
  readonly domain: DomainAccess
  /** Object name. */
  readonly name: string
  /** Object name of what tells of it. */
  readonly witness: string
}

export interface Explained {
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
  explained: Explained,
): Promise<readonly MissingSnapshot[]> {
  const isThere = new Set(roots.snapshots.map(({ name }) => name))
  const isForgotten = new Set(
    roots.forgetRecords.flatMap(({ record }) =>
      record.snapshots.map(({ snapshot }) => contentName('snapshots', snapshot)),
    ),
  )
  const isExplained = (name: string) => {
    const id = toHex(digestInName(name) ?? new Uint8Array())
    return isForgotten.has(name) || explained.marked.has(name) || explained.lost.has(id)
  }
  const found = new Map<string, MissingSnapshot>()
  for (const { domain, name, snapshot } of witnessesIn(roots)) {
    if (isThere.has(snapshot) || found.has(snapshot) || isExplained(snapshot)) continue
    // Put since snapshots were listed, or not in that list yet.
    if ((await store.stat(snapshot)) !== undefined) continue
    // The witness went meanwhile, as who forgets does.
    if ((await store.stat(name)) === undefined) continue
    found.set(snapshot, { domain, name: snapshot, witness: name })
  }
  return [...found.values()]
}

function* witnessesIn(roots: Roots): Generator<Witness & { readonly domain: DomainAccess }> {
  const confirmed = new Set(roots.receipts.map(({ confirms }) => confirms))
  const byDomain = Map.groupBy(roots.receipts, ({ domain }) => domain)
  for (const [domain, receipts] of byDomain) {
    const own = roots.snapshots.filter((one) => one.domain === domain)
    const finished = finishedSessions(own.filter((one) => confirmed.has(confirmationOf(one))))
    for (const one of receipts) if (!finished.has(one.session)) yield one
  }
  for (const [domain, own] of Map.groupBy(roots.snapshots, (one) => one.domain))
    for (const one of followers(own)) yield { ...one, domain }
}
