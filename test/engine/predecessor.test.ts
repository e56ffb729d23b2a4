// What a backup follows when the newest snapshot of its source cannot be read: it is made, is told of it, and
// takes no number that was given out.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { flipBit, withBadSectors } from '../repositories/sample.ts'
import {
  backupFolder,
  makeRepository,
  Scratch,
  snapshotOf,
  snapshotsOf,
  type TestRepository,
  throughStore,
} from './fixture.ts'

const scratch = new Scratch()
let repository: TestRepository
let source: string
let newest: string

beforeEach(async () => {
  repository = await makeRepository()
  source = scratch.make('source')
  for (const content of ['first', 'second']) {
    writeFileSync(join(source, 'a'), content)
    // The store stamps by the millisecond.
    await new Promise((resolve) => setTimeout(resolve, 5))
    await backupFolder(repository, source)
  }
  newest = (await snapshotOf(repository)).name
})

test('on a bad sector: a gap is left for it, and its content is not taken for known', async () => {
  const bad = withBadSectors(repository.store, (name) => name === newest)
  writeFileSync(join(source, 'a'), 'first')
  const damaged = await throughStore(repository, bad)
  const { result, warnings } = await backupFolder(damaged, source, { skipIfUnchanged: true })
  expect(result.snapshot).toBeDefined()
  expect(warnings).toMatchObject([{ code: 'store-unreadable' }])
  // The disk reads again.
  const all = await snapshotsOf(repository)
  expect(all.map(({ summary }) => summary.sequence)).toEqual([1, 2, 3])
})

test('damaged: the same, and the next one leaves no second gap', async () => {
  await flipBit(repository.store, { name: newest, offset: 300 })
  for (const expected of [3, 4]) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    writeFileSync(join(source, 'a'), `${expected}`)
    const { result, warnings } = await backupFolder(repository, source)
    expect(warnings).toHaveLength(1)
    expect(result.snapshot).toBeDefined()
  }
  const { snapshots } = await loadSnapshots(repository.repository)
  expect(snapshots.map(({ summary }) => summary.sequence)).toEqual([1, 3, 4])
})
