// When a policy is not to be trusted with a source, though its rules say what they say: clocks that jumped,
// snapshots from the future, floods, and copies of a repository in which everything seems to have come today.
// Whoever holds a writer's key can make any of these; none makes a good snapshot go (LESSONS 13).

import { dateOf } from '../../base/date.ts'
import { type Candidate, compare } from './candidate.ts'
import { type Decision, decide, type Policy, rulesFor } from './policy.ts'

export type RefusalKind = 'future' | 'clock' | 'late' | 'flood' | 'empty' | 'held' | 'minimum'

/** Why nothing is forgotten, and what to do. */
export interface Refusal {
  readonly kind: RefusalKind
  readonly what: string
  readonly hint: string
}

/** What the user has seen and takes for right. */
export interface Accepted {
  readonly clock: boolean
  readonly flood: boolean
}

const MINUTE_MS = 60 * 1000
const DAY_MS = 24 * 60 * MINUTE_MS

/** Stamps of one store may differ by so much: several machines may serve it. */
const STORE_CLOCK_ERROR_MS = 5 * MINUTE_MS
/** A machine and a store may differ by so much. */
const CLOCKS_APART_MS = DAY_MS
/** So long without any sign of life is a clock that jumped, until somebody says otherwise. */
const SILENCE_MS = 90 * DAY_MS
/** So many in a day are never a flood. */
const FLOOD_MIN = 24
const FLOOD_FACTOR = 4

const ACCEPT_CLOCK = 'Set the clock right. If it is right, say so with --accept-clock.'

export interface Clocks {
  /** By a probe that was put just now. */
  readonly storeMs: number
  readonly machineMs: number
  /** The latest that this machine has known the store's time to be. */
  readonly rememberedMs: number | undefined
}

/** What is wrong with clocks, for all sources: stamps are those of the snapshots and of their sightings. */
export function clockRefusals(
  { storeMs, machineMs, rememberedMs }: Clocks,
  stampsMs: readonly number[],
): readonly Refusal[] {
  const newestMs = stampsMs.reduce((newest, one) => Math.max(newest, one), 0)
  const whats: string[] = []
  if (newestMs > storeMs + STORE_CLOCK_ERROR_MS) {
    const by = `it is ${iso(storeMs)} by the store's clock`
    whats.push(`${by}, and the newest snapshot was received at ${iso(newestMs)}`)
  }
  if (rememberedMs !== undefined && rememberedMs > storeMs + STORE_CLOCK_ERROR_MS) {
    const by = `the store's clock went back: it says ${iso(storeMs)}`
    whats.push(`${by}, and has said ${iso(rememberedMs)} before`)
  }
  if (Math.abs(storeMs - machineMs) > CLOCKS_APART_MS) {
    const by = `it is ${iso(storeMs)} by the store's clock`
    whats.push(`${by}, and ${iso(machineMs)} by that of this machine`)
  }
  if (rememberedMs !== undefined && isSilent(rememberedMs, { storeMs, stampsMs })) {
    const by = `the store's clock went on from ${iso(rememberedMs)} to ${iso(storeMs)}`
    whats.push(`${by}, and no snapshot came in between`)
  }
  return whats.map((what) => ({ kind: 'clock', what, hint: ACCEPT_CLOCK }))
}

/** A clock that jumped on, or a machine that was in a drawer: nothing came between then and today. */
function isSilent(
  rememberedMs: number,
  { storeMs, stampsMs }: { readonly storeMs: number; readonly stampsMs: readonly number[] },
): boolean {
  if (storeMs - rememberedMs <= SILENCE_MS) return false
  return !stampsMs.some((one) => one > rememberedMs + DAY_MS && one < storeMs - DAY_MS)
}

export interface Guarded<T extends Candidate> {
  /** All snapshots of the source. */
  readonly source: readonly T[]
  readonly decisions: readonly Decision<T>[]
  readonly policy: Policy
  readonly storeMs: number
}

/** What is wrong with one source. */
export function sourceRefusals<T extends Candidate>(
  guarded: Guarded<T>,
  accepted: Accepted,
): readonly Refusal[] {
  const refusals: (Refusal | undefined)[] = []
  if (!accepted.clock) refusals.push(futureRefusal(guarded))
  if (guarded.decisions.every(({ keeps }) => keeps)) return refusals.filter(isDefined)
  refusals.push(emptyRefusal(guarded))
  if (!accepted.clock) refusals.push(lateRefusal(guarded))
  if (!accepted.flood) refusals.push(floodRefusal(guarded))
  return refusals.filter(isDefined)
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined
}

function futureRefusal<T extends Candidate>({ source, storeMs }: Guarded<T>): Refusal | undefined {
  const latest = ({ timeMs, startedMs }: T) => Math.max(timeMs, startedMs)
  const found = source.filter((one) => latest(one) > storeMs + DAY_MS)
  const [first] = found
  if (first === undefined) return undefined
  const which =
    found.length === 1 ? `snapshot ${short(first)} says` : `${found.length} snapshots say`
  const what = `${which} that it is from the future: ${iso(latest(first))}, and it is ${iso(storeMs)} by the store's clock`
  const hint = `Look at it, and forget it by its id (\`cairn forget ${short(first)}\`), or go on with --accept-clock.`
  return { kind: 'future', what, hint }
}

/** A tag that is misspelt must not leave every source with its minimum. */
function emptyRefusal<T extends Candidate>({ decisions }: Guarded<T>): Refusal | undefined {
  const goes = ({ keeps, candidate }: Decision<T>) => !keeps && candidate.ending !== 'checkpoint'
  if (!decisions.some(goes) || decisions.some(({ rules }) => rules.some(isOfPolicy)))
    return undefined
  return {
    kind: 'empty',
    what: 'no rule keeps any of its snapshots',
    hint: 'Add a rule that does, choose the other sources with --source, or forget these by their ids.',
  }
}

const BESIDE_POLICY = ['minimum', 'held', 'unconfirmed', 'checkpoint']

function isOfPolicy(rule: string): boolean {
  return !BESIDE_POLICY.includes(rule)
}

/**
 * What was received long after it was saved, because the repository was copied and its sightings were not,
 * would all be of one day. Refused where what goes would stay by the times that its machine says.
 */
function lateRefusal<T extends Candidate>(guarded: Guarded<T>): Refusal | undefined {
  const { source, decisions, policy } = guarded
  const going = decisions.filter(({ keeps, candidate }) => !keeps && isLate(candidate))
  if (going.length === 0) return undefined
  const claimed = source.map((one) => ({ ...one, timeMs: Math.min(one.timeMs, one.endedMs) }))
  const stays = new Set(
    decide(claimed, policy)
      .filter(({ keeps }) => keeps)
      .map(({ candidate }) => candidate.id),
  )
  const lost = going.filter(({ candidate }) => stays.has(candidate.id))
  const [first] = lost
  if (first === undefined) return undefined
  const { endedMs, timeMs } = first.candidate
  const what =
    `${lost.length} of its snapshots came to the store long after they were saved ` +
    `(${short(first.candidate)}: saved ${iso(endedMs)}, received ${iso(timeMs)}), and would stay if those times counted`
  const hint =
    'Was the repository copied without `sightings/` and the times of its files? Copy it with `cairn sync`. ' +
    'If these times are right, say so with --accept-clock.'
  return { kind: 'late', what, hint }
}

function isLate({ timeMs, endedMs }: Candidate): boolean {
  return timeMs - endedMs > DAY_MS
}

/**
 * Only a rule that counts snapshots can be flooded: of an hour or a day one is kept, however many there are.
 * So the rules are applied to what there would be with one for each hour of the flood.
 */
function floodRefusal<T extends Candidate>(guarded: Guarded<T>): Refusal | undefined {
  const { decisions, policy, storeMs } = guarded
  if (policy.last === undefined) return undefined
  const counted = decisions
    .map(({ candidate }) => candidate)
    .filter(({ isConfirmed, ending }) => isConfirmed && ending !== 'checkpoint')
    .toSorted(compare)
  const flood = floodIn(counted)
  if (flood.size === 0) return undefined
  const stays = rulesFor(thinned(counted, flood), policy)
  const pushedOut = decisions.filter(
    ({ keeps, candidate }) =>
      !keeps &&
      stays.has(candidate) &&
      candidate.timeMs < storeMs - DAY_MS &&
      !flood.has(candidate),
  )
  const [first] = pushedOut
  if (first === undefined) return undefined
  const what =
    `${flood.size} of its snapshots came within a short time, far more than usual, and --keep-last would ` +
    `forget ${pushedOut.length} older for them (the first is ${short(first.candidate)} of ${iso(first.candidate.timeMs)})`
  const hint =
    'Find out who saved so many. Rules for days or weeks are not affected: --keep-daily, --keep-within. ' +
    'If they are all right, say so with --accept-flood.'
  return { kind: 'flood', what, hint }
}

/** All that came within a day of each other in unusual numbers. What is given is sorted, newest first. */
function floodIn<T extends Candidate>(counted: readonly T[]): ReadonlySet<T> {
  const limit = Math.max(FLOOD_MIN, FLOOD_FACTOR * medianPerDay(counted))
  const flood = new Set<T>()
  let first = 0
  let marked = 0
  counted.forEach((candidate, i) => {
    while ((counted[first] as T).timeMs - candidate.timeMs >= DAY_MS) first++
    if (i - first + 1 <= limit) return
    for (let at = Math.max(first, marked); at <= i; at++) flood.add(counted[at] as T)
    marked = i + 1
  })
  return flood
}

/** Over the days that have any. */
function medianPerDay(counted: readonly Candidate[]): number {
  const days = Map.groupBy(counted, ({ timeMs }) => Math.floor(timeMs / DAY_MS))
  const counts = [...days.values()].map(({ length }) => length).sort((a, b) => a - b)
  return counts[Math.floor(counts.length / 2)] ?? 0
}

/** Of the flood only the newest of each hour is left. */
function thinned<T extends Candidate>(counted: readonly T[], flood: ReadonlySet<T>): readonly T[] {
  const hours = new Set<number>()
  return counted.filter((candidate) => {
    if (!flood.has(candidate)) return true
    const hour = Math.floor(candidate.timeMs / (60 * MINUTE_MS))
    if (hours.has(hour)) return false
    hours.add(hour)
    return true
  })
}

function short({ id }: Candidate): string {
  return id.slice(0, 8)
}

/** `2026-11-27 14:00 UTC`: for comparing what clocks of several places say. */
function iso(ms: number): string {
  return `${dateOf(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
