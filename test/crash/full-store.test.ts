// A store that is full from some put on, at every put of every operation. What must hold is said in stages.ts;
// besides: that it is full is said as such, or passed over where it hinders nothing that the operation is for.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { CairnError } from '../../src/base/errors.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { decorate } from '../../src/store/decorate.ts'
import type { Store } from '../../src/store/store.ts'
import { backupFolder, Scratch } from '../engine/fixture.ts'
import { namesOf, noise } from '../repositories/sample.ts'
import { repairStage } from './repair-stage.ts'
import { open, type Stage, stagesOfALife, through } from './stages.ts'
import { expectGoesOn, survive } from './survive.ts'

const scratch = new Scratch()
let stages: readonly Stage[]

beforeAll(async () => {
  const life = await stagesOfALife()
  const repairs = [
    await repairStage(scratch.make(), 'upkeep'),
    await repairStage(scratch.make(), 'owner'),
  ]
  stages = [...life, ...repairs, await backupStage()]
})

const named = (name: string) => stages.find((one) => one.name === name) as Stage

/** Some puts fit, and then none does any more, whatever is removed. */
function fullAfter(store: Store, fitting: number, onPut: (name: string) => void): Store {
  let puts = 0
  return decorate(store, {
    put: async (name, parts) => {
      onPut(name)
      if (puts++ < fitting) return store.put(name, parts)
      throw new CairnError('no-space', `Cannot write ${name}: the disk is full`)
    },
  })
}

/** Names of what it puts. */
async function putsOf(stage: Stage): Promise<readonly string[]> {
  const world = await open(stage)
  const names: string[] = []
  const store = fullAfter(world.repository.store, Number.POSITIVE_INFINITY, (name) =>
    names.push(name),
  )
  await stage.act({ ...world, repository: through(stage.owner, store) })
  expect(await stage.isDone(world)).toBe(true)
  expect(await stage.faults(world)).toEqual([])
  return names
}

describe.each([
  'forget',
  'undelete',
  'prune that marks',
  'prune that sweeps',
  'repair by upkeep',
  'repair by owner',
  'backup',
])('%s', (name) => {
  test('loses nothing wherever the store runs full, and goes on when there is room', async () => {
    const stage = named(name)
    const puts = await putsOf(stage)
    expect(puts.length).toBeGreaterThan(2)
    for (let fitting = 0; fitting < puts.length; fitting++) {
      const at = `full after ${fitting} puts`
      const survived = await survive(
        stage,
        ({ repository }) => fullAfter(repository.store, fitting, () => undefined),
        () => at,
      )
      if (survived.error !== undefined) expect(survived.error.code).toBe('no-space')
      else if (!name.startsWith('prune')) expect(await stage.isDone(survived.world), at).toBe(true)
      await expectGoesOn(stage, survived, at)
    }
  }, 300_000)
})

/** A backup of files that are not in the repository yet, beside what is there. */
async function backupStage(): Promise<Stage> {
  const [forgetting] = await stagesOfALife()
  if (forgetting === undefined) throw new Error('no stage')
  const folder = scratch.make('source')
  for (let i = 0; i < 4; i++) writeFileSync(join(folder, `file-${i}`), noise(20_000, i))
  let run = 0
  const snapshotsIn = async (store: Store) =>
    (await loadSnapshots(through(forgetting.owner, store))).snapshots
  return {
    ...forgetting,
    name: 'backup',
    owner: forgetting.reader,
    act: ({ repository, clock }) =>
      backupFolder({ repository }, folder, { clock, cacheFolder: scratch.path(`cache-${run++}`) }),
    isDone: async ({ repository: { store } }) =>
      (await snapshotsIn(store)).filter(({ confirmed }) => confirmed).length === 4,
  }
}

describe('a prune on a store that has room for its lease alone', () => {
  const begin = async (name: string, fitting = 2) => {
    const stage = named(name)
    const world = await open(stage)
    const { store } = world.repository
    const repository = through(
      stage.owner,
      fullAfter(store, fitting, () => undefined),
    )
    return { packs: () => namesOf(store, 'packs/'), act: () => stage.act({ ...world, repository }) }
  }

  test('deletes what was marked and nobody needs, and keeps what it cannot move', async () => {
    const { packs, act } = await begin('prune that sweeps')
    const before = await packs()
    await act()
    const after = await packs()
    expect(before).toEqual(expect.arrayContaining([...after]))
    expect(after.length).toBeLessThan(before.length)
    expect(after.length).toBeGreaterThan(0)
  })

  test('says so where it cannot mark', async () => {
    const { packs, act } = await begin('prune that marks')
    const before = await packs()
    await expect(act()).rejects.toMatchObject({
      code: 'no-space',
      message: expect.stringMatching(
        /^Cannot mark what nobody needs: Cannot write marks\//,
      ) as unknown,
    })
    expect(await packs()).toEqual(before)
  })

  test('without even that it does not know what time it is, and deletes nothing', async () => {
    const { packs, act } = await begin('prune that sweeps', 0)
    const before = await packs()
    await act()
    expect(await packs()).toEqual(before)
  })
})
