// Every order in which the calls of a few actors can take effect: the protocol as it ships, gone through
// to every end (see invariants.ts for what must hold).

import { describe, expect, test } from 'vitest'
import { CONFIGURATIONS } from './configurations.ts'
import { runModel } from './run-model.ts'

const TIMEOUT_MS = 300_000
const isLongRun = process.env['CAIRN_TEST_LONG'] === '1'

const inGate = Object.entries(CONFIGURATIONS).filter(
  ([, { isLong }]) => isLongRun || isLong !== true,
)

describe.each(inGate)('%s', (name, { what, isLong = false }) => {
  test(
    what,
    () => {
      const { isLost, printed } = runModel(name)
      expect(isLost, printed).toBe(false)
      const { ends } = JSON.parse(printed) as { readonly ends: number }
      expect(ends).toBeGreaterThan(0)
    },
    isLong ? 40 * TIMEOUT_MS : TIMEOUT_MS,
  )
})
