// `cairn diff`: what differs between two snapshots, a line for each entry, and what it comes to.

import { messageOf } from '../../base/errors.ts'
import {
  countDifference,
  type DiffCounts,
  type DiffStatistics,
  NO_DIFFERENCES,
} from '../../engine/diff/statistics.ts'
import { type Difference, type DiffOptions, type DiffSide, diff } from '../../engine/diff.ts'
import { joinPath } from '../../engine/paths.ts'
import type { Context } from '../context.ts'
import { jsonEntry } from '../entry-text.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { type Opened, openConfigured } from '../open-repository.ts'
import { jsonPath, printable } from '../printable.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import type { SnapshotFlags } from '../snapshot-options.ts'
import { findSnapshot, parsePlace } from '../snapshot-place.ts'

export interface DiffFlags extends SnapshotFlags {
  readonly metadata?: boolean
}

type Flags = DiffFlags & { readonly before: string; readonly after: string }

export async function diffAction(context: Context, flags: Flags): Promise<ExitCode | undefined> {
  const { output } = context
  const opened = await openConfigured(context)
  const { repository } = opened
  const before = await sideOf(context, { opened, flags, place: flags.before })
  const after = await sideOf(context, { opened, flags, place: flags.after })
  let problems = 0
  const options = optionsOf(context, { repository, before, after, onProblem: () => problems++ })
  let statistics = NO_DIFFERENCES
  for await (const difference of diff(options)) {
    if (output.behind) await output.behind
    if (output.closed) return undefined
    statistics = countDifference(statistics, difference)
    if (isMetadataOnly(difference) && flags.metadata !== true) continue
    tell(context, { difference, under: after })
  }
  for (const line of summaryOf(statistics)) output.summary(line)
  const ids = { before: before.snapshot.id, after: after.snapshot.id }
  output.event({ event: 'result', ...ids, ...statistics, problems })
  return problems > 0 ? EXIT.failed : undefined
}

async function sideOf(
  context: Context,
  options: { readonly opened: Opened; readonly flags: Flags; readonly place: string },
): Promise<DiffSide> {
  const { opened, flags, place } = options
  const { wanted, path } = parsePlace(place)
  return { snapshot: await findSnapshot(context, { opened, wanted, flags }), names: path ?? [] }
}

interface ToCompare extends Pick<DiffOptions, 'repository' | 'before' | 'after'> {
  readonly onProblem: () => void
}

function optionsOf({ output, interruption }: Context, compared: ToCompare): DiffOptions {
  return {
    ...compared,
    signal: interruption.signal,
    onProblem: ({ side, names, error }) => {
      compared.onProblem()
      const path = joinPath([...compared[side].names, ...names])
      const what = messageOf(error)
      output.problem(`${side}:${printable(path)}: ${what}`, { side, ...jsonPath(path), what })
    },
  }
}

function isMetadataOnly(difference: Difference): boolean {
  if (difference.kind !== 'modified') return false
  return !difference.change.type && !difference.change.content
}

/** `+` added, `-` removed, `M` other content, `T` another type, `U` other attributes only. */
function signOf(difference: Difference): string {
  if (difference.kind === 'added') return '+'
  if (difference.kind === 'removed') return '-'
  if (difference.change.type) return 'T'
  return difference.change.content ? 'M' : 'U'
}

function tell(
  { output }: Context,
  { difference, under }: { readonly difference: Difference; readonly under: DiffSide },
): void {
  const path = joinPath([...under.names, ...difference.names])
  const entry = difference.kind === 'removed' ? difference.before : difference.after
  const slash = entry.type === 'directory' ? '/' : ''
  output.line(`${signOf(difference)} ${printable(path)}${slash}`)
  const change = difference.kind === 'modified' ? difference.change : undefined
  output.event({ event: 'item', kind: difference.kind, change, ...jsonEntry(path, entry) })
}

function summaryOf(statistics: DiffStatistics): readonly string[] {
  const { added, removed, content, type, metadata } = statistics
  const changed = [
    ...(content > 0 ? [`${formatNumber(content, 'entry', 'entries')} with other content`] : []),
    ...(type > 0 ? [`${type} of another type`] : []),
    ...(metadata > 0 ? [`${metadata} with other attributes only`] : []),
  ]
  return [
    ...(isNone(added) ? [] : [`added: ${countsText(added)}`]),
    ...(isNone(removed) ? [] : [`removed: ${countsText(removed)}`]),
    ...(changed.length > 0 ? [`changed: ${changed.join(', ')}`] : []),
    ...(statistics === NO_DIFFERENCES ? ['No differences'] : []),
  ]
}

function isNone({ files, folders, others }: DiffCounts): boolean {
  return files + folders + others === 0
}

function countsText({ files, folders, others, bytes }: DiffCounts): string {
  return [
    `${formatNumber(files, 'file')} (${formatBytes(bytes)})`,
    formatNumber(folders, 'folder'),
    ...(others > 0 ? [formatNumber(others, 'link or device', 'links and devices')] : []),
  ].join(', ')
}
