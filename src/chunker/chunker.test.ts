import { expect, test } from 'vitest'
import { type Bytes, concat, toHex } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import { Chunker } from './chunker.ts'
import { gearTable } from './gear.ts'
import { type ChunkerParameters, DEFAULT_PARAMETERS, maskBits } from './parameters.ts'
import { counterStream, SMALL_PARAMETERS, TEST_KEY } from './test-data.ts'

const MEDIUM = { minBytes: 1024, avgBytes: 4096, maxBytes: 16_384 }
const DATA = counterStream(2 ** 24)

// If one of these changes, every repository loses its deduplication. They are in docs/format.md, and
// a second implementation, in Python from the text alone, BLAKE3 included, gave the same.
test('the vectors of the format: gear table', () => {
  const gear = gearTable(TEST_KEY)
  expect(toHex(gear.subarray(0, 16))).toBe('b9c7ceefca56a555f60b4283ce141683')
  expect(toHex(gear.subarray(2040))).toBe('a0b6ee079e649500')
  expect(toHex(sha256(gear))).toBe(
    'c3b0320e2f6ae906e9a3f621e1cc2c9889747f8a9a01d30559eb8863e5b2333d',
  )
})

test('the vectors of the format: cut lengths', () => {
  expect(toHex(sha256(DATA))).toBe(
    '01c65c8d6d336a8f1e9acf8bbfe807f7c1d0ec666ff41bc2db9f679849f03c03',
  )
  expect(lengthsOf(DATA, { parameters: DEFAULT_PARAMETERS })).toEqual([
    875375, 1173796, 1367535, 1626526, 1408217, 1326523, 1384434, 1152867, 488669, 1292691, 1355939,
    1373398, 950657, 1000589,
  ])
  expect(lengthsOf(DATA.subarray(0, 4096), { parameters: SMALL_PARAMETERS })).toEqual([
    269, 264, 340, 275, 551, 284, 302, 278, 314, 339, 267, 269, 230, 114,
  ])
  const zeros = new Uint8Array(3000)
  expect(lengthsOf(zeros, { parameters: SMALL_PARAMETERS })).toEqual([
    ...Array<number>(38).fill(78),
    36,
  ])
})

test('chunk lengths of random data have the expected mean and bounds', () => {
  for (const parameters of [SMALL_PARAMETERS, MEDIUM]) {
    const lengths = lengthsOf(DATA, { parameters })
    const mean = DATA.length / lengths.length
    expect(Math.abs(mean / expectedMean(parameters) - 1)).toBeLessThan(0.02)
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(parameters.minBytes)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(parameters.maxBytes)
  }
})

test('two thirds of all chunks have between half and twice the average', () => {
  const lengths = lengthsOf(DATA, { parameters: MEDIUM })
  const near = lengths.filter((n) => n > MEDIUM.avgBytes / 2 && n < 2 * MEDIUM.avgBytes)
  expect(near.length / lengths.length).toBeGreaterThan(0.66)
})

test('changing one byte changes few chunks', () => {
  const before = DATA.subarray(0, 2 ** 21)
  expectFewNew(before, (at) => {
    const after = before.slice()
    after[at] = (after[at] as number) ^ 1
    return after
  })
})

test('inserting and removing bytes resynchronises', () => {
  const before = DATA.subarray(0, 2 ** 21)
  const inserted = DATA.subarray(2 ** 22, 2 ** 22 + 1000)
  expectFewNew(before, (at) => concat([before.subarray(0, at), inserted, before.subarray(at)]))
  expectFewNew(before, (at) => concat([before.subarray(0, at), before.subarray(at + 777)]))
})

test('different keys cut differently', () => {
  const a = boundaries(lengthsOf(DATA, { parameters: MEDIUM }))
  const key = TEST_KEY.map((byte, i) => (i === 31 ? byte ^ 1 : byte))
  const b = boundaries(lengthsOf(DATA, { parameters: MEDIUM, key }))
  const shared = [...a].filter((boundary) => b.has(boundary))
  expect(shared.length / a.size).toBeLessThan(0.01)
})

test('answers 0 where the bytes at hand do not decide, and the same length however many do', () => {
  const chunker = chunkerFor(MEDIUM, 2 * MEDIUM.maxBytes)
  chunker.memory.set(DATA.subarray(0, chunker.memory.length))
  const decided = chunker.cut(0, MEDIUM.maxBytes, false)
  expect(decided).toBeLessThan(MEDIUM.maxBytes)
  for (let length = 0; length < chunker.memory.length; length += 101) {
    expect(chunker.cut(0, length, false)).toBe(length < decided ? 0 : decided)
    expect(chunker.cut(0, length, true)).toBe(Math.min(length, decided))
  }
})

test('decides at the latest when it has the largest chunk', () => {
  const chunker = chunkerFor(MEDIUM, 2 * MEDIUM.maxBytes)
  expect(chunker.cut(0, MEDIUM.maxBytes - 1, false)).toBe(0)
  expect(chunker.cut(0, MEDIUM.maxBytes, false)).toBe(MEDIUM.maxBytes)
  expect(chunker.cut(0, MEDIUM.maxBytes + 1, false)).toBe(MEDIUM.maxBytes)
})

test('refuses to cut outside its memory', () => {
  const chunker = chunkerFor(SMALL_PARAMETERS, 5000)
  expect(() => chunker.cut(0, 5001, true)).toThrow('Bug in Cairn')
  expect(() => chunker.cut(-1, 100, true)).toThrow('Bug in Cairn')
  expect(() => chunker.cut(4000, 1001, true)).toThrow('Bug in Cairn')
  expect(() => chunker.cut(0, Number.NaN, true)).toThrow('Bug in Cairn')
})

test('refuses parameters out of bounds', () => {
  const refused: readonly (readonly [number, number, number])[] = [
    [63, 256, 1024],
    [256, 256, 1024],
    [64, 256, 256],
    [64, 300, 1024],
    [64, 256, 2 ** 24 + 1],
    [64.5, 256, 1024],
    [64, Number.NaN, 1024],
  ]
  for (const [minBytes, avgBytes, maxBytes] of refused) {
    expect(() => chunkerFor({ minBytes, avgBytes, maxBytes }, 0)).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    )
  }
})

function chunkerFor(parameters: ChunkerParameters, memoryBytes: number): Chunker {
  return new Chunker({ key: TEST_KEY, parameters, memoryBytes })
}

function lengthsOf(input: Bytes, options: { parameters: ChunkerParameters; key?: Bytes }) {
  const chunker = new Chunker({ key: TEST_KEY, ...options, memoryBytes: input.length })
  chunker.memory.set(input)
  const lengths: number[] = []
  for (let at = 0; at < input.length; at += lengths.at(-1) as number) {
    lengths.push(chunker.cut(at, input.length - at, true))
  }
  return lengths
}

function boundaries(lengths: readonly number[]): Set<number> {
  let at = 0
  return new Set(lengths.map((length) => (at += length)))
}

/** The mean length where each byte after min matches independently with its mask's probability. */
function expectedMean(parameters: ChunkerParameters): number {
  const bits = maskBits(parameters)
  let mean = parameters.minBytes
  let uncut = 1
  for (let i = parameters.minBytes; i < parameters.maxBytes; i++) {
    mean += uncut
    uncut *= 1 - 2 ** -(i < parameters.avgBytes ? bits.small : bits.large)
  }
  return mean
}

/** Edits at 40 places bring fewer than 4 new chunks on average, and never more than 12. */
function expectFewNew(before: Bytes, edit: (at: number) => Bytes): void {
  const known = new Set(chunksOf(before))
  let total = 0
  for (let i = 1; i <= 40; i++) {
    const fresh = chunksOf(edit(i * 50_021)).filter((chunk) => !known.has(chunk)).length
    expect(fresh).toBeGreaterThan(0)
    expect(fresh).toBeLessThanOrEqual(12)
    total += fresh
  }
  expect(total / 40).toBeLessThan(4)
}

function chunksOf(input: Bytes): string[] {
  let at = 0
  return lengthsOf(input, { parameters: MEDIUM }).map((length) => {
    at += length
    return toHex(sha256(input.subarray(at - length, at)))
  })
}
