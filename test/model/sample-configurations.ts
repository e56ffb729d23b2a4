// The large configurations that are sampled: who is at work, on what kind of store, and what goes wrong how
// often. A seed makes each kind of trouble rarer or more common again, for its own run.

import { listingLagMs, shortestGraceMs } from '../../src/engine/prune/timing.ts'
import { DAY_MS } from './configuration.ts'

/** What may happen to a call, beside that it is answered. The first is that nothing does. */
export const FAULTS = [
  'none',
  /** Takes effect; the sender is told that it failed. */
  'lost-reply',
  /** Fails, without effect. */
  'failed',
  /** The sender is told that it failed; takes effect later. */
  'late',
  /** Some bytes are stored under the name; the sender is told that it failed. */
  'torn',
  /** Takes effect now, and is answered hours later. */
  'slow',
  /** A listing that shows each recent change or not. */
  'lagging-listing',
  /** A listing as it was a while ago. */
  'stale-listing',
  /** A listing that breaks off. */
  'broken-listing',
] as const
export type FaultKind = (typeof FAULTS)[number]

/** What may happen next. The first is that a call is answered. */
export const EVENTS = [
  'answer',
  'time passes',
  'suspended',
  'killed',
  'cloned',
  'stolen clock',
  'no space',
] as const
export type EventKind = (typeof EVENTS)[number]

export interface SampleConfiguration {
  readonly what: string
  readonly writers: number
  readonly backups: number
  readonly pruners: number
  readonly pruneRuns: number
  /** They remove snapshots without a trace, as if their window were over. */
  readonly removers: number
  readonly forgetters: number
  /** Each copies everything to the copy, and the copy is pruned by so many. */
  readonly syncers: number
  readonly copyPruners: number
  readonly domains: 1 | 2
  readonly strongListing: boolean
  /** Leases spare most of what the protocol must be safe without: where nobody sees them, more happens. */
  readonly seesLeases: boolean
  readonly graceMs: number
  /** Chances of each fault of a call that can have it, against 1 for none. */
  readonly faults: Partial<Record<FaultKind, number>>
  /** Chances of each event, against 1 for an answer. */
  readonly events: Partial<Record<EventKind, number>>
  /** Folders in which an object may be cut off; none of the copy: there sync confirms what it could not put. */
  readonly tornFolders: readonly string[]
  /** Where nothing goes wrong with the store nobody may fail, unless a mark comes and goes in listings. */
  readonly mayFail: 'never' | 'while listings lag' | 'as the store does'
  readonly stepsMax: number
}

/** L, where listings lag, and R: as src/engine/prune/timing.ts reckons them (see samples.test.ts). */
export const WEAK = { strongListing: false, conditionalPut: true }
export const STRONG = { strongListing: true, conditionalPut: true }
export const lateMsOf = (isStrong: boolean) => (isStrong ? 1000 : 600_000)
export const lagMsOf = (isStrong: boolean) => listingLagMs(isStrong ? STRONG : WEAK)

const LAGS = { 'lagging-listing': 0.5, 'stale-listing': 0.1 }
const FAULTY = {
  ...LAGS,
  'lost-reply': 0.03,
  failed: 0.01,
  late: 0.03,
  torn: 0.01,
  slow: 0.01,
  'broken-listing': 0.02,
}
const PASSING = { 'time passes': 0.03, suspended: 0.02 }
const EVENTFUL = {
  ...PASSING,
  killed: 0.004,
  cloned: 0.002,
  'stolen clock': 0.002,
  'no space': 0.002,
}
/** A mark that is cut off stops everybody until a person looks at it; see `torn-roots` for snapshots. */
const TORN_FOLDERS = ['packs/', 'index/', 'leases/', 'sightings/']

const SMALL = {
  writers: 2,
  backups: 3,
  pruners: 2,
  pruneRuns: 3,
  removers: 1,
  forgetters: 0,
  syncers: 0,
  copyPruners: 0,
  domains: 1,
  strongListing: false,
  seesLeases: false,
  graceMs: shortestGraceMs(WEAK),
  faults: FAULTY,
  events: EVENTFUL,
  tornFolders: TORN_FOLDERS,
  mayFail: 'as the store does',
  stepsMax: 1500,
} as const

const LARGE = {
  ...SMALL,
  seesLeases: true,
  forgetters: 1,
  writers: 4,
  backups: 3,
  pruners: 3,
  pruneRuns: 4,
  stepsMax: 4000,
} as const

const COPIES = {
  ...SMALL,
  strongListing: true,
  graceMs: shortestGraceMs(STRONG),
  forgetters: 1,
  pruners: 1,
  syncers: 1,
  copyPruners: 1,
  stepsMax: 3000,
} as const

export const SAMPLE_CONFIGURATIONS: Readonly<Record<string, SampleConfiguration>> = {
  calm: {
    ...SMALL,
    what: 'nothing goes wrong but that time passes, on a store of this machine',
    strongListing: true,
    graceMs: shortestGraceMs(STRONG),
    faults: {},
    events: PASSING,
    mayFail: 'never',
  },
  lag: {
    ...SMALL,
    what: 'nothing goes wrong but that listings lag and time passes',
    faults: LAGS,
    events: PASSING,
    mayFail: 'while listings lag',
  },
  small: { ...SMALL, what: 'few actors, every fault, the shortest grace' },
  leases: { ...SMALL, what: 'the same, where leases are honoured', seesLeases: true },
  local: {
    ...SMALL,
    what: 'few actors, every fault, on a store of this machine',
    strongListing: true,
    graceMs: shortestGraceMs(STRONG),
  },
  'two-domains': { ...SMALL, what: 'writers of two domains, every fault', domains: 2 },
  large: { ...LARGE, what: 'many actors, every fault, the usual grace', graceMs: DAY_MS },
  'large-and-hasty': {
    ...LARGE,
    what: 'many actors, every fault, the shortest grace, no leases',
    seesLeases: false,
  },
  forgetful: {
    ...SMALL,
    what: 'snapshots are forgotten and stay roots for a week, every fault',
    removers: 0,
    forgetters: 2,
  },
  copies: {
    ...COPIES,
    what: 'a copy is synced and pruned by itself, every fault, on stores of this machine',
  },
  'copies-of-two': {
    ...COPIES,
    what: 'the same, where two prune the copy and leases are honoured',
    copyPruners: 2,
    seesLeases: true,
  },
  'torn-roots': {
    ...SMALL,
    what: 'snapshots and receipts may be cut off too: deleting stops for good',
    tornFolders: [...TORN_FOLDERS, 'snapshots/', 'receipts/'],
  },
}
