// What a prune would do in one domain, decided and not yet done: which marks are ripe, what their sweep
// moves and frees, and what a new mark would name.

import type { FoundMark } from '../../repository/marks.ts'
import { LEASE_HONOURED_MS, type Session } from '../../repository/sessions.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { contentName } from '../../store/names.ts'
import { receivedMsOf } from '../sightings.ts'
import { followers } from '../witnesses.ts'
import { type FramePlace, Liveness, type PackLife } from './liveness.ts'
import { type CompactionPlan, NOTHING_TO_COMPACT, planCompaction } from './plan-compaction.ts'
import type { DomainSurvey } from './survey.ts'
import { LEASE_DELAY_MAX_MS, UNCONFIRMED_KEPT_MS } from './timing.ts'

export interface PruneLimits {
  readonly graceMs: number
  /** So long what was forgotten is kept. */
  readonly windowMs: number
  /** Bytes of frames that one run moves at most. */
  readonly moveBytesMax: number
  /** Dead bytes that may stay, as a fraction of all: moving costs more than they do. */
  readonly unusedMax: number
  /** Split frames that are partly needed, instead of asking writers to store anew what is needed of them. */
  readonly compact?: boolean
  /** Also what the repository has of which this is a copy. */
  readonly alone?: boolean
}

/** Why deleting stops in a domain: in words, with the object that it is about. */
export interface Obstacle {
  readonly object: string
  readonly why: string
}

/** A mark that is not swept yet. */
export interface WaitingMark {
  readonly mark: FoundMark
  /** By the store's clock. */
  readonly ripeAtMs: number
  /** The session that it waits for, where it is not the grace. */
  readonly session: Session | undefined
}

export interface SweepPlan {
  readonly marks: readonly FoundMark[]
  readonly waiting: readonly WaitingMark[]
  /** Marked packs that are there. */
  readonly packs: readonly string[]
  readonly bytes: number
  readonly move: readonly FramePlace[]
  readonly moveBytes: number
  /** Marked snapshots that nobody ever confirmed. */
  readonly snapshots: readonly string[]
}

export interface MarkPlan {
  readonly packs: readonly PackLife[]
  /** Of these, the bytes that will be moved, and those that will be free. */
  readonly moveBytes: number
  readonly freeBytes: number
  /** Where not even one pack fits into what a run moves: what is needed of the smallest. */
  readonly tooLargeBytes: number | undefined
  readonly snapshots: readonly string[]
  /** Dead packs that are left alone for now: sessions at work may need them. */
  readonly sparedPacks: number
  readonly sparedBytes: number
  /** Dead packs that stay because the origin has them. */
  readonly originPacks: number
  readonly originBytes: number
}

/** Packs of which writers shall store anew what they need, because frames cannot be split without a key. */
export interface RenewalPlan {
  readonly packs: readonly PackLife[]
  /** About what is not needed in them. */
  readonly wastedBytes: number
  /** Object names of renewals of which nothing is there any more. */
  readonly done: readonly string[]
}

export interface DomainPlan {
  readonly survey: DomainSurvey
  readonly liveness: Liveness
  readonly obstacles: readonly Obstacle[]
  /** What these keep from being done: `all` deleting, or only marking more. */
  readonly blocked: 'all' | 'marking' | undefined
  readonly sweep: SweepPlan
  readonly mark: MarkPlan
  readonly renewal: RenewalPlan
  readonly compaction: CompactionPlan
}

/** Pure. */
export function planDomain(survey: DomainSurvey, limits: PruneLimits): DomainPlan {
  const liveness = new Liveness(survey)
  const obstacles = obstaclesOf(survey, liveness)
  const sweep = planSweep(survey, { liveness, limits })
  const mark = planMark(survey, { liveness, limits })
  const blocked = blockedBy(obstacles, { survey, liveness })
  const known = { survey, liveness, obstacles, blocked }
  if (blocked !== undefined)
    return {
      ...known,
      ...(blocked === 'all' ? frozen : sweepOnly)({ sweep, mark }, survey),
      renewal: NOTHING_TO_RENEW,
      compaction: NOTHING_TO_COMPACT,
    }
  const renewal = planRenewal(survey, { liveness, limits, mark })
  if (limits.compact !== true)
    return { ...known, sweep, mark, renewal, compaction: NOTHING_TO_COMPACT }
  const compaction = planCompaction(liveness, limits)
  return { ...known, sweep, mark, renewal: { ...NOTHING_TO_RENEW, done: renewal.done }, compaction }
}

type Parts = Pick<DomainPlan, 'sweep' | 'mark'>

/** Where snapshots are missing all that packs have counts as needed, which can be told only where all were read. */
function blockedBy(
  obstacles: readonly Obstacle[],
  { survey, liveness }: Pick<DomainPlan, 'survey' | 'liveness'>,
): DomainPlan['blocked'] {
  if (obstacles.length === 0) return undefined
  const isUnknown = survey.obstacles.length + liveness.unresolved.length > 0 || survey.isAnyUnread
  return isUnknown ? 'all' : 'marking'
}

/**
 * Where a snapshot is missing nothing new is marked. What was marked before goes, when all of it is elsewhere: in a copy
 * sync waits for that, and brings what is missing.
 */
function sweepOnly({ sweep, mark }: Parts): Parts {
  return { sweep, mark: { ...NOTHING_TO_MARK, snapshots: mark.snapshots } }
}

/**
 * Nothing goes where it cannot be told what is needed. But for snapshots that nobody ever confirmed, where all
 * are read: it may be such a one that needs what is nowhere, and it would stand in the way for ever.
 */
function frozen({ sweep, mark }: Parts, { obstacles }: DomainSurvey): Parts {
  if (obstacles.length > 0) return { sweep: NOTHING_TO_SWEEP, mark: NOTHING_TO_MARK }
  const { marks, snapshots } = sweep
  return {
    sweep: { ...NOTHING_TO_SWEEP, marks: marks.filter((one) => one.packs.length === 0), snapshots },
    mark: { ...NOTHING_TO_MARK, snapshots: mark.snapshots },
  }
}

const NOTHING_TO_SWEEP: SweepPlan = {
  marks: [],
  waiting: [],
  packs: [],
  bytes: 0,
  move: [],
  moveBytes: 0,
  snapshots: [],
}

const NOTHING_TO_MARK: MarkPlan = {
  packs: [],
  moveBytes: 0,
  freeBytes: 0,
  tooLargeBytes: undefined,
  snapshots: [],
  sparedPacks: 0,
  sparedBytes: 0,
  originPacks: 0,
  originBytes: 0,
}

function obstaclesOf(
  { obstacles, missing, domain }: DomainSurvey,
  { unresolved }: Liveness,
): readonly Obstacle[] {
  const own = missing.filter((one) => one.domain === domain)
  return [
    ...obstacles.map(({ name, error }) => ({ object: name, why: error.message })),
    ...own.map(({ name, witness }) => ({
      object: name,
      why: `this snapshot is gone, ${witness} tells of it, and nobody forgot it: a copy may bring it back (\`cairn repair --from\`), or it is given up (\`--mark-lost\`)`,
    })),
    ...unresolved.map((object) => ({
      object,
      why: 'a snapshot needs this blob, and no pack has it',
    })),
  ]
}

function planSweep(
  survey: DomainSurvey,
  { liveness, limits }: { readonly liveness: Liveness; readonly limits: PruneLimits },
): SweepPlan {
  const { domain, packs, roots } = survey
  const own = survey.marks.filter((mark) => mark.domain === domain)
  const judged = own.map((mark) => ({ mark, ...ripeness(mark, { survey, limits }) }))
  const marks = judged.filter(({ ripeAtMs }) => ripeAtMs <= survey.nowMs).map(({ mark }) => mark)
  const waiting = judged.filter(({ ripeAtMs }) => ripeAtMs > survey.nowMs)
  const named = new Set(marks.flatMap((mark) => mark.packs))
  const going = [...named].filter((name) => packs.has(name))
  const move = liveness.framesToMove(new Set(going))
  const confirmed = new Set(roots.receipts.map(({ confirms }) => confirms))
  const namedSnapshots = new Set(marks.flatMap((mark) => mark.snapshots))
  const snapshots = roots.snapshots
    .filter((one) => one.domain === domain && namedSnapshots.has(one.name))
    .filter((one) => !confirmed.has(confirmationOf(one)) && survey.holds.of(one).length === 0)
    .map(({ name }) => name)
  const moveBytes = move.reduce((sum, place) => sum + liveness.storedBytes(place), 0)
  const bytes = going.reduce((sum, name) => sum + (packs.get(name)?.size ?? 0), 0)
  return { marks, waiting, packs: going, bytes, move, moveBytes, snapshots }
}

/** When a mark may be swept: after the grace, and after sessions that were at work when it was put. */
function ripeness(
  { storedAtMs }: FoundMark,
  { survey, limits }: { readonly survey: DomainSurvey; readonly limits: PruneLimits },
): { readonly ripeAtMs: number; readonly session: Session | undefined } {
  let ripeAtMs = storedAtMs + limits.graceMs
  let session: Session | undefined
  for (const one of survey.sessions) {
    if (one.domain !== survey.domain || one.beganMs > storedAtMs) continue
    const until = Math.min(one.renewedMs + LEASE_HONOURED_MS, storedAtMs + LEASE_DELAY_MAX_MS)
    if (until <= survey.nowMs || until <= ripeAtMs) continue
    ripeAtMs = until
    session = one
  }
  return { ripeAtMs, session }
}

function planMark(
  survey: DomainSurvey,
  { liveness, limits }: { readonly liveness: Liveness; readonly limits: PruneLimits },
): MarkPlan {
  const unmarked = liveness.packs.filter(({ isMarked }) => !isMarked)
  const own = unmarked.filter(({ isAtOrigin }) => !isAtOrigin)
  const atOrigin = unmarked.filter(({ isAtOrigin, liveBytes }) => isAtOrigin && liveBytes === 0)
  const protectedSinceMs = sessionsSince(survey)
  const isSpared = ({ storedAtMs }: PackLife) => storedAtMs >= protectedSinceMs
  const dead = own.filter(({ liveBytes }) => liveBytes === 0)
  const worth = worthMoving(own, limits)
  const chosen = [
    ...dead.filter((pack) => !isSpared(pack)),
    ...worth.packs.filter((pack) => !isSpared(pack)),
  ]
  const spared = dead.filter(isSpared)
  return {
    packs: chosen,
    moveBytes: sumOf(chosen, ({ liveBytes }) => liveBytes),
    freeBytes: sumOf(chosen, ({ packBytes, liveBytes }) => packBytes - liveBytes),
    tooLargeBytes: worth.packs.length === 0 ? worth.tooLargeBytes : undefined,
    snapshots: neverConfirmed(survey),
    sparedPacks: spared.length,
    sparedBytes: sumOf(spared, ({ packBytes }) => packBytes),
    originPacks: atOrigin.length,
    originBytes: sumOf(atOrigin, ({ packBytes }) => packBytes),
  }
}

const NOTHING_TO_RENEW: RenewalPlan = { packs: [], wastedBytes: 0, done: [] }

/** A pack is worth it where so much of what is needed of it is not. */
const WASTED_MIN = 0.25

/** The most wasteful first, until what stays wasted is little enough, or the limit of a run is reached. */
function planRenewal(
  survey: DomainSurvey,
  {
    liveness,
    limits,
    mark,
  }: { readonly liveness: Liveness; readonly limits: PruneLimits; readonly mark: MarkPlan },
): RenewalPlan {
  const isGoing = new Set(mark.packs.map(({ name }) => name))
  const staying = liveness.packs.filter((pack) => !pack.isMarked && !isGoing.has(pack.name))
  const total = sumOf(staying, ({ liveBytes, deadBytes }) => liveBytes + deadBytes)
  const fresh = staying.filter(({ isRenewed, isAtOrigin }) => !isRenewed && !isAtOrigin)
  let wasted = sumOf(fresh, ({ wastedBytes }) => wastedBytes)
  let storedAgain = 0
  const packs: PackLife[] = []
  for (const pack of fresh.sort((a, b) => wastedPart(b) - wastedPart(a))) {
    if (wasted <= limits.unusedMax * total || wastedPart(pack) < WASTED_MIN) break
    if (storedAgain + pack.liveBytes > limits.moveBytesMax) continue
    storedAgain += pack.liveBytes
    wasted -= pack.wastedBytes
    packs.push(pack)
  }
  const own = survey.renewals.filter(({ domain }) => domain === survey.domain)
  const done = own.filter((one) => one.packs.every((pack) => !survey.packs.has(pack)))
  return {
    packs,
    wastedBytes: sumOf(packs, ({ wastedBytes }) => wastedBytes),
    done: done.map(({ name }) => name),
  }
}

function wastedPart({ wastedBytes, liveBytes }: PackLife): number {
  return liveBytes === 0 ? 0 : wastedBytes / liveBytes
}

/**
 * From when on packs may be those of a session at work: the beginning of the oldest that is honoured, but
 * no more than 14 days, so that nobody can keep everything from being freed for ever.
 */
function sessionsSince({ sessions, nowMs, domain }: DomainSurvey): number {
  const honoured = sessions.filter(
    (one) =>
      one.domain === domain &&
      one.purpose !== 'upkeep' &&
      nowMs - one.renewedMs <= LEASE_HONOURED_MS,
  )
  const began = honoured.map(({ beganMs }) => beganMs)
  return Math.max(nowMs - LEASE_HONOURED_MS, Math.min(Number.POSITIVE_INFINITY, ...began))
}

/** The packs with the largest part dead, until what stays dead is little enough or the limit is reached. */
function worthMoving(
  packs: readonly PackLife[],
  limits: PruneLimits,
): { readonly packs: readonly PackLife[]; readonly tooLargeBytes: number | undefined } {
  const partly = packs.filter(({ liveBytes, deadBytes }) => liveBytes > 0 && deadBytes > 0)
  const total = sumOf(packs, ({ liveBytes, deadBytes }) => liveBytes + deadBytes)
  let unused = sumOf(partly, ({ deadBytes }) => deadBytes)
  let moved = 0
  let tooLargeBytes: number | undefined
  const chosen: PackLife[] = []
  for (const pack of partly.sort((a, b) => deadPart(b) - deadPart(a))) {
    if (unused <= limits.unusedMax * total) break
    if (moved + pack.liveBytes > limits.moveBytesMax) {
      tooLargeBytes = Math.min(pack.liveBytes, tooLargeBytes ?? pack.liveBytes)
      continue
    }
    moved += pack.liveBytes
    unused -= pack.deadBytes
    chosen.push(pack)
  }
  return { packs: chosen, tooLargeBytes }
}

function deadPart({ liveBytes, deadBytes }: PackLife): number {
  return deadBytes / (liveBytes + deadBytes)
}

function neverConfirmed(survey: DomainSurvey): readonly string[] {
  const { roots, domain, nowMs, marked, holds, sightings } = survey
  const confirmed = new Set(roots.receipts.map(({ confirms }) => confirms))
  // What others follow counted once: its receipt was lost.
  const isFollowed = new Set(followers(roots.snapshots).map(({ snapshot }) => snapshot))
  for (const { record } of roots.forgetRecords)
    for (const { predecessor } of record.snapshots)
      if (predecessor !== undefined) isFollowed.add(contentName('snapshots', predecessor))
  return (
    roots.snapshots
      .filter((one) => one.domain === domain && !confirmed.has(confirmationOf(one)))
      .filter((one) => !isFollowed.has(one.name))
      .filter((one) => !marked.snapshots.has(one.name) && holds.of(one).length === 0)
      // In a copy its receipt may come later than it did.
      .filter(
        (one) =>
          nowMs - Math.max(one.storedAtMs, receivedMsOf(sightings, one)) > UNCONFIRMED_KEPT_MS,
      )
      .map(({ name }) => name)
  )
}

function sumOf<T>(items: readonly T[], amount: (item: T) => number): number {
  return items.reduce((sum, item) => sum + amount(item), 0)
}
