// Whether all that snapshots need is there, by what packs say of themselves: only listed packs that no mark
// names count, unless it is asked what could be there, and of each that is relied upon the header is read.
// Header keys suffice: what trees refer to is in the headers of their packs. An index only says where to look.

import { isCairnError } from '../../base/errors.ts'
import { blobId } from '../../format/ids.ts'
import { splitIds } from '../../format/tree.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { type Index, loadIndex } from '../../repository/index-load.ts'
import { recoverIndex, unindexedPacks } from '../../repository/index-recover.ts'
import { forEachInParallel, UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import { type ReadHeader, readPackHeader } from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import { headerFacts } from '../check/pack-facts.ts'
import { RefGraph } from '../check/ref-graph.ts'

const PARALLEL = 16

export class Presence {
  readonly index: Index
  readonly #repository: Repository
  readonly #graph: RefGraph
  /** By the number of a blob in the image: a header that was read has it. */
  readonly #present: Uint8Array
  readonly #read = new Set<number>()

  private constructor(repository: Repository, index: Index) {
    this.#repository = repository
    this.index = index
    this.#graph = new RefGraph(index.image)
    this.#present = new Uint8Array(index.image.blobs)
  }

  /**
   * Lists marks, then packs, then reads what is known of these. `withMarked` counts what marks name too: it may
   * stay or go. Throws as loadIndex does.
   */
  static async load(
    repository: Repository,
    domain: DomainAccess,
    { withMarked = false }: { readonly withMarked?: boolean } = {},
  ): Promise<Presence> {
    const index = await loadIndex(repository, domain, { onlyReading: withMarked })
    const packs = unindexedPacks(index).filter(
      ({ name }) => withMarked || !index.marked.packs.has(name),
    )
    const recovered = await recoverIndex(repository, { index, packs, onlyReading: withMarked })
    const presence = new Presence(repository, recovered)
    const trees = recovered.packs.flatMap(({ kind }, at) => (kind === 'tree-pack' ? [at] : []))
    await presence.#readHeaders(trees)
    return presence
  }

  /** How many of the blobs below these roots no pack that counts has. */
  async lostBelow(roots: Iterable<Uint8Array>): Promise<number> {
    const needed = this.#below(roots)
    const { image } = this.index
    const known = [...needed].filter((number) => number < image.blobs)
    await this.#readHeaders(new Set(known.map((number) => image.frame(image.frameOf(number)).pack)))
    return [...needed].filter((number) => this.#present[number] !== 1).length
  }

  #below(roots: Iterable<Uint8Array>): ReadonlySet<number> {
    const visited = new Set<number>()
    const stack = [...roots].map((root) => this.#graph.numberOf(root))
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (visited.has(node)) continue
      visited.add(node)
      for (const target of this.#graph.targets(node)) stack.push(target)
    }
    return visited
  }

  /** A header that cannot be read says nothing: what only its pack has is lost. */
  async #readHeaders(packs: Iterable<number>): Promise<void> {
    const { packs: all, domain } = this.index
    const unread = [...packs].filter((at) => !this.#read.has(at))
    await forEachInParallel(unread, PARALLEL, async (at) => {
      this.#read.add(at)
      const pack = all[at]
      if (pack === undefined) return
      try {
        const { name, packBytes } = pack
        const read = await readPackHeader(this.#repository.store, { name, packBytes }, [domain])
        if (read !== undefined) this.#take(read)
      } catch (error) {
        if (!isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) throw error
      }
    })
  }

  #take(read: ReadHeader): void {
    if (read.indexed.kind === 'tree-pack') this.#graph.add(headerFacts(read))
    for (const id of splitIds(read.header.ids)) {
      const number = this.index.image.blobNumber(blobId(id))
      if (number >= 0) this.#present[number] = 1
    }
  }
}
