// Who else forgets at the same time. Each sees a plan that leaves enough of a source, and both together may
// not. So each looks at the records of all when its own are there: of two, at least one sees the other's.

import { loadForgotten } from '../../repository/forgets.ts'
import type { Repository } from '../../repository/repository.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { leavesTooFew } from './plan.ts'
import type { Retained } from './survey.ts'

/** Whoever put a record this long ago, and has not removed the snapshot yet, does it no more: see execute.ts. */
const AT_WORK_MS = 24 * 60 * 60 * 1000

/**
 * Of those that are going, the ones of which source too few would be left, with what others have put records
 * for. Throws as loadForgotten does.
 */
export async function contestedIn(
  repository: Repository,
  {
    going,
    retained,
    minimum,
    nowMs,
  }: {
    readonly going: readonly Retained[]
    /** All that there was when the plan was made. */
    readonly retained: readonly Retained[]
    /** So many complete ones must be left of each source. */
    readonly minimum: number
    /** By the store's clock. */
    readonly nowMs: number
  },
): Promise<ReadonlySet<Retained>> {
  const own = new Set(going)
  const { forgotten } = await loadForgotten(repository, { onlyReading: true })
  const young = forgotten.filter(({ forgottenAtMs }) => nowMs - forgottenAtMs < AT_WORK_MS)
  const recorded = new Set(young.map(confirmationOf))
  const isOthers = (one: Retained) =>
    !own.has(one) && one.lineage.members.some((member) => recorded.has(confirmationOf(member)))
  const contested = new Set<Retained>()
  const sources = new Set(going.map(({ source }) => source))
  for (const [name, source] of Map.groupBy(retained, (one) => one.source)) {
    if (!sources.has(name) || !source.some(isOthers)) continue
    const isGoing = (one: Retained) => own.has(one) || isOthers(one)
    if (!leavesTooFew(source, { minimum, isGoing })) continue
    for (const one of source) if (own.has(one)) contested.add(one)
  }
  return contested
}
