import { expect, test } from 'vitest'
import { crc32 } from '../../base/hash.ts'
import type { Entry } from '../../format/tree.ts'
import { PendingFile } from '../../target/files/pending-file.ts'
import { OpenRestore } from './open-restore.ts'

const RUN = 7
const HOLE = 3

function openFile(size: number): OpenRestore {
  const pending = Object.create(PendingFile.prototype) as PendingFile
  return new OpenRestore({ pending, entry: {} as Entry, size, folder: [], replaces: false })
}

test('the CRC is that of the whole, in whatever order thousands of pieces arrive', () => {
  const count = 5000
  const content = new Uint8Array(count * (RUN + HOLE) + 20)
  const file = openFile(content.length)
  const places = Array.from({ length: count }, (_, i) => {
    const offset = i * (RUN + HOLE) + HOLE
    content.fill((i % 255) + 1, offset, offset + RUN)
    return { offset, ...file.expect([{ offset, length: RUN }]) }
  })
  const order = places.map((place, i) => ({ place, key: (i * 7919) % count }))
  order.sort((a, b) => a.key - b.key)
  for (const [i, { place }] of order.entries()) {
    const { stretch, firstRun, offset } = place
    stretch.crcs[firstRun] = crc32(content.subarray(offset, offset + RUN))
    expect(file.isDone).toBe(false)
    if (i === count - 1) file.complete()
    file.arrived(stretch, undefined)
  }
  expect(file.isDone).toBe(true)
  expect(file.crc32).toBe(crc32(content))
})

test('is not done while more pieces may come, and keeps the first thing that was wrong', () => {
  const file = openFile(10)
  const one = file.expect([{ offset: 0, length: 5 }])
  file.arrived(one.stretch, 'the first')
  expect(file.isDone).toBe(false)
  const two = file.expect([{ offset: 5, length: 5 }])
  file.complete()
  expect(file.isDone).toBe(false)
  file.arrived(two.stretch, 'the second')
  expect(file.isDone).toBe(true)
  expect(file.problem).toBe('the first')
  expect(file.hasContent).toBe(false)
})

test('a file of no pieces is a hole', () => {
  const file = openFile(1000)
  file.complete()
  expect(file.isDone).toBe(true)
  expect(file.crc32).toBe(crc32(new Uint8Array(1000)))
})
