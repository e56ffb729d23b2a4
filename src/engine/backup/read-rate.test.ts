import { expect, test } from 'vitest'
import { newReadRate, readPacer } from './read-rate.ts'

const READ_BYTES = 1000

/** How long it takes to read so much, the readers in turns, in milliseconds. */
function timeOf(readers: readonly ((bytes: number) => void)[], reads: number): number {
  const start = performance.now()
  for (let i = 0; i < reads; i++) readers[i % readers.length]?.(READ_BYTES)
  return performance.now() - start
}

test.each([1, 3])('%i readers keep to the rate together', (count) => {
  const rate = newReadRate(100_000)
  const readers = Array.from({ length: count }, () => readPacer(rate, () => undefined))
  // The last read need not be waited for.
  expect(timeOf(readers, 21)).toBeGreaterThan(195)
  expect(timeOf(readers, 21)).toBeLessThan(400)
})

test('one of several readers has all of the rate while the others have nothing to read', () => {
  const rate = newReadRate(100_000)
  const [one] = Array.from({ length: 4 }, () => readPacer(rate, () => undefined))
  expect(timeOf([one as (bytes: number) => void], 21)).toBeLessThan(400)
})

test('without a rate nothing is waited for, and the run may end while something is', () => {
  expect(timeOf([readPacer(newReadRate(0), () => undefined)], 1000)).toBeLessThan(100)
  let checks = 0
  const giveUp = () => {
    if (++checks === 3) throw new Error('enough')
  }
  const slow = readPacer(newReadRate(1), giveUp)
  slow(READ_BYTES)
  expect(() => slow(READ_BYTES)).toThrow('enough')
})
