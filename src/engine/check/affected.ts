// What lost blobs mean to people: the snapshots and, with a reader's key, the paths that need them.
// Only the parts of trees that lead to something lost are read.

import { type Bytes, toHex } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import { type BlobId, blobId } from '../../format/ids.ts'
import { PATH_NAMES_MAX } from '../../format/limits.ts'
import { type Entry, refsOfEntry, type TreeNode } from '../../format/tree.ts'
import { WITHHELD } from '../../repository/object-problem.ts'
import type { BlobReader } from '../blob-reader.ts'
import { joinPath } from '../paths.ts'
import type { OpenedSnapshot } from './opened-objects.ts'
import { Reach, taintedBlobs } from './reach.ts'
import type { RefGraph } from './ref-graph.ts'

/** How many paths are named for one object. */
export const PATHS_MAX = 1_000

export interface Affected {
  readonly snapshots: Set<string>
  /** By their bytes in hexadecimal, so that each comes once. */
  readonly paths: Map<string, Bytes>
}

export interface AffectedOptions {
  readonly graph: RefGraph
  readonly snapshots: readonly OpenedSnapshot[]
  /** Undefined without a reader's key: then no paths are found. */
  readonly reader: BlobReader | undefined
  /** The object whose fault it is that a blob cannot be had. */
  readonly causeOf: (blob: number) => string
}

/** By the object that is to blame. */
export async function findAffected(
  options: AffectedOptions,
): Promise<ReadonlyMap<string, Affected>> {
  const search = new Search(options, taintedBlobs(options.graph))
  for (const snapshot of options.snapshots) await search.go(snapshot)
  return search.found
}

class Search {
  readonly found = new Map<string, Affected>()
  readonly #options: AffectedOptions
  readonly #tainted: Uint8Array

  constructor(options: AffectedOptions, tainted: Uint8Array) {
    this.#options = options
    this.#tainted = tainted
  }

  async go({ id, summary }: OpenedSnapshot): Promise<void> {
    const { graph, reader } = this.#options
    for (const root of summary.roots) {
      for (const lost of this.#lostBelow(graph.numberOf(root))) this.#blame(lost).snapshots.add(id)
      if (reader !== undefined) await this.#walk(reader, blobId(root), [])
    }
  }

  #blame(lost: number): Affected {
    const cause = this.#options.causeOf(lost)
    const known = this.found.get(cause)
    if (known !== undefined) return known
    const affected: Affected = { snapshots: new Set(), paths: new Map() }
    this.found.set(cause, affected)
    return affected
  }

  #isTainted(number: number): boolean {
    return this.#tainted[number] === 1 || this.#options.graph.isLost(number)
  }

  #lostBelow(number: number): readonly number[] {
    const reach = new Reach(this.#options.graph)
    return reach.lostBelow([number], (node) => this.#isTainted(node))
  }

  /** Goes into a tree as far as it leads to something lost. */
  async #walk(reader: BlobReader, tree: BlobId, names: readonly Bytes[]): Promise<void> {
    const { graph } = this.#options
    const number = graph.numberOf(tree)
    // Further down no reader goes.
    if (!this.#isTainted(number) || names.length > PATH_NAMES_MAX) return
    const node = graph.isLost(number) ? undefined : await readNode(reader, tree)
    if (node === undefined) this.#name(this.#lostBelow(number), names)
    else if (node.kind === 'directory') {
      for (const child of node.children) await this.#walk(reader, child.id, names)
    } else if (node.kind === 'entries') {
      for (const entry of node.entries) await this.#walkEntry(reader, entry, [...names, entry.name])
    }
  }

  async #walkEntry(reader: BlobReader, entry: Entry, names: readonly Bytes[]): Promise<void> {
    for (const ref of refsOfEntry(entry)) {
      const number = this.#options.graph.numberOf(ref)
      if (!this.#isTainted(number)) continue
      if (ref === entry.tree) await this.#walk(reader, ref, names)
      else this.#name(this.#lostBelow(number), names)
    }
  }

  #name(lost: readonly number[], names: readonly Bytes[]): void {
    const path = joinPath(names)
    for (const number of lost) {
      const { paths } = this.#blame(number)
      if (paths.size < PATHS_MAX) paths.set(toHex(path), path)
    }
  }
}

/** A node; undefined where it cannot be read, which makes all that is below it lost. */
async function readNode(reader: BlobReader, id: BlobId): Promise<TreeNode | undefined> {
  try {
    return await reader.readNode(id)
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'object-missing', 'unsupported', ...WITHHELD))
      return undefined
    throw error
  }
}
