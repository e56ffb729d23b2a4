// Whether folders of a snapshot lie deeper than anything may (format, section 16): readers go no further,
// so that what is below is as good as lost. Found in two steps. To a folder lead at least as many refs as
// names, and counting them costs no reading; only where a chain of them is so long that there might be too
// many names, which no real tree has, nodes are read to tell folders from what else there is.

import { toHex } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import type { BlobId } from '../../format/ids.ts'
import { PATH_NAMES_MAX } from '../../format/limits.ts'
import type { TreeNode } from '../../format/tree.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import type { BlobReader } from '../blob-reader.ts'
import type { RefGraph } from './ref-graph.ts'

/** Refs one after the other, over any number of roots. */
export class Chains {
  readonly #graph: RefGraph
  /** For each blob one more than how many lead on from it; 0 where that is not known. */
  readonly #lengths: Uint32Array

  constructor(graph: RefGraph) {
    this.#graph = graph
    this.#lengths = new Uint32Array(graph.count)
  }

  /** Whether anything below a root may lie too deep. */
  mayBeTooDeep(root: number): boolean {
    return this.#lengthFrom(root) >= PATH_NAMES_MAX
  }

  /** What headers say is not to be trusted: a ref that leads back to where it came from ends there. */
  #lengthFrom(root: number): number {
    const stack = [{ node: root, next: 0 }]
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const targets = this.#graph.targets(top.node)
      if (top.next === 0) this.#lengths[top.node] = 1
      const target = targets[top.next++]
      if (target === undefined) {
        for (const one of targets) this.#note(top.node, one)
        stack.pop()
      } else if (this.#lengths[target] === 0) stack.push({ node: target, next: 0 })
    }
    return (this.#lengths[root] ?? 1) - 1
  }

  #note(node: number, target: number): void {
    const length = 1 + (this.#lengths[target] ?? 1)
    this.#lengths[node] = Math.max(this.#lengths[node] as number, length)
  }
}

interface OpenNode {
  readonly id: BlobId
  readonly children: readonly BlobId[]
  /** How many names each of the children adds. */
  readonly step: 0 | 1
  next: number
  /** The most names that lead from here to an entry, as far as they are known. */
  names: number
}

const NODES_AT_ONCE = 64

/** Reads trees to see how deep they are, each node once. */
export class DepthReader {
  readonly #reader: BlobReader
  readonly #signal: AbortSignal
  readonly #known = new Map<string, number>()
  #nodes = 0

  constructor(reader: BlobReader, signal: AbortSignal) {
    this.#reader = reader
    this.#signal = signal
  }

  /** Throws 'interrupted'. What cannot be read has no depth: that it is lost is told elsewhere. */
  async isTooDeep(root: BlobId): Promise<boolean> {
    return (await this.#namesBelow(root)) > PATH_NAMES_MAX
  }

  async #namesBelow(root: BlobId): Promise<number> {
    const stack = [await this.#open(root)]
    for (;;) {
      const top = stack.at(-1) as OpenNode
      const child = top.children[top.next]
      if (child === undefined) {
        this.#known.set(toHex(top.id), top.names)
        stack.pop()
        if (stack.length === 0) return top.names
        continue
      }
      const known = this.#known.get(toHex(child))
      if (known === undefined) stack.push(await this.#open(child))
      else {
        top.names = Math.max(top.names, top.step + known)
        top.next++
      }
    }
  }

  async #open(id: BlobId): Promise<OpenNode> {
    if (++this.#nodes % NODES_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
    if (this.#signal.aborted) throw new CairnError('interrupted', 'Interrupted')
    const node = await this.#read(id)
    const at = { id, next: 0 }
    if (node?.kind === 'directory')
      return { ...at, children: node.children.map((child) => child.id), step: 0, names: 0 }
    if (node?.kind !== 'entries') return { ...at, children: [], step: 0, names: 0 }
    const children = node.entries.flatMap(({ tree }) => (tree === undefined ? [] : [tree]))
    return { ...at, children, step: 1, names: Math.min(node.entries.length, 1) }
  }

  async #read(id: BlobId): Promise<TreeNode | undefined> {
    try {
      return await this.#reader.readNode(id)
    } catch (error) {
      if (isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) return undefined
      throw error
    }
  }
}
