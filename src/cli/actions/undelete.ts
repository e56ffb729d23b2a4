// `cairn undelete`: what was forgotten and can be had back, and having it back.

import { hostname } from 'node:os'
import { messageOf } from '../../base/errors.ts'
import type { Undeletable } from '../../engine/undelete/select.ts'
import { loadUndeletable, type UndeleteOptions, undelete } from '../../engine/undelete.ts'
import { UNDELETE_WINDOW_MS } from '../../repository/forgets.ts'
import { aboutObject } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import { openDetails } from '../../repository/snapshots.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { openConfigured } from '../open-repository.ts'
import { jsonPath, printableText } from '../printable.ts'
import { formatNumber } from '../sizes.ts'
import { fullId, shortId, shownPaths } from '../snapshot-text.ts'
import { type Column, formatTable } from '../table.ts'
import { formatTime, isoTime } from '../times.ts'
import { withUpkeep } from '../upkeep.ts'

export async function undeleteAction(
  context: Context,
  { snapshots: wanted }: { readonly snapshots: readonly string[] },
): Promise<ExitCode | undefined> {
  const { output, clock, random } = context
  const { repository } = await openConfigured(context)
  const onWarning = (error: unknown) => output.warning('lease', messageOf(error))
  return withUpkeep(context, { repository, dryRun: wanted.length === 0 }, (upkept) => {
    const options = { repository: upkept, host: hostname(), clock, random, onWarning }
    return wanted.length === 0 ? list(context, options) : bringBack(context, { ...options, wanted })
  })
}

async function list(context: Context, options: UndeleteOptions): Promise<ExitCode | undefined> {
  const { output } = context
  const { offered, notWhole, problems } = await loadUndeletable(options)
  for (const problem of problems) {
    const { name, error } = problem
    output.problem(aboutObject(problem).message, { object: name, what: error.message })
  }
  const { repository } = options
  const rows = offered.map((one) => rowOf(repository, one))
  for (const line of rows.length === 0 ? [] : formatTable(COLUMNS, rows)) output.line(line)
  if (rows.length === 0) output.note('Nothing that was forgotten can be had back.')
  else output.summary(`${formatNumber(rows.length, 'snapshot')} can be had back`)
  for (const { id } of notWhole)
    output.note(`Not snapshot ${shortId(id)}: a prune has deleted something that it needs.`)
  const snapshots = offered.map((one) => jsonOf(repository, one))
  output.event({ event: 'result', snapshots, problems: problems.length })
  return problems.length > 0 ? EXIT.failed : undefined
}

async function bringBack(
  { output }: Context,
  options: UndeleteOptions & { readonly wanted: readonly string[] },
): Promise<ExitCode | undefined> {
  const { done, failed } = await undelete(options)
  for (const { snapshot, name } of done) {
    const still = snapshot.confirmed ? '' : ', unconfirmed as it was'
    output.summary(`Snapshot ${shortId(snapshot.id)} is back: it is now ${shortId(name)}${still}`)
  }
  for (const { snapshot, error } of failed) {
    const hint = error.hint === undefined ? '' : `. ${error.hint}`
    const what = error.message
    output.problem(`${what}${hint}`, { snapshot: snapshot.id, code: error.code, what })
  }
  const snapshots = done.map(({ snapshot, name }) => ({ before: snapshot.id, after: fullId(name) }))
  output.event({ event: 'result', snapshots, problems: failed.length })
  return failed.length > 0 ? EXIT.failed : undefined
}

const COLUMNS: readonly Column[] = [
  { title: 'ID' },
  { title: 'TIME' },
  { title: 'FORGOTTEN' },
  { title: 'UNTIL' },
  { title: 'HOST' },
  { title: 'PATHS' },
  { title: 'TAGS' },
  { title: '' },
]

function rowOf(repository: Repository, snapshot: Undeletable): readonly string[] {
  const { id, summary, forgotten, confirmed } = snapshot
  const details = snapshot.domain.canOpen ? openDetails(repository, snapshot) : undefined
  return [
    shortId(id),
    formatTime(summary.startedMs),
    formatTime(forgotten.forgottenAtMs),
    formatTime(forgotten.forgottenAtMs + UNDELETE_WINDOW_MS),
    details === undefined ? '-' : printableText(details.host),
    details === undefined ? '-' : shownPaths(details.paths),
    details === undefined ? '-' : printableText(details.tags.join(',')),
    confirmed ? '' : 'unconfirmed',
  ]
}

function jsonOf(repository: Repository, snapshot: Undeletable): Readonly<Record<string, unknown>> {
  const { id, summary, forgotten, confirmed } = snapshot
  const details = snapshot.domain.canOpen ? openDetails(repository, snapshot) : undefined
  return {
    id,
    startedAt: isoTime(summary.startedMs),
    forgottenAt: isoTime(forgotten.forgottenAtMs),
    until: isoTime(forgotten.forgottenAtMs + UNDELETE_WINDOW_MS),
    confirmed,
    source: details?.source,
    host: details?.host,
    paths: details?.paths.map(jsonPath),
    tags: details?.tags,
  }
}
