// Cuts a folder's sorted entries into nodes (docs/format.md, section 14). A node ends after an entry
// whose name says so by a keyed hash, so that adding or removing one entry changes one node of each
// level. Entries come one at a time and leave as soon as their node is full.

import { type Bytes, compareBytes, concat, viewOf } from '../../base/bytes.ts'
import { assert } from '../../base/errors.ts'
import { deriveKey, KeyedHasher } from '../../base/hash.ts'
import { CborWriter } from '../../format/cbor.ts'
import { encode } from '../../format/codec.ts'
import type { BlobId } from '../../format/ids.ts'
import { type DirectoryChild, treeNodeCodec, writeNodeHead } from '../../format/tree.ts'
import { refsOfEncoded } from './entry.ts'

/** A node of entries ends no earlier and no later than after so many, or when it is so long. */
const ENTRIES_MIN = 256
const ENTRIES_MAX = 4096
const NODE_BYTES_MAX = 1024 * 1024
const CHILDREN_MIN = 64
const CHILDREN_MAX = 4096
/** One in 1024 names ends a node of entries, one in 256 a node above. */
const ENTRY_BITS = 10
const CHILD_BITS = 8

/** The hash that decides where folders are cut. */
export function folderHasher(chunkerKey: Bytes): KeyedHasher {
  return new KeyedHasher(deriveKey('cairn v1 folder split', chunkerKey))
}

export interface EncodedEntry {
  readonly name: Bytes
  /** The entry's own CBOR, which can be decoded. */
  readonly encoded: Bytes
  /** The ids that it names, where they are known without decoding it. */
  readonly refs: Bytes | undefined
}

/** Where nodes go: see TreeWriter. */
export interface Trees {
  put(blob: Bytes): BlobId
  putEntries(blob: Bytes, refs: Bytes): BlobId
}

/** Used again for each node. */
const writer = new CborWriter(NODE_BYTES_MAX / 4)

export class FolderNodes {
  readonly #hasher: KeyedHasher
  readonly #trees: Trees
  readonly #children: DirectoryChild[] = []
  readonly #nodes: BlobId[] = []
  #entries: EncodedEntry[] = []
  #bytes = 0
  #last: Bytes | undefined

  constructor(options: { readonly hasher: KeyedHasher; readonly trees: Trees }) {
    this.#hasher = options.hasher
    this.#trees = options.trees
  }

  /** Another one that goes on from here by itself. */
  clone(): FolderNodes {
    const copy = new FolderNodes({ hasher: this.#hasher, trees: this.#trees })
    copy.#children.push(...this.#children)
    copy.#nodes.push(...this.#nodes)
    copy.#entries = [...this.#entries]
    copy.#bytes = this.#bytes
    copy.#last = this.#last
    return copy
  }

  /** Adds an entry, which sorts behind those before it. */
  add(entry: EncodedEntry): void {
    const { name } = entry
    assert(this.#last === undefined || compareBytes(this.#last, name) < 0, 'entries are sorted')
    this.#last = name
    this.#entries.push(entry)
    this.#bytes += entry.encoded.length
    if (this.#endsNode(entry)) this.#closeNode()
  }

  /** The root of the folder's nodes, and all nodes, the root last. */
  finish(): { root: BlobId; nodes: readonly BlobId[] } {
    if (this.#entries.length > 0 || this.#children.length === 0) this.#closeNode()
    let children: readonly DirectoryChild[] = this.#children
    for (let level = 1; children.length > 1; level++) children = this.#closeLevel(level, children)
    return { root: (children[0] as DirectoryChild).id, nodes: this.#nodes }
  }

  #endsNode(entry: EncodedEntry): boolean {
    const count = this.#entries.length
    if (count >= ENTRIES_MAX || this.#bytes >= NODE_BYTES_MAX) return true
    return count >= ENTRIES_MIN && this.#bits(entry.name, 0, ENTRY_BITS) === 0
  }

  #closeNode(): void {
    writer.reset()
    writeNodeHead(writer, 'entries', 0)
    writer.array(this.#entries.length)
    for (const { encoded } of this.#entries) writer.raw(encoded)
    const refs = this.#entries.map((entry) => entry.refs ?? refsOfEncoded(entry.encoded))
    const id = this.#trees.putEntries(writer.finish(), concat(refs))
    this.#keep(this.#children, {
      // A copy: what the name is a view of may be of many files.
      firstName: this.#entries[0]?.name.slice() ?? new Uint8Array(0),
      id,
    })
    this.#entries = []
    this.#bytes = 0
  }

  #closeLevel(level: number, children: readonly DirectoryChild[]): readonly DirectoryChild[] {
    const above: DirectoryChild[] = []
    let start = 0
    children.forEach((child, i) => {
      const count = i + 1 - start
      const hashed = count >= CHILDREN_MIN && this.#bits(child.firstName, level, CHILD_BITS) === 0
      if (!hashed && count < CHILDREN_MAX && i + 1 < children.length) return
      const some = children.slice(start, i + 1)
      const blob = encode(treeNodeCodec, { kind: 'directory', level, children: some })
      const id = this.#trees.put(blob)
      this.#keep(above, { firstName: (some[0] as DirectoryChild).firstName, id })
      start = i + 1
    })
    return above
  }

  #keep(level: DirectoryChild[], child: DirectoryChild): void {
    this.#nodes.push(child.id)
    level.push(child)
  }

  /** The lowest `count` bits of a number that the name has for each level. */
  #bits(name: Bytes, level: number, count: number): number {
    const hash = this.#hasher.hash(name)
    return viewOf(hash).getUint32(4 * Math.min(level, 7), true) & (2 ** count - 1)
  }
}
