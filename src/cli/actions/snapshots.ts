// `cairn snapshots`: the table of snapshots. A key that cannot open details sees what the summaries
// say. A snapshot that is damaged is listed on stderr, and the exit code is then 1.

import { toHex } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import { heldAmong } from '../../engine/hold.ts'
import { filterSnapshots, mayReadNone } from '../../engine/select-snapshot.ts'
import type { Details } from '../../format/snapshot.ts'
import { type FoundHold, loadHoldsForReading } from '../../repository/holds.ts'
import { aboutObject } from '../../repository/object-problem.ts'
import { verifyOriginal } from '../../repository/original.ts'
import type { Repository } from '../../repository/repository.ts'
import {
  loadSnapshots,
  openDetails,
  orderOfSource,
  type Snapshot,
  type SnapshotList,
  sourceKeyOf,
  withoutReplaced,
} from '../../repository/snapshots.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { noticeMissing } from '../newest-known.ts'
import { openConfigured } from '../open-repository.ts'
import { jsonPath, printableText } from '../printable.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import { filterOf, type SnapshotFlags } from '../snapshot-options.ts'
import { closedText, shortId, shownPaths } from '../snapshot-text.ts'
import { type Column, formatTable } from '../table.ts'
import { formatTime, isoTime } from '../times.ts'

export interface SnapshotsFlags extends SnapshotFlags {
  readonly latest?: number
}

interface Listed {
  readonly snapshot: Snapshot
  readonly details: Details | undefined
  readonly holds: readonly FoundHold[]
}

export async function snapshotsAction(
  context: Context,
  flags: SnapshotsFlags,
): Promise<ExitCode | undefined> {
  const { output } = context
  const { repository } = await openConfigured(context)
  const list = await loadSnapshots(repository, {
    onlyReading: true,
    verifyDetails: true,
    withReplaced: true,
  })
  const { holds, problems: unreadHolds } = await loadHoldsForReading(repository)
  const held = heldAmong(list.snapshots, holds)
  const snapshots = withoutReplaced(list.snapshots)
  await noticeMissing(context, repository, list)
  const { closed } = list
  const problems = [...list.problems, ...unreadHolds]
  const fitting = filterSnapshots(snapshots, { repository, filter: filterOf(flags) })
  const chosen =
    flags.latest === undefined
      ? fitting
      : newestOfEach(fitting, { all: snapshots, count: flags.latest })
  const listed = chosen.map((snapshot) => ({
    snapshot,
    details: detailsOf(repository, snapshot),
    holds: held.get(snapshot) ?? [],
  }))
  for (const problem of problems) {
    const { name, error } = problem
    output.problem(aboutObject(problem).message, { object: name, what: error.message })
  }
  if (snapshots.length === 0 && problems.length === 0 && closed.length > 0)
    throw mayReadNone(closed)
  for (const line of listed.length === 0 ? [] : formatTable(COLUMNS, listed.map(rowOf))) {
    output.line(line)
  }
  if (listed.length === 0) output.note(whyNone(list))
  else output.summary(formatNumber(listed.length, 'snapshot'))
  if (closed.length > 0) output.note(closedText(closed.length))
  const counts = { closed: closed.length, problems: problems.length }
  output.event({ event: 'result', snapshots: listed.map(jsonOf), ...counts })
  return problems.length > 0 ? EXIT.failed : undefined
}

function whyNone({ snapshots, problems }: SnapshotList): string {
  if (snapshots.length > 0) return 'No snapshots fit.'
  return problems.length > 0 ? 'No snapshots that can be read.' : 'No snapshots yet.'
}

/** Undefined where the key in use may not read them. */
function detailsOf(repository: Repository, snapshot: Snapshot): Details | undefined {
  try {
    return openDetails(repository, snapshot)
  } catch (error) {
    if (isCairnError(error, 'not-permitted')) return undefined
    throw error
  }
}

/** As `latest` counts: by their numbers, unless any is a copy. They stay in their order. */
function newestOfEach(
  snapshots: readonly Snapshot[],
  { all, count }: { readonly all: readonly Snapshot[]; readonly count: number },
): readonly Snapshot[] {
  const sources = Map.groupBy(all, sourceKeyOf)
  const chosen = new Set<Snapshot>()
  for (const [source, own] of Map.groupBy(snapshots, sourceKeyOf)) {
    const order = orderOfSource(sources.get(source) ?? own)
    for (const one of own.sort((a, b) => order(b, a)).slice(0, count)) chosen.add(one)
  }
  return snapshots.filter((snapshot) => chosen.has(snapshot))
}

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'TIME' },
  { title: 'HOST' },
  { title: 'PATHS' },
  { title: 'TAGS' },
  { title: 'SIZE', align: 'right' },
  { title: 'STORED', align: 'right' },
  { title: '' },
]

function rowOf({ snapshot, details, holds }: Listed): readonly string[] {
  const { id, summary } = snapshot
  return [
    shortId(id),
    formatTime(summary.startedMs),
    details === undefined ? '-' : printableText(details.host),
    details === undefined ? '-' : shownPaths(details.paths),
    details === undefined ? '-' : printableText(details.tags.join(',')),
    formatBytes(summary.sizeBytes),
    formatBytes(summary.addedStoredBytes),
    [...(holds.length > 0 ? [heldText(holds)] : []), ...remarksOn(snapshot)].join(', '),
  ]
}

function heldText(holds: readonly FoundHold[]): string {
  const reasons = new Set(holds.map(({ record }) => record.reason).filter((one) => one !== ''))
  return reasons.size === 0 ? 'held' : `held: ${printableText([...reasons].join('; '))}`
}

function remarksOn({ confirmed, summary }: Snapshot): readonly string[] {
  if (!confirmed) return ['unconfirmed']
  const { copyOf } = summary
  const copied = copyOf === undefined ? [] : [`copy of ${shortId(toHex(copyOf))}`]
  if (summary.ending === 'checkpoint') return ['unfinished', ...copied]
  if (summary.unreadable === 0) return copied
  return [`${formatNumber(summary.unreadable, 'file')} unreadable`, ...copied]
}

/** Of what a copy is a copy, and who made that, where it is proved. */
function originalJson(
  { summary }: Snapshot,
  details: Details | undefined,
): Readonly<Record<string, unknown>> | undefined {
  const { copyOf } = summary
  if (copyOf === undefined) return undefined
  const id = toHex(copyOf)
  const original = details?.original
  if (original === undefined) return { id }
  const repository = toHex(original.repositoryId)
  const owner = toHex(original.ownerVerifyKey)
  try {
    const { certificate } = verifyOriginal(original, copyOf)
    return { id, repository, owner, writer: certificate.label }
  } catch (error) {
    if (!isCairnError(error)) throw error
    return { id, repository, owner, what: error.message }
  }
}

function jsonOf({ snapshot, details, holds }: Listed): Readonly<Record<string, unknown>> {
  const { id, summary, confirmed, certificate } = snapshot
  return {
    id,
    startedAt: isoTime(summary.startedMs),
    endedAt: isoTime(summary.endedMs),
    confirmed,
    ending: summary.ending,
    held: holds.length > 0,
    source: details?.source,
    host: details?.host,
    user: details?.user,
    paths: details?.paths.map(jsonPath),
    tags: details?.tags,
    original: originalJson(snapshot, details),
    sourceId: toHex(summary.sourceId),
    sequence: summary.sequence,
    writer: certificate.label,
    files: summary.files,
    folders: summary.folders,
    others: summary.others,
    unreadable: summary.unreadable,
    sizeBytes: summary.sizeBytes,
    addedBytes: summary.addedBytes,
    addedStoredBytes: summary.addedStoredBytes,
    program: summary.program,
    problems: details?.problems.map(({ path, what }) => ({ ...jsonPath(path), what })),
  }
}
