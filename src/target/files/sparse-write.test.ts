import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { SystemError } from '../../base/libc-error.ts'
import { setSize, writeAt, writeHole } from './sparse-write.ts'

const folder = mkdtempSync(join(tmpdir(), 'cairn-sparse-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const BLOCK = 4096
const data = (length: number) => new Uint8Array(length).fill(7)

test('what is not written of a new file stays a hole', () => {
  const fd = openSync(join(folder, 'new'), 'w+')
  writeAt(fd, data(BLOCK), 100 * BLOCK)
  setSize(fd, 1000 * BLOCK)
  const stat = fstatSync(fd)
  expect(stat.size).toBe(1000 * BLOCK)
  expect(stat.blocks * 512).toBe(BLOCK)
  closeSync(fd)
  const content = readFileSync(join(folder, 'new'))
  expect(content.indexOf(7)).toBe(100 * BLOCK)
  expect(content.lastIndexOf(7)).toBe(101 * BLOCK - 1)
})

test('holes are made in a file that had data there', () => {
  const fd = openSync(join(folder, 'old'), 'w+')
  writeAt(fd, data(100 * BLOCK), 0)
  writeHole(fd, 10 * BLOCK, 80 * BLOCK)
  writeHole(fd, 5, 10)
  setSize(fd, 95 * BLOCK)
  expect(fstatSync(fd).blocks * 512).toBe(15 * BLOCK)
  closeSync(fd)
  const content = readFileSync(join(folder, 'old'))
  expect(content.subarray(5, 15)).toEqual(Buffer.alloc(10))
  expect([content[4], content[15], content[10 * BLOCK - 1], content[90 * BLOCK]]).toEqual([
    7, 7, 7, 7,
  ])
  expect(content.subarray(10 * BLOCK, 90 * BLOCK).every((byte) => byte === 0)).toBe(true)
})

test('a full disk is a SystemError of writing', () => {
  const fd = openSync('/dev/full', 'r+')
  const write = () => writeAt(fd, data(10), 0)
  expect(write).toThrow(SystemError)
  expect(write).toThrow('write: no space left on device')
  closeSync(fd)
})
