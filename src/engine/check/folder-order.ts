// Whether the nodes of folders of many entries are in order: of each inner node the levels below, their
// first names, and that they do not overlap. Each node is looked at once, whoever refers to it.

import { compareBytes, equalBytes } from '../../base/bytes.ts'
import type { BlobId } from '../../format/ids.ts'
import type { TreeNode } from '../../format/tree.ts'
import { kindNumber } from './node-facts.ts'
import type { NoNode, ReadNode } from './node-reader.ts'
import type { NameRange, TreeFacts } from './tree-facts.ts'

type InnerNode = TreeNode & { readonly kind: 'directory' }

export class FolderOrder {
  readonly #facts: TreeFacts
  readonly #read: ReadNode
  readonly #ranges = new Map<number, NameRange | undefined>()
  /** By number of the inner node what is wrong with it. */
  readonly faults = new Map<number, string>()

  constructor(facts: TreeFacts, read: ReadNode) {
    this.#facts = facts
    this.#read = read
  }

  async checkAll(): Promise<void> {
    for (const id of this.#facts.innerNodes()) await this.#rangeOf(id)
  }

  /** Undefined of what is empty or cannot be read. */
  async #rangeOf(id: BlobId): Promise<NameRange | undefined> {
    const number = this.#facts.numberOf(id)
    const known = this.#facts.rangeOf(number)
    if (known !== undefined || this.#ranges.has(number)) return known ?? this.#ranges.get(number)
    const node = await this.#read(id)
    const range = node && (await this.#rangeOfNode(node, number))
    this.#ranges.set(number, range)
    return range
  }

  async #rangeOfNode(node: TreeNode | NoNode, number: number): Promise<NameRange | undefined> {
    if (node.kind === 'entries') {
      const [first, last] = [node.entries[0], node.entries.at(-1)]
      return first && last && { first: first.name.slice(), last: last.name.slice() }
    }
    return node.kind === 'directory' ? this.#rangeOfInner(node, number) : undefined
  }

  /** Read again where the pack did not say it: its header may be damaged. */
  async #kindOf(id: BlobId, number: number): Promise<number> {
    const known = this.#facts.kindOf(number)
    if (known !== 0) return known
    const node = await this.#read(id)
    if (node === undefined || node.kind === 'none') return 0
    return kindNumber(node.kind, 'level' in node ? node.level : 0)
  }

  async #rangeOfInner(node: InnerNode, number: number): Promise<NameRange | undefined> {
    const { children, level } = node
    const below = kindNumber(level > 1 ? 'directory' : 'entries', level - 1)
    let last: NameRange | undefined
    for (const [i, { id, firstName }] of children.entries()) {
      const child = this.#facts.numberOf(id)
      last = undefined
      if (this.#facts.isLost(child)) continue
      if ((await this.#kindOf(id, child)) !== below) {
        this.faults.set(number, 'what is below a node of a folder is of another kind or level')
        continue
      }
      last = await this.#rangeOf(id)
      const next = children[i + 1]?.firstName
      if (
        last === undefined ||
        !equalBytes(last.first, firstName) ||
        (next !== undefined && compareBytes(last.last, next) >= 0)
      )
        this.faults.set(number, 'the nodes of a folder are not in order, or have a name twice')
    }
    const first = children[0]?.firstName.slice()
    return first && last && { first, last: last.last }
  }
}
