// A plan of forgetting for people and for programs: for every snapshot whether it stays, and by which rule.

import type { Refusal } from '../engine/forget/guards.ts'
import { type ForgetPlan, goingIn, type SourcePlan } from '../engine/forget/plan.ts'
import type { Decision } from '../engine/forget/policy.ts'
import type { Retained } from '../engine/forget/survey.ts'
import type { Details } from '../format/snapshot.ts'
import type { Output } from './output.ts'
import { printableText } from './printable.ts'
import { shortId } from './snapshot-text.ts'
import { type Column, formatTable } from './table.ts'
import { formatTime, isoTime } from './times.ts'

export type Plan = ForgetPlan<Retained>

interface Shown {
  readonly output: Output
  /** Of the newest snapshot of each source, as far as the key in use may read them. */
  readonly details: ReadonlyMap<string, Details>
}

/** Tells the plan: to people as tables, to programs as items and problems. */
export function showPlan(shown: Shown, plan: Plan, options: { readonly asked: boolean }): void {
  const { output } = shown
  const line = (text: string) => (options.asked ? output.line(text) : output.summary(text))
  const going = new Set(goingIn(plan))
  plan.sources.forEach((source, i) => {
    if (i > 0) line('')
    line(headingOf(shown, { source, going }))
    if (!output.json) for (const row of formatTable(COLUMNS, rowsOf(source, going))) line(row)
    if (output.json)
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
  shown: Shown,
  { kind, what, hint }: Refusal,
  source?: SourcePlan<Retained>,
): void {
  const of = source === undefined ? '' : ` of ${sourceText(shown, source)}`
  shown.output.problem(`Nothing${of} is forgotten: ${what}. ${hint}`, {
    refusal: kind,
    ...(source && { sourceId: sourceIdOf(source) }),
    what,
    hint,
  })
}

function sourceIdOf({ source }: Pick<SourcePlan, 'source'>): string {
  return source.slice(source.indexOf(' ') + 1)
}

function sourceText({ details }: Shown, { source }: SourcePlan<Retained>): string {
  const name = details.get(source)?.source
  return `source ${name === undefined ? sourceIdOf({ source }).slice(0, 8) : printableText(name)}`
}

function headingOf(
  shown: Shown,
  {
    source,
    going,
  }: { readonly source: SourcePlan<Retained>; readonly going: ReadonlySet<Retained> },
): string {
  const name = sourceText(shown, source)
  const { length } = source.decisions.filter(({ candidate }) => going.has(candidate))
  const refused = source.decisions.filter(({ keeps }) => !keeps).length - length
  const also = refused > 0 ? ` (${refused} of them against the rules, see below)` : ''
  const counts = `${source.decisions.length - length} to keep${also}, ${length} to forget`
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}: ${counts}`
}

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'ID' },
  { title: 'RECEIVED' },
  { title: 'BY' },
]

function rowsOf(
  { decisions }: SourcePlan<Retained>,
  going: ReadonlySet<Retained>,
): readonly (readonly string[])[] {
  return decisions.map(({ candidate, keeps, rules }) => [
    actionOf({ candidate, keeps }, going),
    shortId(candidate.id),
    formatTime(candidate.timeMs),
    printableText([...remarks(candidate), ...rules].join(', ')),
  ])
}

/** refused: no rule keeps it, and nothing of its source is forgotten. */
function actionOf(
  { candidate, keeps }: Pick<Decision<Retained>, 'candidate' | 'keeps'>,
  going: ReadonlySet<Retained>,
): string {
  if (keeps) return 'keep'
  return going.has(candidate) ? 'forget' : 'refused'
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
    action: actionOf({ candidate, keeps }, going),
    id,
    rules,
    receivedAt: isoTime(timeMs),
    startedAt: isoTime(startedMs),
    sourceId: sourceIdOf({ source }),
    sequence,
    ending,
    confirmed: isConfirmed,
    held: isHeld,
  }
}
