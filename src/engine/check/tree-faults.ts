// Trees whose nodes are each what they should be and do not fit together (docs/format.md, section 11): no
// reader could restore them. What the nodes say of themselves tells whether there are any; only where there
// are, trees are read again, to name the paths.

import { type Bytes, toHex } from '../../base/bytes.ts'
import { type BlobId, blobId } from '../../format/ids.ts'
import type { Entry } from '../../format/tree.ts'
import { joinPath } from '../paths.ts'
import { type Affected, PATHS_MAX } from './affected.ts'
import { FolderOrder } from './folder-order.ts'
import { ListLengths } from './list-lengths.ts'
import type { ReadNode } from './node-reader.ts'
import type { OpenedSnapshot } from './opened-objects.ts'
import { taintedBlobs } from './reach.ts'
import type { RefGraph } from './ref-graph.ts'
import type { TreeFacts } from './tree-facts.ts'

export interface TreeFaultsOptions {
  readonly facts: TreeFacts
  readonly graph: RefGraph
  readonly read: ReadNode
  readonly snapshots: readonly OpenedSnapshot[]
}

export interface TreeFault extends Affected {
  /** The node that is wrong, or refers to what is. */
  readonly blob: BlobId
  readonly what: string
}

/** Each fault once, with all snapshots and the first paths that have it. */
export async function findTreeFaults(options: TreeFaultsOptions): Promise<readonly TreeFault[]> {
  const search = new FaultSearch(options)
  await search.run()
  return search.found
}

class FaultSearch {
  readonly #options: TreeFaultsOptions
  readonly #order: FolderOrder
  readonly #lists: ListLengths
  readonly #read: ReadNode
  readonly #found = new Map<string, TreeFault>()
  #tainted = new Uint8Array(0)
  #paths = 0

  constructor(options: TreeFaultsOptions) {
    this.#options = options
    this.#read = options.read
    this.#order = new FolderOrder(options.facts, this.#read)
    this.#lists = new ListLengths(this.#read)
  }

  get found(): readonly TreeFault[] {
    return [...this.#found.values()]
  }

  async run(): Promise<void> {
    const { graph, snapshots } = this.#options
    const seeds = await this.#seeds()
    const roots = snapshots.flatMap(({ summary }) => summary.roots.map(blobId))
    for (const root of roots)
      if (!this.#options.facts.isFolder(graph.numberOf(root))) seeds.add(graph.numberOf(root))
    if (seeds.size === 0) return
    this.#tainted = taintedBlobs(graph, (number) => seeds.has(number))
    for (const { id, summary } of snapshots)
      for (const root of summary.roots)
        await this.#folder(blobId(root), { id, names: [], blob: blobId(root) })
  }

  /** Blobs that whoever reads a tree as far as them may find wrong. */
  async #seeds(): Promise<Set<number>> {
    const { facts } = this.#options
    const seeds = new Set(facts.misplaced())
    await this.#order.checkAll()
    for (const number of this.#order.faults.keys()) seeds.add(number)
    for (const file of facts.files) {
      if ((await this.#lists.faultOf(file)) === undefined) continue
      for (const list of [file.pieceList, file.extentList])
        if (list !== undefined) seeds.add(facts.numberOf(list))
    }
    return seeds
  }

  #leadsToFault(number: number): boolean {
    return this.#tainted[number] === 1 && this.#paths < PATHS_MAX
  }

  /** What is below the root node of a folder; `blob` is the node that refers to it. */
  async #folder(tree: BlobId, at: Place): Promise<void> {
    if (!this.#leadsToFault(this.#options.facts.numberOf(tree))) return
    const node = await this.#read(tree)
    if (node === undefined) return
    if (node.kind === 'entries' || node.kind === 'directory') return this.#node(tree, at)
    this.#report({ ...at, what: 'the tree of a folder is none' })
  }

  async #node(id: BlobId, at: Place): Promise<void> {
    const number = this.#options.facts.numberOf(id)
    if (!this.#leadsToFault(number)) return
    const what = this.#order.faults.get(number)
    if (what !== undefined) this.#report({ ...at, blob: id, what })
    const node = await this.#read(id)
    if (node?.kind === 'directory') {
      for (const child of node.children) await this.#node(child.id, at)
    } else if (node?.kind === 'entries') {
      for (const entry of node.entries)
        await this.#entry(entry, { ...at, blob: id, names: [...at.names, entry.name] })
    }
  }

  async #entry(entry: Entry, at: Place): Promise<void> {
    const { facts } = this.#options
    if (entry.tree !== undefined) return this.#folder(entry.tree, at)
    for (const { id } of entry.pieces ?? []) {
      if (facts.kindOf(facts.numberOf(id)) === 0) continue
      this.#report({ ...at, what: 'a piece of a file is a tree' })
      return
    }
    const lists = [entry.pieceList, entry.extentList].filter((list) => list !== undefined)
    if (!lists.some((list) => this.#leadsToFault(facts.numberOf(list)))) return
    const what = await this.#lists.faultOf(entry)
    if (what !== undefined) this.#report({ ...at, what })
  }

  #report({ id, names, blob, what }: Place & { readonly what: string }): void {
    const key = `${toHex(blob)} ${what}`
    const fault = this.#found.get(key) ?? { blob, what, snapshots: new Set(), paths: new Map() }
    this.#found.set(key, fault)
    fault.snapshots.add(id)
    const path = joinPath(names)
    if (!fault.paths.has(toHex(path))) this.#paths++
    fault.paths.set(toHex(path), path)
  }
}

interface Place {
  /** Of the snapshot. */
  readonly id: string
  readonly names: readonly Bytes[]
  /** The node that says so. */
  readonly blob: BlobId
}
