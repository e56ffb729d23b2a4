// `cairn ls`: the entries of a folder in a snapshot, or all below it.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError, messageOf } from '../../base/errors.ts'
import type { BlobReader } from '../../engine/blob-reader.ts'
import { joinPath, splitPath } from '../../engine/paths.ts'
import { SnapshotReaders } from '../../engine/snapshot-readers.ts'
import { rootOf } from '../../engine/snapshot-root.ts'
import { findEntry, type TreePath, walkTree } from '../../engine/tree-reader.ts'
import type { BlobId } from '../../format/ids.ts'
import type { Entry } from '../../format/tree.ts'
import { openDetails, type Snapshot } from '../../repository/snapshots.ts'
import type { Context } from '../context.ts'
import { entryLine, jsonEntry } from '../entry-text.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { openConfigured } from '../open-repository.ts'
import { jsonPath, printable } from '../printable.ts'
import type { SnapshotFlags } from '../snapshot-options.ts'
import { findSnapshot, parsePlace } from '../snapshot-place.ts'
import { shortId } from '../snapshot-text.ts'

export interface LsFlags extends SnapshotFlags {
  readonly recursive?: boolean
  readonly long?: boolean
}

type Flags = LsFlags & { readonly place: string }

export async function lsAction(context: Context, flags: Flags): Promise<ExitCode | undefined> {
  const { output } = context
  const { wanted, path } = parsePlace(flags.place)
  const opened = await openConfigured(context)
  const { repository } = opened
  const snapshot = await findSnapshot(context, { opened, wanted, flags })
  const reader = await new SnapshotReaders(repository).readerFor(snapshot)
  let problems = 0
  const onError = (names: readonly Bytes[], error: unknown) => {
    problems++
    const where = joinPath(names)
    output.problem(`${printable(where)}: ${messageOf(error)}`, {
      ...jsonPath(where),
      what: messageOf(error),
    })
  }
  const root = rootOf(snapshot)
  const listing = { reader, snapshot, root, recursive: flags.recursive ?? false, onError }
  const starts =
    path === undefined ? openDetails(repository, snapshot).paths.map(splitPath) : [path]
  let entries = 0
  for (const start of starts) {
    for await (const { names, entry } of listFrom(listing, start)) {
      if (output.behind) await output.behind
      if (output.closed) return undefined
      entries++
      output.line(entryLine({ path: joinPath(names), entry, long: flags.long ?? false }))
      output.event({ event: 'item', ...jsonEntry(joinPath(names), entry) })
    }
  }
  output.event({ event: 'result', snapshot: snapshot.id, entries, problems })
  return problems > 0 ? EXIT.failed : undefined
}

interface Listing {
  readonly reader: BlobReader
  readonly snapshot: Snapshot
  readonly root: BlobId
  readonly recursive: boolean
  readonly onError: (names: readonly Bytes[], error: unknown) => void
}

async function* listFrom(listing: Listing, names: readonly Bytes[]): AsyncGenerator<TreePath> {
  const { reader, root, recursive, onError } = listing
  const entry = names.length === 0 ? undefined : await entryAt(listing, names)
  const tree = entry === undefined ? root : entry.tree
  if (entry !== undefined && tree === undefined) {
    yield { names, entry }
  } else if (tree !== undefined) {
    yield* walkTree(reader, { root: tree, names, onError, enter: () => recursive })
  }
}

async function entryAt(
  { reader, snapshot, root }: Listing,
  names: readonly Bytes[],
): Promise<Entry> {
  const entry = await findEntry(reader, { root, names })
  if (entry !== undefined) return entry
  const path = printable(joinPath(names))
  throw new CairnError('not-found', `There is no ${path} in snapshot ${shortId(snapshot.id)}`, {
    hint: `\`cairn ls ${shortId(snapshot.id)}\` lists what is in it.`,
  })
}
