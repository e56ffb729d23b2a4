import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Bytes, concat, equalBytes } from '../base/bytes.ts'
import { Chunker } from './chunker.ts'
import { gearTable } from './gear.ts'
import { splitReference } from './reference.ts'
import { SPLIT_SLACK_BYTES, split, workBytesMin } from './split.ts'
import { counterStream, SMALL_PARAMETERS, TEST_KEY } from './test-data.ts'

const DATA = counterStream(300_000)
const GEAR = gearTable(TEST_KEY)
const LEAST = workBytesMin(SMALL_PARAMETERS)

function chunkerOf(memoryBytes: number): Chunker {
  return new Chunker({ key: TEST_KEY, parameters: SMALL_PARAMETERS, memoryBytes })
}

/** Gives out `input` in pieces of the sizes given, over and over, but never more than asked for. */
function reader(input: Bytes, sizes: readonly number[]): (into: Uint8Array) => number {
  let at = 0
  let turn = 0
  return (into) => {
    const size = sizes[turn++ % sizes.length] ?? 1
    const piece = input.subarray(at, at + Math.min(size, into.length))
    into.set(piece)
    at += piece.length
    return piece.length
  }
}

test('splits identically whatever the read size', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 20 })
  const workBytes = fc.integer({ min: LEAST, max: 5 * LEAST })
  const start = fc.nat({ max: 1000 })
  fc.assert(
    fc.property(sizes, workBytes, start, fc.nat({ max: 30_000 }), (read, work, from, length) => {
      const input = DATA.subarray(3 * from, 3 * from + length)
      const chunker = chunkerOf(from + work + 50)
      const chunks: Bytes[] = []
      const total = split(chunker, {
        area: { start: from, end: from + work },
        read: reader(input, read),
        onChunk: (offset, n) => chunks.push(chunker.memory.slice(offset, offset + n)),
      })
      const expected = splitReference(input, { gear: GEAR, parameters: SMALL_PARAMETERS })
      expect(chunks.map((chunk) => chunk.length)).toEqual(expected)
      expect(equalBytes(concat(chunks), input)).toBe(true)
      expect(total).toBe(length)
    }),
    { numRuns: 300 },
  )
})

test('lets the receiver overwrite a chunk and the slack before it', () => {
  const chunker = chunkerOf(2 * LEAST)
  const chunks: Bytes[] = []
  split(chunker, {
    read: reader(DATA, [1000]),
    onChunk: (offset, length) => {
      chunks.push(chunker.memory.slice(offset, offset + length))
      expect(offset).toBeGreaterThanOrEqual(SPLIT_SLACK_BYTES)
      chunker.memory.fill(255, offset - SPLIT_SLACK_BYTES, offset + length)
    },
  })
  expect(equalBytes(concat(chunks), DATA)).toBe(true)
})

test('writes nothing outside its area', () => {
  const chunker = chunkerOf(LEAST + 200)
  chunker.memory.fill(170)
  const area = { start: 100, end: 100 + LEAST }
  split(chunker, { area, read: reader(DATA, [5000]), onChunk: () => undefined })
  const outside = [...chunker.memory.subarray(0, 100), ...chunker.memory.subarray(area.end)]
  expect(outside.every((byte) => byte === 170)).toBe(true)
})

test('an empty input has no chunks', () => {
  const onChunk = () => expect.unreachable()
  expect(split(chunkerOf(LEAST), { read: () => 0, onChunk })).toBe(0)
})

test('an input that just fills the area ends with it', () => {
  for (const extra of [-1, 0, 1]) {
    const input = DATA.subarray(0, 3000 - SPLIT_SLACK_BYTES + extra)
    const lengths: number[] = []
    const onChunk = (_offset: number, length: number) => lengths.push(length)
    split(chunkerOf(3000), { read: reader(input, [3000]), onChunk })
    expect(lengths).toEqual(splitReference(input, { gear: GEAR, parameters: SMALL_PARAMETERS }))
  }
})

test('reads a file straight into the memory of the kernel', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cairn-split-'))
  try {
    writeFileSync(join(folder, 'file'), DATA)
    const file = openSync(join(folder, 'file'), 'r')
    const lengths: number[] = []
    split(chunkerOf(20_000), {
      read: (into) => readSync(file, into),
      onChunk: (_offset, length) => lengths.push(length),
    })
    closeSync(file)
    expect(lengths).toEqual(splitReference(DATA, { gear: GEAR, parameters: SMALL_PARAMETERS }))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('an error from reading or from the receiver ends the split', () => {
  const fail = () => {
    throw new Error('disk on fire')
  }
  const read = reader(DATA, [1000])
  expect(() => split(chunkerOf(LEAST), { read: fail, onChunk: () => undefined })).toThrow('on fire')
  expect(() => split(chunkerOf(LEAST), { read, onChunk: fail })).toThrow('on fire')
})

test('refuses an area that cannot hold the largest chunk', () => {
  const options = { read: () => 0, onChunk: () => undefined }
  expect(() => split(chunkerOf(LEAST - 1), options)).toThrow('Bug in Cairn')
  const area = { start: 1, end: LEAST }
  expect(() => split(chunkerOf(LEAST), { ...options, area })).toThrow('Bug in Cairn')
})
