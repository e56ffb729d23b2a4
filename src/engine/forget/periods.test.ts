import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { candidate, policy } from '../../../test/engine/candidates.ts'
import { before, type Duration, PERIODS, periodsOf } from './periods.ts'
import { decide, type Policy } from './policy.ts'

const zone = process.env['TZ']

beforeAll(() => {
  process.env['TZ'] = 'Europe/Berlin'
})

afterAll(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

function at(text: string): number {
  return Date.parse(text)
}

function labels(text: string): readonly string[] {
  const periods = periodsOf(at(text))
  return PERIODS.map((period) => periods[period].label)
}

function duration(parts: Partial<Duration>): Duration {
  return { text: '', years: 0, months: 0, days: 0, hours: 0, ...parts }
}

test('periods are those of the local calendar', () => {
  expect(labels('2026-11-27T13:30:00Z')).toEqual([
    '2026-11-27 14h',
    '2026-11-27',
    '2026-W48',
    '2026-11',
    '2026',
  ])
  // Already the next day, month and year here.
  expect(labels('2026-12-31T23:30:00Z')).toEqual([
    '2027-01-01 00h',
    '2027-01-01',
    '2026-W53',
    '2027-01',
    '2027',
  ])
})

test('weeks are those of ISO 8601', () => {
  const week = (text: string) => periodsOf(at(`${text}T12:00:00Z`)).weekly.label
  expect(week('2024-12-29')).toBe('2024-W52')
  expect(week('2024-12-30')).toBe('2025-W01')
  expect(week('2021-01-03')).toBe('2020-W53')
  expect(week('2021-01-04')).toBe('2021-W01')
  expect(week('2023-01-01')).toBe('2022-W52')
})

describe('where clocks are changed', () => {
  test('the hour that comes twice is two hours', () => {
    const summer = periodsOf(at('2026-10-25T00:30:00Z')).hourly
    const winter = periodsOf(at('2026-10-25T01:30:00Z')).hourly
    expect(winter.label).toBe(summer.label)
    expect(winter.key).not.toBe(summer.key)
  })

  test('a day of 25 hours is one day, and so is one of 23', () => {
    const day = (text: string) => periodsOf(at(text)).daily.key
    expect(day('2026-10-24T22:00:00Z')).toBe(day('2026-10-25T22:59:59Z'))
    expect(day('2026-10-25T22:59:59Z')).not.toBe(day('2026-10-25T23:00:00Z'))
    expect(day('2026-03-28T23:00:00Z')).toBe(day('2026-03-29T21:59:59Z'))
    expect(day('2026-03-29T21:59:59Z')).not.toBe(day('2026-03-29T22:00:00Z'))
  })

  test('a day before is the same time of day, a day of hours is not', () => {
    const noon = at('2026-10-25T11:00:00Z')
    expect(before(noon, duration({ days: 1 }))).toBe(at('2026-10-24T10:00:00Z'))
    expect(before(noon, duration({ hours: 24 }))).toBe(at('2026-10-24T11:00:00Z'))
  })
})

test('over a change of clocks rules keep one for each hour and day', () => {
  // Every half hour from 22:00 UTC, midnight here, until the same time of the next day, which is 25 hours on.
  const halves = Array.from({ length: 50 }, (_, i) =>
    candidate({ timeMs: at('2026-10-24T22:00:00Z') + i * 30 * 60_000 }),
  )
  const kept = (counts: Policy['counts']) =>
    decide(halves, policy({ counts })).filter(({ keeps }) => keeps).length
  expect(kept({ hourly: 100 })).toBe(25)
  expect(kept({ daily: 100 })).toBe(1)
})

test('months end where they end', () => {
  const march = at('2026-03-31T12:00:00Z')
  expect(before(march, duration({ months: 1 }))).toBe(at('2026-02-28T13:00:00Z'))
  expect(before(march, duration({ years: 1, months: 1 }))).toBe(at('2025-02-28T13:00:00Z'))
  expect(before(at('2028-02-29T12:00:00Z'), duration({ years: 1 }))).toBe(
    at('2027-02-28T12:00:00Z'),
  )
})
