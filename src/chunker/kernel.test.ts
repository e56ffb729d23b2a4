import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Bytes, viewOf } from '../base/bytes.ts'
import { Chunker } from './chunker.ts'
import { gearTable } from './gear.ts'
import type { ChunkerParameters } from './parameters.ts'
import { splitReference } from './reference.ts'
import { counterStream, SMALL_PARAMETERS, TEST_KEY } from './test-data.ts'

test('building the kernel again gives the committed bytes', () => {
  const script = fileURLToPath(new URL('../../scripts/build-kernel.ts', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

const parametersAtRandom: fc.Arbitrary<ChunkerParameters> = fc
  .record({ bits: fc.integer({ min: 7, max: 11 }), below: fc.nat(), above: fc.nat() })
  .map(({ bits, below, above }) => {
    const avgBytes = 2 ** bits
    const minBytes = 64 + (below % (avgBytes - 64))
    return { minBytes, avgBytes, maxBytes: avgBytes + 1 + (above % (4 * avgBytes)) }
  })

const keyAtRandom = fc.uint8Array({ minLength: 32, maxLength: 32 })
const length = fc.nat({ max: 20_000 })
const random = fc
  .tuple(fc.nat({ max: 100_000 }), length)
  .map(([from, n]) => pool.subarray(from, from + n))
const periodic = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), length)
  .map(([period, n]) => Uint8Array.from({ length: n }, (_, i) => period[i % period.length] ?? 0))
const constant = fc.tuple(fc.nat({ max: 255 }), length).map(([b, n]) => new Uint8Array(n).fill(b))
const patchwork = fc
  .array(fc.oneof(random, periodic, constant), { maxLength: 6 })
  .map((parts) => new Uint8Array(Buffer.concat(parts)))
const pool = counterStream(120_000)

test('cuts exactly like the reference, whatever the data, parameters and key', () => {
  const inputs = fc.oneof(random, periodic, constant, patchwork)
  fc.assert(
    fc.property(inputs, parametersAtRandom, keyAtRandom, (input, parameters, key) => {
      expect(splitKernel(input, { parameters, key })).toEqual(
        splitReference(input, { parameters, gear: gearTable(key) }),
      )
    }),
    { numRuns: 400 },
  )
})

test('cuts exactly like the reference with the largest parameters', () => {
  const parameters = { minBytes: 64, avgBytes: 2 ** 23, maxBytes: 2 ** 24 }
  const input = new Uint8Array(2 ** 24 + 1000)
  for (let at = 0; at < input.length; at += pool.length) {
    input.set(pool.subarray(0, input.length - at), at)
    input[at] = at >> 16
  }
  const expected = splitReference(input, { parameters, gear: gearTable(TEST_KEY) })
  expect(splitKernel(input, { parameters, key: TEST_KEY })).toEqual(expected)
})

test('finds a match at every position, and at no other, by the definition', () => {
  const { minBytes, avgBytes, maxBytes } = SMALL_PARAMETERS
  const gear = gearTable(TEST_KEY)
  const positions = Array.from({ length: 20 }, (_, i) => minBytes + i)
  for (let i = -17; i < 18; i++) positions.push(avgBytes + i)
  for (let i = -17; i < 0; i++) positions.push(maxBytes + i)
  for (const position of positions) {
    const input = matchingFirstAt(position)
    expect(splitReference(input, { parameters: SMALL_PARAMETERS, gear })[0]).toBe(position + 1)
    expect(splitKernel(input, { parameters: SMALL_PARAMETERS, key: TEST_KEY })[0]).toBe(
      position + 1,
    )
  }
})

function splitKernel(input: Bytes, options: { parameters: ChunkerParameters; key: Bytes }) {
  const chunker = new Chunker({ ...options, memoryBytes: input.length })
  chunker.memory.set(input)
  const lengths: number[] = []
  for (let at = 0; at < input.length; at += lengths.at(-1) as number) {
    lengths.push(chunker.cut(at, input.length - at, true))
  }
  return lengths
}

/** An input whose hash, by the definition in chunker.ts, has its first match at `position`. */
function matchingFirstAt(position: number): Bytes {
  const { minBytes, avgBytes, maxBytes } = SMALL_PARAMETERS
  const gear = viewOf(gearTable(TEST_KEY))
  const next = (h: bigint, byte: number) =>
    BigInt.asUintN(64, 2n * h + gear.getBigUint64(8 * byte, true))
  const matches = (h: bigint, i: number) => h < 2n ** (64n - (i < avgBytes ? 10n : 6n))
  const all = Array.from({ length: 256 }, (_, byte) => byte)
  for (let attempt = 0; ; attempt++) {
    const input = pool.slice(attempt, attempt + 2 * maxBytes)
    let h = 0n
    for (let i = minBytes; i < position; i++) {
      const harmless = all.filter((byte) => !matches(next(h, byte), i))
      input[i] = harmless[(input[i] as number) % harmless.length] as number
      h = next(h, input[i] as number)
    }
    const last = all.find((byte) => matches(next(h, byte), position))
    if (last === undefined) continue
    input[position] = last
    return input
  }
}
