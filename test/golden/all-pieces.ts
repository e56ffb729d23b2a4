// All pieces of a file at once: golden repositories have small ones only.

import type { BlobReader } from '../../src/engine/blob-reader.ts'
import { pieceRunsOf } from '../../src/engine/tree-reader.ts'
import type { Entry, Piece } from '../../src/format/tree.ts'

export async function allPieces(reader: BlobReader, entry: Entry): Promise<readonly Piece[]> {
  const all: Piece[] = []
  for await (const pieces of pieceRunsOf(reader, entry)) all.push(...pieces)
  return all
}
