// Packs on their way into a store, and the index segments that name those that it has acknowledged.
// Only what is acknowledged is ever named.

import { type Bytes, fromHex } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import type { FinishedPack } from '../../packer/pack-writer.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { blobsOf, groupsOf, putSegment } from '../../repository/index-write.ts'
import type { DescribedPack } from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import { contentName } from '../../store/names.ts'
import type { StoredPack } from '../lost-packs.ts'

/** After this long, or this many packs, what is acknowledged is named in an index segment. */
export const SEGMENT_MS = 3 * 60 * 1000
const SEGMENT_PACKS = 256
/** Segments with more blobs than this are not merged with others: memory stays bounded. */
const MERGED_BLOBS_MAX = 262_144

export interface PackUploadsOptions {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly clock: Clock
  /** Told at once, because whoever waits for an acknowledgement would wait for ever. */
  readonly onFailure: (error: Error) => void
}

export class PackUploads {
  readonly #options: PackUploadsOptions
  readonly #uploads = new Set<Promise<void>>()
  readonly #unindexed: DescribedPack[] = []
  /** Segments that are small enough to be merged at the end. */
  readonly #segments: { readonly name: string; readonly packs: readonly DescribedPack[] }[] = []
  readonly #stored: StoredPack[] = []
  #failure: Error | undefined
  #indexedAtMs: number
  #indexing: Promise<void> = Promise.resolve()

  constructor(options: PackUploadsOptions) {
    this.#options = options
    this.#indexedAtMs = options.clock.monotonicMs()
  }

  get stored(): readonly StoredPack[] {
    return this.#stored
  }

  get failure(): Error | undefined {
    return this.#failure
  }

  get isIdle(): boolean {
    return this.#uploads.size === 0
  }

  /** Sends a pack on its way; `stored` is called when it is acknowledged and its memory free. */
  store(pack: FinishedPack, stored: () => void): void {
    const upload: Promise<void> = this.#upload(pack, stored)
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error))
        this.#options.onFailure(this.#failure)
      })
      .finally(() => this.#uploads.delete(upload))
    this.#uploads.add(upload)
  }

  /** Resolves when one of the packs that are on their way is there, or has failed. */
  async oneEnded(): Promise<void> {
    await Promise.race(this.#uploads)
  }

  async allEnded(): Promise<void> {
    await Promise.all(this.#uploads)
  }

  /** Throws where a pack or segment could not be stored. After `allEnded`. */
  async succeeded(): Promise<void> {
    await this.#indexing
    if (this.#failure !== undefined) throw this.#failure
  }

  /**
   * Names every acknowledged pack of the run in one segment, or as few as hold them, in the place of
   * those that were written on the way. After all succeeded.
   */
  async commitIndex(): Promise<void> {
    if (this.#unindexed.length === 0 && this.#segments.length <= 1) return
    const packs = [...this.#segments.flatMap((segment) => segment.packs), ...this.#unindexed]
    const supersedes = this.#segments.map(
      (segment) => fromHex(segment.name.slice('index/'.length)) as Bytes,
    )
    const groups = groupsOf(packs)
    // The last one takes the place of the others: only then is all that they say said again.
    for (const group of groups)
      await this.#putSegment(group, group === groups.at(-1) ? supersedes : [])
    this.#unindexed.length = 0
    this.#segments.length = 0
  }

  /** Names all that is acknowledged, after an end before the end. */
  async nameStored(): Promise<void> {
    await this.#indexing.catch(() => undefined) // what it could not name is tried again
    await this.#index()
  }

  async #upload(pack: FinishedPack, stored: () => void): Promise<void> {
    const name = contentName('packs', pack.indexed.hash)
    await this.#options.repository.store.put(name, pack.parts)
    this.#stored.push({ name, bytes: pack.indexed.packBytes })
    this.#unindexed.push(described(pack))
    stored()
    const dueMs = this.#indexedAtMs + SEGMENT_MS
    if (this.#unindexed.length >= SEGMENT_PACKS || this.#options.clock.monotonicMs() >= dueMs) {
      this.#indexing = this.#indexing.then(() => this.#index())
      await this.#indexing
    }
  }

  async #index(): Promise<void> {
    this.#indexedAtMs = this.#options.clock.monotonicMs()
    for (let group = groupsOf(this.#unindexed)[0]; group; group = groupsOf(this.#unindexed)[0]) {
      const packs = this.#unindexed.splice(0, group.length)
      try {
        const name = await this.#putSegment(packs, [])
        const merged = [...this.#segments.flatMap((segment) => segment.packs), ...packs]
        if (blobsOf(merged) <= MERGED_BLOBS_MAX) this.#segments.push({ name, packs })
      } catch (error) {
        this.#unindexed.unshift(...packs)
        throw error
      }
    }
  }

  async #putSegment(
    packs: readonly DescribedPack[],
    supersedes: readonly Bytes[],
  ): Promise<string> {
    const { repository, domain } = this.#options
    return putSegment(repository, { domain, signatory: domain.signatory, packs, supersedes })
  }
}

/** Without the refs, which no index has, and without what refers to the frames. */
function described({ indexed, header }: FinishedPack): DescribedPack {
  const { sessions, frames, ids } = header
  return { indexed, columns: { sessions, frames, ids } }
}
