// Holding snapshots, so that nobody's retention forgets them, and releasing them. A hold is of a snapshot and
// what stands for it, whatever its tags become. Nothing is taken back but by name, so no clock decides: who
// releases one snapshot of several that one record holds puts a record that holds the others on.

import type { Bytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { assert, CairnError } from '../base/errors.ts'
import type { Hold } from '../format/upkeep-records.ts'
import type { DomainAccess } from '../repository/access.ts'
import { loadForgotten } from '../repository/forgets.ts'
import { type FoundHold, type Holds, loadHolds } from '../repository/holds.ts'
import { loadMarksOf } from '../repository/marks.ts'
import type { Repository } from '../repository/repository.ts'
import { confirmationOf, type Snapshot, type SnapshotFacts } from '../repository/snapshots.ts'
import { putUpkeepRecord } from '../repository/upkeep-records.ts'
import { contentName, digestInName } from '../store/names.ts'
import { type Lineage, lineagesOf } from './forget/lineages.ts'

export interface HoldOptions {
  readonly repository: Repository
  /** All snapshots, those that others stand for too. */
  readonly known: readonly Snapshot[]
  /** Those that are meant. */
  readonly chosen: readonly Snapshot[]
  readonly clock: Clock
}

/** Of each snapshot that is held, by what others stand for it too, the holds. */
export function heldAmong<T extends SnapshotFacts>(
  known: readonly T[],
  holds: Holds,
): ReadonlyMap<T, readonly FoundHold[]> {
  const held = new Map<T, readonly FoundHold[]>()
  for (const lineage of lineagesOf(known)) {
    const own = holdsOf(lineage, holds)
    if (own.length > 0) for (const one of lineage.members) held.set(one, own)
  }
  return held
}

function holdsOf({ members }: Lineage, holds: Holds): readonly FoundHold[] {
  return [...new Set(members.flatMap((one) => holds.of(one)))]
}

export interface Held {
  /** Those that were not held before; where a reason is given, all. */
  readonly fresh: readonly Snapshot[]
  /**
   * Those of them that somebody may be removing in this moment. Who forgets puts its record, looks at holds,
   * then removes; we put the hold, then look at records: one of the two sees the other.
   */
  readonly uncertain: readonly Snapshot[]
}

/**
 * Holds the chosen snapshots. Throws 'not-permitted' without the right, and 'snapshot-unconfirmed' where
 * one was removed meanwhile, or a prune has marked it.
 */
export async function hold(options: HoldOptions & { readonly reason: string }): Promise<Held> {
  const { repository, known, chosen, reason, clock } = options
  const held = heldAmong(known, await loadHolds(repository))
  const fresh = chosen.filter((one) => reason !== '' || !held.has(one))
  for (const [domain, own] of Map.groupBy(fresh, (one) => one.domain))
    await holdIn(repository, domain, { own, reason, nowMs: clock.nowMs() })
  const { forgotten } = await loadForgotten(repository)
  const recorded = new Set(forgotten.map(confirmationOf))
  await expectListed(repository, fresh)
  return { fresh, uncertain: fresh.filter((one) => recorded.has(confirmationOf(one))) }
}

const ATTEMPTS = 16

/** The same words at the same time are the same record, and that may have been taken back. */
async function holdIn(
  repository: Repository,
  domain: DomainAccess,
  {
    own,
    reason,
    nowMs,
  }: { readonly own: readonly Snapshot[]; readonly reason: string; readonly nowMs: number },
): Promise<void> {
  const snapshots = own.map(({ name }) => hashOf(name))
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const heldMs = nowMs + attempt
    await put(repository, domain, { snapshots, releases: [], reason, heldMs })
    const holds = await loadHolds(repository)
    if (own.every((one) => holds.of(one).length > 0)) return
  }
  throw new CairnError('store-unreadable', 'Cannot hold: the store does not give back what was put')
}

async function expectListed(repository: Repository, chosen: readonly Snapshot[]): Promise<void> {
  const domains = [...new Set(chosen.map(({ domain }) => domain))]
  const marked = await loadMarksOf(repository, domains)
  const listed = new Set<string>()
  for await (const { name } of repository.store.list('snapshots/')) listed.add(name)
  const gone = chosen.find(({ name }) => !listed.has(name))
  if (gone !== undefined)
    throw new CairnError(
      'snapshot-unconfirmed',
      `Cannot hold snapshot ${gone.id.slice(0, 8)}: it was removed meanwhile`,
      { hint: '`cairn undelete` brings it back.' },
    )
  const isMarked = ({ name, domain }: Snapshot) =>
    marked[domains.indexOf(domain)]?.snapshots.has(name) === true
  const going = chosen.find(isMarked)
  if (going !== undefined)
    throw new CairnError(
      'snapshot-unconfirmed',
      `Snapshot ${going.id.slice(0, 8)} may be deleted though it is held: nobody had confirmed it, and a prune had marked it`,
      { hint: 'Restore what you need of it, and see with `cairn snapshots` whether it stays.' },
    )
}

/** Releases the chosen snapshots and returns those that were held. Throws 'not-permitted' without the right. */
export async function release(options: HoldOptions): Promise<readonly Snapshot[]> {
  const { repository, known, chosen, clock } = options
  const holds = await loadHolds(repository)
  const lineages = lineagesOf(known).filter(({ members }) =>
    members.some((one) => chosen.includes(one)),
  )
  const names = new Set(lineages.flatMap(({ members }) => members.map(confirmationOf)))
  const records = new Set(lineages.flatMap((lineage) => holdsOf(lineage, holds)))
  const held = heldAmong(known, holds)
  for (const { domain, hash, record } of records) {
    const others = record.snapshots.filter(
      (one) => !names.has(confirmationOf({ domain, name: contentName('snapshots', one) })),
    )
    const { reason } = record
    const heldMs = clock.nowMs()
    await put(repository, domain, { snapshots: others, releases: [hash], reason, heldMs })
  }
  return chosen.filter((one) => held.has(one))
}

async function put(repository: Repository, domain: DomainAccess, record: Hold): Promise<void> {
  await putUpkeepRecord(repository, { kind: 'hold', domain, record })
}

function hashOf(name: string): Bytes {
  const hash = digestInName(name)
  assert(hash, 'a snapshot is named by its hash')
  return hash
}
