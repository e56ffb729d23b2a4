// What --delete removes at the target, and when it does not.

import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  backupFiles,
  copySample,
  flipBit,
  mergeInto,
  namesOf,
  noise,
  type Sample,
} from '../../../test/repositories/sample.ts'
import {
  emptyTarget,
  firstName,
  historyRepository,
  runSync,
  withPuts,
} from '../../../test/repositories/syncing.ts'
import { systemClock } from '../../base/clock.ts'
import { loadSnapshots } from '../../repository/snapshots.ts'
import { putUpkeepRecord } from '../../repository/upkeep-records.ts'
import { putContent } from '../../store/content.ts'
import { decorate } from '../../store/decorate.ts'
import { openMemory } from '../../store/memory.ts'
import type { Store } from '../../store/store.ts'

let original: Sample
let source: Sample
let target: Store

beforeAll(async () => {
  original = await historyRepository()
})

beforeEach(async () => {
  source = await copySample(original)
  target = emptyTarget()
})

async function forgetFirst(): Promise<readonly string[]> {
  const { snapshots } = await loadSnapshots(source.repository)
  const [oldest] = [...snapshots].sort((a, b) => a.summary.sequence - b.summary.sequence)
  const [receipt = ''] = await receiptsByTime()
  const gone = [oldest?.name ?? '', receipt]
  for (const name of gone) await source.store.remove(name)
  return gone
}

async function receiptsByTime(): Promise<readonly string[]> {
  const infos: { name: string; storedAtMs: number }[] = []
  for await (const info of original.store.list('receipts/')) infos.push(info)
  return infos.sort((a, b) => a.storedAtMs - b.storedAtMs).map(({ name }) => name)
}

test('snapshots that the source no longer lists go, then receipts, and no pack', async () => {
  await runSync(source.store, target)
  const packs = await namesOf(target, 'packs/')
  const gone = await forgetFirst()
  const dry = await runSync(source.store, target, { delete: true, dryRun: true })
  expect(dry.planned).toEqual(gone.map((name) => `delete ${name}`))
  expect(await target.stat(gone[0] as string)).toBeDefined()
  const { result, deleted } = await runSync(source.store, target, { delete: true })
  expect(deleted).toEqual(gone)
  expect(result).toMatchObject({ deleted: 2, kept: 0 })
  expect(await namesOf(target, 'packs/')).toEqual(packs)
  expect(await namesOf(target, 'snapshots/')).toHaveLength(1)
})

test('nor where a receipt of the copy goes that is of something else', async () => {
  await runSync(source.store, target)
  await putContent(target, { folder: 'receipts', parts: [noise(300, 1)] })
  const [snapshot = '', receipt = ''] = await forgetFirst()
  await source.store.put(receipt, [await original.store.get(receipt)])
  const { deleted, problems } = await runSync(source.store, target, { delete: true })
  expect(deleted).toEqual([])
  expect(problems).toMatchObject([{ kind: 'missing' }])
  expect(await target.stat(snapshot)).toBeDefined()
})

test('nothing goes where the source has lost a snapshot and its receipt is there', async () => {
  await runSync(source.store, target)
  const [snapshot = '', receipt = ''] = await forgetFirst()
  await source.store.put(receipt, [await original.store.get(receipt)])
  const { result, deleted, problems } = await runSync(source.store, target, { delete: true })
  expect(deleted).toEqual([])
  expect(result).toMatchObject({ deleted: 0, kept: 1, problems: 1 })
  expect(problems).toMatchObject([{ kind: 'missing', object: 'snapshots/' }])
  expect(await target.stat(snapshot)).toBeDefined()
  // Forgotten indeed: whoever forgot it went on.
  await source.store.remove(receipt)
  expect((await runSync(source.store, target, { delete: true })).deleted).toEqual([
    snapshot,
    receipt,
  ])
})

test('nor where another one has no receipt yet, so that there are as many', async () => {
  await runSync(source.store, target)
  const [snapshot = ''] = await namesOf(source.store, 'snapshots/')
  await source.store.remove(snapshot)
  const bytes = await original.store.get(snapshot)
  await putContent(source.store, { folder: 'snapshots', parts: [bytes, new Uint8Array(1)] })
  const { deleted, problems } = await runSync(source.store, target, { delete: true })
  expect([deleted, problems.map(({ kind }) => kind)]).toEqual([[], ['missing']])
})

test('a receipt alone that went goes', async () => {
  await runSync(source.store, target)
  const [receipt = ''] = await receiptsByTime()
  await source.store.remove(receipt)
  expect((await runSync(source.store, target, { delete: true })).deleted).toEqual([receipt])
})

test('nothing goes without it', async () => {
  await runSync(source.store, target)
  await forgetFirst()
  expect((await runSync(source.store, target)).deleted).toEqual([])
  expect(await namesOf(target, 'snapshots/')).toHaveLength(2)
})

test('nothing goes where something could not be copied', async () => {
  await runSync(source.store, target)
  await forgetFirst()
  const { repository } = source
  await backupFiles(repository, { files: { new: noise(1000, 77) } })
  const known = new Set(await namesOf(target, ''))
  const name = (await namesOf(source.store, 'packs/')).find((pack) => !known.has(pack)) ?? ''
  await flipBit(source.store, { name, offset: 40 })
  const { result, deleted } = await runSync(source.store, target, { delete: true })
  expect(deleted).toEqual([])
  expect(result).toMatchObject({ deleted: 0, kept: 2, problems: 1 })
})

test('a snapshot that the listing left out and the source has stays', async () => {
  await runSync(source.store, target)
  const name = await firstName(source.store, 'snapshots/')
  const stale = decorate(source.store, {
    list: async function* (prefix) {
      for await (const info of source.store.list(prefix)) if (info.name !== name) yield info
    },
  })
  const { deleted } = await runSync(stale, target, { delete: true })
  expect(deleted).toEqual([])
})

test('a source without any snapshot is refused before anything is done', async () => {
  await runSync(source.store, target)
  for (const name of await namesOf(source.store, 'snapshots/')) await source.store.remove(name)
  await expect(runSync(source.store, target, { delete: true })).rejects.toMatchObject({
    code: 'not-found',
  })
  expect(await namesOf(target, 'snapshots/')).toHaveLength(2)
})

test('forget records are there before anything is deleted', async () => {
  const puts: string[] = []
  await runSync(source.store, target)
  await forgetFirst()
  await mergeInto(source.store, await withForget())
  const watched = decorate(withPuts(target, puts), {
    remove: (name) => {
      expect(puts.filter((one) => one.startsWith('forgets/'))).toHaveLength(1)
      return target.remove(name)
    },
  })
  const { deleted } = await runSync(source.store, watched, { delete: true })
  expect(deleted).toHaveLength(2)
})

async function withForget(): Promise<Store> {
  const store = openMemory({ clock: systemClock })
  const repository = { ...source.repository, store }
  const domain = repository.domains[0]
  if (domain === undefined) throw new Error('no domain')
  const record = { snapshots: [], forgottenMs: 2 }
  await putUpkeepRecord(repository, { kind: 'forget', domain, record })
  return store
}
