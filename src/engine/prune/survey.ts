// What a prune sees before it plans: the lists of the protocol in their order, and what packs say of
// themselves. Marks come first for the sweep (design, section 5, step 12) and last for marking (step 9); one
// survey serves both, because a mark that is in either list is heeded.

import { toHex } from '../../base/bytes.ts'
import type { Sighting } from '../../format/upkeep-records.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { type Holds, loadHolds } from '../../repository/holds.ts'
import { type FoundMark, findMarks, type Marked, markedBy } from '../../repository/marks.ts'
import { isNobodys, type ObjectProblem } from '../../repository/object-problem.ts'
import { loadOrigins, type Origins } from '../../repository/origins.ts'
import { type FoundRenewal, loadRenewals } from '../../repository/renewals.ts'
import type { Repository } from '../../repository/repository.ts'
import { loadRoots, type Roots, type WindowAt } from '../../repository/roots.ts'
import { loadSessions, type Session } from '../../repository/sessions.ts'
import { type FoundRecord, loadUpkeepRecords } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'
import type { ObjectInfo } from '../../store/store.ts'
import { type Sightings, sightingsIn } from '../sightings.ts'
import type { Headers } from './headers.ts'
import { findMissing, type MissingSnapshot } from './missing.ts'

export interface Survey {
  readonly repository: Repository
  /** By the store's clock. */
  readonly nowMs: number
  /** So long what was forgotten is kept. */
  readonly windowMs: number
  readonly sessions: readonly Session[]
  /** All that were listed, before or after. */
  readonly marks: readonly FoundMark[]
  readonly marked: Marked
  /** Of all domains, by name. */
  readonly packs: ReadonlyMap<string, ObjectInfo>
  readonly headers: Headers
  /** Some packs were listed and did not say what they have: of a blob that is nowhere else nobody knows. */
  readonly isAnyUnread: boolean
  readonly roots: Roots
  /** Which snapshots must stay, confirmed or not. */
  readonly holds: Holds
  /** When a store first had each snapshot, as far as it was written down. */
  readonly sightings: Sightings
  readonly sightingRecords: readonly FoundRecord<Sighting>[]
  /** For packs that frames were moved into: when a store first had each frame. */
  readonly moved: ReadonlyMap<string, readonly number[]>
  readonly renewals: readonly FoundRenewal[]
  /** What the repository had of which this is a copy. */
  readonly origins: Origins
  /** Ids that upkeep has said to be lost, in hexadecimal: nobody waits for them. */
  readonly lost: ReadonlySet<string>
  /** Snapshots that counted once and are gone, though nobody removed them. */
  readonly missing: readonly MissingSnapshot[]
  /** What cannot be read and may matter: nothing is deleted in any domain. */
  readonly obstacles: readonly ObjectProblem[]
  /** What was passed over and changes nothing. */
  readonly notes: readonly ObjectProblem[]
}

export interface SurveyOptions extends WindowAt {
  readonly headers: Headers
  /** What this is a copy of is no more: what that had counts for nothing. */
  readonly isAlone: boolean
}

/** Lists and reads. Throws what the store throws, and where a mark cannot be read. */
export async function takeSurvey(
  repository: Repository,
  { nowMs, windowMs, headers, isAlone }: SurveyOptions,
): Promise<Survey> {
  const { domains, store } = repository
  const { sessions, problems: aboutLeases } = await loadSessions(repository)
  const marksBefore = await findMarks(repository, domains)
  const packs = new Map<string, ObjectInfo>()
  for await (const info of store.list('packs/')) packs.set(info.name, info)
  const roots = await loadRoots(repository, { nowMs, windowMs })
  const marksAfter = await findMarks(repository, domains)
  const marks = union(marksBefore, marksAfter)
  const sightings = await loadUpkeepRecords(repository, { kind: 'sighting', onlyReading: true })
  const holds = await loadHolds(repository)
  const renewals = await loadRenewals(repository)
  const origins = await loadOrigins(store, { nowMs, isAlone })
  const losses = await loadUpkeepRecords(repository, { kind: 'loss', onlyReading: true })
  const { problems: aboutPacks, gone } = await headers.read(packs.values())
  const unknown = aboutPacks.filter(({ error }) => error.code === 'unsupported')
  const lost = new Set(losses.records.flatMap(({ record }) => record.ids.map(toHex)))
  const marked = markedBy(marks)
  const known = { holds, marked: marked.snapshots, lost }
  const missing = await findMissing(repository, roots, known)
  const aboutRecords = [...sightings.problems, ...losses.problems].filter((p) => !isNobodys(p))
  return {
    repository,
    nowMs,
    windowMs,
    sessions,
    marks,
    marked,
    packs,
    headers,
    isAnyUnread: gone > 0 || aboutPacks.some((problem) => !isNobodys(problem)),
    roots,
    holds,
    sightings: sightingsIn(sightings),
    sightingRecords: sightings.records,
    moved: movedFrames(sightings.records.map(({ record }) => record)),
    renewals,
    origins,
    lost,
    missing,
    obstacles: [...roots.obstacles, ...unknown],
    notes: [
      ...roots.notes,
      ...aboutLeases,
      ...aboutRecords,
      ...origins.problems,
      ...aboutPacks.filter((problem) => !unknown.includes(problem)),
    ],
  }
}

function union(a: readonly FoundMark[], b: readonly FoundMark[]): readonly FoundMark[] {
  return [...new Map([...a, ...b].map((mark) => [mark.name, mark])).values()]
}

function movedFrames(sightings: readonly Sighting[]): ReadonlyMap<string, readonly number[]> {
  const moved = new Map<string, readonly number[]>()
  for (const sighting of sightings)
    for (const { pack, receivedMs } of sighting.moved)
      moved.set(contentName('packs', pack), receivedMs)
  return moved
}

/** The survey of one domain. */
export interface DomainSurvey extends Survey {
  readonly domain: DomainAccess
  /** Packs of the domain whose header could be read. */
  readonly ownPacks: readonly ObjectInfo[]
}

export function surveyOf(survey: Survey, domain: DomainAccess): DomainSurvey {
  const isOwn = ({ name }: ObjectInfo) => survey.headers.get(name)?.domain === domain
  return { ...survey, domain, ownPacks: [...survey.packs.values()].filter(isOwn) }
}
