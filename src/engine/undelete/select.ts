// Which forgotten snapshots can still be had, and which of them is meant.

import { toHex } from '../../base/bytes.ts'
import { dateOf } from '../../base/date.ts'
import { CairnError } from '../../base/errors.ts'
import {
  type ForgottenSnapshot,
  isInWindow,
  loadForgotten,
  openForgotten,
} from '../../repository/forgets.ts'
import type { ObjectProblem } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import {
  loadSnapshots,
  openDetails,
  replacements,
  type Snapshot,
  type SnapshotFacts,
} from '../../repository/snapshots.ts'

/** A forgotten snapshot as it was. */
export interface Undeletable extends Snapshot {
  readonly forgotten: ForgottenSnapshot
}

export interface ForgottenSurvey {
  /** What is surely to be had back, oldest first; what another one of these stood for is left out. */
  readonly offered: readonly Undeletable[]
  /** All that may be, those others included: after the window, if nobody has pruned it yet. */
  readonly undeletable: readonly Undeletable[]
  /** All that was ever forgotten. */
  readonly forgotten: readonly ForgottenSnapshot[]
  /** What is listed. */
  readonly snapshots: readonly Snapshot[]
  readonly problems: readonly ObjectProblem[]
}

/** Throws as loadSnapshots and loadForgotten do. */
export async function surveyForgotten(
  repository: Repository,
  { nowMs }: { readonly nowMs: number },
): Promise<ForgottenSurvey> {
  const { snapshots, problems } = await loadSnapshots(repository, {
    onlyReading: true,
    withReplaced: true,
  })
  const { forgotten, problems: unread } = await loadForgotten(repository, { onlyReading: true })
  const bad: ObjectProblem[] = []
  const listed = new Set(snapshots.map(({ name }) => name))
  const undeletable = forgotten
    .filter((one) => one.object !== undefined && !listed.has(one.name))
    .flatMap((one) => openedOrNone(repository, one, bad))
  const offered = offeredOf(undeletable, { snapshots, nowMs })
  return { offered, undeletable, forgotten, snapshots, problems: [...problems, ...unread, ...bad] }
}

interface Listed {
  readonly snapshots: readonly SnapshotFacts[]
  readonly nowMs: number
}

function offeredOf(
  undeletable: readonly Undeletable[],
  { snapshots, nowMs }: Listed,
): readonly Undeletable[] {
  const hidden = new Set<SnapshotFacts>(
    replacements<SnapshotFacts>([...undeletable, ...snapshots]).values(),
  )
  return undeletable.filter(
    (one) => isInWindow(one.forgotten, { nowMs }) && !hidden.has(one) && !isBack(one, snapshots),
  )
}

/**
 * What is offered, given what is listed: whether all that it needs is there is not asked. Oldest first by when it
 * was forgotten. Throws as loadForgotten does.
 */
export async function offeredAmong(
  repository: Repository,
  { snapshots, nowMs }: Listed,
): Promise<{
  readonly offered: readonly Undeletable[]
  readonly problems: readonly ObjectProblem[]
}> {
  const { forgotten, problems } = await loadForgotten(repository, { onlyReading: true })
  const bad: ObjectProblem[] = []
  const listed = new Set(snapshots.map(({ name }) => name))
  const young = forgotten
    .filter((one) => isInWindow(one, { nowMs }) && !listed.has(one.name))
    .flatMap((one) => openedOrNone(repository, one, bad))
    .toSorted((a, b) => a.forgotten.forgottenAtMs - b.forgotten.forgottenAtMs)
  return { offered: offeredOf(young, { snapshots, nowMs }), problems: [...problems, ...bad] }
}

/** What stands for it must be confirmed as it was: who brought it back may have been interrupted before. */
function isBack({ id, confirmed }: Undeletable, snapshots: readonly SnapshotFacts[]): boolean {
  return snapshots.some(({ confirmed: isConfirmed, summary: { replaces } }) => {
    return replaces !== undefined && toHex(replaces) === id && (isConfirmed || !confirmed)
  })
}

function openedOrNone(
  repository: Repository,
  forgotten: ForgottenSnapshot,
  bad: ObjectProblem[],
): readonly Undeletable[] {
  const { name, id, domain, isConfirmed: confirmed, forgottenAtMs: storedAtMs } = forgotten
  try {
    const opened = openForgotten(repository, forgotten)
    if (domain.canOpen) openDetails(repository, { domain, ...opened })
    return [{ name, id, domain, confirmed, storedAtMs, forgotten, ...opened }]
  } catch (error) {
    if (!(error instanceof CairnError)) throw error
    bad.push({ name: forgotten.record, error })
    return []
  }
}

const ID = /^(?:snapshots\/)?([0-9a-f]{4,64})$/

/** One that is meant, and what stands for it where it was brought back before. */
export interface Selected {
  readonly snapshot: Undeletable
  readonly back: Snapshot | undefined
}

/**
 * The one that an id or its beginning names; `standing` are those that surely stand for others. Throws 'usage' where it is none or was never forgotten, 'not-found',
 * or 'ambiguous'.
 */
export function selectForgotten(
  found: ForgottenSurvey & { readonly standing: readonly Snapshot[] },
  wanted: string,
): Selected {
  const prefix = ID.exec(wanted)?.[1]
  if (prefix === undefined) {
    throw new CairnError('usage', `'${wanted}' names no snapshot`, {
      hint: 'Give at least four digits of an id. `cairn undelete` lists what can be had back.',
    })
  }
  const fits = ({ id }: { readonly id: string }) => id.startsWith(prefix)
  const fitting = found.undeletable.filter(fits)
  const [first] = fitting
  if (fitting.length > 1) {
    const text = `${fitting.length} forgotten snapshots begin with ${prefix}`
    throw new CairnError('ambiguous', text, { hint: 'Give more digits.' })
  }
  if (first === undefined) throw whyNone(found, prefix)
  return whatStandsFor(found, first)
}

/**
 * Of one that another one stood for, as after a change of tags, the last of these: else the same would be listed
 * several times, each counted by itself.
 */
function whatStandsFor(
  {
    undeletable,
    snapshots,
    standing,
  }: ForgottenSurvey & { readonly standing: readonly Snapshot[] },
  first: Undeletable,
): Selected {
  const originals = replacements<Snapshot>([...undeletable, ...snapshots])
  let snapshot = first
  const seen = new Set<string>()
  for (let next: Undeletable | undefined = first; next !== undefined && !seen.has(next.id); ) {
    snapshot = next
    seen.add(snapshot.id)
    const back = standingFor(standing, snapshot.id)
    if (back !== undefined) return { snapshot: first, back }
    next = undeletable.findLast((one) => originals.get(one)?.id === snapshot.id)
  }
  return { snapshot, back: undefined }
}

/** The confirmed snapshot that was put in the place of another one. */
function standingFor(snapshots: readonly Snapshot[], prefix: string): Snapshot | undefined {
  return snapshots.findLast(
    ({ confirmed, summary }) =>
      confirmed && summary.replaces !== undefined && toHex(summary.replaces).startsWith(prefix),
  )
}

function whyNone({ snapshots, forgotten }: ForgottenSurvey, prefix: string): CairnError {
  const listed = snapshots.find(({ id }) => id.startsWith(prefix))
  if (listed !== undefined) {
    const text = `Snapshot ${shown(listed.id)} is still there: there is nothing to bring back`
    return new CairnError('usage', text)
  }
  const gone = forgotten.find(({ id }) => id.startsWith(prefix))
  const hint = '`cairn undelete` lists what can be had back.'
  if (gone === undefined) {
    return new CairnError('not-found', `There is no forgotten snapshot ${prefix}`, { hint })
  }
  const since = `${dateOf(gone.forgottenAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const text = `Snapshot ${shown(gone.id)} was forgotten at ${since}: it is too late to bring it back`
  return new CairnError('not-found', text, { hint })
}

function shown(id: string): string {
  return id.slice(0, 8)
}
