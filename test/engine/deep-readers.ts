// Every reader of snapshots, let loose on one, for trees on which they might never come to an end.

import { fromUtf8Lossy } from '../../src/base/bytes.ts'
import { messageOf } from '../../src/base/errors.ts'
import { check } from '../../src/engine/check.ts'
import { diff } from '../../src/engine/diff.ts'
import { dump } from '../../src/engine/dump.ts'
import { find } from '../../src/engine/find.ts'
import { SnapshotReaders } from '../../src/engine/snapshot-readers.ts'
import { walkTree } from '../../src/engine/tree-reader.ts'
import type { BlobId } from '../../src/format/ids.ts'
import type { Repository } from '../../src/repository/repository.ts'
import type { Snapshot } from '../../src/repository/snapshots.ts'

export interface ReadResult {
  /** How many entries, matches, differences, or entries in the archive. */
  readonly count: number
  /** Of the last of them. */
  readonly names: readonly string[]
  readonly problems: readonly string[]
}

const { signal } = new AbortController()

type Told = { readonly names: readonly Uint8Array[]; readonly error: unknown }

/** Collects what one reader has to say. */
async function read(
  run: (onProblem: (told: Told) => void) => AsyncIterable<{ names: readonly Uint8Array[] }>,
): Promise<ReadResult> {
  const problems: string[] = []
  let count = 0
  let last: readonly Uint8Array[] = []
  const onProblem = ({ names, error }: Told) =>
    problems.push(`${names.length}: ${messageOf(error)}`)
  for await (const { names } of run(onProblem)) {
    count++
    last = names
  }
  return { count, names: last.map(fromUtf8Lossy), problems }
}

export async function listAll(repository: Repository, snapshot: Snapshot): Promise<ReadResult> {
  const reader = await new SnapshotReaders(repository).readerFor(snapshot)
  const root = snapshot.summary.roots[0] as BlobId
  return read((onProblem) =>
    walkTree(reader, { root, onError: (names, error) => onProblem({ names, error }) }),
  )
}

export async function findAll(
  repository: Repository,
  { snapshots, patterns }: { snapshots: readonly Snapshot[]; patterns: readonly string[] },
): Promise<ReadResult> {
  return read((onProblem) => find({ repository, snapshots, patterns, signal, onProblem }))
}

export async function diffAll(
  repository: Repository,
  before: Snapshot,
  after: Snapshot,
): Promise<ReadResult> {
  const sides = { before: { snapshot: before, names: [] }, after: { snapshot: after, names: [] } }
  return read((onProblem) => diff({ repository, ...sides, signal, onProblem }))
}

export async function dumpAll(repository: Repository, snapshot: Snapshot): Promise<ReadResult> {
  const problems: string[] = []
  const { entries } = await dump({
    repository,
    snapshot,
    names: [],
    format: undefined,
    signal,
    sink: () => Promise.resolve(),
    onProblem: ({ names, error }) => problems.push(`${names.length}: ${messageOf(error)}`),
  })
  return { count: entries, names: [], problems }
}

/** In structure, with what it has to say. */
export async function checkAll(repository: Repository): Promise<readonly string[]> {
  const { problems, notes } = await check({
    repository,
    mode: 'structure',
    workers: 1,
    signal,
    onProgress: () => undefined,
    onProblem: () => undefined,
  })
  return [
    ...problems.map(({ what }) => `problem: ${what}`),
    ...notes.map(({ what }) => `note: ${what}`),
  ]
}
