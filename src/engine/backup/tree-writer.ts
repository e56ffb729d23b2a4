// Tree blobs: named, stored once, gathered into frames of trees. Runs in the main thread.

import { type Bytes, concat } from '../../base/bytes.ts'
import { frameTableBytes, writeFrameTable } from '../../format/frame.ts'
import { BLOB_ID_BYTES, type BlobId } from '../../format/ids.ts'
import { decodeTreeNode, refsOf } from '../../format/tree.ts'
import { type FrameSeal, sealFrame } from '../../packer/frame.ts'
import {
  FRAME_BUILDER_BYTES,
  FRAME_TARGET_BYTES,
  FrameBuilder,
} from '../../packer/frame-builder.ts'
import type { SealedFrame } from '../../packer/pack-writer.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { Claims } from '../../repository/claims.ts'
import type { CompressionLevel } from '../../sealer/compress.ts'
import type { KnownBlobs } from './known-blobs.ts'

export interface TreeWriterOptions {
  readonly domain: DomainAccess
  readonly known: KnownBlobs
  readonly claims: Claims
  readonly frameSeal: FrameSeal
  readonly level: CompressionLevel
  readonly onFrame: (frame: SealedFrame) => void
}

export class TreeWriter {
  readonly #options: TreeWriterOptions
  readonly #builder = new FrameBuilder(new Uint8Array(FRAME_BUILDER_BYTES))
  #refCounts: number[] = []
  #refs: Bytes[] = []

  constructor(options: TreeWriterOptions) {
    this.#options = options
  }

  /** Stores an encoded node, if it is not stored yet, and returns its id. */
  put(blob: Bytes): BlobId {
    // Decoded again before it is stored: a node that cannot be read back must never be written.
    return this.putEntries(blob, concat(refsOf(decodeTreeNode(blob))))
  }

  /** The same for a node of entries each of which was decoded again already; `refs` are theirs. */
  putEntries(blob: Bytes, refs: Bytes): BlobId {
    const { domain, known, claims } = this.#options
    const id = domain.idOf('tree', blob)
    if (known.has(id) || !claims.claim(id)) return id
    if (blob.length >= FRAME_TARGET_BYTES) this.#sealAlone(id, { blob, refs })
    else this.#gather(id, { blob, refs })
    return id
  }

  flush(): void {
    if (this.#builder.isEmpty) return
    const { plaintext, ids } = this.#builder.close()
    const refCounts = this.#refCounts
    const refs = concat(this.#refs)
    this.#refCounts = []
    this.#refs = []
    this.#emit(plaintext, { ids, refCounts, refs })
  }

  #gather(id: BlobId, { blob, refs }: { blob: Bytes; refs: Bytes }): void {
    if (this.#builder.isFull) this.flush()
    this.#builder.add(id, blob)
    this.#refCounts.push(refs.length / BLOB_ID_BYTES)
    this.#refs.push(refs)
  }

  #sealAlone(id: BlobId, { blob, refs }: { blob: Bytes; refs: Bytes }): void {
    const table = new Uint8Array(frameTableBytes(1))
    writeFrameTable(table, { offset: 0, lengths: [blob.length] })
    this.#emit(concat([table, blob]), { ids: id, refCounts: [refs.length / BLOB_ID_BYTES], refs })
  }

  #emit(
    plaintext: Bytes,
    columns: { readonly ids: Bytes; readonly refCounts: readonly number[]; readonly refs: Bytes },
  ): void {
    const { frameSeal, level, onFrame } = this.#options
    const sealed = sealFrame(plaintext, { ...frameSeal, level })
    onFrame({ sealed, rawBytes: plaintext.length, ...columns })
  }
}
