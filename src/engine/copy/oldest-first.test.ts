import { expect, test } from 'vitest'
import { DAY_MS } from '../../../test/engine/candidates.ts'
import { Retention } from '../../../test/engine/retention.ts'
import { loadSnapshots } from '../../repository/snapshots.ts'
import { oldestFirst } from './oldest-first.ts'

test.each([
  ['by their numbers, whatever clocks said', undefined, ['first', 'second']],
  ['by their times where they are copies', new Uint8Array(32), ['second', 'first']],
])('those of one source are copied %s', async (_, copyOf, expected) => {
  const retention = await Retention.make()
  const owner = await retention.owner()
  const first = await retention.save(owner, { summary: { copyOf } })
  const startedMs = retention.nowMs - 30 * DAY_MS
  const second = await retention.save(owner, { summary: { copyOf, startedMs } })
  const { snapshots } = await loadSnapshots(owner)
  const ids = oldestFirst(snapshots).map(({ id }) => id)
  expect(ids).toEqual(expected.map((one) => (one === 'first' ? first : second)))
})
