// Reads single blobs, mostly nodes of trees: finds the frame, fetches and opens it, verifies the blob
// against its id. Frames lie in the order in which trees were written, so the last few are kept.

import type { Bytes } from '../base/bytes.ts'
import { equalBytes, toHex } from '../base/bytes.ts'
import { CairnError, isCairnError, whileDoing } from '../base/errors.ts'
import { KeyedHasher } from '../base/hash.ts'
import type { BlobId, BlobType } from '../format/ids.ts'
import type { Session } from '../format/pack.ts'
import type { PackKind } from '../format/prefix.ts'
import { decodeTreeNode, type TreeNode } from '../format/tree.ts'
import { type FrameSeal, openFrame } from '../packer/frame.ts'
import { blobIdKey, type DomainAccess } from '../repository/access.ts'
import type { BlobLocation } from '../repository/index-image.ts'
import type { Index } from '../repository/index-load.ts'
import { WITHHELD } from '../repository/object-problem.ts'
import { Seal } from '../sealer/seal.ts'
import { frameBinding } from '../sealer/session.ts'
import type { Store } from '../store/store.ts'

const CACHED_FRAMES = 32

export interface BlobReaderOptions {
  readonly store: Store
  readonly domain: DomainAccess
  readonly index: Index
  /** How many frames are kept: 32, or few for what is read once and in order. */
  readonly cachedFrames?: number
}

/** What the frames of a session and kind open with. Throws 'not-permitted' without a reader's key. */
export function frameSealOf(
  domain: DomainAccess,
  { session, kind }: { readonly session: Session; readonly kind: PackKind },
): FrameSeal {
  const { frameKey } = domain.sessionKeys(session)
  return { seal: new Seal(frameKey), aad: frameBinding(domain.scope, session, kind) }
}

export class BlobReader {
  readonly #store: Store
  readonly #domain: DomainAccess
  readonly #index: Index
  readonly #cachedFrames: number
  readonly #frames = new Map<number, Promise<readonly Bytes[]>>()
  readonly #seals = new Map<string, FrameSeal>()
  readonly #hashers: Readonly<Record<BlobType, KeyedHasher>>

  constructor(options: BlobReaderOptions) {
    this.#store = options.store
    this.#domain = options.domain
    this.#index = options.index
    this.#cachedFrames = options.cachedFrames ?? CACHED_FRAMES
    const { idKey } = options.domain
    this.#hashers = {
      data: new KeyedHasher(blobIdKey(idKey, 'data')),
      tree: new KeyedHasher(blobIdKey(idKey, 'tree')),
    }
  }

  /**
   * Of a blob that is stored several times any copy will do. Throws 'object-missing', 'object-damaged',
   * 'not-permitted' or what the store throws: of the first copy, where there is none that is good.
   */
  async read(type: BlobType, id: BlobId): Promise<Bytes> {
    const first = this.#index.image.locate(id)
    if (first === undefined) throw missing(type, id)
    try {
      return await this.#readAt(first, type, id)
    } catch (error) {
      if (!isCairnError(error, ...LOST_HERE)) throw error
      for (const other of this.#index.image.copiesAfter(id, first.frame)) {
        const blob = await this.#readAt(other, type, id).catch(passOver)
        if (blob !== undefined) return blob
      }
      throw error
    }
  }

  async #readAt(
    { pack, frame, position }: BlobLocation,
    type: BlobType,
    id: BlobId,
  ): Promise<Bytes> {
    const blob = (await this.#frame(frame))[position]
    if (blob === undefined || !equalBytes(this.#hashers[type].hash(blob), id))
      throw this.#wrong(pack, id)
    return blob
  }

  async readNode(id: BlobId): Promise<TreeNode> {
    const blob = await this.read('tree', id)
    try {
      return decodeTreeNode(blob)
    } catch (error) {
      const { name } = this.#pack(this.#index.image.locate(id)?.pack as number)
      const context = { object: name, blob: toHex(id) }
      throw whileDoing(`Cannot use tree ${toHex(id)} in ${name}`, error, context)
    }
  }

  #frame(number: number): Promise<readonly Bytes[]> {
    const known = this.#frames.get(number)
    this.#frames.delete(number)
    const frame = known ?? this.#openFrame(number)
    this.#frames.set(number, frame)
    if (this.#frames.size > this.#cachedFrames)
      this.#frames.delete(this.#frames.keys().next().value as number)
    return frame
  }

  async #openFrame(number: number): Promise<readonly Bytes[]> {
    const { pack, session, offset, storedBytes, rawBytes } = this.#index.image.frame(number)
    const { name, kind } = this.#pack(pack)
    const sealed = await this.#store.get(name, { offset, length: storedBytes })
    try {
      return openFrame(sealed, { ...this.#seal(session, kind), rawBytes })
    } catch (error) {
      if (!isCairnError(error)) throw error
      throw new CairnError(error.code, `Cannot read ${name} at ${offset}: ${error.message}`, {
        hint: 'Run `cairn check --read-data` to see what else is affected.',
        cause: error,
        context: { object: name, offset },
      })
    }
  }

  #pack(number: number): Index['packs'][number] {
    return this.#index.packs[number] as Index['packs'][number]
  }

  #seal(session: number, kind: PackKind): FrameSeal {
    const key = `${session}:${kind}`
    const known = this.#seals.get(key)
    if (known !== undefined) return known
    const seal = frameSealOf(this.#domain, {
      session: this.#index.sessions[session] as Session,
      kind,
    })
    this.#seals.set(key, seal)
    return seal
  }

  #wrong(pack: number, id: BlobId): CairnError {
    const { name } = this.#pack(pack)
    return new CairnError(
      'object-damaged',
      `Cannot use what ${name} holds: it is not blob ${toHex(id)}`,
      {
        hint: 'Run `cairn check --read-data` to see what else is affected.',
        context: { object: name },
      },
    )
  }
}

/** What may be so of one copy of a blob and not of another. */
const LOST_HERE = ['object-missing', 'object-damaged', 'unsupported', ...WITHHELD] as const

/** Nothing, where a copy is no better than the first. */
function passOver(error: unknown): undefined {
  if (!isCairnError(error, ...LOST_HERE)) throw error
}

function missing(type: BlobType, id: BlobId): CairnError {
  return new CairnError(
    'object-missing',
    `Cannot find the ${type} blob ${toHex(id)}: no pack holds it`,
    {
      hint: 'Run `cairn check` to see what else is missing.',
      context: { blob: toHex(id) },
    },
  )
}
