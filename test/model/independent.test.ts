// What is left out where orders make no difference is really no more than that: every actor has the same
// histories, and everything ends in as many ways, as when all orders of all steps are gone through.

import { expect, test } from 'vitest'
import { runModel } from './run-model.ts'

interface Outcome {
  readonly states: number
  readonly histories: readonly number[]
}

function outcomeOf(configuration: string, ...options: readonly string[]): Outcome {
  const { isLost, printed } = runModel(configuration, { options })
  expect(isLost, printed).toBe(false)
  return JSON.parse(printed) as Outcome
}

test.each([
  'writers-marker-forgetter',
  'writers-sweeper-forgotten',
  'two-forgetters',
  'ripe-mark',
  'sync-to-marked-packs',
  'undelete-and-pruner',
])('%s', (name) => {
  const whole = outcomeOf(name, '--whole')
  const reduced = outcomeOf(name)
  expect(reduced.histories).toEqual(whole.histories)
  expect(reduced.states).toBeLessThan(whole.states)
})
