// What is there to be kept or forgotten: snapshots with the time at which a store first had them, what is
// held, what was forgotten before.

import { equalBytes, toHex } from '../../base/bytes.ts'
import { assert, CairnError } from '../../base/errors.ts'
import type { CatalogPlace } from '../../repository/catalog.ts'
import { type ForgottenSnapshot, loadForgotten } from '../../repository/forgets.ts'
import { type Holds, loadHolds } from '../../repository/holds.ts'
import type { ObjectProblem } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import { loadSnapshotFacts, type SnapshotFactsList } from '../../repository/snapshot-facts.ts'
import {
  confirmationOf,
  loadSnapshots,
  openDetails,
  type Snapshot,
  type SnapshotFacts,
  type SnapshotList,
} from '../../repository/snapshots.ts'
import { filterSnapshots, needsDetails, type SnapshotFilter } from '../select-snapshot.ts'
import { loadSightings, receivedMsOf, type Sightings } from '../sightings.ts'
import type { Candidate } from './candidate.ts'
import { type Lineage, lineagesOf } from './lineages.ts'
import { sourceOf } from './plan.ts'

export interface Retained extends Candidate {
  readonly lineage: Lineage
}

export interface Survey {
  readonly retained: readonly Retained[]
  /** All snapshots, those that others stand for too, and all receipts. */
  readonly known: SnapshotFactsList
  readonly holds: Holds
  readonly forgotten: readonly ForgottenSnapshot[]
  readonly sightings: Sightings
  /** What cannot be read: snapshots that are damaged are neither counted nor forgotten. */
  readonly problems: readonly ObjectProblem[]
}

/** Which snapshots a run is for: by what they are, or each by itself. */
export type Choice =
  | { readonly filter: SnapshotFilter }
  | { readonly select: (known: SnapshotList) => readonly Snapshot[] }

export interface SurveyOptions {
  readonly choice: Choice
  /** Whether a rule asks for tags, which only readers see. */
  readonly needsTags: boolean
  readonly catalog: CatalogPlace
}

/**
 * Reads what there is. What cannot be read is among the problems: neither counted nor forgotten, or, of a
 * receipt, kept like all that is not confirmed. Throws 'unsupported' where anything is of a later version: it may say that something
 * must not go. Throws 'not-permitted' where the choice or the tags need a reader's key, and as loadHolds.
 */
export async function survey(repository: Repository, options: SurveyOptions): Promise<Survey> {
  const { known, full } = await load(repository, options)
  const onlyReading = true
  const sightings = await loadSightings(repository, { onlyReading })
  const { forgotten, problems: unread } = await loadForgotten(repository, { onlyReading })
  const holds = await loadHolds(repository)
  const problems = [...known.problems, ...sightings.problems, ...unread]
  expectKnownVersions(problems)
  const lineages = lineagesOf(known.snapshots)
  const chosen = chosenOf(repository, { known, full, lineages, options })
  const retained = lineages.map((lineage) => ({
    ...factsOf(lineage),
    lineage,
    timeMs: timeOf(lineage, sightings),
    isHeld: lineage.members.some((one) => holds.of(one).length > 0),
    tags: options.needsTags ? tagsOf(repository, lineage) : [],
    isChosen: lineage.listed.some(({ name }) => chosen.has(name)),
  }))
  return { retained, known, holds, forgotten, sightings, problems }
}

interface Loaded {
  readonly known: SnapshotFactsList
  /** The same with the objects, where they were needed. */
  readonly full: SnapshotList | undefined
}

/** Objects are read where details are asked for; otherwise what is known of them will do. */
async function load(
  repository: Repository,
  { choice, needsTags, catalog }: SurveyOptions,
): Promise<Loaded> {
  if (!needsTags && 'filter' in choice && !needsDetails(choice.filter))
    return { known: await loadSnapshotFacts(repository, catalog), full: undefined }
  const full = await loadSnapshots(repository, { onlyReading: true, withReplaced: true })
  return { known: full, full }
}

function expectKnownVersions(problems: readonly ObjectProblem[]): void {
  const newer = problems.find(({ error }) => error.code === 'unsupported')
  if (newer === undefined) return
  const { name, error } = newer
  throw new CairnError(
    'unsupported',
    `Nothing is forgotten, because of ${name}: ${error.message}`,
    {
      hint: 'A later version of Cairn put it. Forget with that version.',
      context: { object: name },
      cause: error,
    },
  )
}

/** When a store first had any of it. */
export function timeOf({ members }: Lineage, sightings: Pick<Sightings, 'receivedMs'>): number {
  return Math.min(...members.map((one) => receivedMsOf(sightings, one)))
}

/** Of all snapshots, and what is written down of them and of others. */
export function stampsOf({ known, sightings }: Survey): readonly number[] {
  const stamps = known.snapshots.map(({ storedAtMs }) => storedAtMs)
  return [...stamps, ...sightings.receivedMs.values()]
}

/** What the first of them says: nobody changes it by putting another in its place. */
function factsOf({
  shown,
  members,
}: Lineage): Pick<
  Candidate,
  'id' | 'source' | 'startedMs' | 'endedMs' | 'sequence' | 'session' | 'ending' | 'isConfirmed'
> {
  const first = members[0] ?? shown
  const { startedMs, endedMs, sequence, sessionId, ending } = first.summary
  const isConfirmed = members.some(({ confirmed }) => confirmed)
  const session = toHex(sessionId)
  const source = sourceOf(first)
  return { id: shown.id, source, startedMs, endedMs, sequence, session, ending, isConfirmed }
}

/** Names of the listed ones that a run is for. */
function chosenOf(
  repository: Repository,
  {
    known,
    full,
    lineages,
    options: { choice },
  }: Loaded & { readonly lineages: readonly Lineage[]; readonly options: SurveyOptions },
): ReadonlySet<string> {
  const listed = new Set(lineages.flatMap((lineage) => lineage.listed.map(({ name }) => name)))
  const isListed = ({ name }: SnapshotFacts) => listed.has(name)
  const names = (chosen: readonly SnapshotFacts[]) => new Set(chosen.map(({ name }) => name))
  if ('filter' in choice) {
    const { snapshots } = full ?? known
    const { filter } = choice
    return names(filterSnapshots(snapshots.filter(isListed), { repository, filter }))
  }
  assert(full, 'who is named is looked for among snapshots with their objects')
  return names(choice.select({ ...full, snapshots: full.snapshots.filter(isListed) }))
}

/**
 * The tags that protect it. The owner may take tags away; where anybody else put a snapshot in the place of
 * another one, the tags of all count.
 */
function tagsOf(repository: Repository, { listed, members }: Lineage): readonly string[] {
  const ids = new Set(members.map(({ id }) => id))
  const changed = members.filter(
    ({ summary: { replaces } }) => replaces && ids.has(toHex(replaces)),
  )
  const counted = changed.every(isByMe) ? listed : members
  return [...new Set(counted.flatMap((one) => openDetails(repository, one as Snapshot).tags))]
}

/** Signed with the key that is in use for the domain. */
function isByMe({ domain, certificate }: SnapshotFacts): boolean {
  return domain.canWrite && equalBytes(domain.signatory.signer.verifyKey, certificate.verifyKey)
}

/** Receipts of what is gone and was forgotten: whoever did it was interrupted. */
export function receiptsLeft({ known, forgotten }: Survey): readonly string[] {
  const there = new Set([
    ...known.snapshots.map(confirmationOf),
    ...known.problems.map(({ name }) => name),
  ])
  const left = forgotten.filter((one) => !there.has(confirmationOf(one)) && !there.has(one.name))
  return left.flatMap((one) => known.receipts.get(confirmationOf(one)) ?? [])
}
