// Invariants, for any snapshots and any policy:
//
// 1. The newest complete snapshot of a source stays.
// 2. Of each source as many complete ones stay as the minimum says, or all.
// 3. A policy that says more keeps all that the other one keeps.
// 4. What is not confirmed, or held, stays.
// 5. Taking snapshots that are not complete away changes nothing for the complete ones.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  candidate,
  DAY_MS,
  daily,
  HOUR_MS,
  NOON,
  policy,
  span,
} from '../../../test/engine/candidates.ts'
import type { Candidate } from './candidate.ts'
import { compare } from './candidate.ts'
import { type Duration, PERIODS, type Period } from './periods.ts'
import { decide, hasRule, type Policy } from './policy.ts'

function kept(candidates: readonly Candidate[], rules: Policy): readonly Candidate[] {
  return decide(candidates, rules)
    .filter(({ keeps }) => keeps)
    .map((one) => one.candidate)
}

function rulesOf(candidates: readonly Candidate[], rules: Policy): readonly string[] {
  return decide(candidates, rules).map((one) => one.rules.join(', '))
}

test('the newest ones stay', () => {
  expect(rulesOf(daily(3, 1, 0, 2), policy({ last: 2 }))).toEqual(['last', 'last', '', ''])
})

test('of each day the newest stays, however many days lie between', () => {
  const found = [...daily(0, 4, 30), candidate({ timeMs: NOON - HOUR_MS })]
  expect(rulesOf(found, policy({ counts: { daily: 2 } }))).toEqual([
    'daily 2026-11-27',
    '',
    'daily 2026-11-23',
    '',
  ])
})

test('every rule is told', () => {
  const found = daily(0)
  const counts = { hourly: 1, daily: 1, weekly: 1, monthly: 1, yearly: 1 }
  const withins = { daily: span(1) }
  const all = { last: 1, counts, within: span(30), withins, tags: [['a', 'b'], ['c']] }
  const [only] = [candidate({ ...found[0], tags: ['a', 'b'], isHeld: true })]
  expect(decide([only], policy(all))[0]?.rules).toEqual([
    'last',
    'within 30d',
    'hourly 2026-11-27 12h',
    'daily 2026-11-27',
    'within-daily 2026-11-27',
    'weekly 2026-W48',
    'monthly 2026-11',
    'yearly 2026',
    'tag a,b',
    'held',
  ])
})

test('a time counts back from the newest snapshot, not from now, and leaves out its beginning', () => {
  const found = daily(100, 101, 129, 130, 131)
  expect(kept(found, policy({ within: span(30) })).map(({ timeMs }) => timeMs)).toEqual(
    found.slice(0, 3).map(({ timeMs }) => timeMs),
  )
})

test('of the days of a time one each stays', () => {
  const found = [...daily(0, 1, 2, 9), candidate({ timeMs: NOON - DAY_MS - HOUR_MS })]
  expect(rulesOf(found, policy({ withins: { daily: span(5) } }))).toEqual([
    'within-daily 2026-11-27',
    'within-daily 2026-11-26',
    '',
    'within-daily 2026-11-25',
    '',
  ])
})

test('tags of one list are needed together, lists are alternatives', () => {
  const tagged = (...tags: readonly string[]) => candidate({ tags, timeMs: NOON - DAY_MS })
  const found = [candidate(), tagged('a'), tagged('a', 'b'), tagged('c', 'd')]
  const rules = policy({ tags: [['a', 'b'], ['c']] })
  expect(new Set(kept(found, rules))).toEqual(new Set([found[0], found[2], found[3]]))
})

test('what is not complete counts, and never at the cost of what is', () => {
  const [incomplete, complete, old] = [
    candidate({ ending: 'incomplete' }),
    candidate({ timeMs: NOON - HOUR_MS }),
    candidate({ timeMs: NOON - DAY_MS }),
  ]
  const found = [incomplete, complete, old]
  expect(rulesOf(found, policy({ counts: { daily: 2 } }))).toEqual([
    'daily 2026-11-27',
    'daily 2026-11-27',
    'daily 2026-11-26',
  ])
  expect(rulesOf(found, policy({ last: 1 }))).toEqual(['last', 'last', ''])
})

test('a checkpoint stays until a later run has finished, of each run the newest', () => {
  const checkpoint = (hours: number, session: string) =>
    candidate({ ending: 'checkpoint', session, timeMs: NOON - hours * HOUR_MS })
  const open = [checkpoint(0, 'b'), checkpoint(1, 'b'), checkpoint(2, 'a')]
  const finished = candidate({ timeMs: NOON - 3 * HOUR_MS })
  const closed = [checkpoint(4, 'c')]
  expect(rulesOf([...open, finished, ...closed], policy({ last: 1 }))).toEqual([
    'checkpoint',
    '',
    'checkpoint',
    'last',
    '',
  ])
})

test('the minimum is of complete ones, also where others were chosen', () => {
  const found = [...daily(0, 1, 2, 3), candidate({ ending: 'incomplete', timeMs: NOON + 1 })]
  const rules = policy({ tags: [['none']], minimum: 2 })
  expect(rulesOf(found, rules)).toEqual(['', 'minimum', 'minimum', '', ''])
  const others = found.map((one, i) => ({ ...one, isChosen: i === 0 || i === 3 }))
  expect(kept(others, rules)).toEqual([others[0]])
})

test('a source without complete ones keeps the best that it has, and none is left with nothing', () => {
  const found = [
    candidate({ ending: 'checkpoint', session: 'a' }),
    candidate({ ending: 'incomplete', timeMs: NOON - 1 }),
    candidate({ ending: 'incomplete', timeMs: NOON - 2 }),
  ]
  expect(rulesOf(found, policy({ tags: [['x']], minimum: 0 }))).toEqual([
    'checkpoint',
    'minimum',
    '',
  ])
})

test('a policy has a rule or none', () => {
  expect(hasRule(policy({ minimum: 7 }))).toBe(false)
  expect(hasRule(policy({ withins: { yearly: span(1) } }))).toBe(true)
  expect(hasRule(policy({ counts: { daily: 1 } }))).toBe(true)
})

const anyCandidate = fc
  .record({
    timeMs: fc.integer({ min: 0, max: 800 * 24 }).map((hours) => NOON - hours * HOUR_MS),
    ending: fc.constantFrom<Candidate['ending']>(
      'complete',
      'complete',
      'incomplete',
      'checkpoint',
    ),
    isConfirmed: fc.constantFrom(true, true, true, false),
    isHeld: fc.constantFrom(false, false, false, true),
    tags: fc.subarray(['a', 'b']),
    isChosen: fc.constantFrom(true, true, true, false),
    session: fc.constantFrom('r', 's', 't'),
    sequence: fc.integer({ min: 1, max: 50 }),
  })
  .map(candidate)

const anyCandidates = fc.array(anyCandidate, { maxLength: 60 })

function anyOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Partial<Record<Period, T>>> {
  const each = Object.fromEntries(PERIODS.map((period) => [period, value])) as Record<
    Period,
    fc.Arbitrary<T>
  >
  return fc.record(each, { requiredKeys: [] })
}

const anyPolicy: fc.Arbitrary<Policy> = fc
  .record({
    last: fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined }),
    counts: anyOf(fc.integer({ min: 1, max: 10 })),
    within: fc.option(fc.integer({ min: 1, max: 400 }).map(span), { nil: undefined }),
    withins: anyOf(fc.integer({ min: 1, max: 400 }).map(span)),
    tags: fc.array(fc.subarray(['a', 'b'], { minLength: 1 }), { maxLength: 2 }),
    minimum: fc.integer({ min: 0, max: 6 }),
  })
  .map(policy)

const confirmedComplete = ({ isConfirmed, ending }: Candidate) =>
  isConfirmed && ending === 'complete'

test('invariants 1, 2 and 4: what must stay stays', () => {
  fc.assert(
    fc.property(anyCandidates, anyPolicy, (candidates, rules) => {
      const stays = new Set([
        ...kept(candidates, rules),
        ...candidates.filter(({ isChosen }) => !isChosen),
      ])
      const complete = candidates.filter(confirmedComplete).sort(compare)
      const must = complete.slice(0, Math.max(1, rules.minimum))
      expect(must.filter((one) => !stays.has(one))).toEqual([])
      const protectedOnes = candidates.filter(({ isHeld, isConfirmed }) => isHeld || !isConfirmed)
      expect(protectedOnes.filter((one) => !stays.has(one))).toEqual([])
      if (candidates.some(({ isConfirmed }) => isConfirmed)) expect(stays.size).toBeGreaterThan(0)
    }),
  )
})

test('invariant 3: who says more keeps more', () => {
  const more = (rules: Policy, by: Policy): Policy => ({
    last: (rules.last ?? 0) + (by.last ?? 0),
    counts: merged(rules.counts, by.counts, (a, b) => a + b),
    within: longer(rules.within, by.within),
    withins: merged(rules.withins, by.withins, (a, b) => longer(a, b) as Duration),
    tags: [...rules.tags, ...by.tags],
    minimum: rules.minimum + by.minimum,
  })
  fc.assert(
    fc.property(anyCandidates, anyPolicy, anyPolicy, (candidates, rules, by) => {
      const stays = new Set(kept(candidates, more(rules, by)))
      expect(kept(candidates, rules).filter((one) => !stays.has(one))).toEqual([])
    }),
  )
})

test('invariant 5: what is not complete pushes nothing out', () => {
  fc.assert(
    fc.property(anyCandidates, anyPolicy, (candidates, rules) => {
      const stays = new Set(kept(candidates, rules))
      const alone = kept(candidates.filter(confirmedComplete), rules)
      expect(alone.filter((one) => !stays.has(one))).toEqual([])
    }),
  )
})

function longer(a: Duration | undefined, b: Duration | undefined): Duration | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.days > b.days ? a : b
}

function merged<T>(
  a: Partial<Record<Period, T>>,
  b: Partial<Record<Period, T>>,
  both: (a: T, b: T) => T,
): Partial<Record<Period, T>> {
  const result: Partial<Record<Period, T>> = { ...a, ...b }
  for (const period of PERIODS) {
    const [one, other] = [a[period], b[period]]
    if (one !== undefined && other !== undefined) result[period] = both(one, other)
  }
  return result
}
