// A device that fails somewhere, under everything that deletes or moves: each call of each operation once with
// each fault, by the fault store (dm-flakey, which would do it below a file system, needs a kernel that has it).
// Nothing is tried again. The invariants are those of stages.ts; the fourth says: whatever was read wrong or not
// at all, nothing was deleted because of it, and nothing damaged got a new name.

import { beforeAll, describe, expect, test } from 'vitest'
import {
  type Call,
  type CallRecord,
  type Fault,
  type Operation,
  withFaults,
} from '../../src/store/fault.ts'
import { Scratch } from '../engine/fixture.ts'
import { repairStage } from './repair-stage.ts'
import { open, type Stage, stagesOfALife, through, type World } from './stages.ts'
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

const SEED = Number(process.env['CAIRN_TEST_SEED'] ?? 0)
const scratch = new Scratch()
let stages: readonly Stage[]

beforeAll(async () => {
  const repairs = [
    await repairStage(scratch.make(), 'upkeep'),
    await repairStage(scratch.make(), 'owner'),
  ]
  stages = [...(await stagesOfALife()), ...repairs]
})

/** Each fault at each call with CAIRN_TEST_LONG=1 (`npm run torture`); else every so many of these, the rest later. */
const STRIDES = {
  forget: 2,
  undelete: 2,
  'prune that marks': 2,
  'prune that sweeps': 2,
  'repair by upkeep': 13,
  'repair by owner': 29,
} as const
const IS_LONG = process.env['CAIRN_TEST_LONG'] === '1'

interface Try extends CallRecord {
  readonly inject: Fault
}

describe.each(Object.entries(STRIDES))('%s', (name, stride) => {
  test('loses nothing, whichever call fails and however, and can be gone on with', async () => {
    const stage = stages.find((one) => one.name === name) as Stage
    const calls = await callsOf(stage)
    expect(calls.length).toBeGreaterThan(20)
    const all = calls.flatMap((call) =>
      FAULTS[call.operation].map((inject): Try => ({ ...call, inject })),
    )
    const first = Math.floor(SEED % stride)
    const tries = IS_LONG ? all : all.filter((_, i) => i % stride === first)
    let failed = 0
    for (const one of tries) if (await goesWrong(stage, one)) failed++
    expect(failed).toBeGreaterThan(0)
  }, 900_000)
})

/** Whether the operation ended with an error. */
async function goesWrong(stage: Stage, { index, inject }: Try): Promise<boolean> {
  const log: CallRecord[] = []
  const wrap = ({ repository: { store }, clock }: World) => {
    const decide = (call: Call) => (call.index === index ? inject : undefined)
    return withFaults(store, { clock, decide, log })
  }
  const at = () => {
    const { operation = '', name = '' } = log.find((one) => one.index === index) ?? {}
    return `${JSON.stringify(inject)} at call ${index}, ${operation} ${name}`
  }
  const survived = await survive(stage, wrap, at)
  await expectGoesOn(stage, survived, at())
  return survived.error !== undefined
}

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
