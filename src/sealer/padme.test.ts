import fc from 'fast-check'
import { expect, test } from 'vitest'
import { padmeBytes } from './padme.ts'

test('padding is never negative and at most 12 percent', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (length) => {
      const padded = padmeBytes(length)
      expect(padded).toBeGreaterThanOrEqual(length)
      expect(padded).toBeLessThanOrEqual(Math.max(2, length * 1.12))
    }),
  )
})

test('longer is never padded to shorter, and what is padded stays', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.nat(1000), (length, more) => {
      const padded = padmeBytes(length)
      expect(padmeBytes(length + more)).toBeGreaterThanOrEqual(padded)
      expect(padmeBytes(padded)).toBe(padded)
    }),
  )
})

test('few lengths are left to be seen', () => {
  const seen = new Set(Array.from({ length: 100_000 }, (_, i) => padmeBytes(1_000_000 + i)))
  expect(seen.size).toBeLessThan(10)
})
