// One pass into the target: its index, what is stored or relied upon, and what writes there. Where something
// is lost on the way another pass begins, which knows what is still there.

import type { Bytes } from '../../base/bytes.ts'
import { KeyedHasher } from '../../base/hash.ts'
import { type BlobId, blobId } from '../../format/ids.ts'
import type { PackKind } from '../../format/prefix.ts'
import type { FrameSeal } from '../../packer/frame.ts'
import type { SealedFrame } from '../../packer/pack-writer.ts'
import { blobIdKey, type DomainAccess } from '../../repository/access.ts'
import { Claims, newClaimMemory } from '../../repository/claims.ts'
import { type Index, loadIndex } from '../../repository/index-load.ts'
import { Seal } from '../../sealer/seal.ts'
import { frameBinding } from '../../sealer/session.ts'
import { KnownBlobs } from '../backup/known-blobs.ts'
import { TreeWriter } from '../backup/tree-writer.ts'
import type { StoredPack } from '../lost-packs.ts'
import { CopyPacks } from './copy-packs.ts'
import { DataWriter } from './data-writer.ts'
import { NumberSet } from './number-sets.ts'
import type { CopyOptions } from './options.ts'
import type { SourceBlobs } from './source-blobs.ts'

const LEVEL = 'auto'

export class TargetPass {
  readonly index: Index
  readonly known: KnownBlobs
  readonly packs: CopyPacks
  readonly trees: TreeWriter
  readonly data: DataWriter
  readonly #dataHasher: KeyedHasher
  readonly #present = new Map<SourceBlobs, NumberSet>()
  #addedBytes = 0

  private constructor(
    options: CopyOptions,
    { domain, index }: { domain: DomainAccess; index: Index },
  ) {
    const { target: repository, clock, random, packBytes } = options
    const { session, frameKey } = domain.beginSession()
    const seal = new Seal(frameKey)
    const frameSeal = (kind: PackKind): FrameSeal => {
      return { seal, aad: frameBinding(domain.scope, session, kind) }
    }
    const onFrame = (kind: PackKind) => (frame: SealedFrame) => {
      this.#addedBytes += frame.rawBytes
      this.packs.add(kind, frame)
    }
    const claims = new Claims(newClaimMemory())
    const known = new KnownBlobs(index)
    this.index = index
    const writing = { known, claims, level: LEVEL } as const
    this.known = known
    this.packs = new CopyPacks({ repository, domain, session, clock, random, packBytes })
    this.trees = new TreeWriter({
      ...writing,
      domain,
      frameSeal: frameSeal('tree-pack'),
      onFrame: onFrame('tree-pack'),
    })
    this.data = new DataWriter({
      ...writing,
      frameSeal: frameSeal('data-pack'),
      onFrame: onFrame('data-pack'),
    })
    this.#dataHasher = new KeyedHasher(blobIdKey(domain.idKey, 'data'))
  }

  /** Lists marks, then loads the index. Throws what the store throws. */
  static async begin(options: CopyOptions, domain: DomainAccess): Promise<TargetPass> {
    return new TargetPass(options, { domain, index: await loadIndex(options.target, domain) })
  }

  /** Plaintext that was not in the target. */
  get addedBytes(): number {
    return this.#addedBytes
  }

  get addedStoredBytes(): number {
    return this.packs.stored.reduce((sum, pack) => sum + pack.bytes, 0)
  }

  get stored(): readonly StoredPack[] {
    return this.packs.stored
  }

  get relied(): readonly StoredPack[] {
    return this.known.used()
  }

  /** Which blobs of the source are in the target, of trees with all below them: stored, or on their way. */
  presentOf(source: SourceBlobs): NumberSet {
    const known = this.#present.get(source)
    if (known !== undefined) return known
    const present = new NumberSet(source.blobs)
    this.#present.set(source, present)
    return present
  }

  dataId(blob: Bytes): BlobId {
    return blobId(this.#dataHasher.hash(blob))
  }

  /** Seals and stores what is left, and names all of it in the index. */
  async store(): Promise<void> {
    this.data.flush()
    this.trees.flush()
    await this.packs.store()
  }

  async keepWhatIsStored(): Promise<void> {
    this.data.flush()
    this.trees.flush()
    await this.packs.keepWhatIsStored()
  }
}
