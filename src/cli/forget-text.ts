// A plan of forgetting for people and for programs: for every snapshot whether it stays, and by which rule.

import { isCairnError } from '../base/errors.ts'
import type { Refusal } from '../engine/forget/guards.ts'
import { type ForgetPlan, goingIn, type SourcePlan } from '../engine/forget/plan.ts'
import type { Decision } from '../engine/forget/policy.ts'
import type { Retained } from '../engine/forget/survey.ts'
import type { Details } from '../format/snapshot.ts'
import type { Repository } from '../repository/repository.ts'
import { openDetails, type Snapshot } from '../repository/snapshots.ts'
import type { Output } from './output.ts'
import { printableText } from './printable.ts'
import { shortId } from './snapshot-text.ts'
import { type Column, formatTable } from './table.ts'
import { formatTime, isoTime } from './times.ts'

export type Plan = ForgetPlan<Retained>

interface Shown {
  readonly output: Output
  readonly repository: Repository
}

/** Tells the plan: to people as tables, to programs as items and problems. */
export function showPlan(shown: Shown, plan: Plan, options: { readonly asked: boolean }): void {
  const { output } = shown
  const line = (text: string) => (options.asked ? output.line(text) : output.summary(text))
  const going = new Set(goingIn(plan))
  plan.sources.forEach((source, i) => {
    if (i > 0) line('')
    line(headingOf(shown.repository, source))
    for (const row of formatTable(COLUMNS, rowsOf(shown.repository, source))) line(row)
    for (const decision of source.decisions)
      output.event({ event: 'item', ...jsonOf(decision, going) })
  })
  for (const source of plan.sources) {
    for (const refusal of source.refusals) tellRefusal(shown, refusal, source)
  }
  for (const refusal of plan.refusals) tellRefusal(shown, refusal)
  // Before anything is done.
  output.flush()
}

function tellRefusal(
  { output, repository }: Shown,
  { kind, what, hint }: Refusal,
  source?: SourcePlan<Retained>,
): void {
  const of = source === undefined ? '' : ` of ${sourceText(repository, source)}`
  output.problem(`Nothing${of} is forgotten: ${what}. ${hint}`, {
    refusal: kind,
    ...(source && { sourceId: sourceIdOf(source) }),
    what,
    hint,
  })
}

function newestOf({ decisions }: SourcePlan<Retained>): Snapshot {
  return (decisions[0] as Decision<Retained>).candidate.lineage.shown
}

function sourceIdOf({ source }: SourcePlan): string {
  return source.slice(source.indexOf(' ') + 1)
}

function sourceText(repository: Repository, source: SourcePlan<Retained>): string {
  const details = detailsOf(repository, newestOf(source))
  const id = sourceIdOf(source).slice(0, 8)
  return details === undefined ? `source ${id}` : `source ${printableText(details.source)}`
}

function headingOf(repository: Repository, source: SourcePlan<Retained>): string {
  const name = sourceText(repository, source)
  const { length } = source.decisions.filter(({ keeps }) => !keeps)
  const counts = `${source.decisions.length - length} to keep, ${length} to forget`
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}: ${counts}`
}

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'ID' },
  { title: 'RECEIVED' },
  { title: 'TAGS' },
  { title: 'BY' },
]

function rowsOf(
  repository: Repository,
  { decisions }: SourcePlan<Retained>,
): readonly (readonly string[])[] {
  return decisions.map(({ candidate, keeps, rules }) => [
    keeps ? 'keep' : 'forget',
    shortId(candidate.id),
    formatTime(candidate.timeMs),
    printableText(detailsOf(repository, candidate.lineage.shown)?.tags.join(',') ?? '-'),
    printableText([...remarks(candidate), ...rules].join(', ')),
  ])
}

function remarks({ ending, isConfirmed }: Retained): readonly string[] {
  if (!isConfirmed || ending === 'complete') return []
  return [ending === 'checkpoint' ? '(unfinished)' : '(files unreadable)']
}

function jsonOf(
  { candidate, keeps, rules }: Decision<Retained>,
  going: ReadonlySet<Retained>,
): Readonly<Record<string, unknown>> {
  const { id, source, timeMs, startedMs, sequence, ending, isConfirmed, isHeld } = candidate
  return {
    action: keeps ? 'keep' : going.has(candidate) ? 'forget' : 'refused',
    id,
    rules,
    receivedAt: isoTime(timeMs),
    startedAt: isoTime(startedMs),
    sourceId: source.slice(source.indexOf(' ') + 1),
    sequence,
    ending,
    confirmed: isConfirmed,
    held: isHeld,
  }
}

/** Undefined where the key in use may not read them. */
function detailsOf(repository: Repository, snapshot: Snapshot): Details | undefined {
  if (!snapshot.domain.canOpen) return undefined
  try {
    return openDetails(repository, snapshot)
  } catch (error) {
    // It is forgotten all the same, and nothing of it is shown.
    if (isCairnError(error)) return undefined
    throw error
  }
}
