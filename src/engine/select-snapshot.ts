// Which snapshot is meant by `latest`, `latest~2` or the beginning of an id. Only confirmed snapshots
// of finished runs are ever taken without being named: the rest may lack what they need.
//
// Sources are kept apart: `latest~1` is the snapshot before of the same source, however many other
// things are backed up into the same repository.

import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { assert, CairnError } from '../base/errors.ts'
import type { Details } from '../format/snapshot.ts'
import type { ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import {
  compareAmongSources,
  openDetails,
  orderOfSource,
  type Snapshot,
  type SnapshotFacts,
  type SnapshotList,
  sourceIdOf,
  sourceKeyOf,
} from '../repository/snapshots.ts'

export interface SnapshotFilter {
  readonly host?: string | undefined
  readonly source?: string | undefined
  /** All of them, without a slash at the end. */
  readonly paths?: readonly Bytes[] | undefined
  /** All of them. */
  readonly tags?: readonly string[] | undefined
  /** Begun at this time or before. */
  readonly atMs?: number | undefined
}

/** Whether a filter asks for what only readers see. */
export function needsDetails({ host, paths = [], tags = [] }: SnapshotFilter): boolean {
  return host !== undefined || paths.length > 0 || tags.length > 0
}

/**
 * The snapshots that fit. Throws 'not-permitted' where the filter needs a reader's key; where it needs
 * details, the snapshots have their objects.
 */
export function filterSnapshots<T extends SnapshotFacts & { readonly object?: Bytes }>(
  snapshots: readonly T[],
  { repository, filter }: { readonly repository: Repository; readonly filter: SnapshotFilter },
): readonly T[] {
  const { host, source, paths = [], tags = [], atMs = Number.POSITIVE_INFINITY } = filter
  const asksDetails = needsDetails(filter)
  return snapshots.filter((snapshot) => {
    if (snapshot.summary.startedMs > atMs) return false
    if (source !== undefined && !isOfSource(snapshot, source)) return false
    if (!asksDetails) return true
    const { object } = snapshot
    assert(object, 'a snapshot has the object that its details are in')
    const details = openDetails(repository, { ...snapshot, object })
    if (host !== undefined && details.host !== host) return false
    return hasPaths(details, paths) && tags.every((tag) => details.tags.includes(tag))
  })
}

function isOfSource({ domain, summary }: SnapshotFacts, source: string): boolean {
  return equalBytes(summary.sourceId, sourceIdOf(domain, source))
}

function hasPaths(details: Details, paths: readonly Bytes[]): boolean {
  return paths.every((path) => details.paths.some((one) => equalBytes(withoutSlash(one), path)))
}

/** A path that was followed through a link is recorded with a slash at its end. */
function withoutSlash(path: Bytes): Bytes {
  return path.length > 1 && path[path.length - 1] === 0x2f ? path.subarray(0, -1) : path
}

export interface SelectSnapshot {
  readonly repository: Repository
  /** `latest`, `latest~2`, or at least four digits of an id. */
  readonly wanted: string
  readonly filter: SnapshotFilter
}

const LATEST = /^latest(?:~(\d{1,6}))?$/
const FOLDER = 'snapshots/'
const ID = /^(?:snapshots\/)?([0-9a-f]{4,64})$/

/**
 * Throws 'not-found', 'object-damaged' where it is there and cannot be used, 'not-permitted' where it is one
 * that the key may not read, 'ambiguous', or 'usage' where `wanted` can be no snapshot.
 */
export function selectSnapshot(
  known: SnapshotList,
  { repository, wanted, filter }: SelectSnapshot,
): Snapshot {
  const asked = parseWanted(wanted)
  if (asked.kind === 'id') return selectById(known, asked.prefix)
  const fitting = filterSnapshots(known.snapshots, { repository, filter })
  return selectLatest(fitting, { back: asked.back, known })
}

export type Wanted =
  | { readonly kind: 'latest'; readonly back: number }
  | { readonly kind: 'id'; readonly prefix: string }

/** Throws 'usage' where it can be no snapshot. */
export function parseWanted(wanted: string): Wanted {
  const latest = LATEST.exec(wanted)
  if (latest !== null) return { kind: 'latest', back: Number(latest[1] ?? 0) }
  const prefix = ID.exec(wanted)?.[1]
  if (prefix !== undefined) return { kind: 'id', prefix }
  throw new CairnError('usage', `'${wanted}' names no snapshot`, {
    hint: 'Give `latest`, `latest~1` (the one before), or at least four digits of an id.',
  })
}

/** Whether it may be taken without being named. */
export function mayBeLatest({
  confirmed,
  summary,
}: Pick<SnapshotFacts, 'confirmed' | 'summary'>): boolean {
  return confirmed && summary.ending !== 'checkpoint'
}

function selectLatest(
  fitting: readonly Snapshot[],
  { back, known }: { readonly back: number; readonly known: SnapshotList },
): Snapshot {
  const complete = fitting.filter(mayBeLatest)
  const newest = complete.toSorted(compareAmongSources).at(-1)
  if (newest === undefined) throw nothingFits(known, fitting.length)
  const source = sourceKeyOf(newest)
  const isSame = (one: Snapshot) => sourceKeyOf(one) === source
  // Whether any is a copy goes by the whole source, whatever was asked for of it.
  const order = orderOfSource(known.snapshots.filter(isSame))
  const sameSource = complete.filter(isSame).sort((a, b) => order(b, a))
  const found = sameSource[back]
  if (found !== undefined) return found
  const count = sameSource.length === 1 ? 'one snapshot' : `${sameSource.length} snapshots`
  throw new CairnError('not-found', `There is no latest~${back}: this source has ${count}`, {
    hint: '`cairn snapshots` lists them.',
  })
}

/** Where there are snapshots and the key may read none of them. */
export function mayReadNone(closed: readonly string[]): CairnError {
  const which = closed.length === 1 ? 'the only snapshot' : `any of the ${closed.length} snapshots`
  return new CairnError(
    'not-permitted',
    `Not permitted: this key may not read ${which} in the repository`,
    { hint: OTHER_KEY },
  )
}

const OTHER_KEY =
  "Use an owner's key, or one that was made for whoever saved it: `cairn key list` shows which there are."

function nothingFits({ snapshots, closed, problems }: SnapshotList, fitting: number): CairnError {
  const unusable = problems.filter(({ name }) => name.startsWith(FOLDER))
  if (snapshots.length === 0 && unusable[0] !== undefined) {
    const which =
      unusable.length === 1 ? 'the only snapshot' : `any of the ${unusable.length} snapshots`
    return cannotUse(`Cannot use ${which} in the repository`, unusable[0])
  }
  if (snapshots.length === 0 && closed.length > 0) return mayReadNone(closed)
  if (snapshots.length === 0) {
    return new CairnError('not-found', 'There is no snapshot in the repository yet', {
      hint: '`cairn backup PATH` makes one.',
    })
  }
  const where = closed.length > 0 ? 'that this key may read' : 'in the repository'
  const why =
    fitting === 0
      ? `none of the ${snapshots.length} ${where} fits what was asked for`
      : 'those that fit are unconfirmed or unfinished'
  return new CairnError('not-found', `There is no such snapshot: ${why}`, {
    hint: '`cairn snapshots` lists all. One that is not confirmed must be named by its id.',
  })
}

const CANDIDATES_MAX = 8

function cannotUse(what: string, { error }: ObjectProblem): CairnError {
  const { code, hint } = error
  return new CairnError(code, `${what}: ${error.message}`, {
    ...(hint !== undefined && { hint }),
    cause: error,
  })
}

function selectById({ snapshots, closed, problems }: SnapshotList, prefix: string): Snapshot {
  const found = snapshots.filter(({ id }) => id.startsWith(prefix))
  if (found.length === 1) return found[0] as Snapshot
  const unusable = problems.find(({ name }) => name.startsWith(`${FOLDER}${prefix}`))
  if (found.length === 0 && unusable !== undefined)
    throw cannotUse(`Cannot use snapshot ${prefix}`, unusable)
  if (found.length === 0 && closed.some((id) => id.startsWith(prefix))) {
    const text = `Not permitted: this key may not read snapshot ${prefix}`
    throw new CairnError('not-permitted', text, { hint: OTHER_KEY })
  }
  const instead = snapshots.find(
    ({ summary: { replaces } }) => replaces && toHex(replaces).startsWith(prefix),
  )
  if (found.length === 0 && instead !== undefined) {
    const now = instead.id.slice(0, 8)
    throw new CairnError('not-found', `There is no snapshot ${prefix} any more: it is now ${now}`)
  }
  if (found.length === 0) {
    throw new CairnError('not-found', `There is no snapshot ${prefix}`, {
      hint: '`cairn snapshots` lists them, `cairn undelete` what was forgotten lately.',
    })
  }
  const shown = found.slice(0, CANDIDATES_MAX).map(({ id }) => id.slice(0, prefix.length + 8))
  const more = found.length > shown.length ? ` and ${found.length - shown.length} more` : ''
  throw new CairnError(
    'ambiguous',
    `${found.length} snapshots begin with ${prefix}: ${shown.join(', ')}${more}`,
    {
      hint: 'Give more digits.',
    },
  )
}
