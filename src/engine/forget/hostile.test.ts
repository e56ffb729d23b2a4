// What whoever holds a writer's key, or may put objects into the store, makes of the owner's retention: no
// good snapshot goes.

import { beforeEach, describe, expect, test } from 'vitest'
import { DAY_MS, policy } from '../../../test/engine/candidates.ts'
import { Retention } from '../../../test/engine/retention.ts'
import { namesOf } from '../../../test/repositories/sample.ts'
import type { Repository } from '../../repository/repository.ts'
import { loadSnapshots } from '../../repository/snapshots.ts'
import { putContent } from '../../store/content.ts'
import type { ContentFolder } from '../../store/names.ts'
import { hold } from '../hold.ts'

let world: Retention
let owner: Repository

beforeEach(async () => {
  world = await Retention.make()
  owner = await world.owner()
})

const save = (count: number) => world.saveSeveral(owner, count)

describe('a writer with a key of its own', () => {
  test("cannot fill another one's rules, by its name or by numbers", async () => {
    const good = await save(3)
    const thief = await world.grant('writer')
    for (let i = 0; i < 30; i++) await world.save(thief, { summary: { sequence: 10_000 + i } })
    await world.forget(owner, { policy: policy({ last: 3 }) })
    expect((await world.listed()).filter((id) => good.includes(id))).toEqual(good)
  })

  test('may put snapshots of its own sources only', async () => {
    const good = await save(3)
    const thief = await world.grant('writer', { domain: 'default', sources: ['mine'] })
    for (let i = 0; i < 5; i++) await world.save(thief, { source: 'source' }).catch(() => undefined)
    await world.forget(owner, { policy: policy({ last: 3 }) })
    expect((await world.listed()).filter((id) => good.includes(id))).toEqual(good)
  })

  test('makes retention refuse by a flood, and nothing is lost', async () => {
    const good = await save(5)
    const thief = await world.grant('writer', { domain: 'default' })
    for (let i = 0; i < 40; i++) {
      world.nowMs -= DAY_MS
      await world.save(thief)
    }
    world.nowMs += 2 * DAY_MS
    const { plan, forgotten } = await world.forget(owner, { policy: policy({ last: 30 }) })
    expect(forgotten).toEqual([])
    expect(plan.sources[0]?.refusals.map(({ kind }) => kind)).toEqual(['flood'])
    expect((await world.listed()).filter((id) => good.includes(id))).toEqual(good)
  })

  test('cannot hold or release, nor stop anybody by junk among the holds', async () => {
    const [first] = await save(2)
    await putContent(world.store, { folder: 'holds', parts: [new Uint8Array(400).fill(7)] })
    const writer = await world.grant('writer', { domain: 'default' })
    const { snapshots: known } = await loadSnapshots(owner)
    const asked = { repository: writer, known, chosen: known, clock: world.clock }
    await expect(hold({ ...asked, reason: '' })).rejects.toMatchObject({ code: 'not-permitted' })
    expect((await world.forget(owner, {})).forgotten.map(({ id }) => id)).toEqual([first])
  })
})

/** The version of an object stands behind its magic and kind. */
const VERSION_AT = 7

test.each(['snapshots', 'receipts', 'sightings', 'forgets', 'holds'] as const)(
  'of %s of a later version nothing is known, so nothing goes',
  async (folder: ContentFolder) => {
    await save(3)
    const [known] = await namesOf(world.store, 'snapshots/')
    const object = await world.store.get(known as string)
    object[VERSION_AT] = 99
    const name = await putContent(world.store, { folder, parts: [object] })
    const forgetting = world.forget(owner, {})
    await expect(forgetting).rejects.toMatchObject({ code: 'unsupported' })
    await expect(forgetting).rejects.toThrow(name)
    expect(await namesOf(world.store, 'snapshots/')).toHaveLength(folder === 'snapshots' ? 4 : 3)
  },
)
