// What an earlier undelete has put. Whoever brings the same back again goes on with what that one could not confirm,
// as a run that was suspended after step 3 and continues now: what it needs is looked for anew, and that no mark
// names it when it counts. So trying again leaves no other one each time. But who is still at work may remove what
// it has put: while anybody else is at upkeep nothing of this is taken.

import { type Bytes, equalBytes, toHex } from '../../base/bytes.ts'
import { loadMarks } from '../../repository/marks.ts'
import type { Repository } from '../../repository/repository.ts'
import { isOtherAtUpkeep } from '../../repository/sessions.ts'
import type { Snapshot } from '../../repository/snapshots.ts'
import { upkeepSignatory } from '../../repository/upkeep-signatory.ts'
import { listingLagMs } from '../prune/timing.ts'
import type { Undeletable } from './select.ts'

export interface At {
  /** The session of the run itself. */
  readonly own: Bytes
  /** By the store's clock, before anything was listed. */
  readonly nowMs: number
}

/**
 * For each of these snapshots of one domain the one that stands for it, is listed, has no receipt, and that no mark
 * names. Only what the key in use has signed itself: what others have put may say something else.
 */
export async function findLeftBehind(
  repository: Repository,
  {
    wanted,
    listed,
    ...at
  }: At & { readonly wanted: readonly Undeletable[]; readonly listed: readonly Snapshot[] },
): Promise<ReadonlyMap<Undeletable, Snapshot>> {
  const [first] = wanted
  if (first === undefined) return new Map()
  const isYoung = await youngest(repository, at)
  if (isYoung === undefined) return new Map()
  const { domain } = first
  const { signer } = upkeepSignatory(repository, domain)
  const marked = await loadMarks(repository, domain)
  const own = listed.filter(
    (one) =>
      one.domain === domain &&
      !one.confirmed &&
      !isYoung(one) &&
      !marked.snapshots.has(one.name) &&
      equalBytes(one.certificate.verifyKey, signer.verifyKey),
  )
  const found = new Map<Undeletable, Snapshot>()
  for (const snapshot of wanted) {
    const left = own.find(({ summary }) => isFor(summary.replaces, snapshot))
    if (left !== undefined) found.set(snapshot, left)
  }
  return found
}

/** What may be of somebody whose lease is not listed yet. Undefined where somebody else is at work. */
async function youngest(
  repository: Repository,
  { own, nowMs }: At,
): Promise<((one: Snapshot) => boolean) | undefined> {
  if (await isOtherAtUpkeep(repository, { own, nowMs })) return undefined
  const lagMs = listingLagMs(repository.store.capabilities)
  return ({ storedAtMs }) => nowMs - storedAtMs < lagMs
}

/**
 * Of what was listed the snapshots that are confirmed, stand for others and stay: marks are listed, then snapshots
 * again, as after a receipt was put. A receipt may be newer than the list, and its snapshot gone meanwhile.
 */
export async function findStanding(
  repository: Repository,
  snapshots: readonly Snapshot[],
): Promise<readonly Snapshot[]> {
  const back = snapshots.filter(({ confirmed, summary }) => confirmed && summary.replaces)
  if (back.length === 0) return []
  const marked = new Set<string>()
  for (const domain of new Set(back.map((one) => one.domain)))
    for (const name of (await loadMarks(repository, domain)).snapshots) marked.add(name)
  const listed = new Set<string>()
  for await (const { name } of repository.store.list('snapshots/')) listed.add(name)
  return back.filter(({ name }) => listed.has(name) && !marked.has(name))
}

function isFor(replaces: Uint8Array | undefined, { id }: Undeletable): boolean {
  return replaces !== undefined && toHex(replaces) === id
}
