// `cairn find`: entries by name over snapshots, oldest snapshot first.

import { isCairnError, messageOf } from '../../base/errors.ts'
import { type FindOptions, type Found, find } from '../../engine/find.ts'
import { joinPath } from '../../engine/paths.ts'
import { filterSnapshots, mayReadNone, selectSnapshot } from '../../engine/select-snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Snapshot, SnapshotList } from '../../repository/snapshots.ts'
import type { Context } from '../context.ts'
import { entryLine, jsonEntry } from '../entry-text.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { FIND_TYPES, type FindFlags } from '../find-types.ts'
import { openConfigured } from '../open-repository.ts'
import { jsonPath, printable } from '../printable.ts'
import { formatNumber } from '../sizes.ts'
import { filterOf } from '../snapshot-options.ts'
import { loadKnownSnapshots } from '../snapshot-place.ts'
import { closedText, shortId } from '../snapshot-text.ts'
import { formatTime } from '../times.ts'

type Flags = FindFlags & { readonly patterns: readonly string[] }

export async function findAction(context: Context, flags: Flags): Promise<ExitCode | undefined> {
  const { output } = context
  const { repository } = await openConfigured(context)
  const known = await loadKnownSnapshots(context, repository)
  const snapshots = chosen(known, { repository, flags })
  // Those that were named may all be read.
  const closed = flags.snapshot === undefined ? known.closed.length : 0
  let problems = 0
  const options = optionsOf(context, { repository, snapshots, flags, onProblem: () => problems++ })
  let entries = 0
  let current: Snapshot | undefined
  for await (const found of find(options)) {
    if (output.behind) await output.behind
    if (output.closed) return undefined
    entries++
    if (found.snapshot !== current) output.line(heading(found.snapshot))
    current = found.snapshot
    tell(context, { found, long: flags.long ?? false })
  }
  const where = formatNumber(snapshots.length, 'snapshot')
  output.note(`${formatNumber(entries, 'entry', 'entries')} found in ${where}.`)
  if (closed > 0) output.note(closedText(closed))
  output.event({ event: 'result', entries, snapshots: snapshots.length, closed, problems })
  return problems > 0 ? EXIT.failed : undefined
}

function chosen(
  known: SnapshotList,
  { repository, flags }: { readonly repository: Repository; readonly flags: Flags },
): readonly Snapshot[] {
  const { snapshots, closed } = known
  const filter = filterOf(flags)
  if (flags.snapshot !== undefined)
    return flags.snapshot.map((wanted) => selectSnapshot(known, { repository, wanted, filter }))
  if (snapshots.length === 0 && closed.length > 0) throw mayReadNone(closed)
  return filterSnapshots(snapshots, { repository, filter })
}

interface ToFind {
  readonly repository: Repository
  readonly snapshots: readonly Snapshot[]
  readonly flags: Flags
  readonly onProblem: () => void
}

function optionsOf(
  { output, interruption }: Context,
  { repository, snapshots, flags, onProblem }: ToFind,
): FindOptions {
  const mayReadNone = !snapshots.some(({ domain }) => domain.canOpen)
  return {
    repository,
    snapshots,
    patterns: flags.patterns,
    ignoreCase: flags.ignoreCase ?? false,
    ...(flags.type !== undefined && { types: FIND_TYPES[flags.type] }),
    signal: interruption.signal,
    onProblem: ({ snapshot, names, error }) => {
      // A key that may read none of them finds nothing: that is no problem of a folder.
      if (mayReadNone && isCairnError(error, 'not-permitted')) throw error
      onProblem()
      const path = joinPath(names)
      const what = messageOf(error)
      const event = { snapshot: snapshot.id, ...jsonPath(path), what }
      output.problem(`${shortId(snapshot.id)}:${printable(path)}: ${what}`, event)
    },
  }
}

function heading({ id, summary }: Snapshot): string {
  return `Snapshot ${shortId(id)} of ${formatTime(summary.startedMs)}`
}

function tell({ output }: Context, { found, long }: { found: Found; long: boolean }): void {
  const path = joinPath(found.names)
  const { entry, snapshot } = found
  output.line(`  ${entryLine({ path, entry, long })}`)
  output.event({ event: 'item', snapshot: snapshot.id, ...jsonEntry(path, entry) })
}
