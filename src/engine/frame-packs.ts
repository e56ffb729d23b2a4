// Whole frames, sealed as they are, put together into new packs: of what prune moves, and of what repair
// saves. No key that opens them is needed. Each pack is stored, named in the index and its times recorded when
// it is full.

import type { Session } from '../format/pack.ts'
import type { PackKind } from '../format/prefix.ts'
import {
  type FinishedPack,
  PACK_TARGET_BYTES,
  PackWriter,
  packMemoryBytes,
  type SealedFrame,
} from '../packer/pack-writer.ts'
import type { DomainAccess } from '../repository/access.ts'
import { putSegment } from '../repository/index-write.ts'
import type { Repository } from '../repository/repository.ts'
import { putUpkeepRecord } from '../repository/upkeep-records.ts'
import { upkeepSignatory } from '../repository/upkeep-signatory.ts'
import type { Random } from '../sealer/random.ts'
import { getVerified } from '../store/content.ts'
import { contentName } from '../store/names.ts'

/** Enough that no two are ever the same. */
const PADDING_BYTES_MIN = 32

export interface FramePacksOptions {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly random: Random
  /** Of all frames that will be added. */
  readonly bytes: number
}

export type MovedFrame = SealedFrame & { readonly session: Session }

interface OpenPack {
  readonly writer: PackWriter
  readonly receivedMs: number[]
}

export class FramePacks {
  readonly #options: FramePacksOptions
  readonly #open = new Map<PackKind, OpenPack>()

  constructor(options: FramePacksOptions) {
    this.#options = options
  }

  /** Copies a frame that a store first had at that time. */
  async add(
    frame: MovedFrame,
    { kind, receivedMs }: { readonly kind: PackKind; readonly receivedMs: number },
  ): Promise<void> {
    if (this.#open.get(kind)?.writer.fits(frame) === false) await this.#store(kind)
    const open = this.#open.get(kind) ?? this.#begin(kind, frame)
    open.writer.add(frame)
    open.receivedMs.push(receivedMs)
  }

  /** Stores what is open. After it everything that was added is in unmarked packs that the index names. */
  async flush(): Promise<void> {
    for (const kind of [...this.#open.keys()]) await this.#store(kind)
  }

  #begin(kind: PackKind, frame: MovedFrame): OpenPack {
    const { domain, bytes } = this.#options
    const { epoch } = domain.latest
    const wanted = Math.min(PACK_TARGET_BYTES, packMemoryBytes(bytes))
    const length = Math.max(wanted, packMemoryBytes(frame.sealed.length))
    const writer = new PackWriter(frame.session, {
      kind,
      ...domain.scope,
      epoch,
      headerSeal: domain.headerSeal(epoch),
      memory: new Uint8Array(length),
    })
    const open = { writer, receivedMs: [] }
    this.#open.set(kind, open)
    return open
  }

  /** Padding is random, so that no two runs ever give a pack of the same frames the same name. */
  async #store(kind: PackKind): Promise<void> {
    const { repository, domain, random } = this.#options
    const { writer, receivedMs } = this.#open.get(kind) as OpenPack
    this.#open.delete(kind)
    const pack = writer.finish(random, PADDING_BYTES_MIN)
    const name = contentName('packs', pack.indexed.hash)
    // There already, under a name that nobody else has: a put that failed left it, as a whole or cut off.
    if ((await repository.store.put(name, pack.parts)) === 'exists')
      await getVerified(repository.store, name)
    await putSegment(repository, {
      domain,
      signatory: upkeepSignatory(repository, domain),
      packs: [{ indexed: pack.indexed, columns: pack.header }],
      supersedes: [],
    })
    await this.#recordTimes(pack, receivedMs)
  }

  async #recordTimes({ indexed }: FinishedPack, receivedMs: readonly number[]): Promise<void> {
    const { repository, domain } = this.#options
    const record = { snapshots: [], moved: [{ pack: indexed.hash, receivedMs }] }
    await putUpkeepRecord(repository, { kind: 'sighting', domain, record })
  }
}
