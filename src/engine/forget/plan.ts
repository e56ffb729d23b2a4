// The plan of forgetting: for every source what stays, by which rule, and what goes, or why nothing of it
// does. Pure and printable; execute.ts does what it says.

import { toHex } from '../../base/bytes.ts'
import type { SnapshotFacts } from '../../repository/snapshots.ts'
import type { Candidate } from './candidate.ts'
import { compare } from './candidate.ts'
import {
  type Accepted,
  type Clocks,
  clockRefusals,
  type Refusal,
  sourceRefusals,
} from './guards.ts'
import { type Decision, decide, type Policy } from './policy.ts'

export interface SourcePlan<T extends Candidate = Candidate> {
  /** See Candidate. */
  readonly source: string
  /** Newest first. */
  readonly decisions: readonly Decision<T>[]
  /** Where there are any nothing of the source is forgotten. */
  readonly refusals: readonly Refusal[]
}

export interface ForgetPlan<T extends Candidate = Candidate> {
  readonly sources: readonly SourcePlan<T>[]
  /** Where there are any nothing at all is forgotten. */
  readonly refusals: readonly Refusal[]
}

export interface PlanOptions {
  readonly policy: Policy
  readonly clocks: Clocks
  /** When what is there was received, as far as it is known: to see that clocks did not jump. */
  readonly stampsMs: readonly number[]
  readonly accepted: Accepted
}

/** What a policy does. Sources of which nothing was chosen are left out. */
export function planForget<T extends Candidate>(
  candidates: readonly T[],
  { policy, clocks, stampsMs, accepted }: PlanOptions,
): ForgetPlan<T> {
  const sources: SourcePlan<T>[] = []
  for (const [name, source] of Map.groupBy(candidates, (one) => one.source)) {
    if (!source.some(({ isChosen }) => isChosen)) continue
    const decisions = decide(source, policy)
    const guarded = { source, decisions, policy, storeMs: clocks.storeMs }
    sources.push({ source: name, decisions, refusals: sourceRefusals(guarded, accepted) })
  }
  return { sources, refusals: accepted.clock ? [] : clockRefusals(clocks, stampsMs) }
}

/**
 * What forgetting the chosen ones by their ids does: they go, whatever clocks say, unless one is held or too
 * few would be left of its source.
 */
export function planIds<T extends Candidate>(
  candidates: readonly T[],
  { minimum }: { readonly minimum: number },
): ForgetPlan<T> {
  const sources: SourcePlan<T>[] = []
  for (const [name, source] of Map.groupBy(candidates, (one) => one.source)) {
    const chosen = source.filter(({ isChosen }) => isChosen).sort(compare)
    if (chosen.length === 0) continue
    const decisions = chosen.map((candidate) => ({ candidate, keeps: false, rules: [] }))
    const refusals = [...heldRefusals(chosen), ...minimumRefusals(source, minimum)]
    sources.push({ source: name, decisions, refusals })
  }
  return { sources, refusals: [] }
}

/** What a plan really does away with. */
export function goingIn<T extends Candidate>({ sources, refusals }: ForgetPlan<T>): readonly T[] {
  if (refusals.length > 0) return []
  const acting = sources.filter((source) => source.refusals.length === 0)
  const decisions = acting.flatMap((source) => source.decisions)
  return decisions.filter(({ keeps }) => !keeps).map(({ candidate }) => candidate)
}

/** True where nothing is forgotten of something, against what was asked for. */
export function isRefusing({ sources, refusals }: ForgetPlan): boolean {
  return refusals.length > 0 || sources.some((source) => source.refusals.length > 0)
}

function heldRefusals(chosen: readonly Candidate[]): readonly Refusal[] {
  return chosen
    .filter(({ isHeld }) => isHeld)
    .map(({ id }) => ({
      kind: 'held',
      what: `snapshot ${id.slice(0, 8)} is held`,
      hint: `\`cairn release ${id.slice(0, 8)}\` takes that back.`,
    }))
}

function minimumRefusals(source: readonly Candidate[], minimum: number): readonly Refusal[] {
  if (!leavesTooFew(source, { minimum, isGoing: ({ isChosen }) => isChosen })) return []
  const left = source.filter((one) => isComplete(one) && !one.isChosen).length
  const what = `${left} complete ${left === 1 ? 'snapshot' : 'snapshots'} would be left of its source, and ${minimum} must be`
  const hint = 'If this is meant, say so with --min 0.'
  return [{ kind: 'minimum', what, hint }]
}

/** Of complete ones so many must be left; where there were fewer of these to begin with, of all that count. */
export function leavesTooFew<T extends Candidate>(
  source: readonly T[],
  { minimum, isGoing }: { readonly minimum: number; readonly isGoing: (one: T) => boolean },
): boolean {
  const confirmed = source.filter(({ isConfirmed }) => isConfirmed)
  const complete = confirmed.filter(isComplete)
  const counted = complete.length < minimum ? [complete, confirmed] : [complete]
  return counted.some((list) => {
    const left = list.filter((one) => !isGoing(one)).length
    return left < list.length && left < Math.min(minimum, list.length)
  })
}

function isComplete({ isConfirmed, ending }: Candidate): boolean {
  return isConfirmed && ending === 'complete'
}

/** The domain and the source that the certificate of a snapshot allowed. */
export function sourceOf({ domain, summary }: Pick<SnapshotFacts, 'domain' | 'summary'>): string {
  return `${domain.hex} ${toHex(summary.sourceId)}`
}
