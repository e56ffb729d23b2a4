import { expect, test } from 'vitest'
import { Retention } from '../../test/engine/retention.ts'
import { loadSnapshots, type Snapshot } from '../repository/snapshots.ts'
import { rootOf } from './snapshot-root.ts'

async function snapshotWith(roots: readonly Uint8Array[]): Promise<Snapshot> {
  const retention = await Retention.make()
  const owner = await retention.owner()
  await retention.save(owner, { summary: { roots } })
  const { snapshots } = await loadSnapshots(owner)
  return snapshots[0] as Snapshot
}

test('it is the first that the snapshot names', async () => {
  const roots = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  expect(rootOf(await snapshotWith(roots))).toEqual(roots[0])
})

test('a snapshot that names none is damaged, and is said to be', async () => {
  const snapshot = await snapshotWith([])
  expect(() => rootOf(snapshot)).toThrow(
    expect.objectContaining({ code: 'object-damaged', context: { object: snapshot.name } }),
  )
  expect(() => rootOf(snapshot)).toThrow(`Cannot use ${snapshot.name}: it names no tree`)
})
