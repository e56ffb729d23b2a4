// Which snapshots stay, and by which rule. Pure: what is decided here is printed before anything is done,
// and can be tested without a repository.
//
// Each source is decided on its own, and of each only what is confirmed. A rule counts twice: once over
// the complete snapshots alone, once over all that are finished, and what either keeps stays. So a snapshot in
// which files are missing counts like any other, and never at the cost of a complete one. Unfinished ones
// (checkpoints) count for no rule: of each run the newest stays until a later run has finished.

import { type Candidate, compare } from './candidate.ts'
import { before, type Duration, PERIODS, type Period, periodsOf } from './periods.ts'

export interface Policy {
  readonly last?: number | undefined
  /** Of so many of these periods that have a snapshot the newest one. */
  readonly counts: Readonly<Partial<Record<Period, number>>>
  /** All that were received so long before the source's newest. */
  readonly within?: Duration | undefined
  /** Of each of these periods the newest one, so long before the source's newest. */
  readonly withins: Readonly<Partial<Record<Period, Duration>>>
  /** What has all the tags of one of these lists stays. */
  readonly tags: readonly (readonly string[])[]
  /** So many of the newest complete snapshots of each source stay. At least 1, whatever is said. */
  readonly minimum: number
}

export interface Decision<T extends Candidate = Candidate> {
  readonly candidate: T
  readonly keeps: boolean
  /** By which rules it stays: none where it goes. */
  readonly rules: readonly string[]
}

/** True where a policy has any rule: the minimum is none. */
export function hasRule({ last, counts, within, withins, tags }: Policy): boolean {
  const periods = [...Object.values(counts), ...Object.values(withins)]
  return [last, within, ...periods].some((rule) => rule !== undefined) || tags.length > 0
}

/**
 * Decides about the snapshots of one source, newest first. Those that were not chosen stay and are not among
 * the decisions; they count for the minimum.
 */
export function decide<T extends Candidate>(
  source: readonly T[],
  policy: Policy,
): readonly Decision<T>[] {
  const sorted = source.toSorted(compare)
  const chosen = sorted.filter(({ isChosen }) => isChosen)
  const rules = rulesFor(chosen, policy)
  const minimum = minimumOf(sorted, Math.max(1, policy.minimum))
  return chosen.map((candidate) => {
    const own = rules.get(candidate) ?? []
    const kept = own.length === 0 && minimum.has(candidate) ? ['minimum'] : own
    return { candidate, keeps: kept.length > 0, rules: kept }
  })
}

/** By which rules each of these stays, the minimum left out. They are sorted, newest first. */
export function rulesFor<T extends Candidate>(
  chosen: readonly T[],
  policy: Policy,
): ReadonlyMap<T, readonly string[]> {
  const kept = new Kept<T>()
  const confirmed = chosen.filter(({ isConfirmed }) => isConfirmed)
  const finished = confirmed.filter(({ ending }) => ending !== 'checkpoint')
  const complete = finished.filter(({ ending }) => ending === 'complete')
  for (const counted of [complete, finished]) applyCounted(counted, policy, kept)
  for (const candidate of chosen) {
    const { isConfirmed, isHeld, tags } = candidate
    const fits = policy.tags.filter((wanted) => wanted.every((tag) => tags.includes(tag)))
    if (isConfirmed) for (const wanted of fits) kept.add(candidate, `tag ${wanted.join(',')}`)
    if (isHeld) kept.add(candidate, 'held')
    if (!isConfirmed) kept.add(candidate, 'unconfirmed')
  }
  for (const candidate of openCheckpoints(confirmed)) kept.add(candidate, 'checkpoint')
  return kept.rules
}

class Kept<T> {
  readonly rules = new Map<T, string[]>()

  add(candidate: T, rule: string): void {
    const rules = this.rules.get(candidate)
    if (rules === undefined) this.rules.set(candidate, [rule])
    else if (!rules.includes(rule)) rules.push(rule)
  }
}

/** The rules that count or measure, over what is sorted, newest first. */
function applyCounted<T extends Candidate>(
  counted: readonly T[],
  policy: Policy,
  kept: Kept<T>,
): void {
  const { last = 0, within } = policy
  for (const candidate of counted.slice(0, last)) kept.add(candidate, 'last')
  for (const candidate of since(counted, within)) kept.add(candidate, `within ${within?.text}`)
  const asked = PERIODS.filter((period) => policy.counts[period] || policy.withins[period])
  if (asked.length === 0) return
  const dated = counted.map((candidate) => ({ candidate, periods: periodsOf(candidate.timeMs) }))
  for (const period of asked) {
    const newest = newestOfEach(dated, period)
    for (const { candidate, label } of newest.slice(0, policy.counts[period] ?? 0))
      kept.add(candidate, `${period} ${label}`)
    const recent = new Set(since(counted, policy.withins[period]))
    for (const { candidate, label } of newest)
      if (recent.has(candidate)) kept.add(candidate, `within-${period} ${label}`)
  }
}

/** Those that were received less than so long before the first of them. */
function since<T extends Candidate>(
  counted: readonly T[],
  duration: Duration | undefined,
): readonly T[] {
  const [newest] = counted
  if (newest === undefined || duration === undefined) return []
  const sinceMs = before(newest.timeMs, duration)
  return counted.filter(({ timeMs }) => timeMs > sinceMs)
}

/** Of each period that has any the newest, newest first. */
function newestOfEach<T extends Candidate>(
  dated: readonly { readonly candidate: T; readonly periods: ReturnType<typeof periodsOf> }[],
  period: Period,
): readonly { readonly candidate: T; readonly label: string }[] {
  const seen = new Set<string>()
  const newest: { readonly candidate: T; readonly label: string }[] = []
  for (const { candidate, periods } of dated) {
    const { key, label } = periods[period]
    if (seen.has(key)) continue
    seen.add(key)
    newest.push({ candidate, label })
  }
  return newest
}

/** Of each run that has not finished its newest checkpoint, as long as no later one has. Newest first. */
function openCheckpoints<T extends Candidate>(confirmed: readonly T[]): readonly T[] {
  const runs = new Set<string>()
  const open: T[] = []
  for (const candidate of confirmed) {
    if (candidate.ending !== 'checkpoint') break
    if (!runs.has(candidate.session)) open.push(candidate)
    runs.add(candidate.session)
  }
  return open
}

const WORTH = { complete: 0, incomplete: 1, checkpoint: 2 } as const

/** What a source is never left without: complete ones, and where there are too few, what comes next. */
function minimumOf<T extends Candidate>(sorted: readonly T[], minimum: number): ReadonlySet<T> {
  const confirmed = sorted.filter(({ isConfirmed }) => isConfirmed)
  // Sorting keeps the order of what is of the same worth.
  const best = confirmed.toSorted((a, b) => WORTH[a.ending] - WORTH[b.ending])
  return new Set(best.slice(0, minimum))
}
