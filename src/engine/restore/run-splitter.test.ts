import { expect, test } from 'vitest'
import type { Piece } from '../../format/tree.ts'
import { RunSplitter } from './run-splitter.ts'

const piece = (length: number): Piece => ({ id: new Uint8Array(32) as Piece['id'], length })

test('pieces of a file without holes follow each other', () => {
  const splitter = new RunSplitter({ size: 30, extents: undefined })
  expect(splitter.take(piece(10))).toEqual([{ offset: 0, length: 10 }])
  expect(splitter.take(piece(20))).toEqual([{ offset: 10, length: 20 }])
  expect(splitter.left).toBe(0)
})

test('a piece goes around the holes within it', () => {
  const extents = [
    { hole: 5, data: 10 },
    { hole: 100, data: 1 },
    { hole: 1, data: 20 },
  ]
  const splitter = new RunSplitter({ size: 200, extents })
  expect(splitter.take(piece(4))).toEqual([{ offset: 5, length: 4 }])
  expect(splitter.take(piece(8))).toEqual([
    { offset: 9, length: 6 },
    { offset: 115, length: 1 },
    { offset: 117, length: 1 },
  ])
  expect(splitter.left).toBe(19)
})

test.each([
  ['of no length', undefined, [piece(0)]],
  ['that are longer than the file', undefined, [piece(20), piece(11)]],
  ['that are longer than its data', [{ hole: 25, data: 5 }], [piece(5), piece(1)]],
  ['where there is no data', [], [piece(1)]],
])('refuses pieces %s', (_, extents, pieces) => {
  const splitter = new RunSplitter({ size: 30, extents })
  expect(pieces.map((one) => splitter.take(one)).at(-1)).toBeUndefined()
})
