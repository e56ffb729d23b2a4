// A repository under siege: its owner, a machine whose snapshots must stay, and an attacker who holds a
// writer's key of the same domain and may put whatever it likes, but removes nothing but its own leases.

import { type Bytes, toHex } from '../../src/base/bytes.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { isCairnError } from '../../src/base/errors.ts'
import type { DomainPlan } from '../../src/engine/prune/plan.ts'
import { GRACE_MS } from '../../src/engine/prune/timing.ts'
import { type PruneResult, prune } from '../../src/engine/prune.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { decodeTreeNode, refsOf } from '../../src/format/tree.ts'
import { openFrame } from '../../src/packer/frame.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { createRepository } from '../../src/repository/create.ts'
import { UNDELETE_WINDOW_MS } from '../../src/repository/forgets.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { type ReadHeader, readPackHeader } from '../../src/repository/pack-headers.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { Seal } from '../../src/sealer/seal.ts'
import { frameBinding } from '../../src/sealer/session.ts'
import { decorate } from '../../src/store/decorate.ts'
import { openMemory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { CraftedTrees } from '../repositories/crafted.ts'
import { newSecret } from '../repositories/sample.ts'

export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

export class Siege {
  nowMs = 1_800_000_000_000
  readonly clock: Clock = {
    ...systemClock,
    nowMs: () => this.nowMs,
    sleep: () => Promise.resolve(),
  }
  readonly store: Store = openMemory({ clock: this.clock })
  readonly #key = newSecret()
  #owner: Repository | undefined
  #victim: Repository | undefined
  #attacker: Repository | undefined

  static async begin(): Promise<Siege> {
    const siege = new Siege()
    const { store, clock } = siege
    await createRepository(store, { ...siege.#key, random: systemRandom, clock })
    siege.#owner = await openRepository(store, siege.#key)
    siege.#victim = await siege.#writer('victim', store)
    siege.#attacker = await siege.#writer('attacker', onlyAdding(store))
    return siege
  }

  get owner(): Repository {
    return this.#owner as Repository
  }

  get victim(): Repository {
    return this.#victim as Repository
  }

  /** Its store refuses what a writer may not do. */
  get attacker(): Repository {
    return this.#attacker as Repository
  }

  get domain(): DomainAccess {
    return selectDomain(this.owner)
  }

  /** What owner and victim do from now on goes through this. */
  through(wrap: (store: Store) => Store): void {
    this.#owner = { ...this.owner, store: wrap(this.store) }
    this.#victim = { ...this.victim, store: wrap(this.store) }
  }

  async #writer(label: string, store: Store): Promise<Repository> {
    const key = newSecret()
    const grant = {
      ...key,
      label,
      role: 'writer' as const,
      domain: 'default',
      random: systemRandom,
      clock: this.clock,
    }
    await addGrant(this.owner, grant)
    return openRepository(store, key)
  }

  /** A snapshot of the victim with a file for each text. An hour passes before. Returns its id. */
  async save(texts: readonly string[], source = 'victim'): Promise<string> {
    this.nowMs += HOUR_MS
    const trees = new CraftedTrees(this.victim)
    const files = texts.map((text, i) => trees.file(`file-${i}`, text))
    const { snapshot } = await trees.commit(trees.entries(...files), source)
    return snapshot
  }

  /** What the owner's upkeep does every day, for so many days. */
  async prune(
    days: number,
    limits: {
      readonly unusedMax?: number
      readonly compact?: boolean
      readonly alone?: boolean
    } = {},
  ): Promise<PruneResult[]> {
    const results: PruneResult[] = []
    for (let day = 1; day <= days; day++) {
      this.nowMs += DAY_MS + HOUR_MS
      results.push(
        await prune({
          repository: this.owner,
          limits: {
            graceMs: GRACE_MS,
            windowMs: UNDELETE_WINDOW_MS,
            moveBytesMax: 1 << 30,
            unusedMax: limits.unusedMax ?? 0,
            compact: limits.compact === true,
            alone: limits.alone === true,
          },
          host: 'host',
          dryRun: false,
          clock: this.clock,
          random: systemRandom,
          signal: new AbortController().signal,
          onPlan: () => undefined,
          onWarning: () => undefined,
        }),
      )
    }
    return results
  }

  /** Of these snapshots those that are not listed, or of which something can be had from no pack. */
  async lost(ids: readonly string[], store = this.store): Promise<readonly string[]> {
    const { snapshots } = await loadSnapshots({ ...this.owner, store }, { onlyReading: true })
    const blobs = await this.#blobs(store)
    return ids.filter((id) => {
      const found = snapshots.find((one) => one.id === id)
      return found === undefined || !isWhole(found.summary.roots, blobs)
    })
  }

  /** Every blob that is what its id says, from whatever pack. */
  async #blobs(store: Store): Promise<ReadonlyMap<string, Bytes>> {
    const { domain } = this
    const blobs = new Map<string, Bytes>()
    for await (const { name, size } of store.list('packs/')) {
      const read = await headerOf(store, { name, packBytes: size }, domain)
      if (read === undefined) continue
      const bytes = await store.get(name)
      for (const { id, blob } of blobsIn(read, bytes))
        if (
          domain.idOf('data', blob).join() === id.join() ||
          domain.idOf('tree', blob).join() === id.join()
        )
          blobs.set(toHex(id), blob)
    }
    return blobs
  }
}

/** What stands in the way of deleting, in words. */
export function obstaclesIn(results: readonly PruneResult[]): readonly string[] {
  const plans: readonly DomainPlan[] = results.flatMap(({ plan }) => plan.domains)
  return plans.flatMap(({ obstacles }) => obstacles.map(({ object, why }) => `${object}: ${why}`))
}

export function notesIn(results: readonly PruneResult[]): readonly string[] {
  return results.flatMap(({ plan }) => plan.notes.map(({ name }) => name))
}

/** A store as the vault gives it to whoever may only add. */
function onlyAdding(store: Store): Store {
  return decorate(store, {
    remove: (name) =>
      name.startsWith('leases/') ? store.remove(name) : Promise.reject(new Error('may not remove')),
  })
}

function isWhole(roots: readonly Bytes[], blobs: ReadonlyMap<string, Bytes>): boolean {
  return roots.every((root) => {
    const blob = blobs.get(toHex(root))
    if (blob === undefined) return false
    return refsOf(decodeTreeNode(blob)).every((id) => isThere(id, blobs))
  })
}

/** Of data or a tree below. */
function isThere(id: BlobId, blobs: ReadonlyMap<string, Bytes>): boolean {
  return blobs.has(toHex(id))
}

async function headerOf(
  store: Store,
  pack: { readonly name: string; readonly packBytes: number },
  domain: DomainAccess,
): Promise<ReadHeader | undefined> {
  try {
    return await readPackHeader(store, pack, [domain])
  } catch (error) {
    if (isCairnError(error)) return undefined
    throw error
  }
}

function* blobsIn(
  { domain, indexed, header }: ReadHeader,
  bytes: Bytes,
): Generator<{ readonly id: Bytes; readonly blob: Bytes }> {
  let next = 0
  for (const { session: number, offset, storedBytes, rawBytes, blobCount } of header.frames) {
    const session = header.sessions[number]
    const first = next
    next += blobCount
    if (session === undefined) continue
    const { frameKey } = domain.sessionKeys(session)
    const aad = frameBinding(domain.scope, session, indexed.kind)
    const sealed = bytes.slice(offset, offset + storedBytes)
    for (const [i, blob] of openFrame(sealed, {
      seal: new Seal(frameKey),
      aad,
      rawBytes,
    }).entries())
      yield { id: header.ids.subarray(32 * (first + i), 32 * (first + i + 1)), blob }
  }
}
