// Snapshots that no backup makes: with correct keys and ids, and trees as a hostile or broken writer leaves
// them. What the encoders do not refuse goes in as it is given.

import { type Bytes, equalBytes, toHex, utf8 } from '../../src/base/bytes.ts'
import { crc32 } from '../../src/base/hash.ts'
import { encode } from '../../src/format/codec.ts'
import type { BlobId } from '../../src/format/ids.ts'
import {
  type Entry,
  type Piece,
  refsOf,
  type TreeNode,
  treeNodeCodec,
} from '../../src/format/tree.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { type Repository, selectDomain } from '../../src/repository/repository.ts'
import { putReceipt, putSnapshot, sourceIdOf } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { beginSession } from '../../src/sealer/session.ts'
import { contentName, digestInName } from '../../src/store/names.ts'
import { entryOf } from './entries.ts'
import { EMPTY_DETAILS, EMPTY_SUMMARY } from './nothing-saved.ts'
import { type PackedBlob, putPack, putSegment } from './packs.ts'

export class CraftedTrees {
  readonly #repository: Repository
  readonly #domain: DomainAccess
  readonly #data: PackedBlob[] = []
  readonly #trees: PackedBlob[] = []

  constructor(repository: Repository) {
    this.#repository = repository
    this.#domain = selectDomain(repository)
  }

  piece(content: Bytes): Piece {
    const id = this.#domain.idOf('data', content)
    this.#data.push({ blob: content, id })
    return { id, length: content.length }
  }

  /** A blob that is not what its id says, which is that of another content of the same length. */
  forgedPiece(content: Bytes, as: Bytes): Piece {
    const id = this.#domain.idOf('data', as)
    this.#data.push({ blob: content, id })
    return { id, length: as.length }
  }

  node(node: TreeNode): BlobId {
    return this.encoded(encode(treeNodeCodec, node), refsOf(node))
  }

  /** A blob of a tree pack that need not be a node. */
  encoded(blob: Bytes, refs: readonly BlobId[]): BlobId {
    const id = this.#domain.idOf('tree', blob)
    if (!this.#trees.some((one) => equalBytes(one.id, id))) this.#trees.push({ blob, id, refs })
    return id
  }

  entries(...entries: readonly Entry[]): BlobId {
    return this.node({ kind: 'entries', entries })
  }

  /** A folder of several nodes, each of which is said to begin with its name here. */
  inner(level: number, children: Readonly<Record<string, BlobId>>): BlobId {
    const list = Object.entries(children).map(([name, id]) => ({ firstName: utf8(name), id }))
    return this.node({ kind: 'directory', level, children: list })
  }

  file(name: string, content: string, changes: Partial<Entry> = {}): Entry {
    const bytes = utf8(content)
    const data = { pieces: bytes.length > 0 ? [this.piece(bytes)] : undefined }
    return entryOf(name, {
      type: 'file',
      size: bytes.length,
      crc32: crc32(bytes),
      ...data,
      ...changes,
    })
  }

  folder(name: string, tree: BlobId): Entry {
    return entryOf(name, { type: 'directory', mode: 0o755, tree })
  }

  /** Stores it all, with a confirmed snapshot of this root. Returns the name of the pack of trees. */
  async commit(
    root: BlobId,
    sourceName = 'source',
  ): Promise<{ treePack: string; snapshot: string }> {
    const repository = this.#repository
    const domain = this.#domain
    const keys = beginSession(domain.scope, domain.latest)
    const data = { kind: 'data-pack' as const, blobs: this.#data, domain, keys }
    const trees = { kind: 'tree-pack' as const, blobs: this.#trees, domain, keys }
    const packs = [await putPack(repository, trees)]
    if (this.#data.length > 0) packs.push(await putPack(repository, data))
    await putSegment(repository, { domain, packs })
    const sessionId = systemRandom(16)
    const summary = {
      ...EMPTY_SUMMARY,
      sourceId: sourceIdOf(domain, sourceName),
      roots: [root],
      sessionId,
    }
    const details = { ...EMPTY_DETAILS, source: sourceName }
    const snapshot = await putSnapshot(repository, { domain, summary, details })
    const hash = digestInName(snapshot) as Bytes
    await putReceipt(repository, { domain, receipt: { snapshot: hash, sessionId, confirmedMs: 1 } })
    const treePack = contentName('packs', packs[0]?.indexed.hash as Bytes)
    return { treePack, snapshot: toHex(hash) }
  }
}
