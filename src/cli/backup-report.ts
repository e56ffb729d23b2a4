// What a backup tells: how far it is, what it could not read, what came of it.

import type { Bytes } from '../base/bytes.ts'
import { messageOf } from '../base/errors.ts'
import type { BackupResult } from '../engine/backup/options.ts'
import type { BackupCounts, SourceProblem } from '../engine/backup/report.ts'
import type { Repository } from '../repository/repository.ts'
import type { Context } from './context.ts'
import type { Output } from './output.ts'
import { jsonPath, printable, printableText } from './printable.ts'
import type { Progress } from './progress.ts'
import { formatBytes, formatNumber } from './sizes.ts'
import { fullId, shortId, shownPaths } from './snapshot-text.ts'
import { formatDuration, isoTime } from './times.ts'

export function tellSourceProblem(
  output: Output,
  { kind, change, path, what }: SourceProblem,
): void {
  output.problem(`${kind}: ${printable(path)}: ${what}`, { kind, change, ...jsonPath(path), what })
}

export function showBackupProgress(
  progress: Progress,
  { counts, totalBytes }: { counts: BackupCounts; totalBytes: number | undefined },
): void {
  progress.show({
    doneBytes: counts.sizeBytes,
    totalBytes,
    counts: [formatNumber(counts.files, 'file')],
    fields: { ...counts },
  })
}

interface Done {
  readonly result: BackupResult
  readonly repository: Repository
  readonly paths: readonly Bytes[]
  readonly dryRun: boolean
}

export function tellBackup({ output }: Context, done: Done): void {
  const { result, repository, dryRun } = done
  const { counts } = result
  const { address } = repository.store
  output.summary(dryRun ? `Would save ${shownPaths(done.paths)} in ${address}` : headline(done))
  output.summary(`  ${whatIsInIt(counts)}`)
  output.summary(`  ${dryRun ? whatWouldBeRead(counts) : whatIsNew(result)}`)
  for (const line of whatIsWrong(counts)) output.note(line)
  const where = { repository: repository.idHex, address, dryRun }
  output.event({ event: 'result', ...jsonResult(result), ...where })
}

function whatWouldBeRead({ filesRead, readBytes, filesUnchanged }: BackupCounts): string {
  const unchanged = `${formatNumber(filesUnchanged, 'file')} unchanged`
  return `${formatNumber(filesRead, 'file')} to read (${formatBytes(readBytes)}), ${unchanged}`
}

function jsonResult(result: BackupResult): Readonly<Record<string, unknown>> {
  const { snapshot, parent, counts, addedBytes, addedStoredBytes, startedMs, endedMs } = result
  return {
    snapshot: snapshot === undefined ? null : fullId(snapshot),
    parent: parent === undefined ? null : fullId(parent),
    ...counts,
    addedBytes,
    addedStoredBytes,
    startedAt: isoTime(startedMs),
    endedAt: isoTime(endedMs),
    durationMs: endedMs - startedMs,
  }
}

function headline({ result, repository, paths }: Done): string {
  const { snapshot, parent } = result
  if (snapshot !== undefined) {
    const { address } = repository.store
    return `Saved snapshot ${shortId(snapshot)} of ${shownPaths(paths)} in ${address}`
  }
  const since = parent === undefined ? '' : ` since snapshot ${shortId(parent)}`
  return `Nothing has changed${since}: made no new snapshot`
}

function whatIsInIt({ files, sizeBytes, folders, others }: BackupCounts): string {
  const rest = others > 0 ? [formatNumber(others, 'link or device', 'links and devices')] : []
  const size = `${formatNumber(files, 'file')} (${formatBytes(sizeBytes)})`
  return [size, formatNumber(folders, 'folder'), ...rest].join(', ')
}

function whatIsNew({
  counts,
  addedBytes,
  addedStoredBytes,
  startedMs,
  endedMs,
}: BackupResult): string {
  const read = `${formatNumber(counts.filesRead, 'file')} read`
  const added = `${formatBytes(addedBytes)} new, stored in ${formatBytes(addedStoredBytes)}`
  return `${read}, ${added}, in ${formatDuration(endedMs - startedMs)}`
}

function whatIsWrong({ unreadable, changed, vanished }: BackupCounts): readonly string[] {
  const lines: string[] = []
  if (unreadable > 0)
    lines.push(`${formatNumber(unreadable, 'path')} could not be read: see above.`)
  if (changed > 0)
    lines.push(`${formatNumber(changed, 'file')} changed while being read: see above.`)
  if (vanished > 0) lines.push(`${formatNumber(vanished, 'file')} vanished before being read.`)
  return lines
}

/** What stops no backup. The store's errors say what could not be done; the cache's are the system's. */
export function tellWarning(
  output: Output,
  { error, cacheFolder }: { readonly error: unknown; readonly cacheFolder: string },
): void {
  const isCache = error instanceof Error && 'syscall' in error
  if (!isCache) return output.warning('store', messageOf(error))
  const text =
    `Cannot write the cache in ${printableText(cacheFolder)}: ${error.message}. ` +
    'This backup is not affected; the next one may have to read all files again.'
  output.warning('cache', text)
}
