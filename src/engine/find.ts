// Find: entries by name or path over many snapshots. Folders that several snapshots share are gone
// through once; where nothing in one fits, it is not entered again.

import { type Bytes, toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { type BlobId, blobId } from '../format/ids.ts'
import type { Entry, EntryType } from '../format/tree.ts'
import type { Repository } from '../repository/repository.ts'
import type { Snapshot } from '../repository/snapshots.ts'
import {
  type IgnorePattern,
  matchesIgnorePattern,
  parseIgnorePattern,
} from '../source/files/ignore-pattern.ts'
import { nameText } from '../source/files/name-text.ts'
import type { BlobReader } from './blob-reader.ts'
import { flattened, Into, type Nested, type NestedSync } from './nesting.ts'
import { SnapshotReaders } from './snapshot-readers.ts'
import { rootOf } from './snapshot-root.ts'
import { entriesOf } from './tree-reader.ts'

export interface FindOptions {
  readonly repository: Repository
  readonly snapshots: readonly Snapshot[]
  /** Shell patterns: of a name, or with a '/' of a path from the root. Any of them. */
  readonly patterns: readonly string[]
  readonly ignoreCase?: boolean
  /** Only entries of these types; all by default. */
  readonly types?: readonly EntryType[]
  readonly signal: AbortSignal
  /** A folder that could not be read, and is passed over. */
  readonly onProblem: (problem: FindProblem) => void
}

export interface FindProblem {
  readonly snapshot: Snapshot
  readonly names: readonly Bytes[]
  readonly error: unknown
}

export interface Found {
  readonly snapshot: Snapshot
  /** From the root down, the entry's own name last. */
  readonly names: readonly Bytes[]
  readonly entry: Entry
}

/** What fits, snapshot by snapshot, folders before what is in them. Throws 'interrupted' and 'usage'. */
export async function* find(options: FindOptions): AsyncGenerator<Found> {
  const readers = new SnapshotReaders(options.repository)
  const patterns = parsePatterns(options)
  // Without patterns of paths it does not matter where a folder is.
  const anywhere = patterns.every((pattern) => !pattern.anchored)
  const barren = new Set<string>()
  for (const snapshot of options.snapshots) {
    const reader = await readers.readerFor(snapshot)
    if (!hasTree(options, snapshot)) continue
    const search = new Search({ ...options, patterns, anywhere, barren, reader, snapshot })
    for (const root of snapshot.summary.roots) yield* flattened(search.folder(blobId(root), [], []))
  }
}

/** Tells of it where there is none. */
function hasTree({ onProblem }: FindOptions, snapshot: Snapshot): boolean {
  try {
    rootOf(snapshot)
    return true
  } catch (error) {
    onProblem({ snapshot, names: [], error })
    return false
  }
}

function parsePatterns({ patterns, ignoreCase = false }: FindOptions): readonly IgnorePattern[] {
  return patterns.map((text) => {
    const pattern = parseIgnorePattern(ignoreCase ? text.toLowerCase() : text)
    if (pattern !== undefined && !pattern.negated) return pattern
    throw new CairnError('usage', `'${text}' is no pattern that can be looked for`)
  })
}

/** Folders below this are not remembered by their paths. */
const BARREN_DEPTH_MAX = 64

interface SearchOptions extends Omit<FindOptions, 'patterns' | 'snapshots'> {
  readonly patterns: readonly IgnorePattern[]
  readonly anywhere: boolean
  /** Folders in which nothing fits. */
  readonly barren: Set<string>
  readonly reader: BlobReader
  readonly snapshot: Snapshot
}

class Search {
  readonly #options: SearchOptions

  constructor(options: SearchOptions) {
    this.#options = options
  }

  /** Yields what fits in a folder and below; returns whether anything did, or could not be read. */
  async *folder(
    tree: BlobId,
    names: readonly Bytes[],
    texts: readonly string[],
  ): Nested<Found, boolean> {
    const { barren, reader, snapshot, onProblem } = this.#options
    const key = this.#barrenKey(tree, texts)
    if (key !== undefined && barren.has(key)) return false
    let found = false
    try {
      for await (const entry of entriesOf(reader, tree, names.length)) {
        if (yield* this.#entry(entry, [...names, entry.name], texts)) found = true
      }
    } catch (error) {
      if (error instanceof CairnError && error.code === 'interrupted') throw error
      onProblem({ snapshot, names, error })
      found = true
    }
    if (!found && key !== undefined) barren.add(key)
    return found
  }

  /** None where paths are so long that to remember them would cost more than to look again. */
  #barrenKey(tree: BlobId, texts: readonly string[]): string | undefined {
    if (this.#options.anywhere) return toHex(tree)
    return texts.length > BARREN_DEPTH_MAX ? undefined : `${toHex(tree)}/${texts.join('/')}`
  }

  *#entry(
    entry: Entry,
    names: readonly Bytes[],
    above: readonly string[],
  ): NestedSync<Found, boolean> {
    const { signal, snapshot, ignoreCase = false } = this.#options
    if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
    const text = nameText(entry.name)
    const texts = [...above, ignoreCase ? text.toLowerCase() : text]
    const fits = this.#fits(entry, texts)
    if (fits) yield { snapshot, names, entry }
    const below =
      entry.tree !== undefined && (yield new Into(this.folder(entry.tree, names, texts)))
    return fits || below
  }

  #fits(entry: Entry, texts: readonly string[]): boolean {
    const { patterns, types } = this.#options
    if (types !== undefined && !types.includes(entry.type)) return false
    const place = { base: 0, isDirectory: entry.type === 'directory' }
    return patterns.some((pattern) => matchesIgnorePattern(pattern, texts, place))
  }
}
