// `cairn stats`: numbers about what is stored.

import { type PackStats, type Stats, stats } from '../../engine/stats.ts'
import type { Context } from '../context.ts'
import { openConfigured } from '../open-repository.ts'
import { formatBytes, formatNumber } from '../sizes.ts'
import { warnOfSkipped } from '../skipped-objects.ts'
import { closedText } from '../snapshot-text.ts'

export async function statsAction(context: Context): Promise<undefined> {
  const { output } = context
  const { repository } = await openConfigured(context)
  const found = await stats(repository)
  warnOfSkipped(output, found.problems)
  for (const line of linesOf(found)) output.line(line)
  if (found.closed > 0) output.note(closedText(found.closed))
  output.event({ event: 'result', repository: repository.idHex, ...jsonOf(found) })
  return undefined
}

function linesOf(found: Stats): readonly string[] {
  const { snapshots, sources, snapshotBytes, totalBytes, data, trees } = found
  const count = formatNumber(snapshots.length, 'snapshot')
  const of = sources > 1 ? ` of ${formatNumber(sources, 'source')}` : ''
  const saving = found.savingRatio.toFixed(1)
  const duplicates = found.duplicateBlobs
  return [
    `snapshots    ${count}${of}, with ${formatBytes(snapshotBytes)} of files together`,
    `stored       ${formatBytes(totalBytes)}`,
    `  data       ${packText(data)}`,
    `  trees      ${packText(trees)}`,
    ...(found.savingRatio > 1 ? [`saving       the files are ${saving} times what is stored`] : []),
    `compression  ${found.compressionRatio.toFixed(2)} times`,
    ...(duplicates > 0
      ? [`duplicates   ${formatNumber(duplicates, 'blob')} stored more than once`]
      : []),
  ]
}

function packText({ bytes, objects, blobs, rawBytes }: PackStats): string {
  const holds = `${formatNumber(blobs, 'blob')} (${formatBytes(rawBytes)})`
  return `${formatBytes(bytes)} in ${formatNumber(objects, 'pack')}: ${holds}`
}

function jsonOf(found: Stats): Readonly<Record<string, unknown>> {
  const { folders, snapshots, problems, ...rest } = found
  return {
    ...rest,
    folders: Object.fromEntries(folders),
    problems: problems.length,
    snapshots: snapshots.map(({ snapshot, ...sizes }) => ({ id: snapshot.id, ...sizes })),
  }
}
