// A repository in memory whose clock is moved by hand, for tests of forgetting: snapshots of nothing, put and
// confirmed as any writer does, and all that upkeep does with them.

import type { Clock } from '../../src/base/clock.ts'
import { systemClock } from '../../src/base/clock.ts'
import {
  type ForgetOptions,
  type ForgetResult,
  type Forgetting,
  forget,
} from '../../src/engine/forget.ts'
import { selectSnapshot } from '../../src/engine/select-snapshot.ts'
import { type UndeleteOptions, undelete } from '../../src/engine/undelete.ts'
import type { Summary } from '../../src/format/snapshot.ts'
import { createRepository } from '../../src/repository/create.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import {
  loadSnapshots,
  putReceipt,
  putSnapshot,
  sourceIdOf,
} from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { openMemory } from '../../src/store/memory.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { NO_CATALOG } from '../repositories/no-catalog.ts'
import { EMPTY_DETAILS, EMPTY_SUMMARY } from '../repositories/nothing-saved.ts'
import { newSecret, type SecretKey } from '../repositories/sample.ts'
import { DAY_MS, NOON, policy } from './candidates.ts'

export interface Saving {
  readonly source?: string
  readonly tags?: readonly string[]
  readonly isConfirmed?: boolean
  readonly summary?: Partial<Summary>
}

export class Retention {
  nowMs = NOON
  readonly clock: Clock = {
    ...systemClock,
    nowMs: () => this.nowMs,
    sleep: () => Promise.resolve(),
  }
  readonly store: Store = openMemory({ clock: this.clock })
  readonly #owner: SecretKey = newSecret()
  readonly #sequences = new Map<string, number>()

  /** An empty repository. */
  static async make(): Promise<Retention> {
    const retention = new Retention()
    const making = { random: systemRandom, clock: retention.clock }
    await createRepository(retention.store, { ...retention.#owner, ...making })
    return retention
  }

  /** The owner's view of it. */
  owner(store = this.store): Promise<Repository> {
    return openRepository(store, this.#owner)
  }

  /** What a new key may do. */
  async grant(
    role: 'writer' | 'reader' | 'upkeep',
    options: {
      readonly domain?: string
      readonly sources?: readonly string[]
      readonly hosts?: readonly string[]
    } = {},
  ): Promise<Repository> {
    const key = newSecret()
    const making = { label: `${role} ${systemRandom(4).join('')}`, random: systemRandom }
    const grant = { ...making, ...key, ...options, role, clock: this.clock }
    await addGrant(await this.owner(), grant)
    return openRepository(this.store, key)
  }

  /** Saves a snapshot of nothing; a day passes before it. Returns its id. */
  async save(
    repository: Repository,
    { source = 'source', tags = [], isConfirmed = true, summary = {} }: Saving = {},
  ): Promise<string> {
    this.nowMs += DAY_MS
    const domain = repository.domains[0]
    if (domain === undefined) throw new Error('no domain')
    const key = `${domain.hex} ${source}`
    const sequence = (this.#sequences.get(key) ?? 0) + 1
    this.#sequences.set(key, sequence)
    const sessionId = systemRandom(16)
    const said: Omit<Summary, 'detailsHash'> = {
      ...EMPTY_SUMMARY,
      sourceId: sourceIdOf(domain, source),
      sequence,
      sessionId,
      startedMs: this.nowMs,
      endedMs: this.nowMs,
      ...summary,
    }
    const details = { ...EMPTY_DETAILS, source, tags }
    const name = await putSnapshot(repository, { domain, summary: said, details })
    const snapshot = digestInName(name) as Uint8Array
    const receipt = { snapshot, sessionId, confirmedMs: this.nowMs }
    if (isConfirmed) await putReceipt(repository, { domain, receipt })
    return name.slice('snapshots/'.length)
  }

  /** The same so many times. */
  async saveSeveral(repository: Repository, count: number): Promise<readonly string[]> {
    const ids: string[] = []
    for (let i = 0; i < count; i++) ids.push(await this.save(repository))
    return ids
  }

  /** Ids of what is listed, oldest first. */
  async listed(): Promise<readonly string[]> {
    const { snapshots } = await loadSnapshots(await this.owner())
    return snapshots.map(({ id }) => id)
  }

  forget(
    repository: Repository,
    forgetting: Partial<Forgetting> | Partial<Extract<Forgetting, { kind: 'policy' }>>,
    changes: Partial<ForgetOptions> = {},
  ): Promise<ForgetResult> {
    const accepted = { clock: false, flood: false }
    const by = { kind: 'policy', policy: policy({ last: 1 }), filter: {}, accepted }
    return forget({
      ...this.working(repository),
      forgetting: { ...by, rememberedMs: undefined, ...forgetting } as Forgetting,
      dryRun: false,
      catalog: NO_CATALOG,
      onProblem: () => undefined,
      onPlan: () => undefined,
      onForgotten: () => undefined,
      ...changes,
    })
  }

  /** Returns ids of what is there again, and messages of what is not. */
  async undelete(
    repository: Repository,
    ...wanted: readonly string[]
  ): Promise<{ readonly ids: readonly string[]; readonly failed: readonly string[] }> {
    const { done, failed } = await undelete({ ...this.working(repository), wanted })
    return {
      ids: done.map(({ name }) => name.slice('snapshots/'.length)),
      failed: failed.map(({ error }) => error.message),
    }
  }

  working(repository: Repository): UndeleteOptions {
    const { clock } = this
    return { repository, host: 'host', clock, random: systemRandom, onWarning: () => undefined }
  }
}

/** What operations of upkeep are given; nobody waits. */
export function working(repository: Repository): UndeleteOptions {
  const clock = { ...systemClock, sleep: () => Promise.resolve() }
  return { repository, host: 'host', clock, random: systemRandom, onWarning: () => undefined }
}

/** Forgets these, whatever is left then. */
export async function forgetIds(repository: Repository, ...ids: readonly string[]): Promise<void> {
  await forgetThese(repository, { ids, minimum: 0 })
}

/** Forgets these as `cairn forget ID...` does. */
export function forgetThese(
  repository: Repository,
  { ids, minimum }: { readonly ids: readonly string[]; readonly minimum: number },
): Promise<ForgetResult> {
  return forget({
    ...working(repository),
    forgetting: {
      kind: 'ids',
      select: (known) =>
        ids.map((wanted) => selectSnapshot(known, { repository, wanted, filter: {} })),
      minimum,
    },
    dryRun: false,
    catalog: NO_CATALOG,
    onProblem: () => undefined,
    onPlan: () => undefined,
    onForgotten: () => undefined,
  })
}
