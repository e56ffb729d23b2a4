import { expect, test } from 'vitest'
import { seededRandom } from '../../src/store/seeded-random.ts'
import { Seen } from './seen.ts'

test('knows each number once, however often the table grows', () => {
  const random = seededRandom(7)
  const seen = new Seen()
  const known = new Set<string>()
  const half = () => Math.floor(2 ** 32 * random())
  const numbers = Array.from({ length: 100_000 }, () => [half(), half()] as const)
  const wrong: string[] = []
  // Neighbours, the same in one half, and what looks like a free slot.
  const near = numbers.slice(0, 20_000).map(([high, low]) => [high, (low + 1) >>> 0] as const)
  for (const [high, low] of [
    ...numbers,
    ...near,
    [0, 0],
    [0, 1],
    [1, 0],
    [0, 0],
    ...numbers,
  ] as const) {
    const key = `${high} ${low}`
    if (seen.add(high, low) === known.has(key)) wrong.push(key)
    known.add(key)
  }
  expect(wrong).toEqual([])
})
