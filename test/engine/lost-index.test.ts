// Restoring when index segments are gone, from a repository with thousands of packs that only their own
// headers tell of.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { selectDomain } from '../../src/repository/repository.ts'
import { putSmallPacks } from '../repositories/packs.ts'
import { noise } from '../repositories/sample.ts'
import {
  backupFolder,
  copyRepository,
  makeRepository,
  namesIn,
  restoreFolder,
  Scratch,
  type TestRepository,
} from './fixture.ts'

const PACKS = 2000

const scratch = new Scratch()
const source = scratch.make('source')
let original: TestRepository
let copy: TestRepository
let firstSegment: string

beforeAll(async () => {
  original = await makeRepository()
  writeFileSync(join(source, 'a'), noise(300_000, 1))
  await backupFolder(original, source)
  const [only] = await namesIn(original.store, 'index/')
  firstSegment = only as string
  writeFileSync(join(source, 'b'), noise(300_000, 2))
  await backupFolder(original, source)
  const { repository } = original
  const domain = selectDomain(repository)
  await putSmallPacks(repository, { domain, count: PACKS, indexed: false })
})

beforeEach(async () => {
  copy = await copyRepository(original)
})

async function expectRestores(): Promise<void> {
  const target = scratch.make('target')
  const { problems } = await restoreFolder(copy, target, { from: source })
  expect(problems).toEqual([])
  for (const name of ['a', 'b'])
    expect(readFileSync(join(target, name))).toEqual(readFileSync(join(source, name)))
}

test('one segment, while the newest snapshot is in another', async () => {
  await copy.store.remove(firstSegment)
  await expectRestores()
})

test('all of them', async () => {
  for (const name of await namesIn(copy.store, 'index/')) await copy.store.remove(name)
  await expectRestores()
})
