// What can be seen of a damaged repository, in words that are the same each time: what check reports, what can
// be read of each snapshot, and what a repair makes of it.

import { type Bytes, concat, equalBytes, fromUtf8Lossy } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { isCairnError } from '../../src/base/errors.ts'
import type { BlobReader } from '../../src/engine/blob-reader.ts'
import { type CheckMode, type CheckResult, check } from '../../src/engine/check.ts'
import { contentOf } from '../../src/engine/dump/content.ts'
import { type RepairResult, repair } from '../../src/engine/repair.ts'
import { SnapshotReaders } from '../../src/engine/snapshot-readers.ts'
import { type BlobId, blobId } from '../../src/format/ids.ts'
import type { Entry } from '../../src/format/tree.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import { loadSnapshots, type Snapshot } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import type { Store } from '../../src/store/store.ts'
import { type DamagedSample, SAVED } from './sample.ts'

const QUIET = {
  workers: 1,
  signal: new AbortController().signal,
  onProgress: () => undefined,
  onProblem: () => undefined,
}

export function checkSample(
  repository: Repository,
  mode: CheckMode = 'read-data',
): Promise<CheckResult> {
  return check({ repository, mode, ...QUIET })
}

/** The problems of a check, one line each: kind, and the object by its label. */
export function linesOf(
  { problems }: Pick<CheckResult, 'problems'>,
  { labels }: Pick<DamagedSample, 'labels'>,
): readonly string[] {
  const lines = problems.map(({ kind, object }) => `${kind}: ${nameFor(object, labels)}`)
  return [...new Set(lines)].sort()
}

function nameFor(object: string, labels: ReadonlyMap<string, string>): string {
  const label = labels.get(object)
  if (label !== undefined) return label
  if (/^[0-9a-f]{64}$/.test(object)) return 'a blob'
  return `another in ${object.slice(0, object.indexOf('/'))}/`
}

/** What of the files that were saved cannot be read, by the label of the snapshot. */
export async function unreadable(
  repository: Repository,
  { labels }: Pick<DamagedSample, 'labels'>,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const { snapshots } = await loadSnapshots(repository, { onlyReading: true })
  const found: Record<string, readonly string[]> = {}
  for (const number of [1, 2]) {
    const label = `snapshot ${number}`
    const snapshot = snapshots.find(({ name }) => labels.get(name) === label)
    const expected = Object.keys(SAVED).filter((path) => number === 2 || path !== 'later.bin')
    const files =
      snapshot === undefined ? new Map<string, Bytes>() : await filesOf(repository, snapshot)
    const lost = expected.filter((path) => {
      const bytes = files.get(path)
      return bytes === undefined || !equalBytes(bytes, SAVED[path] as Bytes)
    })
    const noted = snapshot === undefined || snapshot.confirmed ? '' : ' (unconfirmed)'
    if (lost.length > 0 || noted !== '')
      found[label + noted] = lost.length === expected.length ? ['everything'] : lost
  }
  return found
}

/** All files of a snapshot that can be read, by their paths below the source. */
async function filesOf(
  repository: Repository,
  snapshot: Snapshot,
): Promise<ReadonlyMap<string, Bytes>> {
  const readers = new SnapshotReaders(repository)
  const trees = await readers.readerFor(snapshot)
  const contents = await readers.contentReaderFor(snapshot, 6)
  const files = new Map<string, Bytes>()
  const [root] = snapshot.summary.roots
  const take = async (entry: Entry, path: string) => {
    const bytes = await orNothing(() => readAll({ trees, contents }, entry))
    if (bytes !== undefined) files.set(path.replace(/^.*\/source(-\d+)?\//, ''), bytes)
  }
  await walk(trees, { tree: blobId(root as Bytes), path: '', take })
  return files
}

interface Place {
  readonly tree: BlobId
  readonly path: string
  readonly take: (entry: Entry, path: string) => Promise<void>
}

async function walk(trees: BlobReader, { tree, path, take }: Place): Promise<void> {
  const node = await orNothing(() => trees.readNode(tree))
  if (node?.kind === 'directory') {
    for (const child of node.children) await walk(trees, { tree: child.id, path, take })
  } else if (node?.kind === 'entries') {
    for (const entry of node.entries) {
      const below = `${path}/${fromUtf8Lossy(entry.name)}`
      if (entry.tree !== undefined) await walk(trees, { tree: entry.tree, path: below, take })
      else if (entry.type === 'file') await take(entry, below)
    }
  }
}

async function readAll(
  readers: { readonly trees: BlobReader; readonly contents: BlobReader },
  entry: Entry,
): Promise<Bytes> {
  const parts: Bytes[] = []
  for await (const bytes of contentOf(readers, entry)) parts.push(bytes.slice())
  return concat(parts)
}

async function orNothing<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (isCairnError(error)) return undefined
    throw error
  }
}

export interface RepairChoices {
  readonly from?: Store
  readonly markLost?: boolean
  readonly setAside?: readonly string[]
  readonly dryRun?: boolean
  readonly readData?: boolean
}

export function repairSample(
  repository: Repository,
  { from, markLost = false, setAside = [], dryRun = false, readData = true }: RepairChoices = {},
): Promise<RepairResult> {
  return repair({
    repository,
    from,
    readData,
    markLost,
    setAside,
    dryRun,
    host: 'host',
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    random: systemRandom,
    onPlan: () => undefined,
    onStep: () => undefined,
    onWarning: (error) => {
      throw error
    },
    ...QUIET,
  })
}

/** Opened by the owner; through a copy where it does not open by itself. */
export async function openSample(
  { store, owner }: Pick<DamagedSample, 'store' | 'owner'>,
  copy?: Store,
): Promise<Repository> {
  try {
    return await openRepository(store, owner)
  } catch (error) {
    if (copy === undefined || !isCairnError(error)) throw error
    return { ...(await openRepository(copy, owner)), store }
  }
}
