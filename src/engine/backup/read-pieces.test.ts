import { expect, test } from 'vitest'
import type { BlobId } from '../../format/ids.ts'
import { decodeTreeNode } from '../../format/tree.ts'
import { putPieces } from './node-lists.ts'
import { ReadPieces } from './read-pieces.ts'

function columns(from: number, count: number) {
  const pieceLengths = Uint32Array.from({ length: count }, (_, i) => from + i + 1)
  const pieceIds = new Uint8Array(32 * count)
  for (let i = 0; i < count; i++) new DataView(pieceIds.buffer).setUint32(32 * i, from + i)
  return { pieceLengths, pieceIds }
}

test('pieces of all segments come one after the other', () => {
  const pieces = new ReadPieces([columns(0, 3), columns(3, 0), columns(3, 2)])
  expect(pieces.count).toBe(5)
  expect([...pieces].map(({ length }) => length)).toEqual([1, 2, 3, 4, 5])
  expect(Buffer.concat([...pieces].map(({ id }) => id)).equals(Buffer.from(pieces.ids))).toBe(true)
})

test('a list has them all in its nodes, and names its nodes', () => {
  const pieces = new ReadPieces([columns(0, 5000), columns(5000, 4000)])
  const put: Uint8Array[] = []
  const { nodes, root } = putPieces(pieces, (blob) => {
    const id = new Uint8Array(32).fill(put.push(blob))
    return id as BlobId
  })
  const leaves = put.map(decodeTreeNode).filter((node) => node.kind === 'pieces')
  const lengths = leaves.flatMap((node) => node.pieces.map(({ length }) => length))
  expect(lengths).toEqual(Array.from({ length: 9000 }, (_, i) => i + 1))
  expect(nodes).toHaveLength(put.length)
  expect(nodes.at(-1)).toBe(root)
})
