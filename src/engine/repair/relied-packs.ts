// The packs that snapshots which come back, or count again, rely upon: looked at as a writer does before its
// receipt (design, section 5, steps 4 to 6). The lease of a repair protects its effort; that what it stored is still
// there when a snapshot counts is seen here.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError } from '../../base/errors.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { loadMarks } from '../../repository/marks.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ObjectInfo } from '../../store/store.ts'
import { findLostPacks, type StoredPack } from '../lost-packs.ts'
import type { Headers } from '../prune/headers.ts'
import { Needs } from './needs.ts'

/** Roots of snapshots that are whole by the plan. */
export interface CountingRoots {
  readonly domain: DomainAccess
  readonly roots: readonly Bytes[]
}

export class ReliedPacks {
  readonly #repository: Repository
  readonly #packs: ReadonlyMap<DomainAccess, readonly StoredPack[]>

  private constructor(
    repository: Repository,
    packs: ReadonlyMap<DomainAccess, readonly StoredPack[]>,
  ) {
    this.#repository = repository
    this.#packs = packs
  }

  /**
   * What is below these roots. Packs that are known to be damaged do not count. Throws 'snapshot-unconfirmed' where
   * it is not all in packs that stay, and what stores throw.
   */
  static async find(
    repository: Repository,
    {
      counting,
      headers,
      damaged,
    }: {
      readonly counting: readonly CountingRoots[]
      readonly headers: Headers
      readonly damaged: ReadonlySet<string>
    },
  ): Promise<ReliedPacks> {
    const found = new Map<DomainAccess, readonly StoredPack[]>()
    for (const { domain, roots } of counting) {
      const { packs: marked } = await loadMarks(repository, domain, passOver)
      const listed: ObjectInfo[] = []
      for await (const info of repository.store.list('packs/'))
        if (!damaged.has(info.name) && !marked.has(info.name)) listed.push(info)
      await headers.read(listed)
      const good = listed.flatMap(({ name, size: bytes }) => {
        const read = headers.get(name)
        if (read?.domain !== domain) return []
        return { name, bytes, kind: read.indexed.kind, header: read.header }
      })
      const needs = new Needs({ good, saved: [], others: [], roots, forgotten: [] })
      if (needs.lost.length > 0) throw deletedMeanwhile()
      const relied = needs.goodPacks()
      found.set(
        domain,
        good.filter((_, at) => relied.has(at)).map(({ name, bytes }) => ({ name, bytes })),
      )
    }
    return new ReliedPacks(repository, found)
  }

  /** Throws 'snapshot-unconfirmed' where one is gone, cut off or marked, and what stores throw. */
  async expectThere(): Promise<void> {
    for (const [domain, packs] of this.#packs) {
      const asked = { domain, packs, onMarkProblem: passOver }
      const lost = await findLostPacks(this.#repository, asked)
      if (lost.length > 0) throw deletedMeanwhile()
    }
  }
}

/** By a mark that nobody can read nobody can delete. */
function passOver(): void {
  // Nothing to do.
}

function deletedMeanwhile(): CairnError {
  const what = 'Cannot finish the repair: what snapshots need was marked or removed meanwhile'
  return new CairnError('snapshot-unconfirmed', what, {
    hint: 'Does somebody prune at the same time? Run it again: it goes on where it was.',
  })
}
