// A storm of kills, seeded (CAIRN_TEST_SEED) and as long as CAIRN_TEST_KILLS says: a few in the gate, 200 and
// more with `npm run torture`. See storm.ts for what must hold.

import { expect, test } from 'vitest'
import { systemRandom } from '../../src/sealer/random.ts'
import { type Operation, Storm } from './storm.ts'

const KILLS = Number(process.env['CAIRN_TEST_KILLS'] ?? 11)
const SEED = Number(
  process.env['CAIRN_TEST_SEED'] ?? systemRandom(3).reduce((sum, byte) => 256 * sum + byte, 0),
)
const OPERATIONS: readonly Operation[] = [
  'backup',
  'prune',
  'forget',
  'repair',
  'backup',
  'sync',
  'prune',
  'copy',
  'repair-packs',
  'repair-rolled-back',
]

test(
  `nothing that was saved is lost, killed ${KILLS} times (seed ${SEED})`,
  async () => {
    const storm = new Storm(SEED)
    try {
      await storm.begin()
      for (let strikes = 0; strikes < KILLS; strikes++)
        await storm.strike(OPERATIONS[strikes % OPERATIONS.length] as Operation)
      await storm.expectAll()
      const killed = [...storm.killed.values()].reduce((sum, one) => sum + one, 0)
      expect(killed).toBeGreaterThan(KILLS / 4)
    } finally {
      storm.end()
    }
  },
  60_000 + 20_000 * KILLS,
)
