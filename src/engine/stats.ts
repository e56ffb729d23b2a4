// Statistics: what is stored, what it stands for, and how much deduplication and compression save. From
// listings, indexes and summaries alone: no tree is read, and header keys suffice.

import { toHex } from '../base/bytes.ts'
import { type Index, loadIndexes } from '../repository/index-load.ts'
import type { ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshots, type Snapshot } from '../repository/snapshots.ts'

export interface FolderStats {
  readonly objects: number
  readonly bytes: number
}

export interface PackStats extends FolderStats {
  readonly frames: number
  readonly blobs: number
  /** Plaintext of the blobs. */
  readonly rawBytes: number
}

export interface SnapshotStats {
  readonly snapshot: Snapshot
  /** Length of all its files. */
  readonly sizeBytes: number
  /** What its run added: plaintext, and stored. */
  readonly addedBytes: number
  readonly addedStoredBytes: number
}

export interface Stats {
  /** Everything in the store, by its first folder: `packs`, `index`, ... */
  readonly folders: ReadonlyMap<string, FolderStats>
  readonly totalBytes: number
  /** Of the domains that the key holds. */
  readonly data: PackStats
  readonly trees: PackStats
  /** Blobs that are stored more than once. */
  readonly duplicateBlobs: number
  readonly sources: number
  readonly snapshots: readonly SnapshotStats[]
  /** How many there are of domains that the key does not hold. */
  readonly closed: number
  /** Length of all files of all snapshots. */
  readonly snapshotBytes: number
  /** snapshotBytes by what is stored of data and trees: what it would take without Cairn. */
  readonly savingRatio: number
  /** Plaintext by what is stored of it. */
  readonly compressionRatio: number
  /** Objects that cannot be read, and whose part in the numbers is therefore not known. */
  readonly problems: readonly ObjectProblem[]
}

/** Throws where the store cannot be read at all. */
export async function stats(repository: Repository): Promise<Stats> {
  const folders = await folderStats(repository)
  const problems: ObjectProblem[] = []
  const onMarkProblem = (problem: ObjectProblem) => problems.push(problem)
  const indexes = await loadIndexes(repository, repository.domains, { onMarkProblem })
  const { data, trees, duplicateBlobs } = packStats(indexes)
  const listed = await loadSnapshots(repository, { onlyReading: true })
  const { snapshots } = listed
  const snapshotBytes = snapshots.reduce((sum, { summary }) => sum + summary.sizeBytes, 0)
  const stored = data.bytes + trees.bytes
  return {
    folders,
    totalBytes: [...folders.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    data,
    trees,
    duplicateBlobs,
    sources: new Set(snapshots.map(({ summary }) => toHex(summary.sourceId))).size,
    snapshots: snapshots.map(statsOfSnapshot),
    closed: listed.closed.length,
    snapshotBytes,
    savingRatio: ratio(snapshotBytes, stored),
    compressionRatio: ratio(data.rawBytes + trees.rawBytes, stored),
    problems: uniqueProblems([
      ...problems,
      ...indexes.flatMap((index) => index.problems),
      ...listed.problems,
    ]),
  }
}

/** What may be of several domains is a problem of each, and one object. */
function uniqueProblems(problems: readonly ObjectProblem[]): readonly ObjectProblem[] {
  return [...new Map(problems.map((problem) => [problem.name, problem])).values()]
}

function statsOfSnapshot(snapshot: Snapshot): SnapshotStats {
  const { sizeBytes, addedBytes, addedStoredBytes } = snapshot.summary
  return { snapshot, sizeBytes, addedBytes, addedStoredBytes }
}

function ratio(a: number, b: number): number {
  return b === 0 ? 1 : a / b
}

async function folderStats({ store }: Repository): Promise<ReadonlyMap<string, FolderStats>> {
  const folders = new Map<string, FolderStats>()
  for await (const { name, size } of store.list('')) {
    const folder = name.slice(0, name.indexOf('/'))
    const { objects, bytes } = folders.get(folder) ?? { objects: 0, bytes: 0 }
    folders.set(folder, { objects: objects + 1, bytes: bytes + size })
  }
  return folders
}

const NO_PACKS: PackStats = { objects: 0, bytes: 0, frames: 0, blobs: 0, rawBytes: 0 }
/** Of a frame's plaintext, what is not blobs: a count, and a length for each. */
const TABLE_WORD_BYTES = 4

function packStats(indexes: readonly Index[]): {
  data: PackStats
  trees: PackStats
  duplicateBlobs: number
} {
  const sums = { 'data-pack': { ...NO_PACKS }, 'tree-pack': { ...NO_PACKS } } as Record<
    'data-pack' | 'tree-pack',
    { -readonly [K in keyof PackStats]: number }
  >
  let duplicateBlobs = 0
  for (const { image, packs } of indexes) {
    for (const { kind, packBytes } of packs) {
      sums[kind].objects++
      sums[kind].bytes += packBytes
    }
    for (let i = 0; i < image.frames; i++) {
      const { pack, rawBytes, blobCount } = image.frame(i)
      const sum = sums[packs[pack]?.kind ?? 'data-pack']
      sum.frames++
      sum.blobs += blobCount
      sum.rawBytes += rawBytes - TABLE_WORD_BYTES * (1 + blobCount)
    }
    for (const { number, id } of image.numberedIds())
      if (image.blobNumber(id) !== number) duplicateBlobs++
  }
  return { data: sums['data-pack'], trees: sums['tree-pack'], duplicateBlobs }
}
