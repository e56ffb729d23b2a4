// Prune: free what nobody needs, in two phases and with only the upkeep key (design, section 5). A run first
// sweeps the marks that are ripe, then marks what is dead now; in between days pass, in which whoever relied
// on marked packs notices. It takes no lock, reads no tree and no content, and may be ended at any point.

import type { Bytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { CairnError } from '../base/errors.ts'
import { SESSION_ID_BYTES } from '../format/snapshot.ts'
import { HeldLease } from '../repository/lease.ts'
import { putMark } from '../repository/marks.ts'
import type { ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { upkeepSignatory } from '../repository/upkeep-signatory.ts'
import type { Random } from '../sealer/random.ts'
import { digestInName } from '../store/names.ts'
import { Headers } from './prune/headers.ts'
import { type DomainPlan, type PruneLimits, planDomain } from './prune/plan.ts'
import { surveyOf, takeSurvey } from './prune/survey.ts'
import { type SweepResult, sweep } from './prune/sweep.ts'

export interface PruneOptions {
  readonly repository: Repository
  readonly limits: PruneLimits
  readonly host: string
  readonly dryRun: boolean
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Told before anything happens. */
  readonly onPlan: (plan: PrunePlan) => void
  readonly onWarning: (error: unknown) => void
}

export interface PrunePlan {
  readonly domains: readonly DomainPlan[]
  readonly notes: readonly ObjectProblem[]
}

export interface PruneResult {
  readonly plan: PrunePlan
  readonly swept: readonly SweepResult[]
  /** Names of the marks that were put. */
  readonly marks: readonly string[]
}

/** Throws 'not-permitted' without the right, or what the store throws. */
export async function prune(options: PruneOptions): Promise<PruneResult> {
  const { repository, clock, random, dryRun } = options
  const [first] = repository.domains
  if (first === undefined) throw new CairnError('not-permitted', 'This key holds no domain')
  for (const domain of repository.domains) upkeepSignatory(repository, domain)
  const sessionId = random(SESSION_ID_BYTES)
  const lease = await HeldLease.take({
    ...options,
    domain: first,
    sessionId,
    purpose: 'upkeep',
    onProblem: options.onWarning,
  })
  try {
    const plan = await planPrune(options, await lease.storeNowMs())
    options.onPlan(plan)
    if (dryRun) return { plan, swept: [], marks: [] }
    const swept: SweepResult[] = []
    const { moveBytesMax } = options.limits
    for (const domain of plan.domains)
      swept.push(await sweep(domain, { clock, random, moveBytesMax, signal: options.signal }))
    const marks: string[] = []
    for (const domain of plan.domains) marks.push(...(await mark(domain, clock)))
    return { plan, swept, marks }
  } finally {
    await lease.release()
  }
}

/** What a run would do. Reads, and changes nothing. */
export async function planPrune(
  { repository, limits }: Pick<PruneOptions, 'repository' | 'limits'>,
  nowMs: number,
): Promise<PrunePlan> {
  const headers = new Headers(repository)
  const survey = await takeSurvey(repository, { nowMs, headers })
  const domains = repository.domains.map((domain) => planDomain(surveyOf(survey, domain), limits))
  return { domains, notes: survey.notes }
}

/** So many names are in one mark at most: it must be one object. */
const NAMES_MAX = 100_000

/** Puts the mark of what is dead. Returns its name, or none where nothing is. */
async function mark(
  { survey, mark: { packs, snapshots } }: DomainPlan,
  clock: Clock,
): Promise<readonly string[]> {
  if (packs.length + snapshots.length === 0) return []
  const { repository, domain } = survey
  const named = [...packs.map(({ name }) => name), ...snapshots].slice(0, NAMES_MAX)
  const hashes = (folder: string) =>
    named.filter((name) => name.startsWith(folder)).map((name) => digestInName(name) as Bytes)
  const name = await putMark(repository, {
    domain,
    signatory: upkeepSignatory(repository, domain),
    mark: { packs: hashes('packs/'), snapshots: hashes('snapshots/'), markedMs: clock.nowMs() },
  })
  return [name]
}
