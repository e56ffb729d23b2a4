// One folder while a backup is in it: its entries are wanted in the order of their names and arrive as
// reading ends. As long as all of them are as they were, nothing is encoded; if that holds to the end,
// the folder's tree is the one of last time.

import type { Bytes } from '../../base/bytes.ts'
import { concat } from '../../base/bytes.ts'
import type { FileStat } from '../../base/libc-stat.ts'
import type { BlobId } from '../../format/ids.ts'
import { blobId } from '../../format/ids.ts'
import type { Xattr } from '../../format/tree.ts'
import type { DirectoryContents } from '../../source/files/walk-events.ts'
import type { EndedFolders } from './ended-folders.ts'
import type { CachedEntry } from './file-cache.ts'
import type { EncodedEntry, FolderNodes } from './folder-nodes.ts'
import { OrderedQueue, type Ticket } from './ordered-queue.ts'
import { ReadRun } from './small-runs.ts'

/** So many unchanged entries are held back before the folder is encoded after all. */
const HELD_MAX = 4096
const NOTHING = 'nothing'

/** An entry as its folder gets it; 'nothing' where it could not be read and has none. */
type OneChild = (EncodedEntry & { readonly unchanged: boolean }) | typeof NOTHING

/** One, or a run of files that were read. */
export type ChildEntry = OneChild | ReadRun

export type ChildTicket = Ticket<ChildEntry>
export interface FolderTree {
  readonly root: BlobId
  /** All nodes, the root last. */
  readonly ids: Bytes
  /** Whether it is the tree of last time. */
  readonly unchanged: boolean
}

export interface FolderBasis {
  readonly name: Bytes
  readonly stat: FileStat
  readonly xattrs: readonly Xattr[]
  /** As in CachedEntry. */
  readonly key: Bytes
  readonly contents: DirectoryContents
}

export class Folder {
  readonly parent: Folder | undefined
  readonly basis: FolderBasis
  readonly #queue: OrderedQueue<ChildEntry>
  readonly #newNodes: () => FolderNodes
  readonly #ended: EndedFolders
  #held: EncodedEntry[] = []
  #nodes: FolderNodes | undefined
  #allUnchanged = true
  #onDone: ((tree: FolderTree) => void) | undefined
  #cached: CachedEntry | undefined

  constructor(
    parent: Folder | undefined,
    options: { basis: FolderBasis; newNodes: () => FolderNodes; ended: EndedFolders },
  ) {
    this.parent = parent
    this.basis = options.basis
    this.#newNodes = options.newNodes
    this.#ended = options.ended
    this.#queue = new OrderedQueue((child) => this.#take(child))
  }

  /** A place for the next entry, in the order of names. */
  reserve(): ChildTicket {
    return this.#queue.reserve()
  }

  resolve(ticket: ChildTicket, child: ChildEntry): void {
    this.#queue.resolve(ticket, child)
    this.#finishIfDone()
  }

  push(child: ChildEntry): void {
    this.#queue.push(child)
  }

  /** No more entries will be reserved. `cached` is what the folder was, if nothing of it is gone. */
  end(cached: CachedEntry | undefined, onDone: (tree: FolderTree) => void): void {
    this.#cached = cached
    this.#onDone = onDone
    this.#finishIfDone()
  }

  /**
   * The tree of the entries that have come so far, and of `last`, which sorts behind them. The folder
   * itself goes on as if it had not been asked.
   */
  peek(last: EncodedEntry | undefined): BlobId {
    const nodes = this.#nodes?.clone() ?? this.#newNodes()
    for (const entry of this.#held) nodes.add(entry)
    if (last !== undefined) nodes.add(last)
    return nodes.finish().root
  }

  /** The absolute path of an entry, or of the folder itself. */
  pathOf(name?: Bytes): Bytes {
    const slash = Uint8Array.of(0x2f)
    const names = name === undefined ? [] : [name]
    let { parent, basis } = this
    while (parent !== undefined) {
      names.push(basis.name)
      ;({ parent, basis } = parent)
    }
    return names.length === 0 ? slash : concat(names.reverse().flatMap((one) => [slash, one]))
  }

  #take(child: ChildEntry): void {
    if (!(child instanceof ReadRun)) return this.#takeOne(child)
    child.forEach(({ name, outcome, encoded, ids }) =>
      this.#takeOne(outcome > 0 ? NOTHING : { name, encoded, refs: ids, unchanged: false }),
    )
  }

  #takeOne(child: OneChild): void {
    if (child === NOTHING) {
      this.#allUnchanged = false
      return
    }
    this.#allUnchanged &&= child.unchanged
    if (this.#nodes !== undefined) return this.#nodes.add(child)
    this.#held.push(child)
    if (!this.#allUnchanged || this.#held.length > HELD_MAX) this.#encodeHeld()
  }

  #encodeHeld(): FolderNodes {
    this.#nodes ??= this.#newNodes()
    for (const entry of this.#held) this.#nodes.add(entry)
    this.#held = []
    return this.#nodes
  }

  #finishIfDone(): void {
    const onDone = this.#onDone
    if (onDone === undefined || !this.#queue.isEmpty) return
    this.#onDone = undefined
    this.#ended.take(() => onDone(this.#tree()))
  }

  #tree(): FolderTree {
    const cached = this.#cached
    if (cached !== undefined && this.#allUnchanged && this.#nodes === undefined) {
      return { root: blobId(cached.ids.subarray(-32)), ids: cached.ids, unchanged: true }
    }
    const { root, nodes } = this.#encodeHeld().finish()
    return { root, ids: concat(nodes), unchanged: false }
  }
}
