// The pieces of a file that was read, as columns: 36 bytes for each, where objects take 200. A file of ten
// terabytes has ten million.

import { type Bytes, concat } from '../../base/bytes.ts'
import { BLOB_ID_BYTES, blobId } from '../../format/ids.ts'
import type { Piece } from '../../format/tree.ts'

/** Those of one segment. */
export interface PieceColumns {
  readonly pieceLengths: Uint32Array
  readonly pieceIds: Bytes
}

export class ReadPieces implements Iterable<Piece> {
  readonly count: number
  readonly #segments: readonly PieceColumns[]

  /** The segments in order. */
  constructor(segments: readonly PieceColumns[]) {
    this.#segments = segments
    this.count = segments.reduce((sum, { pieceLengths }) => sum + pieceLengths.length, 0)
  }

  /** All ids, one after the other. */
  get ids(): Bytes {
    return concat(this.#segments.map(({ pieceIds }) => pieceIds))
  }

  *[Symbol.iterator](): Generator<Piece> {
    for (const { pieceLengths, pieceIds } of this.#segments) {
      for (const [i, length] of pieceLengths.entries()) {
        const at = BLOB_ID_BYTES * i
        yield { id: blobId(pieceIds.subarray(at, at + BLOB_ID_BYTES)), length }
      }
    }
  }
}
