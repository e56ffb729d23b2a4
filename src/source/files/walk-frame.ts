// One folder that the walk is inside of: its descriptor, its listing, and how far it has come. The
// next name is the smaller one of the next listed and the next on the way to a root.

import { type Bytes, compareBytes } from '../../base/bytes.ts'
import type { DirectoryListing } from '../../base/libc-listing.ts'
import type { ExactInteger, StatBuffer } from '../../base/libc-stat.ts'
import type { DirectoryContents, WalkDirectory } from './walk-events.ts'
import { joinPath, type RootNode } from './walk-roots.ts'

const SLASH = 0x2f

/** No descriptor: closed for a while, or for good. */
export const CLOSED = -1

/** Where a folder belongs. */
export interface FrameContext {
  readonly name: Bytes
  readonly parent: Frame | undefined
  /** The roots below it and on the way to them. */
  readonly node: RootNode | undefined
  /** How many names lead to the root that it lies in; of no use where contents is 'roots'. */
  readonly rootDepth: number
  readonly contents: DirectoryContents
}

export class Frame implements WalkDirectory {
  fd: number
  contents: DirectoryContents
  diskless = false
  readonly name: Bytes
  readonly parent: Frame | undefined
  readonly depth: number
  readonly rootDepth: number
  readonly inode: ExactInteger
  readonly deviceMajor: number
  readonly deviceMinor: number
  readonly listing: DirectoryListing
  readonly #named: readonly RootNode[]
  readonly #pathLength: number
  #next = 0
  #end = 0
  #nextNamed = 0

  constructor(context: FrameContext, fd: number, stat: StatBuffer, listing: DirectoryListing) {
    this.fd = fd
    this.name = context.name
    this.parent = context.parent
    this.contents = context.contents
    this.depth = context.parent === undefined ? 0 : context.parent.depth + 1
    this.rootDepth = context.rootDepth
    const { parent, name } = context
    this.#pathLength = parent === undefined ? 0 : parent.#pathLength + 1 + name.length
    this.inode = stat.inode
    this.deviceMajor = stat.deviceMajor
    this.deviceMinor = stat.deviceMinor
    this.listing = listing
    this.#named = context.node?.children ?? []
  }

  path(): Bytes {
    if (this.parent === undefined) return Uint8Array.of(SLASH)
    const path = new Uint8Array(this.#pathLength).fill(SLASH)
    let end = path.length - this.name.length
    path.set(this.name, end)
    for (let above = this.parent; above.parent !== undefined; above = above.parent) {
      end -= 1 + above.name.length
      path.set(above.name, end)
    }
    return path
  }

  pathOf(name: Bytes): Bytes {
    return joinPath(this.path(), name)
  }

  sameFolder(stat: StatBuffer): boolean {
    return stat.inode === this.inode && this.sameDevice(stat)
  }

  sameDevice(stat: Pick<StatBuffer, 'deviceMajor' | 'deviceMinor'>): boolean {
    return stat.deviceMinor === this.deviceMinor && stat.deviceMajor === this.deviceMajor
  }

  /** The walk will go through the listing from here to there. */
  setRange(start: number, end: number): void {
    this.#next = start
    this.#end = end
  }

  /** Nothing more will come of this folder. */
  abandon(): void {
    this.#next = this.#end
    this.#nextNamed = this.#named.length
  }

  /** Whether there is one more name; then `nextNamed` or else `nextListed` is it. */
  get hasMore(): boolean {
    return this.#next < this.#end || this.#nextNamed < this.#named.length
  }

  /** The next name if it is on the way to a root, with its place in the listing, or -1. */
  takeNamed(): { readonly node: RootNode; readonly index: number } | undefined {
    const node = this.#named[this.#nextNamed]
    if (node === undefined) return undefined
    if (this.#next === this.#end) return { node: this.#takeNode(node), index: -1 }
    const order = compareBytes(node.name, this.listing.nameAt(this.#next))
    if (order > 0) return undefined
    const index = order === 0 ? this.#next++ : -1
    return { node: this.#takeNode(node), index }
  }

  /** The next name of the listing, as its place there. */
  takeListed(): number {
    return this.#next++
  }

  #takeNode(node: RootNode): RootNode {
    this.#nextNamed++
    return node
  }
}
