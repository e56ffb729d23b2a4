// What a policy is refused for, and that each source is decided on its own: whoever may write can make its own
// retention refuse, and make no good snapshot go, of its own source or of another.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
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
import { type ForgetPlan, goingIn, isRefusing, planForget, planIds } from './plan.ts'
import type { Policy } from './policy.ts'

interface Given {
  readonly storeMs?: number
  readonly machineMs?: number
  readonly rememberedMs?: number
  readonly accepted?: { readonly clock?: boolean; readonly flood?: boolean }
}

function plan(candidates: readonly Candidate[], rules: Policy, given: Given = {}): ForgetPlan {
  const { storeMs = NOON + HOUR_MS, machineMs = storeMs, rememberedMs, accepted } = given
  return planForget(candidates, {
    policy: rules,
    clocks: { storeMs, machineMs, rememberedMs },
    stampsMs: candidates.map(({ timeMs }) => timeMs),
    accepted: { clock: false, flood: false, ...accepted },
  })
}

function refusals({ refusals: all, sources }: ForgetPlan): readonly string[] {
  return [...all, ...sources.flatMap((source) => source.refusals)].map(({ kind }) => kind)
}

const KEEP_TWO = policy({ last: 2 })

test('what is right is not refused', () => {
  const found = plan(daily(0, 1, 2, 3), KEEP_TWO)
  expect(refusals(found)).toEqual([])
  expect(goingIn(found)).toHaveLength(2)
})

test('one source that is refused keeps nothing of another from being forgotten', () => {
  const future = { ...candidate({ startedMs: NOON + 9 * DAY_MS }), source: 'domain other' }
  const found = plan([...daily(0, 1, 2), future, candidate({ source: 'domain other' })], KEEP_TWO)
  expect(refusals(found)).toEqual(['future'])
  expect(goingIn(found)).toHaveLength(1)
  expect(isRefusing(found)).toBe(true)
})

describe('clocks', () => {
  const refused = (given: Given, found = daily(0, 1, 2)) => refusals(plan(found, KEEP_TWO, given))

  test("a snapshot that is from the future by its machine's clock", () => {
    const found = [candidate({ startedMs: NOON + 2 * DAY_MS }), ...daily(1, 2, 3)]
    expect(refused({}, found)).toEqual(['future'])
    expect(refused({ accepted: { clock: true } }, found)).toEqual([])
  })

  test("a store's clock that is behind what it stamped", () => {
    expect(refused({ storeMs: NOON - HOUR_MS, machineMs: NOON })).toEqual(['clock'])
    expect(refused({ storeMs: NOON - 60_000 })).toEqual([])
    expect(refused({ storeMs: NOON - 3 * DAY_MS })).toEqual(['clock', 'future'])
  })

  test('a machine whose clock is another', () => {
    expect(refused({ machineMs: NOON - 2 * DAY_MS })).toEqual(['clock'])
    expect(refused({ machineMs: NOON + 2 * DAY_MS })).toEqual(['clock'])
    expect(refused({ machineMs: NOON - 20 * HOUR_MS })).toEqual([])
  })

  test('time that went back since this machine last saw it', () => {
    expect(refused({ rememberedMs: NOON + 2 * HOUR_MS })).toEqual(['clock'])
    expect(refused({ rememberedMs: NOON })).toEqual([])
  })

  test('time that went on without a snapshot', () => {
    const rememberedMs = NOON - 100 * DAY_MS
    const found = daily(0, 100.5, 101, 102)
    expect(refused({ rememberedMs }, found)).toEqual(['clock'])
    expect(refused({ rememberedMs, accepted: { clock: true } }, found)).toEqual([])
    expect(refused({ rememberedMs }, daily(0, 20, 101))).toEqual([])
  })

  test('a repository that was copied, so that all seems to be of today', () => {
    const copied = daily(0, 1, 2, 3, 4).map((one) => ({ ...one, timeMs: NOON }))
    const rules = policy({ counts: { daily: 4 } })
    const found = plan(copied, rules)
    expect(refusals(found)).toEqual(['late'])
    expect(goingIn(found)).toEqual([])
    expect(goingIn(plan(copied, rules, { accepted: { clock: true } }))).toHaveLength(4)
  })

  test('what a slow clock says of snapshots that would go by it too is nothing', () => {
    const slow = daily(0, 1, 2, 3).map((one) => ({ ...one, endedMs: one.endedMs - 3 * DAY_MS }))
    expect(refusals(plan(slow, KEEP_TWO))).toEqual([])
  })
})

describe('floods', () => {
  const flood = (count: number, beginMs = NOON) =>
    Array.from({ length: count }, (_, i) => candidate({ timeMs: beginMs - i * 60_000 }))

  test('a flood that pushes out older ones', () => {
    const found = [...flood(30), ...daily(2, 3, 4)]
    expect(refusals(plan(found, policy({ last: 10 })))).toEqual(['flood'])
    expect(refusals(plan(found, policy({ last: 10 }), { accepted: { flood: true } }))).toEqual([])
  })

  test('also one that was some days ago', () => {
    const found = [...daily(0, 1), ...flood(60, NOON - 4 * DAY_MS), ...daily(6, 7, 8)]
    expect(refusals(plan(found, policy({ last: 10 })))).toEqual(['flood'])
  })

  test('rules for periods and times keep what is good: nothing is refused', () => {
    const good = daily(1, 2, 3, 4)
    for (const rules of [
      { counts: { daily: 5 } },
      { within: span(5) },
      { withins: { daily: span(5) } },
    ]) {
      const found = plan([...flood(600), ...good], policy(rules))
      expect(refusals(found)).toEqual([])
      expect(goingIn(found).filter((one) => good.includes(one))).toEqual([])
    }
  })

  test('who always saves often is no flood, and neither are few', () => {
    const often = Array.from({ length: 96 * 5 }, (_, i) =>
      candidate({ timeMs: NOON - i * 15 * 60_000 }),
    )
    expect(refusals(plan(often, policy({ last: 96 })))).toEqual([])
    expect(refusals(plan([...flood(20), ...daily(2, 3)], policy({ last: 10 })))).toEqual([])
  })

  test('a flood of which nothing older falls is none', () => {
    expect(refusals(plan([...flood(300), ...daily(2, 3)], policy({ last: 302 })))).toEqual([])
    expect(refusals(plan(flood(300), policy({ last: 10 })))).toEqual([])
  })
})

test('rules that keep nothing of a source are a mistake', () => {
  const rules = policy({ tags: [['wekly']] })
  expect(refusals(plan(daily(0, 1, 2), rules))).toEqual(['empty'])
  expect(refusals(plan(daily(0), rules))).toEqual([])
  const checkpoints = daily(0, 1).map(
    (one) => ({ ...one, ending: 'checkpoint', session: 'a' }) as const,
  )
  expect(refusals(plan(checkpoints, policy({ counts: { daily: 7 } })))).toEqual([])
})

const anyCandidate = fc
  .record({
    timeMs: fc.integer({ min: 0, max: 400 }).map((hours) => NOON - hours * HOUR_MS),
    source: fc.constantFrom('domain a', 'domain b', 'other a'),
    ending: fc.constantFrom<Candidate['ending']>('complete', 'incomplete', 'checkpoint'),
    isConfirmed: fc.boolean(),
  })
  .map(candidate)

test('what one source has, and claims, changes nothing for another', () => {
  fc.assert(
    fc.property(fc.array(anyCandidate), fc.integer({ min: 1, max: 9 }), (candidates, number) => {
      const rules = policy({ last: number, counts: { daily: number } })
      const own = candidates.filter(({ source }) => source === 'domain a')
      const hostile = candidates
        .filter(({ source }) => source !== 'domain a')
        .map((one) => ({ ...one, startedMs: NOON + 99 * DAY_MS, sequence: 10 ** 9 }))
      const going = (all: readonly Candidate[]) =>
        goingIn(plan(all, rules)).filter(({ source }) => source === 'domain a')
      expect(new Set(going([...own, ...hostile]))).toEqual(new Set(going(own)))
    }),
  )
})

describe('by their ids', () => {
  const named = (candidates: readonly Candidate[], ...at: readonly number[]) =>
    candidates.map((one, i) => ({ ...one, isChosen: at.includes(i) }))

  test('what is named goes', () => {
    const found = planIds(named(daily(0, 1, 2), 0, 2), { minimum: 1 })
    expect(refusals(found)).toEqual([])
    expect(goingIn(found)).toHaveLength(2)
  })

  test('what is held stays', () => {
    const [held, ...others] = daily(0, 1, 2)
    const all = [{ ...(held as Candidate), isHeld: true }, ...others]
    expect(refusals(planIds(named(all, 0, 1), { minimum: 1 }))).toEqual(['held'])
  })

  test('a source keeps its minimum of complete ones, unless told otherwise', () => {
    const incomplete = candidate({ ending: 'incomplete', timeMs: NOON + 1 })
    const all = [incomplete, ...daily(0)]
    expect(refusals(planIds(named(all, 1), { minimum: 1 }))).toEqual(['minimum'])
    expect(refusals(planIds(named(all, 1), { minimum: 0 }))).toEqual([])
    expect(refusals(planIds(named(all, 0), { minimum: 1 }))).toEqual([])
    expect(refusals(planIds(named([incomplete], 0), { minimum: 1 }))).toEqual(['minimum'])
    const unconfirmed = [candidate({ isConfirmed: false }), ...daily(1)]
    expect(refusals(planIds(named(unconfirmed, 0), { minimum: 1 }))).toEqual([])
  })
})
