// Packs that one thread fills with frames of data and of trees, on their way into the target. Both kinds are
// filled as a backup fills packs of trees: their memory is bounded, and who makes more frames than the store
// takes is asked to wait.

import type { Clock } from '../../base/clock.ts'
import { assert } from '../../base/errors.ts'
import type { Session } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import { PACK_TARGET_BYTES, PackWriter, type SealedFrame } from '../../packer/pack-writer.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Random } from '../../sealer/random.ts'
import { PackUploads, SEGMENT_MS } from '../backup/pack-uploads.ts'
import { TreePacks } from '../backup/tree-packs.ts'
import type { StoredPack } from '../lost-packs.ts'

/** One is filled while the store takes the other. */
const PACKS_AT_ONCE = 2
const TREE_PACK_BYTES = PACK_TARGET_BYTES / 4

export interface CopyPacksOptions {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly session: Session
  readonly random: Random
  readonly clock: Clock
  /** How long packs of data are about to be. */
  readonly packBytes?: number | undefined
}

export class CopyPacks {
  readonly #options: CopyPacksOptions
  readonly #uploads: PackUploads
  readonly #data: TreePacks
  readonly #trees: TreePacks

  constructor(options: CopyPacksOptions) {
    this.#options = options
    this.#uploads = new PackUploads({ ...options, onFailure: () => undefined })
    const { packBytes = PACK_TARGET_BYTES } = options
    this.#data = this.#newPacks('data-pack', packBytes)
    this.#trees = this.#newPacks('tree-pack', Math.min(packBytes, TREE_PACK_BYTES))
  }

  get stored(): readonly StoredPack[] {
    return this.#uploads.stored
  }

  add(kind: PackKind, frame: SealedFrame): void {
    const packs = kind === 'data-pack' ? this.#data : this.#trees
    packs.add(frame)
  }

  /**
   * To be called between frames: waits while the store is behind, and closes packs that fill slowly, so that what
   * is in them gets stored. Throws where a pack could not be stored.
   */
  async keepUp(): Promise<void> {
    const before = this.#options.clock.monotonicMs() - SEGMENT_MS
    this.#data.closeOlder(before)
    this.#trees.closeOlder(before)
    while (this.#isBehind && this.#uploads.failure === undefined) await this.#uploads.oneEnded()
    if (this.#uploads.failure !== undefined) throw this.#uploads.failure
  }

  /** Closes the packs that are open, padded, waits until all are acknowledged, and names them in the index. */
  async store(): Promise<void> {
    await this.#storeAll()
    await this.#uploads.succeeded()
    assert(this.#isEmpty, 'all frames are stored')
    await this.#uploads.commitIndex()
  }

  /** After an end before the end: what the store has acknowledged shall not be uploaded again. */
  async keepWhatIsStored(): Promise<void> {
    if (this.#uploads.failure === undefined) await this.#storeAll()
    while (!this.#uploads.isIdle) await this.#uploads.allEnded()
    await this.#uploads.nameStored()
  }

  get #isBehind(): boolean {
    return this.#data.isBehind || this.#trees.isBehind
  }

  get #isEmpty(): boolean {
    return this.#data.isEmpty && this.#trees.isEmpty
  }

  /** A pack that is stored makes room for frames that wait, of which another may be begun. */
  async #storeAll(): Promise<void> {
    do {
      this.#data.finish(this.#options.random)
      this.#trees.finish(this.#options.random)
      await this.#uploads.allEnded()
    } while (!this.#uploads.isIdle || !(this.#isEmpty || this.#uploads.failure))
  }

  #newPacks(kind: PackKind, packBytes: number): TreePacks {
    const { clock, domain, session } = this.#options
    const { epoch } = domain.latest
    const writing = { kind, ...domain.scope, epoch, headerSeal: domain.headerSeal(epoch) }
    return new TreePacks({
      packs: PACKS_AT_ONCE,
      packBytes,
      clock,
      newWriter: (memory) => new PackWriter(session, { ...writing, memory }),
      store: (pack, stored) => this.#uploads.store(pack, stored),
    })
  }
}
