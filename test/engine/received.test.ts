// When the store received a snapshot is written down by the backup itself, where its key may: a copy that is
// made before anybody prunes or forgets knows it too.

import { expect, test } from 'vitest'
import { CairnError } from '../../src/base/errors.ts'
import { loadSightings } from '../../src/engine/sightings.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { confirmationOf, loadSnapshots } from '../../src/repository/snapshots.ts'
import { decorate } from '../../src/store/decorate.ts'
import { namesOf } from '../repositories/sample.ts'
import {
  backupFolder,
  copyRepository,
  expectSound,
  makeRepository,
  Scratch,
  throughStore,
} from './fixture.ts'

const scratch = new Scratch()

/** When each snapshot was stored here, by what the objects' own stamps say. */
async function stampsIn(repository: Repository): Promise<ReadonlyMap<string, number>> {
  const { snapshots } = await loadSnapshots(repository)
  return new Map(snapshots.map((one) => [confirmationOf(one), one.storedAtMs]))
}

test("the owner's backups say it, and a copy of a later time knows", async () => {
  const made = await makeRepository()
  const options = { cacheFolder: scratch.path('cache') }
  const source = scratch.make('source')
  await backupFolder(made, source, options)
  await backupFolder(made, source, options)
  const stamps = await stampsIn(made.repository)
  expect(stamps.size).toBe(2)
  await new Promise((resolve) => setTimeout(resolve, 20))
  const copy = await copyRepository(made)
  expect(await stampsIn(copy.repository)).not.toEqual(stamps)
  const { receivedMs, problems } = await loadSightings(copy.repository)
  expect(problems).toEqual([])
  expect(receivedMs).toEqual(stamps)
})

test('who may only write leaves it to others', async () => {
  const made = await makeRepository()
  const repository: Repository = { ...made.repository, role: 'writer', ownership: undefined }
  const source = scratch.make('source')
  await backupFolder({ ...made, repository }, source, { cacheFolder: scratch.path('cache') })
  expect(await namesOf(made.store, 'snapshots/')).toHaveLength(1)
  expect(await namesOf(made.store, 'sightings/')).toEqual([])
})

test('a snapshot is saved also where that cannot be written down, and it is told', async () => {
  const made = await makeRepository()
  const full = decorate(made.store, {
    put: (name, parts) => {
      if (!name.startsWith('sightings/')) return made.store.put(name, parts)
      return Promise.reject(new CairnError('no-space', 'Cannot put it: it is full'))
    },
  })
  const source = scratch.make('source')
  const through = await throughStore(made, full)
  const run = await backupFolder(through, source, { cacheFolder: scratch.path('cache') })
  expect(run.result.snapshot).toBeDefined()
  expect(run.warnings).toMatchObject([{ code: 'no-space' }])
  await expectSound(made)
})
