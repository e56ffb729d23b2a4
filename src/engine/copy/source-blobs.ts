// The blobs of one domain of the source: where they lie, what they are called in the target as far as that is
// known, and which of them cannot be had.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { type CairnError, isCairnError } from '../../base/errors.ts'
import { KeyedHasher } from '../../base/hash.ts'
import type { BlobId } from '../../format/ids.ts'
import type { Session } from '../../format/pack.ts'
import type { FrameSeal } from '../../packer/frame.ts'
import { blobIdKey, type DomainAccess } from '../../repository/access.ts'
import { loadCompleteIndex } from '../../repository/index-complete.ts'
import type { Index } from '../../repository/index-load.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Store } from '../../store/store.ts'
import { BlobReader, frameSealOf } from '../blob-reader.ts'
import { IdMap } from './number-sets.ts'

/** So many failures in a row, with nothing read in between, mean that the store is gone. */
const WITHHELD_MAX = 16

export class SourceBlobs {
  readonly domain: DomainAccess
  readonly store: Store
  readonly index: Index
  /** Of trees. */
  readonly reader: BlobReader
  /** What blobs are called in the target. */
  readonly ids: IdMap
  /** Those that were to be read and could not be. */
  readonly damaged = new Map<number, CairnError>()
  /** The target's domain has the same id key: ids are the same in both. */
  readonly isAlike: boolean
  readonly #dataHasher: KeyedHasher
  readonly #seals = new Map<string, FrameSeal>()
  #withheldInRow = 0

  private constructor(store: Store, index: Index, isAlike: boolean) {
    const { domain, image } = index
    this.isAlike = isAlike
    this.domain = domain
    this.store = store
    this.index = index
    this.reader = new BlobReader({ store, domain, index })
    this.ids = new IdMap(image.blobs)
    this.#dataHasher = new KeyedHasher(blobIdKey(domain.idKey, 'data'))
  }

  /** Throws what the store throws. */
  static async load(
    repository: Repository,
    {
      to,
      ...options
    }: {
      readonly domain: DomainAccess
      readonly wanted: readonly BlobId[]
      /** The domain that they are copied into. */
      readonly to: DomainAccess
    },
  ): Promise<SourceBlobs> {
    const isAlike = equalBytes(options.domain.idKey, to.idKey)
    const index = await loadCompleteIndex(repository, options)
    return new SourceBlobs(repository.store, index, isAlike)
  }

  get blobs(): number {
    return this.index.image.blobs
  }

  /** -1 where no pack holds it. */
  numberOf(id: BlobId): number {
    return this.index.image.blobNumber(id)
  }

  /** What the blob with this number and id is called in the target, where that is known. */
  targetId(number: number, id: BlobId): BlobId | undefined {
    return this.ids.get(number) ?? (this.isAlike ? id : undefined)
  }

  /** Whether this is the data blob of that number. */
  isData(number: number, blob: Bytes): boolean {
    return this.numberOf(this.#dataHasher.hash(blob) as BlobId) === number
  }

  /** What frames of the pack with this number and session open with. */
  sealOf({ pack, session }: { readonly pack: number; readonly session: number }): FrameSeal {
    const kind = this.index.packs[pack]?.kind ?? 'data-pack'
    const key = `${session}:${kind}`
    const known = this.#seals.get(key)
    if (known !== undefined) return known
    const seal = frameSealOf(this.domain, {
      session: this.index.sessions[session] as Session,
      kind,
    })
    this.#seals.set(key, seal)
    return seal
  }

  /** To be told of everything that could be read. */
  tellRead(): void {
    this.#withheldInRow = 0
  }

  /**
   * What is wrong, where it is with something that was to be read. Throws everything else, and what the store
   * throws where it seems to be gone.
   */
  asDamage(error: unknown): CairnError {
    if (!isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) throw error
    if (isCairnError(error, ...WITHHELD) && ++this.#withheldInRow > WITHHELD_MAX) throw error
    return error
  }
}
