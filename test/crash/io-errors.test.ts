// A device that fails somewhere, under everything that deletes or moves: each call of each operation once with
// each fault, by the fault store (dm-flakey, which would do it below a file system, needs a kernel that has it).
// Nothing is tried again. The invariants are those of stages.ts; the fourth says: whatever was read wrong or not
// at all, nothing was deleted because of it, and nothing damaged got a new name.

import { beforeAll, describe, expect, test } from 'vitest'
import { type CallRecord, type Fault, type Operation, withFaults } from '../../src/store/fault.ts'
import { Scratch } from '../engine/fixture.ts'
import { repairStage } from './repair-stage.ts'
import { open, type Stage, stagesOfALife, through } from './stages.ts'
import { expectGoesOn, survive } from './survive.ts'

const FAIL: Fault = { kind: 'fail' }
const LOSE: Fault = { kind: 'lose-reply' }
const LATE: Fault = { kind: 'late', afterMs: 1 }
const tear = (keep: number): Fault => ({ kind: 'tear', keep })
const flip = (bit: number): Fault => ({ kind: 'flip', bit })

/** Torn puts are left out: no store may do this, and a file system that does is simulated in prefixes.test.ts. */
const FAULTS: Readonly<Record<Operation, readonly Fault[]>> = {
  put: [FAIL, LOSE, LATE],
  remove: [FAIL, LOSE, LATE],
  list: [FAIL, LOSE, tear(1)],
  stat: [FAIL],
  // In the prefix: the kind, the domain; in what is sealed; at the end, where a pack has its header.
  get: [FAIL, tear(0), tear(100), flip(8 * 7), flip(8 * 12), flip(8 * 90 + 3), flip(8 * 1e9 - 9)],
}

const scratch = new Scratch()
let stages: readonly Stage[]

beforeAll(async () => {
  stages = [...(await stagesOfALife()), await repairStage(scratch.make(), 'upkeep')]
})

const NAMES = ['forget', 'undelete', 'prune that marks', 'prune that sweeps', 'repair by upkeep']

describe.each(NAMES)('%s', (name) => {
  test('loses nothing, whichever call fails and however, and can be gone on with', async () => {
    const stage = stages.find((one) => one.name === name) as Stage
    const calls = await callsOf(stage)
    expect(calls.length).toBeGreaterThan(20)
    let failed = 0
    for (const [index, { operation }] of calls.entries()) {
      for (const fault of FAULTS[operation]) {
        const log: CallRecord[] = []
        const hit = () => log.find((one) => one.index === index)
        const survived = await survive(
          stage,
          ({ repository: { store }, clock }) => {
            const decide = (call: { readonly index: number }) =>
              call.index === index ? fault : undefined
            return withFaults(store, { clock, decide, log })
          },
          `${JSON.stringify(fault)} at call ${index} (${operation})`,
        )
        const at = `${JSON.stringify(fault)} at call ${index}: ${operation} ${hit()?.name ?? ''}`
        if (survived.error !== undefined) failed++
        await expectGoesOn(stage, survived, at)
      }
    }
    expect(failed).toBeGreaterThan(calls.length / 2)
  }, 300_000)
})

/** What it asks of a store that does not fail. */
async function callsOf(stage: Stage): Promise<readonly CallRecord[]> {
  const world = await open(stage)
  expect(await stage.isDone(world)).toBe(false)
  expect(await stage.faults(world)).toEqual([])
  const log: CallRecord[] = []
  const { clock, repository } = world
  const store = withFaults(repository.store, { clock, decide: () => undefined, log })
  await stage.act({ clock, repository: through(stage.owner, store) })
  expect(await stage.isDone(world)).toBe(true)
  expect(await stage.faults(world)).toEqual([])
  return log
}
