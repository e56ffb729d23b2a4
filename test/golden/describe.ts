// A repository as text: its keys, and every snapshot with everything in it. What must be read from the
// committed bytes for ever is the committed text.

import { type Bytes, fromUtf8Lossy, toHex } from '../../src/base/bytes.ts'
import { splitPath } from '../../src/engine/paths.ts'
import { SnapshotReaders } from '../../src/engine/snapshot-readers.ts'
import { findEntry } from '../../src/engine/tree-reader.ts'
import type { BlobId } from '../../src/format/ids.ts'
import type { Details, Summary } from '../../src/format/snapshot.ts'
import { listGrants } from '../../src/repository/grants.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { loadSnapshots, openDetails, type Snapshot } from '../../src/repository/snapshots.ts'
import { describeUpkeep } from './describe-upkeep.ts'
import { type ListingOptions, listSnapshot } from './listing.ts'

/** What an owner sees of a repository. */
export async function describeRepository(repository: Repository): Promise<string> {
  const { snapshots } = await loadSnapshots(repository)
  const parts = [describeConfig(repository), await describeGrants(repository)]
  const upkeep = await describeUpkeep(repository)
  if (upkeep !== '') parts.push(upkeep)
  for (const snapshot of snapshots) {
    const details = openDetails(repository, snapshot)
    parts.push(describeSnapshot(snapshot, details))
    for (const path of details.paths)
      parts.push(await listPath(repository, { snapshot, path: fromUtf8Lossy(path) }))
  }
  return parts.join('\n')
}

function describeConfig({ config, idHex }: Repository): string {
  const { minBytes, avgBytes, maxBytes, segmentBytes } = config.chunker
  const lines = [
    `repository ${idHex}`,
    `config ${config.generation} of ${timeOf(config.createdMs)}`,
    `chunks ${minBytes} ${avgBytes} ${maxBytes}, segments ${segmentBytes}`,
    ...config.domains.map(({ id, epochs }) => {
      return `domain ${toHex(id)} epochs ${epochs.map(({ epoch }) => epoch).join()}`
    }),
    ...config.revocations.map(({ certificateId, accepted }) => {
      return `revoked ${toHex(certificateId)}, accepted ${accepted.map(shortHex).sort().join(' ')}`
    }),
  ]
  return `${lines.join('\n')}\n`
}

async function describeGrants(repository: Repository): Promise<string> {
  const grants = (await listGrants(repository)).filter(({ role }) => role !== undefined)
  const lines = grants.map(({ name, role, label, wrapping, domains = [], createdMs = 0 }) => {
    return `${name} ${role} "${label}" by ${wrapping}, ${timeOf(createdMs)}: ${domains.join(', ')}`
  })
  return `${lines.join('\n')}\n`
}

function describeSnapshot({ id, summary, domain, confirmed }: Snapshot, details: Details): string {
  const { source, host, user, paths, tags, problems, root } = details
  const lines = [
    `snapshot ${id}`,
    `${confirmed ? 'confirmed' : 'unconfirmed'}, in domain ${domain.label}, ${summary.ending}`,
    ...summaryLines(summary),
    `source "${source}" on ${host} by ${user}, tags ${tags.join(' ')}`,
    ...paths.map((path) => `path ${fromUtf8Lossy(path)}`),
    ...problems.map(({ path, what }) => `problem ${fromUtf8Lossy(path)}: ${what}`),
    `root ${root === undefined ? 'none' : `"${fromUtf8Lossy(root.name)}" ${root.type}`}`,
  ]
  return `${lines.join('\n')}\n`
}

function summaryLines(summary: Summary): readonly string[] {
  const { sequence, predecessor, replaces, sessionId, files, folders, others } = summary
  return [
    `number ${sequence}, after ${predecessor ? shortHex(predecessor) : 'nothing'}, ` +
      `replaces ${replaces ? shortHex(replaces) : 'nothing'}, source ${toHex(summary.sourceId)}`,
    `session ${toHex(sessionId)}, from ${timeOf(summary.startedMs)} to ${timeOf(summary.endedMs)}`,
    `${files} files, ${folders} folders, ${others} others, ${summary.unreadable} unreadable`,
    `${summary.sizeBytes} bytes, ${summary.addedBytes} added, ${summary.addedStoredBytes} stored`,
    `program "${summary.program}", roots ${summary.roots.map(shortHex).join(' ')}`,
  ]
}

/** What is at an absolute path of a snapshot; a word about it where nothing is. */
export async function listPath(
  repository: Repository,
  { snapshot, path }: { readonly snapshot: Snapshot; readonly path: string },
  options?: ListingOptions,
): Promise<string> {
  const reader = await new SnapshotReaders(repository).readerFor(snapshot)
  const root = snapshot.summary.roots[0] as BlobId
  const entry = await findEntry(reader, { root, names: splitPath(Buffer.from(path)) })
  if (entry === undefined) return `nothing at ${path}\n`
  if (entry.tree === undefined) return `no folder at ${path}\n`
  return listSnapshot(reader, { tree: entry.tree, entry }, options)
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

function shortHex(bytes: Bytes): string {
  return toHex(bytes).slice(0, 16)
}
