import { expect, test } from 'vitest'
import { formatDuration, formatTime, isoTime, parseTime } from './times.ts'

const NOW_MS = Date.UTC(2026, 10, 21, 12, 0, 0)

test.each([
  [0, '0.0 s'],
  [849, '0.8 s'],
  [9_949, '9.9 s'],
  [9_950, '10 s'],
  [59_400, '59 s'],
  [59_600, '1:00 min'],
  [187_000, '3:07 min'],
  [7_440_000, '2:04:00 h'],
])('%d ms lasts %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('what is shown is found again: a time means the end of what it names', () => {
  const ms = new Date(2026, 10, 20, 15, 4, 5, 678).getTime()
  const shown = formatTime(ms)
  expect(shown).toBe('2026-11-20 15:04:05')
  for (const text of [shown, shown.slice(0, 16), shown.slice(0, 10), shown.replace(' ', 'T')]) {
    expect(parseTime(text, NOW_MS)).toBeGreaterThanOrEqual(ms)
  }
  expect(parseTime('2026-11-19', NOW_MS)).toBeLessThan(ms)
  expect(parseTime('2026-11-20 15:03', NOW_MS)).toBeLessThan(ms)
})

test.each([
  ['2026-11-20T15:00:00Z', Date.UTC(2026, 10, 20, 15, 0, 0, 999)],
  ['2026-11-20T15:00:00.5Z', Date.UTC(2026, 10, 20, 15, 0, 0, 500)],
  ['2026-11-20T15:00:00+02:00', Date.UTC(2026, 10, 20, 13, 0, 0, 999)],
  ['2026-11-20 15:00-0130', Date.UTC(2026, 10, 20, 16, 30, 59, 999)],
  ['3d', NOW_MS - 3 * 86_400_000],
  ['90m', NOW_MS - 90 * 60_000],
  ['90min', NOW_MS - 90 * 60_000],
  ['2w', NOW_MS - 14 * 86_400_000],
])('%s with a zone, or as a time ago', (text, ms) => {
  expect(parseTime(text, NOW_MS)).toBe(ms)
})

test('what programs are shown is read back', () => {
  expect(parseTime(isoTime(NOW_MS), NOW_MS)).toBe(NOW_MS)
})

test.each([
  '',
  'yesterday',
  '2026-02-31',
  '2026-13-01',
  '2026-11-20 25:00',
  '3y',
  '20-11-2026',
  '2026',
])('%s is no time', (text) => {
  expect(parseTime(text, NOW_MS)).toBeUndefined()
})

test.each([0, -1, 1.5, 8.64e15 + 1, Number.MAX_SAFE_INTEGER, Infinity, -Infinity, Number.NaN])(
  '%d is shown, whoever said it',
  (ms) => {
    expect(formatTime(ms)).toMatch(/^-?\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    expect(isoTime(ms)).toMatch(/^[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  },
)
