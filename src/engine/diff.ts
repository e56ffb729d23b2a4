// Diff: what differs between two snapshots, or between folders in them. Both are gone through side by
// side in the order of their names; folders that are the same blob are the same, and not entered.

import { type Bytes, compareBytes, equalBytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import type { BlobId } from '../format/ids.ts'
import type { Entry } from '../format/tree.ts'
import type { Repository } from '../repository/repository.ts'
import type { Snapshot } from '../repository/snapshots.ts'
import type { BlobReader } from './blob-reader.ts'
import { type Change, compareEntries } from './diff/compare-entries.ts'
import { flattened, Into, type Nested, type NestedSync } from './nesting.ts'
import { SnapshotReaders } from './snapshot-readers.ts'
import { rootOf } from './snapshot-root.ts'
import { entriesOf, findEntry } from './tree-reader.ts'

export interface DiffSide {
  readonly snapshot: Snapshot
  /** The folder or file from which to compare; none for all. */
  readonly names: readonly Bytes[]
}

export interface DiffOptions {
  readonly repository: Repository
  readonly before: DiffSide
  readonly after: DiffSide
  readonly signal: AbortSignal
  /** A folder that could not be read, and is passed over. */
  readonly onProblem: (problem: DiffProblem) => void
}

export interface DiffProblem {
  readonly side: 'before' | 'after'
  readonly names: readonly Bytes[]
  readonly error: unknown
}

export type Difference =
  | { readonly kind: 'added'; readonly names: readonly Bytes[]; readonly after: Entry }
  | { readonly kind: 'removed'; readonly names: readonly Bytes[]; readonly before: Entry }
  | {
      readonly kind: 'modified'
      /** From what is compared down. */
      readonly names: readonly Bytes[]
      readonly before: Entry
      readonly after: Entry
      readonly change: Change
    }

/** The differences in order of their paths, folders before what is in them. Throws 'not-found'. */
export async function* diff(options: DiffOptions): AsyncGenerator<Difference> {
  const readers = new SnapshotReaders(options.repository)
  const before = await openSide(readers, options.before)
  const after = await openSide(readers, options.after)
  const sameDomain = options.before.snapshot.domain === options.after.snapshot.domain
  const comparison = new Comparison({ ...options, readers: { before, after }, sameDomain })
  const [left, right] = [before.start, after.start]
  if ('tree' in left && 'tree' in right)
    yield* flattened(comparison.folders([], left.tree, right.tree))
  else if ('entry' in left && 'entry' in right) {
    const before = { ...left.entry, name: right.entry.name }
    yield* flattened(comparison.entries([], before, right.entry))
  } else throw new CairnError('usage', 'Cannot compare: one is a folder and the other is not')
}

interface OpenSide {
  readonly reader: BlobReader
  readonly start: { readonly tree: BlobId } | { readonly entry: Entry }
}

async function openSide(readers: SnapshotReaders, side: DiffSide): Promise<OpenSide> {
  const { snapshot, names } = side
  const reader = await readers.readerFor(snapshot)
  const root = rootOf(snapshot)
  if (names.length === 0) return { reader, start: { tree: root } }
  const entry = await findEntry(reader, { root, names })
  if (entry === undefined) {
    throw new CairnError(
      'not-found',
      `There is no such path in snapshot ${snapshot.id.slice(0, 8)}`,
    )
  }
  return { reader, start: entry.tree === undefined ? { entry } : { tree: entry.tree } }
}

interface ComparisonOptions extends DiffOptions {
  readonly readers: { readonly before: OpenSide; readonly after: OpenSide }
  readonly sameDomain: boolean
}

class Comparison {
  readonly #options: ComparisonOptions

  constructor(options: ComparisonOptions) {
    this.#options = options
  }

  async *folders(names: readonly Bytes[], before: BlobId, after: BlobId): Nested<Difference, void> {
    if (this.#options.sameDomain && equalBytes(before, after)) return
    const left = this.#cursor('before', names, before)
    const right = this.#cursor('after', names, after)
    await left.advance()
    await right.advance()
    while (left.entry !== undefined || right.entry !== undefined) {
      this.#expectToGoOn()
      const order = compareHeads(left.entry, right.entry)
      if (order < 0) yield* this.#only('removed', names, left.entry as Entry)
      else if (order > 0) yield* this.#only('added', names, right.entry as Entry)
      else yield* this.entries(names, left.entry as Entry, right.entry as Entry)
      if (order <= 0) await left.advance()
      if (order >= 0) await right.advance()
    }
  }

  *entries(above: readonly Bytes[], before: Entry, after: Entry): NestedSync<Difference, void> {
    const names = [...above, after.name]
    const change = compareEntries(before, after, this.#options)
    if (change !== undefined) yield { kind: 'modified', names, before, after, change }
    if (before.tree !== undefined && after.tree !== undefined) {
      yield new Into(this.folders(names, before.tree, after.tree))
    } else if (before.tree !== undefined) yield new Into(this.#all('removed', names, before.tree))
    else if (after.tree !== undefined) yield new Into(this.#all('added', names, after.tree))
  }

  *#only(
    kind: 'added' | 'removed',
    above: readonly Bytes[],
    entry: Entry,
  ): NestedSync<Difference, void> {
    const names = [...above, entry.name]
    if (kind === 'added') yield { kind, names, after: entry }
    else yield { kind, names, before: entry }
    if (entry.tree !== undefined) yield new Into(this.#all(kind, names, entry.tree))
  }

  async *#all(
    kind: 'added' | 'removed',
    names: readonly Bytes[],
    tree: BlobId,
  ): Nested<Difference, void> {
    const cursor = this.#cursor(kind === 'added' ? 'after' : 'before', names, tree)
    await cursor.advance()
    while (cursor.entry !== undefined) {
      this.#expectToGoOn()
      yield* this.#only(kind, names, cursor.entry)
      await cursor.advance()
    }
  }

  #cursor(side: 'before' | 'after', names: readonly Bytes[], tree: BlobId): Cursor {
    const { readers, onProblem } = this.#options
    const entries = entriesOf(readers[side].reader, tree, names.length)
    return new Cursor(entries, (error) => onProblem({ side, names, error }))
  }

  #expectToGoOn(): void {
    if (this.#options.signal.aborted) throw new CairnError('interrupted', 'Interrupted')
  }
}

/** The entries of a folder, one at a time; a folder that cannot be read any further ends there. */
class Cursor {
  readonly #entries: AsyncGenerator<Entry, undefined>
  readonly #onError: (error: unknown) => void
  entry: Entry | undefined

  constructor(entries: AsyncGenerator<Entry, undefined>, onError: (error: unknown) => void) {
    this.#entries = entries
    this.#onError = onError
  }

  async advance(): Promise<void> {
    try {
      const next: IteratorResult<Entry, undefined> = await this.#entries.next()
      this.entry = next.done === true ? undefined : next.value
    } catch (error) {
      this.#onError(error)
      this.entry = undefined
    }
  }
}

/** Below 0 where the first comes before the second or there is no second. */
function compareHeads(before: Entry | undefined, after: Entry | undefined): number {
  if (before === undefined) return 1
  return after === undefined ? -1 : compareBytes(before.name, after.name)
}
