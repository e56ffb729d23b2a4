// Sealed frames on their way into a store: packs are filled, put, and once they are acknowledged named
// in index segments. Data and trees go into packs of their own: workers fill those of data, the main
// thread those of trees. The memory of all packs is bounded.

import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { assert } from '../../base/errors.ts'
import type { Session } from '../../format/pack.ts'
import type { PackKind } from '../../format/prefix.ts'
import {
  PACK_TARGET_BYTES,
  PackWriter,
  packMemoryBytes,
  type SealedFrame,
} from '../../packer/pack-writer.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Random } from '../../sealer/random.ts'
import type { StoredPack } from '../lost-packs.ts'
import { DataPacks, type PlacedFrame } from './data-packs.ts'
import { newPackMemory, PackMemory, type PackMemoryHandle } from './pack-memory.ts'
import { PackUploads, SEGMENT_MS } from './pack-uploads.ts'
import { TreePacks } from './tree-packs.ts'

/** Packs of each kind that are open or on their way: one is filled while the store takes the other. */
const PACKS_AT_ONCE = 2
/** Trees are a hundredth of the data: their packs have a quarter of the length, and of the memory. */
const TREE_PACK_SHARE = 1 / 4

export interface PackStreamOptions {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly session: Session
  readonly random: Random
  readonly clock: Clock
  /** Memory for packs; more where it would not hold frames of the longest. */
  readonly uploadBytesMax: number
  /** Of a frame of data, sealed. */
  readonly frameBytesMax: number
  /** Told at once, because whoever waits for an acknowledgement would wait for ever. */
  readonly onFailure: (error: Error) => void
}

export class PackStream {
  /** Where workers put frames of data. */
  readonly dataMemory: PackMemoryHandle
  readonly #options: PackStreamOptions
  readonly #uploads: PackUploads
  readonly #data: DataPacks
  readonly #trees: TreePacks

  constructor(options: PackStreamOptions) {
    this.#options = options
    this.#uploads = new PackUploads(options)
    const { uploadBytesMax, frameBytesMax, clock } = options
    const share = Math.floor(uploadBytesMax / PACKS_AT_ONCE / (1 + TREE_PACK_SHARE))
    const packBytes = Math.min(PACK_TARGET_BYTES, share)
    this.dataMemory = newPackMemory({
      packs: PACKS_AT_ONCE,
      packBytes: Math.max(packBytes, packMemoryBytes(frameBytesMax)),
    })
    this.#data = new DataPacks({
      memory: new PackMemory(this.dataMemory),
      clock,
      newWriter: (memory) => this.#newWriter('data-pack', memory),
      store: (pack, stored) => this.#uploads.store(pack, stored),
    })
    this.#trees = new TreePacks({
      packs: PACKS_AT_ONCE,
      packBytes: Math.floor(packBytes * TREE_PACK_SHARE),
      clock,
      newWriter: (memory) => this.#newWriter('tree-pack', memory),
      store: (pack, stored) => this.#uploads.store(pack, stored),
    })
  }

  get stored(): readonly StoredPack[] {
    return this.#uploads.stored
  }

  get storedBytes(): number {
    return this.stored.reduce((sum, pack) => sum + pack.bytes, 0)
  }

  /** Takes a frame that lies in `dataMemory`. */
  addData(frame: PlacedFrame): void {
    this.#data.take(frame)
  }

  /** To be told when a worker has closed a pack in `dataMemory`. */
  dataPackClosed(pack: number): void {
    this.#data.closed(pack)
  }

  addTrees(frame: SealedFrame): void {
    this.#trees.add(frame)
  }

  /** Whether the store is so slow that whoever makes trees should wait until it has caught up. */
  get isBehind(): boolean {
    return this.#trees.isBehind && this.#uploads.failure === undefined
  }

  async caughtUp(): Promise<void> {
    // Trees only wait while all of their memory is on its way.
    while (this.isBehind) await this.#uploads.oneEnded()
  }

  /** To be called now and then: closes packs that fill slowly, so that what is in them gets stored. */
  keepUp(): void {
    const before = this.#options.clock.monotonicMs() - SEGMENT_MS
    this.#data.closeOlder(before)
    this.#trees.closeOlder(before)
  }

  /**
   * Closes the packs that are open, padded, and waits until everything is acknowledged. To be called
   * while no worker makes frames.
   */
  async flush(): Promise<void> {
    await this.#storeAll()
    await this.#uploads.succeeded()
    assert(this.#data.isEmpty && this.#trees.isEmpty, 'all frames are stored')
  }

  /** Names every acknowledged pack of the run in the index. After `flush`. */
  async commitIndex(): Promise<void> {
    await this.#uploads.commitIndex()
  }

  /** After an end before the end: stores the packs that are open and names all that is acknowledged. */
  async keepWhatIsStored(): Promise<void> {
    if (this.#uploads.failure === undefined) await this.#storeAll()
    // A pack that is stored makes room for trees that wait, of which another may be begun.
    while (!this.#uploads.isIdle) await this.#uploads.allEnded()
    await this.#uploads.nameStored()
  }

  async #storeAll(): Promise<void> {
    do {
      this.#data.finish(this.#options.random)
      this.#trees.finish(this.#options.random)
      await this.#uploads.allEnded()
    } while (!this.#uploads.isIdle || !(this.#trees.isEmpty || this.#uploads.failure))
  }

  #newWriter(kind: PackKind, memory: Bytes): PackWriter {
    const { domain, session } = this.#options
    const { epoch } = domain.latest
    const headerSeal = domain.headerSeal(epoch)
    return new PackWriter(session, { kind, ...domain.scope, epoch, headerSeal, memory })
  }
}
