import { expect, test } from 'vitest'
import { DATE_MS_MAX, dateOf } from './date.ts'

test.each([
  [0, '1970-01-01T00:00:00.000Z'],
  [1_800_000_000_000, '2027-01-15T08:00:00.000Z'],
  [DATE_MS_MAX, '+275760-09-13T00:00:00.000Z'],
  [DATE_MS_MAX + 1, '+275760-09-13T00:00:00.000Z'],
  [Number.MAX_SAFE_INTEGER, '+275760-09-13T00:00:00.000Z'],
  [-Infinity, '-271821-04-20T00:00:00.000Z'],
  [Number.NaN, '1970-01-01T00:00:00.000Z'],
])('%d has a date that can be shown', (ms, text) => {
  expect(dateOf(ms).toISOString()).toBe(text)
})

test('no later one can be', () => {
  expect(new Date(DATE_MS_MAX).getTime()).toBe(DATE_MS_MAX)
  expect(new Date(DATE_MS_MAX + 1).getTime()).toBeNaN()
})
