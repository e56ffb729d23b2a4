// Entries of one snapshot that say to be one file and do not look alike. Files with several names that have
// changed since other snapshots are no such thing, so each snapshot is looked at by itself: first by
// what its nodes say of themselves, then, only where there is something, by reading it for the paths.

import { type Bytes, toHex } from '../../base/bytes.ts'
import { type BlobId, blobId } from '../../format/ids.ts'
import type { Entry } from '../../format/tree.ts'
import { joinPath } from '../paths.ts'
import { PATHS_MAX } from './affected.ts'
import { type Link, lookOf } from './link-facts.ts'
import type { ReadNode } from './node-reader.ts'
import type { OpenedSnapshot } from './opened-objects.ts'
import { Reach, taintedBlobs } from './reach.ts'
import type { RefGraph } from './ref-graph.ts'

/** Two entries of a snapshot. */
export interface LinkFault {
  readonly snapshot: string
  /** The node with the later one, and their paths. */
  readonly blob: BlobId
  readonly paths: readonly [Bytes, Bytes]
  readonly ofOneType: boolean
}

export interface LinkFaultsOptions {
  readonly graph: RefGraph
  readonly changing: ReadonlyMap<number, readonly Link[]>
  readonly snapshots: readonly OpenedSnapshot[]
  readonly read: ReadNode
}

/** The first 1,000. */
export async function findLinkFaults(options: LinkFaultsOptions): Promise<readonly LinkFault[]> {
  const { graph, changing, snapshots, read } = options
  const found: LinkFault[] = []
  if (changing.size === 0) return found
  const tainted = taintedBlobs(graph, (node) => changing.has(node))
  for (const { id, summary } of snapshots) {
    const roots = summary.roots.map(blobId)
    const files = unlikeBelow(roots, { graph, changing, tainted })
    if (files.size === 0 || found.length >= PATHS_MAX) continue
    const isSought = (node: number) =>
      changing.get(node)?.some(({ file }) => files.has(file)) ?? false
    const leading = taintedBlobs(graph, isSought)
    const search = new LinkSearch({ graph, leading, read, snapshot: id, found })
    for (const root of roots) await search.go(root, [])
  }
  return found
}

/** Files of which entries below some roots do not look alike. */
function unlikeBelow(
  roots: readonly BlobId[],
  {
    graph,
    changing,
    tainted,
  }: Pick<LinkFaultsOptions, 'graph' | 'changing'> & { readonly tainted: Uint8Array },
): ReadonlySet<number> {
  const looks = new Map<number, number>()
  const unlike = new Set<number>()
  new Reach(graph).lostBelow(
    roots.map((root) => graph.numberOf(root)),
    (node) => {
      for (const { file, look } of changing.get(node) ?? []) {
        if ((looks.get(file) ?? look) !== look) unlike.add(file)
        looks.set(file, look)
      }
      return tainted[node] === 1
    },
  )
  return unlike
}

interface SearchOptions {
  readonly graph: RefGraph
  readonly leading: Uint8Array
  readonly read: ReadNode
  readonly snapshot: string
  readonly found: LinkFault[]
}

class LinkSearch {
  readonly #options: SearchOptions
  readonly #first = new Map<string, { readonly entry: Entry; readonly path: Bytes }>()

  constructor(options: SearchOptions) {
    this.#options = options
  }

  async go(id: BlobId, names: readonly Bytes[]): Promise<void> {
    const { graph, leading, read, found } = this.#options
    if (leading[graph.numberOf(id)] !== 1 || found.length >= PATHS_MAX) return
    const node = await read(id)
    if (node?.kind === 'directory') {
      for (const child of node.children) await this.go(child.id, names)
    } else if (node?.kind === 'entries') {
      for (const entry of node.entries) {
        const path = [...names, entry.name]
        this.#take(entry, { blob: id, path: joinPath(path) })
        if (entry.tree !== undefined) await this.go(entry.tree, path)
      }
    }
  }

  #take(entry: Entry, { blob, path }: { readonly blob: BlobId; readonly path: Bytes }): void {
    if (entry.link === undefined) return
    const { snapshot, found } = this.#options
    const file = `${entry.link.device}:${entry.link.inode}`
    const first = this.#first.get(file)
    if (first === undefined) this.#first.set(file, { entry, path })
    else if (lookOf(first.entry) !== lookOf(entry)) {
      const ofOneType = first.entry.type === entry.type
      found.push({ snapshot, blob, paths: [first.path, path], ofOneType })
    }
  }
}

/** The same for two entries in whatever snapshot. */
export function linkFaultKey({ blob, paths }: LinkFault): string {
  return [blob, ...paths].map(toHex).join(' ')
}
