import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NO_CATALOG } from '../../test/repositories/no-catalog.ts'
import { backupFiles, type Sample, sampleRepository } from '../../test/repositories/sample.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshotFacts } from '../repository/snapshot-facts.ts'
import { systemRandom } from '../sealer/random.ts'
import type { Context } from './context.ts'
import { type KnownList, newestKnown, noticeMissing } from './newest-known.ts'
import { saveState, stateOf } from './repository-state.ts'

let sample: Sample
let folder: string
let warnings: string[]
let context: Context

beforeEach(async () => {
  sample = await sampleRepository({ a: '1' })
  folder = mkdtempSync(join(tmpdir(), 'cairn-newest-'))
  warnings = []
  const output = { warning: (_: string, text: string) => warnings.push(text), detail: () => {} }
  context = { places: { state: folder }, output, random: systemRandom } as unknown as Context
  saveState(context, stateOf(sample.repository, undefined))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

const list = (repository: Repository): Promise<KnownList> =>
  loadSnapshotFacts(repository, NO_CATALOG)

test('what came after the list is not missed, and what is gone is', async () => {
  const { repository, store } = sample
  const before = await list(repository)
  await backupFiles(repository, { files: { a: '2' } })
  const after = await list(repository)
  expect(await noticeMissing(context, repository, after)).toEqual([])
  const [newest] = newestKnown(context, repository)
  expect(before.snapshots.map(({ id }) => id)).not.toContain(newest?.id)

  // As a backup that has ended between a prune's listing and its look at what is known.
  expect(await noticeMissing(context, repository, before)).toEqual([])
  expect(warnings).toEqual([])

  expect(await noticeMissing(context, repository, after)).toEqual([])
  await store.remove(`snapshots/${newest?.id}`)
  expect(await noticeMissing(context, repository, before)).toMatchObject([{ id: newest?.id }])
  expect(warnings).toHaveLength(1)
})
