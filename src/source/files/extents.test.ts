import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { StatBuffer } from '../../base/libc-stat.ts'
import { dataExtents, type Extent, mayHaveHoles, mergeSmallestHoles } from './extents.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-extents-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const BLOCK = 4096

/** The extents of a file with one block of data at each of these blocks. */
function extentsOf(blocks: number[], size: number, extentsMax = 1000): readonly Extent[] {
  const fd = openSync(join(folder, 'sparse'), 'w+')
  try {
    for (const block of blocks)
      writeSync(fd, new Uint8Array(BLOCK).fill(1), 0, BLOCK, block * BLOCK)
    ftruncateSync(fd, size)
    const stat = new StatBuffer()
    expect(stat.readFd(fd)).toBe(0)
    expect(mayHaveHoles(stat)).toBe(blocks.length * BLOCK < size)
    return dataExtents(fd, size, extentsMax)
  } finally {
    closeSync(fd)
  }
}

function block(first: number, count = 1): Extent {
  return { offset: first * BLOCK, length: count * BLOCK }
}

test('holes at the start, in the middle and at the end are left out', () => {
  expect(extentsOf([2, 3, 7], 10 * BLOCK)).toEqual([block(2, 2), block(7)])
  expect(extentsOf([0, 9], 10 * BLOCK)).toEqual([block(0), block(9)])
})

test('a file that is one hole has no data, one without holes is all data', () => {
  expect(extentsOf([], 1 << 30)).toEqual([])
  expect(extentsOf([0, 1, 2], 3 * BLOCK)).toEqual([block(0, 3)])
  expect(extentsOf([], 0)).toEqual([])
})

test('the last extent ends with the file, not with its block', () => {
  expect(extentsOf([0, 5], 5 * BLOCK + 10)).toEqual([block(0), { offset: 5 * BLOCK, length: 10 }])
})

test('only what was there when the size was taken counts', () => {
  const fd = openSync(join(folder, 'growing'), 'w+')
  writeSync(fd, new Uint8Array(10 * BLOCK).fill(1))
  expect(dataExtents(fd, 2 * BLOCK, 1000)).toEqual([block(0, 2)])
  closeSync(fd)
})

test('more extents than the bound are merged over the smallest holes', () => {
  expect(extentsOf([0, 2, 10, 12, 50], 60 * BLOCK, 3)).toEqual([
    block(0, 3),
    block(10, 3),
    block(50),
  ])
  const many = Array.from({ length: 500 }, (_, i) => i * 2)
  const extents = extentsOf(many, 1000 * BLOCK, 10)
  expect(extents.length).toBeLessThanOrEqual(10)
  const covered = (at: number) => extents.some((e) => e.offset <= at && at < e.offset + e.length)
  for (const data of many) expect(covered(data * BLOCK)).toBe(true)
})

test('merging keeps the order and never overlaps', () => {
  const extents = [0, 3, 5, 10].map((at) => ({ offset: at, length: 1 }))
  expect(mergeSmallestHoles(extents, 1)).toEqual([{ offset: 0, length: 11 }])
  expect(mergeSmallestHoles(extents, 2)).toEqual([
    { offset: 0, length: 6 },
    { offset: 10, length: 1 },
  ])
  expect(mergeSmallestHoles(extents, 4)).toEqual(extents)
})

test('where the file system cannot tell, the whole file is data', () => {
  const fd = openSync('/proc/self/status', 'r')
  expect(dataExtents(fd, 100, 10)).toEqual([{ offset: 0, length: 100 }])
  closeSync(fd)
})
