// Dump: the content of a file, or a folder as a tar archive, to a sink. The sink sets the pace: the next
// bytes are made when it has taken the last.

import type { Bytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import type { Entry } from '../format/tree.ts'
import type { Repository } from '../repository/repository.ts'
import type { Snapshot } from '../repository/snapshots.ts'
import { type ContentReaders, contentOf } from './dump/content.ts'
import type { DumpProblem, Sink } from './dump/sink.ts'
import { TarDump } from './dump/tar-dump.ts'
import { SnapshotReaders } from './snapshot-readers.ts'
import { rootOf } from './snapshot-root.ts'
import { findEntry } from './tree-reader.ts'

export type { DumpProblem, Sink }

export interface DumpOptions {
  readonly repository: Repository
  readonly snapshot: Snapshot
  /** The file or folder; none for all of the snapshot. */
  readonly names: readonly Bytes[]
  /** 'file' refuses a folder; 'tar' makes an archive of a file too. By default what the entry is decides. */
  readonly format?: 'file' | 'tar' | undefined
  readonly sink: Sink
  readonly signal: AbortSignal
  /** What could not be read. In an archive, what is missing of a file is zeros. */
  readonly onProblem: (problem: DumpProblem) => void
}

export interface DumpResult {
  readonly format: 'file' | 'tar'
  readonly entries: number
  readonly bytes: number
  readonly problems: number
}

const CACHED_CONTENT_FRAMES = 6

/** Throws 'not-found', 'usage', 'interrupted', for a file what is wrong with it, and what the sink throws. */
export async function dump(options: DumpOptions): Promise<DumpResult> {
  const { repository, snapshot, names } = options
  const readers = new SnapshotReaders(repository)
  const trees = await readers.readerFor(snapshot)
  const contents = await readers.contentReaderFor(snapshot, CACHED_CONTENT_FRAMES)
  const root = rootOf(snapshot)
  const entry = names.length === 0 ? undefined : await findEntry(trees, { root, names })
  if (names.length > 0 && entry === undefined) throw notThere(snapshot)
  const format = options.format ?? (entry?.type === 'file' ? 'file' : 'tar')
  const sink = new CountingSink(options)
  if (format === 'file') {
    await dumpFile({ trees, contents }, expectFile(entry), sink.take)
    return { format, entries: 1, bytes: sink.bytes, problems: 0 }
  }
  const tar = new TarDump({ trees, contents, sink: sink.take, onProblem: options.onProblem })
  if (entry === undefined) await tar.folder(root, { names: [], above: 0 })
  else await tar.entry(entry, { names, above: names.length - 1 })
  await tar.end()
  return { format, entries: tar.entries, bytes: sink.bytes, problems: tar.problems }
}

async function dumpFile(readers: ContentReaders, entry: Entry, sink: Sink): Promise<void> {
  for await (const bytes of contentOf(readers, entry)) await sink(bytes)
}

function expectFile(entry: Entry | undefined): Entry {
  if (entry?.type === 'file') return entry
  throw new CairnError('usage', `Cannot dump as a file: it is a ${entry?.type ?? 'folder'}`, {
    hint: 'Dump it as a tar archive.',
  })
}

function notThere({ id }: Snapshot): CairnError {
  return new CairnError('not-found', `There is no such path in snapshot ${id.slice(0, 8)}`, {
    hint: '`cairn ls` shows what is in it.',
  })
}

/** Counts what goes through, and stops where the signal says so. */
class CountingSink {
  readonly #options: Pick<DumpOptions, 'sink' | 'signal'>
  bytes = 0

  constructor(options: Pick<DumpOptions, 'sink' | 'signal'>) {
    this.#options = options
  }

  readonly take: Sink = async (bytes) => {
    if (this.#options.signal.aborted) throw new CairnError('interrupted', 'Interrupted')
    this.bytes += bytes.length
    await this.#options.sink(bytes)
  }
}
