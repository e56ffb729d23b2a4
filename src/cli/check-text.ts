// What check finds, for people and for programs: an object and what it affects.

import type { Bytes } from '../base/bytes.ts'
import type { CheckNote, CheckProblem, ProblemKind } from '../engine/check/problems.ts'
import type { CheckProgress } from '../engine/check.ts'
import { fewOfEach, folderOf } from './few-of-each.ts'
import type { Output } from './output.ts'
import { jsonPath, printable } from './printable.ts'
import type { Progress } from './progress.ts'
import { formatCount, formatNumber } from './sizes.ts'
import { shortId } from './snapshot-text.ts'

/**
 * What affects snapshots or files is told each, and what is missing; of objects that are no good and affect nothing
 * that is known, a few of each folder and kind.
 */
export function tellProblems(output: Output, problems: readonly CheckProblem[]): void {
  const { named, more } = fewOfEach(output, problems, foldedKind)
  for (const problem of named) tellProblem(output, problem)
  for (const { count, example } of more) {
    const where = folderOf(example.object) ?? ''
    const text = `${example.kind}: ${formatNumber(count, 'more object')} in ${where} (--verbose lists all)`
    output.problem(text, { kind: example.kind })
  }
}

const FOLDED_KINDS: readonly ProblemKind[] = ['damaged', 'foreign', 'unsupported']

function foldedKind({
  kind,
  object,
  snapshots = [],
  paths = [],
}: CheckProblem): string | undefined {
  if (!FOLDED_KINDS.includes(kind) || snapshots.length + paths.length > 0) return undefined
  const folder = folderOf(object)
  return folder === undefined ? undefined : `${kind} ${folder}`
}

function tellProblem(output: Output, problem: CheckProblem): void {
  const { kind, object, what, snapshots = [], paths = [] } = problem
  const lines = [`${kind}: ${object}: ${what}`, ...affectedLines(snapshots, paths)]
  output.problem(lines.join('\n'), { ...problem, paths: paths.map(jsonPath) })
}

export function tellNote(
  output: Output,
  { object, what, snapshots = [], paths = [] }: CheckNote,
): void {
  output.detail([`note: ${object}: ${what}`, ...affectedLines(snapshots, paths)].join('\n'))
}

export function jsonNote({ paths, ...note }: CheckNote): Readonly<Record<string, unknown>> {
  return { ...note, ...(paths && { paths: paths.map(jsonPath) }) }
}

const PATHS_SHOWN_MAX = 20
const SNAPSHOTS_SHOWN_MAX = 20

/** A path has a line of its own: names may have spaces in them. */
export function affectedLines(
  snapshots: readonly string[],
  paths: readonly Bytes[],
): readonly string[] {
  const more = paths.length - PATHS_SHOWN_MAX
  return [
    ...(snapshots.length > 0 ? [`  affects snapshots ${someOf(snapshots)}`] : []),
    ...(paths.length > 0 ? ['  affects'] : []),
    ...paths.slice(0, PATHS_SHOWN_MAX).map((path) => `    ${printable(path)}`),
    ...(more > 0 ? [`    and ${more} more (--json lists all)`] : []),
  ]
}

function someOf(snapshots: readonly string[]): string {
  const shown = snapshots.slice(0, SNAPSHOTS_SHOWN_MAX).map(shortId).join(', ')
  const more = snapshots.length - SNAPSHOTS_SHOWN_MAX
  return more > 0 ? `${shown} and ${formatCount(more)} more (--json lists all)` : shown
}

export function showCheckProgress(progress: Progress, so: CheckProgress): void {
  const { bytesDone, bytesTotal, packsDone, packsTotal } = so
  progress.show({
    doneBytes: bytesDone,
    totalBytes: bytesTotal > 0 ? bytesTotal : undefined,
    counts: [`${packsDone} of ${formatNumber(packsTotal, 'pack')}`],
    fields: { ...so },
  })
}
