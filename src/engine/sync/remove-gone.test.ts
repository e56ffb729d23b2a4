// What --delete removes at the target, and when it does not.

import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { forgetIds } from '../../../test/engine/retention.ts'
import {
  backupFiles,
  copySample,
  flipBit,
  namesOf,
  noise,
  type Sample,
} from '../../../test/repositories/sample.ts'
import {
  emptyTarget,
  firstName,
  historyRepository,
  namesToCopy,
  runSync,
  withPuts,
} from '../../../test/repositories/syncing.ts'
import { encodeOpenNames } from '../../format/open-names.ts'
import { encodePrefix } from '../../format/prefix.ts'
import { loadForgotten } from '../../repository/forgets.ts'
import { loadRoots } from '../../repository/roots.ts'
import { loadSnapshots } from '../../repository/snapshots.ts'
import { putContent } from '../../store/content.ts'
import { decorate } from '../../store/decorate.ts'
import { digestInName } from '../../store/names.ts'
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

interface Numbered {
  readonly id: string
  readonly snapshot: string
  readonly receipt: string
}

/** Its snapshots, by their numbers. */
async function numbered(): Promise<readonly Numbered[]> {
  const { snapshots } = await loadSnapshots(original.repository)
  const { receipts } = await loadRoots(original.repository, { nowMs: 0, windowMs: 0 })
  return [...snapshots]
    .sort((a, b) => a.summary.sequence - b.summary.sequence)
    .map(({ id, name: snapshot }) => {
      const receipt = receipts.find((one) => one.snapshot === snapshot)?.name ?? ''
      return { id, snapshot, receipt }
    })
}

async function forgetFirst(): Promise<Numbered> {
  const [first] = (await numbered()) as [Numbered]
  await forgetIds(source.repository, first.id)
  return first
}

async function loseFirst(): Promise<Numbered> {
  const [first] = (await numbered()) as [Numbered]
  for (const name of [first.snapshot, first.receipt]) await source.store.remove(name)
  return first
}

test('what the source has forgotten goes, and no receipt or pack', async () => {
  await runSync(source.store, target)
  const packs = await namesOf(target, 'packs/')
  const { snapshot } = await forgetFirst()
  const gone = [snapshot]
  const dry = await runSync(source.store, target, { delete: true, dryRun: true })
  expect(dry.planned.filter((one) => one.startsWith('delete'))).toEqual(
    gone.map((name) => `delete ${name}`),
  )
  expect(await target.stat(snapshot)).toBeDefined()
  const { result, deleted } = await runSync(source.store, target, { delete: true })
  expect(deleted).toEqual(gone)
  expect(result).toMatchObject({ deleted: 1, kept: 0, problems: 0 })
  expect(await namesOf(target, 'packs/')).toEqual(packs)
  expect(await namesOf(target, 'snapshots/')).toHaveLength(1)
  expect(await namesOf(target, 'receipts/')).toHaveLength(2)
})

describe('what the source has lost', () => {
  test.each([true, false])('stays, with its receipt (dry run: %s)', async (dryRun) => {
    await runSync(source.store, target)
    const { snapshot } = await loseFirst()
    const { result, deleted, problems } = await runSync(source.store, target, {
      delete: true,
      dryRun,
    })
    expect(deleted).toEqual([])
    expect(result).toMatchObject({ deleted: 0, problems: 1 })
    expect(problems).toMatchObject([{ kind: 'missing', object: snapshot }])
    expect(await namesOf(target, 'snapshots/')).toHaveLength(2)
    expect(await namesOf(target, 'receipts/')).toHaveLength(2)
  })

  test('keeps nothing of what was forgotten', async () => {
    await backupFiles(source.repository, { files: { more: 'more' } })
    await runSync(source.store, target)
    const forgotten = await forgetFirst()
    const [, lost] = (await numbered()) as [Numbered, Numbered]
    for (const name of [lost.snapshot, lost.receipt]) await source.store.remove(name)
    const { deleted, problems } = await runSync(source.store, target, { delete: true })
    expect(deleted).toEqual([forgotten.snapshot])
    expect(problems).toMatchObject([{ kind: 'missing', object: lost.snapshot }])
    expect(await target.stat(lost.receipt)).toBeDefined()
  })

  test('stays where it is a receipt alone: without it the snapshot would not count', async () => {
    await runSync(source.store, target)
    const [{ receipt }] = (await numbered()) as [Numbered]
    await source.store.remove(receipt)
    expect((await runSync(source.store, target, { delete: true })).deleted).toEqual([])
  })

  test('stays also where a forget that was interrupted has left a receipt', async () => {
    await runSync(source.store, target)
    const [first, second] = (await numbered()) as [Numbered, Numbered]
    const dying = decorate(source.store, {
      remove: (name) => {
        if (name.startsWith('receipts/')) throw new Error('killed')
        return source.store.remove(name)
      },
    })
    const killed = forgetIds({ ...source.repository, store: dying }, first.id)
    await expect(killed).rejects.toThrow('killed')
    await source.store.remove(second.receipt)
    const { deleted } = await runSync(source.store, target, { delete: true })
    expect(deleted).toEqual([first.snapshot])
    expect(await target.stat(second.receipt)).toBeDefined()
  })

  test('stays where a copy has forgotten it by itself, and was taken for the source', async () => {
    await runSync(source.store, target)
    const [first] = (await numbered()) as [Numbered]
    await forgetIds({ ...source.repository, store: target }, first.id)
    const { deleted, problems } = await runSync(target, source.store, { delete: true })
    expect([deleted, problems.map(({ object }) => object)]).toEqual([[], [first.snapshot]])
    const { forgotten } = await loadForgotten(source.repository)
    expect(forgotten.map(({ name }) => name)).toEqual([first.snapshot])
  })

  test('stays where the copy was taken for the source', async () => {
    await runSync(source.store, target)
    await backupFiles(source.repository, { files: { more: 'more' } })
    const before = await namesToCopy(source.store)
    const { deleted, problems } = await runSync(target, source.store, { delete: true })
    expect([deleted, problems.map(({ kind }) => kind)]).toEqual([[], ['missing']])
    expect(await namesToCopy(source.store)).toEqual(before)
  })
})

test('what a record that is damaged now names stays', async () => {
  await runSync(source.store, target)
  const { snapshot } = await forgetFirst()
  await runSync(source.store, target)
  await flipBit(source.store, { name: await firstName(source.store, 'forgets/'), offset: 40 })
  const { deleted, problems } = await runSync(source.store, target, { delete: true })
  expect([deleted, problems.map(({ object }) => object)]).toEqual([[], [snapshot]])
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
  const known = new Set(await namesToCopy(target))
  const name = (await namesOf(source.store, 'packs/')).find((pack) => !known.has(pack)) ?? ''
  await flipBit(source.store, { name, offset: 40 })
  const { result, deleted } = await runSync(source.store, target, { delete: true })
  expect(deleted).toEqual([])
  expect(result).toMatchObject({ deleted: 0, kept: 1, problems: 1 })
})

test('a snapshot that the listing left out and the source has stays', async () => {
  await runSync(source.store, target)
  const name = await firstName(source.store, 'snapshots/')
  const stale = decorate(source.store, {
    list: async function* (prefix) {
      for await (const info of source.store.list(prefix)) if (info.name !== name) yield info
    },
  })
  const { deleted, problems } = await runSync(stale, target, { delete: true })
  expect([deleted, problems]).toEqual([[], []])
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
  const watched = decorate(withPuts(target, puts), {
    remove: (name) => {
      expect(puts.filter((one) => one.startsWith('forgets/'))).toHaveLength(1)
      return target.remove(name)
    },
  })
  const { deleted } = await runSync(source.store, watched, { delete: true })
  expect(deleted).toHaveLength(1)
})

test('what a listing left out stays, though a forget that was interrupted has a record of it', async () => {
  await runSync(source.store, target)
  const [{ id, snapshot }] = (await numbered()) as [Numbered]
  const dying = decorate(source.store, { remove: () => Promise.reject(new Error('killed')) })
  const killed = forgetIds({ ...source.repository, store: dying }, id)
  await expect(killed).rejects.toThrow('killed')
  const stale = decorate(source.store, {
    list: async function* (prefix) {
      for await (const info of source.store.list(prefix)) if (info.name !== snapshot) yield info
    },
  })
  const { result, deleted } = await runSync(stale, target, { delete: true })
  expect(deleted).toEqual([])
  expect(result).toMatchObject({ deleted: 0, kept: 1 })
})

test('what another object among the forget records names stays', async () => {
  await runSync(source.store, target)
  const { snapshot } = await loseFirst()
  const prefix = encodePrefix({ kind: 'hold', domain: new Uint8Array(16), epoch: 1 })
  const names = encodeOpenNames([digestInName(snapshot) as Uint8Array])
  await putContent(source.store, { folder: 'forgets', parts: [prefix, names] })
  expect((await runSync(source.store, target, { delete: true })).deleted).toEqual([])
})

test('interrupted, nothing more is removed', async () => {
  await runSync(source.store, target)
  await forgetIds(source.repository, ...(await numbered()).map(({ id }) => id))
  await backupFiles(source.repository, { files: { more: 'more' } })
  const ending = new AbortController()
  const onDeleted = () => ending.abort()
  const { signal } = ending
  const interrupted = runSync(source.store, target, { delete: true, signal, onDeleted })
  await expect(interrupted).rejects.toMatchObject({ code: 'interrupted' })
  expect(await namesOf(target, 'snapshots/')).toHaveLength(2)
})
