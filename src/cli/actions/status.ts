// `cairn status`: what goes on in a repository, at a glance.

import { isCairnError } from '../../base/errors.ts'
import { type SourceStatus, type Status, status } from '../../engine/status.ts'
import { UNDELETE_WINDOW_MS } from '../../repository/forgets.ts'
import type { Repository } from '../../repository/repository.ts'
import { openDetails } from '../../repository/snapshots.ts'
import { catalogIn } from '../catalog-file.ts'
import type { Context } from '../context.ts'
import { noticeMissing } from '../newest-known.ts'
import { openConfigured } from '../open-repository.ts'
import { printableText } from '../printable.ts'
import { jsonSession, sessionLines } from '../session-text.ts'
import { formatNumber } from '../sizes.ts'
import { warnOfSkipped } from '../skipped-objects.ts'
import { closedText, shortId } from '../snapshot-text.ts'
import { formatDuration, formatTime, isoTime } from '../times.ts'

export async function statusAction(context: Context): Promise<undefined> {
  const { output, clock } = context
  const { repository, cacheFolder } = await openConfigured(context)
  const nowMs = clock.nowMs()
  const found = await status(repository, { nowMs, catalog: catalogIn(context, cacheFolder) })
  warnOfSkipped(output, found.problems)
  await noticeMissing(context, repository, found)
  for (const line of linesOf(repository, { found, nowMs })) output.line(line)
  if (found.closed > 0) output.note(closedText(found.closed))
  output.event({ event: 'result', repository: repository.idHex, ...jsonOf(found) })
  return undefined
}

function linesOf(
  repository: Repository,
  { found, nowMs }: { readonly found: Status; readonly nowMs: number },
): readonly string[] {
  const { sessions, sources, unconfirmed } = found
  return [
    ...(sources.length === 0 ? ['There is no snapshot yet'] : []),
    ...sources.map((source) => sourceLine(repository, { source, nowMs })),
    ...(unconfirmed.length > 0
      ? [
          `${formatNumber(unconfirmed.length, 'snapshot')} without a receipt: of runs that did not end, or are at work`,
        ]
      : []),
    ...undeletableLines(found),
    ...markLines(found),
    ...sessionLines(sessions),
  ]
}

function undeletableLines({ undeletable }: Status): readonly string[] {
  const [first] = undeletable
  if (first === undefined) return []
  const until = formatTime(first.forgotten.forgottenAtMs + UNDELETE_WINDOW_MS)
  const which = undeletable.length === 1 ? 'until' : 'the first of them until'
  const some = formatNumber(undeletable.length, 'forgotten snapshot')
  return [`${some} can be had back (\`cairn undelete\`), ${which} ${until}`]
}

function markLines({ marks }: Status): readonly string[] {
  const [oldest] = marks
  if (oldest === undefined) return []
  const packs = marks.reduce((sum, mark) => sum + mark.packs.length, 0)
  const some = `${formatNumber(packs, 'pack')} in ${formatNumber(marks.length, 'mark')}`
  const wait = packs === 1 ? 'waits' : 'wait'
  return [`${some} ${wait} to be deleted, the oldest since ${formatTime(oldest.storedAtMs)}`]
}

function sourceLine(
  repository: Repository,
  { source, nowMs }: { readonly source: SourceStatus; readonly nowMs: number },
): string {
  const { newest, snapshots } = source
  const { endedMs } = newest.summary
  const age = formatDuration(Math.max(0, nowMs - endedMs))
  const count = formatNumber(snapshots, 'snapshot')
  return `${nameOf(repository, source)}: ${count}, the last ${shortId(newest.id)} of ${formatTime(endedMs)} (${age} ago)`
}

/** Only readers know what a source is called. */
function nameOf(repository: Repository, { newest }: SourceStatus): string {
  try {
    const { host, source } = openDetails(repository, newest)
    return printableText(source === '' ? host : `${host} ${source}`)
  } catch (error) {
    if (!isCairnError(error)) throw error
    return `source of ${newest.certificate.label}`
  }
}

function jsonOf({ sessions, marks, sources, unconfirmed, undeletable }: Status) {
  return {
    sessions: sessions.map(jsonSession),
    marks: marks.map(({ name, packs, snapshots, storedAtMs }) => ({
      mark: name,
      packs: packs.length,
      snapshots: snapshots.length,
      markedAt: isoTime(storedAtMs),
    })),
    sources: sources.map(({ newest, snapshots }) => ({
      newest: newest.id,
      endedAt: isoTime(newest.summary.endedMs),
      snapshots,
    })),
    unconfirmed: unconfirmed.map(({ id }) => id),
    undeletable: undeletable.map(({ id, forgotten: { forgottenAtMs } }) => ({
      id,
      forgottenAt: isoTime(forgottenAtMs),
      until: isoTime(forgottenAtMs + UNDELETE_WINDOW_MS),
    })),
  }
}
