// What a repair will do: pure, so that a dry run shows exactly what a run does. Nothing that could still say
// what must be kept is taken out of the way unless somebody says that it is lost.

import { type Bytes, toHex } from '../../base/bytes.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { DescribedPack } from '../../repository/pack-headers.ts'
import type { RootReceipt, RootSnapshot } from '../../repository/roots.ts'
import { confirmationOf } from '../../repository/snapshots.ts'
import { digestInName } from '../../store/names.ts'
import {
  type ForgetsBack,
  type OpenedBack,
  type PutBack,
  type SightedBack,
  sightedBack,
  type Wave,
  wavesOf,
} from './coming-back.ts'
import type { DamagedObject } from './damaged-objects.ts'
import type { DamagedPack } from './damaged-packs.ts'
import type { TakenFrames } from './frame-source.ts'
import type { DomainInspection, Inspection } from './inspect.ts'
import type { CountingRoots } from './relied-packs.ts'

export interface RepairPlan {
  /** Objects that come back under their own names, but for those that follow. */
  readonly records: readonly PutBack[]
  /** Forget records. */
  readonly forgets: readonly ForgetsBack[]
  /** Snapshots that come back, and receipts, in the order in which they may be put. */
  readonly waves: readonly Wave[]
  /** When a store first had the snapshots of these, where nobody has written it down. */
  readonly sighted: readonly SightedBack[]
  readonly domains: readonly DomainRepair[]
  /** Damaged packs that go into quarantine when what can be had of them is in other packs. */
  readonly packs: readonly DamagedPack[]
  /** Snapshots that get a receipt. */
  readonly confirmed: readonly RootSnapshot[]
  /** Roots of snapshots that come back or count again, as far as they will be whole. */
  readonly counting: readonly CountingRoots[]
  /** Ids of snapshots that are newer than what comes back of their source, and have no higher number; oldest first. */
  readonly overtaken: readonly string[]
  /** Names of packs with which something is wrong. */
  readonly damaged: ReadonlySet<string>
  /** Objects that go into quarantine. */
  readonly removed: readonly Removed[]
  readonly left: readonly Left[]
  /** Names of snapshots that are gone, that nobody forgot, and that can be had from nowhere. */
  readonly lostSnapshots: readonly string[]
  /** Receipts of these. */
  readonly orphans: readonly RootReceipt[]
  /** Names of packs that stay and may hold what seems to be lost: so nothing can be given up yet. */
  readonly unsure: readonly string[]
}

export interface DomainRepair {
  readonly domain: DomainAccess
  readonly taken: readonly TakenFrames[]
  /** Packs that the index is to name. */
  readonly unnamed: readonly DescribedPack[]
  /** Ids that can be had from nowhere and were not said to be lost yet, in hexadecimal. */
  readonly lost: readonly string[]
}

export interface Removed {
  readonly name: string
  readonly why: string
}

export interface Left {
  readonly name: string
  readonly why: string
}

export interface PlanChoices {
  /** Whether what cannot be had is given up. */
  readonly markLost: boolean
  /** Names of objects that are unknown, and that somebody says to take out of the way. */
  readonly setAside: ReadonlySet<string>
  /** Whether somebody else is at work who deletes. */
  readonly isPruning: boolean
}

export function planRepair(inspection: Inspection, choices: PlanChoices): RepairPlan {
  const { objects, comingBack } = inspection
  const confirmed = snapshotsToConfirm(inspection)
  const fates = objects
    .filter(({ good }) => good === undefined)
    .map((object) => fateOf(object, { inspection, choices, confirmed }))
  const lost = lostSnapshots(inspection)
  const packs = inspection.packs.map((pack) => packFate(pack, { inspection, choices }))
  return {
    records: comingBack.records,
    forgets: comingBack.forgets,
    waves: wavesOf(comingBack),
    sighted: sightedBack(comingBack, inspection),
    domains: inspection.domains.map(domainRepair),
    packs: packs.flatMap(({ goes }) => goes ?? []),
    confirmed,
    counting: countingRoots(inspection, confirmed),
    overtaken: overtakenIn(inspection),
    damaged: new Set(inspection.packs.map(({ name }) => name)),
    removed: [...fates.flatMap(({ removed }) => removed ?? []), ...wrongSegments(inspection)],
    left: [...fates, ...packs].flatMap(({ left }) => left ?? []),
    lostSnapshots: lost,
    orphans: inspection.roots.receipts.filter(({ snapshot }) => lost.includes(snapshot)),
    unsure: [
      ...packs.flatMap(({ left, mayHold }) => (left !== undefined && mayHold ? left.name : [])),
      ...inspection.unread,
    ],
  }
}

/** All that is put back, in its order. */
export function putBackOf({
  records,
  waves,
  forgets,
}: Pick<RepairPlan, 'records' | 'waves' | 'forgets'>): readonly PutBack[] {
  const inWaves = waves.flatMap(({ snapshots, receipts }) => [...snapshots, ...receipts])
  return [...records, ...[...inWaves, ...forgets].map(({ object }) => object)]
}

/** Where the repository was put back to an older state, and backups went on there: `latest` goes by the numbers. */
function overtakenIn({ roots, comingBack }: Inspection): readonly string[] {
  const key = ({ domain, summary }: OpenedBack) => `${domain.hex} ${toHex(summary.sourceId)}`
  const back = Map.groupBy(
    comingBack.snapshots.flatMap(({ opened }) => opened ?? []),
    key,
  )
  const overtaken = roots.snapshots.filter((one) => {
    const { startedMs, sequence } = one.summary
    return (back.get(key(one)) ?? []).some(
      ({ summary }) => summary.endedMs < startedMs && summary.sequence >= sequence,
    )
  })
  return overtaken
    .toSorted((a, b) => a.summary.startedMs - b.summary.startedMs)
    .map(({ name }) => toHex(digestInName(name) as Bytes))
}

/** Of one that lacks something there is nothing to wait for: a receipt of before tells of what there was. */
function countingRoots(
  { domains, roots, comingBack }: Inspection,
  confirmed: readonly RootSnapshot[],
): readonly CountingRoots[] {
  const confirms = new Set(comingBack.receipts.map((one) => one.confirms))
  const again = roots.snapshots.filter((one) => confirms.has(confirmationOf(one)))
  const back = comingBack.snapshots.flatMap(({ opened }) => opened ?? [])
  return domains.flatMap(({ domain, needs }) => {
    const own = [...confirmed, ...again, ...back].filter((one) => one.domain === domain)
    const whole = own.filter(({ summary }) => needs.isWhole(summary.roots))
    return whole.length === 0 ? [] : [{ domain, roots: whole.flatMap((one) => one.summary.roots) }]
  })
}

function lostSnapshots({ problems, roots, objects, absent }: Inspection): readonly string[] {
  const there = new Set([...roots.snapshots, ...objects, ...absent].map(({ name }) => name))
  const missing = problems.filter(({ kind }) => kind === 'missing').map(({ object }) => object)
  for (const name of absent.flatMap(({ explains }) => explains ?? [])) there.add(name)
  const gone = missing.filter((name) => name.startsWith('snapshots/') && !there.has(name))
  return [...new Set(gone)]
}

function domainRepair({ domain, needs, unnamed, knownLost }: DomainInspection): DomainRepair {
  const lost = needs.lost.filter((hex) => !knownLost.has(hex))
  return { domain, taken: needs.taken, unnamed, lost }
}

function wrongSegments({ domains }: Inspection): readonly Removed[] {
  const wrong = domains.flatMap((domain) => domain.wrong)
  return wrong.map((name) => ({ name, why: 'it says other things of packs than they themselves' }))
}

interface Fate {
  readonly removed?: Removed
  readonly left?: Left
}

interface FateOptions {
  readonly inspection: Inspection
  readonly choices: PlanChoices
  readonly confirmed: readonly RootSnapshot[]
}

function fateOf(object: DamagedObject, options: FateOptions): Fate {
  const { name, state, why } = object
  const { markLost, isPruning } = options.choices
  if (state === 'left') return { left: { name, why } }
  if (state === 'unknown')
    return options.choices.setAside.has(name)
      ? { removed: { name, why: ASKED_FOR } }
      : { left: { name, why } }
  if (state === 'nobodys') return { removed: { name, why } }
  if (state === 'useless' && !isLastReceipt(name, options)) return { removed: { name, why } }
  const lost = state === 'lost' ? why : MAY_CONFIRM
  if (!markLost) return { left: { name, why: `${lost}: --mark-lost takes it out of the way` } }
  if (name.startsWith('marks/') && isPruning) return { left: { name, why: PRUNING } }
  return { removed: { name, why: lost } }
}

/** Whether it is a receipt that may be the one of a snapshot that has none. */
function isLastReceipt(name: string, options: FateOptions): boolean {
  if (!name.startsWith('receipts/')) return false
  const { roots } = options.inspection
  const isConfirmed = confirmations(options.inspection)
  for (const snapshot of options.confirmed) isConfirmed.add(confirmationOf(snapshot))
  return roots.snapshots.some((snapshot) => !isConfirmed.has(confirmationOf(snapshot)))
}

const ASKED_FOR = 'nothing that this version and key know, and to be set aside'
const MAY_CONFIRM = 'it may be the receipt of a snapshot that has no other'
const PRUNING = 'somebody else is at work who may heed it: run the repair again when that is done'

function confirmations({ roots, comingBack }: Inspection): Set<string> {
  const all = [...roots.receipts, ...comingBack.receipts]
  return new Set(all.flatMap(({ confirms }) => confirms ?? []))
}

/**
 * Snapshots without receipt that had one: others follow them, or a receipt is damaged that may be theirs. A receipt
 * says that all is there that a snapshot needs, and only where that is so they get another one.
 */
function snapshotsToConfirm(inspection: Inspection): readonly RootSnapshot[] {
  const { roots, problems, objects, domains } = inspection
  const isConfirmed = confirmations(inspection)
  const isStripped = new Set(
    problems.filter(({ kind }) => kind === 'missing').map(({ object }) => object),
  )
  const anyDamaged = objects.some(({ name, state }) => {
    return name.startsWith('receipts/') && state === 'useless'
  })
  return roots.snapshots.filter((snapshot) => {
    if (isConfirmed.has(confirmationOf(snapshot))) return false
    if (!anyDamaged && !isStripped.has(snapshot.name)) return false
    const own = domains.find(({ domain }) => domain === snapshot.domain)
    if (own === undefined || own.marked.snapshots.has(snapshot.name)) return false
    return own.needs.isWhole(snapshot.summary.roots)
  })
}

interface PackFate {
  readonly goes?: DamagedPack
  readonly left?: Left
  readonly mayHold: boolean
}

function packFate(
  pack: DamagedPack,
  { inspection: { domains }, choices }: Pick<FateOptions, 'inspection' | 'choices'>,
): PackFate {
  const { name, stays, closedIds, mayHold } = pack
  if (pack.isUnknown && choices.setAside.has(name)) return { goes: pack, mayHold: false }
  if (stays !== undefined) return { left: { name, why: stays }, mayHold }
  if (closedIds === undefined) return { goes: pack, mayHold }
  const own = domains.find(({ domain }) => domain === closedIds.domain)
  if (own?.needs.hasAll(closedIds.ids) === true) return { goes: pack, mayHold }
  return { left: { name, why: CLOSED }, mayHold }
}

const CLOSED =
  "what is good of it can only be saved with a key that opens it, such as the owner's, or from a copy (--from)"
