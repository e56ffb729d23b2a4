// A model that finds nothing says little, unless it finds what is there: each mistake that has lost data in
// other tools is made here, and must be found.

import { expect, test } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { runMutated } from './run-model.ts'

const TIMEOUT_MS = 300_000

test.each(Object.entries(MUTANTS))(
  'is caught: %s',
  (_, { edits, configuration, expected }) => {
    const { isLost, printed } = runMutated(edits, configuration)
    expect(isLost).toBe(true)
    expect(printed).toMatch(expected)
  },
  TIMEOUT_MS,
)
