// What a writer would make of the same contents and names today: where files and folders are cut, and what
// the pieces are called. Data deduplicates with what is stored only as long as all of that is the same.

import { type Bytes, concat, equalBytes, fromUtf8Lossy } from '../../src/base/bytes.ts'
import { Chunker } from '../../src/chunker/chunker.ts'
import { SPLIT_SLACK_BYTES, split } from '../../src/chunker/split.ts'
import { FolderNodes, folderHasher } from '../../src/engine/backup/folder-nodes.ts'
import { fitsInline, putExtents, putPieces } from '../../src/engine/backup/node-lists.ts'
import type { BlobReader } from '../../src/engine/blob-reader.ts'
import { entriesOf, extentsOf } from '../../src/engine/tree-reader.ts'
import { encode } from '../../src/format/codec.ts'
import type { ChunkerConfig } from '../../src/format/config.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { type Entry, entryCodec, type Piece } from '../../src/format/tree.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { allPieces } from './all-pieces.ts'

export interface Stored {
  readonly reader: BlobReader
  readonly domain: DomainAccess
  readonly chunker: ChunkerConfig
}

/** How much was compared. */
export class Compared {
  /** All entries but folders. */
  files = 0
  pieces = 0
  folders = 0
  lists = 0
}

/** Compares everything below a folder. Throws at the first thing that comes out otherwise. */
export async function recompute(stored: Stored, tree: BlobId, compared: Compared): Promise<void> {
  const put = (blob: Bytes) => stored.domain.idOf('tree', blob)
  const trees = { put, putEntries: put }
  const nodes = new FolderNodes({ hasher: folderHasher(stored.domain.chunkerKey), trees })
  for await (const entry of entriesOf(stored.reader, tree)) {
    nodes.add({ name: entry.name, encoded: encode(entryCodec, entry), refs: undefined })
    if (entry.tree !== undefined) await recompute(stored, entry.tree, compared)
    else await recomputeFile(stored, entry, compared)
  }
  expectSame('a folder', nodes.finish().root, tree)
  compared.folders++
}

async function recomputeFile(stored: Stored, entry: Entry, compared: Compared): Promise<void> {
  const { reader, domain } = stored
  const what = fromUtf8Lossy(entry.name)
  const pieces = await allPieces(reader, entry)
  const data = concat(await Promise.all(pieces.map(({ id }) => reader.read('data', id))))
  const again = cut(stored, data)
  if (again.map(({ length }) => length).join() !== pieces.map(({ length }) => length).join())
    throw new Error(`${what} is cut in other places`)
  again.forEach(({ id }, i) => {
    expectSame(`a piece of ${what}`, id, (pieces[i] as Piece).id)
  })
  const put = (blob: Bytes) => domain.idOf('tree', blob)
  const extents = (await extentsOf(reader, entry)) ?? []
  if (fitsInline(pieces.length) !== (entry.pieceList === undefined))
    throw new Error(`${what} would have its pieces in another place`)
  if (fitsInline(extents.length) !== (entry.extentList === undefined))
    throw new Error(`${what} would have its extents in another place`)
  if (entry.pieceList !== undefined) expectSame(what, putPieces(pieces, put).root, entry.pieceList)
  if (entry.extentList !== undefined)
    expectSame(what, putExtents(extents, put).root, entry.extentList)
  compared.files++
  compared.pieces += pieces.length
  compared.lists += Number(entry.pieceList !== undefined) + Number(entry.extentList !== undefined)
}

/** The pieces of a file's data: cut anew at each multiple of the segment's length. */
function cut({ domain, chunker }: Stored, data: Bytes): readonly Piece[] {
  const pieces: Piece[] = []
  for (let start = 0; start < data.length; start += chunker.segmentBytes) {
    const segment = data.subarray(start, start + chunker.segmentBytes)
    pieces.push(...cutSegment(segment, { domain, chunker }))
  }
  return pieces
}

function cutSegment(
  segment: Bytes,
  { domain, chunker }: Pick<Stored, 'domain' | 'chunker'>,
): readonly Piece[] {
  const memoryBytes = SPLIT_SLACK_BYTES + 2 * chunker.maxBytes
  const cutter = new Chunker({ key: domain.chunkerKey, parameters: chunker, memoryBytes })
  const pieces: Piece[] = []
  let at = 0
  split(cutter, {
    read: (into) => {
      const some = segment.subarray(at, at + into.length)
      into.set(some)
      at += some.length
      return some.length
    },
    onChunk: (offset, length) => {
      const id = domain.idOf('data', cutter.memory.subarray(offset, offset + length))
      pieces.push({ id, length })
    },
  })
  return pieces
}

function expectSame(what: string, again: Bytes, stored: Bytes | undefined): void {
  if (stored === undefined || !equalBytes(again, stored))
    throw new Error(`${what} would have another id`)
}
