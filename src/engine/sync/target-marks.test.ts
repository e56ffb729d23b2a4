// Marks at the target: what they name is never put there again, and nothing is put that may rely on it.

import { beforeEach, expect, test } from 'vitest'
import { quiet } from '../../../test/crash/stages.ts'
import {
  backupFiles,
  flipBit,
  namesOf,
  noise,
  type Sample,
  sampleRepository,
} from '../../../test/repositories/sample.ts'
import {
  emptyTarget,
  expectSoundCopy,
  mark,
  namesToCopy,
  runSync,
  withPuts,
} from '../../../test/repositories/syncing.ts'
import { systemClock } from '../../base/clock.ts'
import { CairnError } from '../../base/errors.ts'
import { openRepository } from '../../repository/repository.ts'
import { decorate } from '../../store/decorate.ts'
import type { Store } from '../../store/store.ts'
import { prune } from '../prune.ts'

const DAY_MS = 86_400_000
let target: Store

beforeEach(() => {
  target = emptyTarget()
})

/** The target has the first snapshot only; the source has another one since. */
async function behind(): Promise<Sample> {
  const files = { 'a.txt': 'alpha' }
  const { store, owner, repository } = await sampleRepository(files)
  await runSync(store, target)
  await backupFiles(repository, { files: { 'b.bin': noise(200_000, 5) } })
  return { store, owner, repository }
}

test('what they name is not put, and neither are snapshots, which may need it', async () => {
  const { store, owner } = await behind()
  const known = new Set(await namesToCopy(target))
  const packs = (await namesOf(store, 'packs/')).filter((name) => !known.has(name))
  const name = await mark({ store: target, owner }, { packs: packs.slice(0, 1) })
  const roots = [...(await namesOf(target, 'snapshots/')), ...(await namesOf(target, 'receipts/'))]
  const { result, problems } = await runSync(store, target)
  expect(problems).toMatchObject([{ kind: 'marked', object: name }])
  expect(result).toMatchObject({ heldSnapshots: 1, snapshots: 0, problems: 1 })
  expect(await target.stat(packs[0] as string)).toBeUndefined()
  for (const other of packs.slice(1)) expect(await target.stat(other)).toBeDefined()
  expect([
    ...(await namesOf(target, 'snapshots/')),
    ...(await namesOf(target, 'receipts/')),
  ]).toEqual(roots)
  // When the target has been pruned to the end, its mark goes.
  await target.remove(name)
  expect((await runSync(store, target)).problems).toEqual([])
  await expectSoundCopy({ store: target, owner })
})

test('a pack that is still there and marked there alone is not relied upon', async () => {
  const { store, owner } = await behind()
  const packs = await namesOf(target, 'packs/')
  await mark({ store: target, owner }, { packs: packs.slice(0, 1) })
  const { result } = await runSync(store, target)
  expect(result).toMatchObject({ heldSnapshots: 1, problems: 1 })
})

test('one that comes while packs are copied counts as well', async () => {
  const { store, owner } = await behind()
  let marked = false
  const pruning = decorate(target, {
    put: async (name, parts) => {
      const result = await target.put(name, parts)
      if (name.startsWith('packs/') && !marked) {
        marked = true
        await mark({ store: target, owner }, { packs: [name] })
      }
      return result
    },
  })
  const { result, problems } = await runSync(store, pruning)
  expect(problems).toMatchObject([{ kind: 'marked' }])
  expect(result).toMatchObject({ heldSnapshots: 1, snapshots: 0 })
  expect(await namesOf(target, 'snapshots/')).toHaveLength(1)
})

test('a pack that was deleted there while the run was suspended: nothing is confirmed', async () => {
  const { store, owner } = await behind()
  const [old = ''] = await namesOf(target, 'packs/')
  const before = await namesOf(target, 'receipts/')
  const swept = decorate(target, {
    put: async (name, parts) => {
      // Days pass: the sweep had listed snapshots before, and its mark is gone again.
      if (name.startsWith('snapshots/')) await target.remove(old)
      return target.put(name, parts)
    },
  })
  const { result, problems } = await runSync(store, swept)
  expect(problems).toMatchObject([{ kind: 'marked', object: old }])
  expect(result).toMatchObject({ heldSnapshots: 1, problems: 1 })
  expect(await namesOf(target, 'receipts/')).toEqual(before)
  expect((await runSync(store, target)).problems).toEqual([])
  expect(await namesToCopy(target)).toEqual(await namesToCopy(store))
  await expectSoundCopy({ store: target, owner })
})

test('a mark that has gone with its pack since it was seen: nothing is confirmed', async () => {
  const { store, owner } = await behind()
  const [old = ''] = await namesOf(target, 'packs/')
  const before = await namesOf(target, 'receipts/')
  const name = await mark({ store: target, owner }, { packs: [old] })
  await target.remove(old)
  let lists = 0
  const swept = decorate(target, {
    async *list(prefix) {
      if (prefix === 'marks/' && ++lists > 2) await target.remove(name)
      yield* target.list(prefix)
    },
  })
  const { result, problems } = await runSync(store, swept)
  expect(problems).toMatchObject([{ kind: 'marked', object: name }])
  expect(result).toMatchObject({ heldSnapshots: 1, problems: 1 })
  expect(await namesOf(target, 'receipts/')).toEqual(before)
  expect((await runSync(store, target)).problems).toEqual([])
  await expectSoundCopy({ store: target, owner })
})

test('a mark that comes with the snapshot: nothing is confirmed', async () => {
  const { store, owner } = await behind()
  const [old = ''] = await namesOf(target, 'packs/')
  const before = await namesOf(target, 'receipts/')
  const pruning = decorate(target, {
    put: async (name, parts) => {
      if (name.startsWith('snapshots/')) await mark({ store: target, owner }, { packs: [old] })
      return target.put(name, parts)
    },
  })
  expect((await runSync(store, pruning)).problems).toMatchObject([{ kind: 'marked' }])
  expect(await namesOf(target, 'receipts/')).toEqual(before)
})

test('one stays only until the copy is pruned, also where a snapshot did not come and its receipt did', async () => {
  const { store, owner } = await behind()
  const known = await namesOf(target, 'snapshots/')
  const late = (await namesOf(store, 'snapshots/')).find((name) => !known.includes(name))
  const failing = decorate(store, {
    get: async (name, range) => {
      if (name === late) throw new CairnError('store-unreadable', 'not just now')
      return store.get(name, range)
    },
  })
  expect((await runSync(failing, target)).problems).toMatchObject([{ object: late }])
  const packs = await namesOf(target, 'packs/')
  await mark({ store: target, owner }, { packs })
  expect((await runSync(store, target)).result).toMatchObject({ heldSnapshots: 1 })
  await pruneCopy(owner)
  expect(await namesOf(target, 'marks/')).toEqual([])
  expect((await runSync(store, target)).problems).toEqual([])
  await expectSoundCopy({ store: target, owner })
})

async function pruneCopy(owner: Sample['owner']): Promise<void> {
  const repository = await openRepository(target, owner)
  // As if a day had passed.
  const limits = { graceMs: -DAY_MS, windowMs: 0, moveBytesMax: 1 << 30, unusedMax: 1 }
  await prune({ ...quiet, repository, clock: systemClock, limits, dryRun: false })
}

test('a marked snapshot is not put; the others are', async () => {
  const { store, owner } = await behind()
  const known = await namesOf(target, 'snapshots/')
  const snapshots = (await namesOf(store, 'snapshots/')).filter((name) => !known.includes(name))
  await mark({ store: target, owner }, { snapshots })
  const { problems } = await runSync(store, target)
  expect(problems).toMatchObject([{ kind: 'marked' }])
  expect(await namesOf(target, 'snapshots/')).toEqual(known)
})

test("the source's own hold nothing back: they come with the packs that they name", async () => {
  const { store, owner } = await behind()
  await mark({ store, owner }, { packs: await namesOf(target, 'packs/') })
  for (let run = 0; run < 2; run++) {
    expect((await runSync(store, target)).problems).toEqual([])
    expect(await namesToCopy(target)).toEqual(await namesToCopy(store))
  }
})

test("one of the source's own holds back a snapshot that is older: a sweep may have begun", async () => {
  const { store, owner } = await behind()
  const name = await mark({ store, owner }, { packs: await namesOf(target, 'packs/') })
  await target.put(name, [await store.get(name)])
  const { result, problems } = await runSync(store, target)
  expect(problems).toMatchObject([{ kind: 'marked', object: name }])
  expect(result).toMatchObject({ heldSnapshots: 1, snapshots: 0 })
})

test("the source's own is not put while a snapshot is held back", async () => {
  const { store, owner } = await behind()
  const packs = await namesOf(target, 'packs/')
  const own = await mark({ store, owner }, { packs: [] })
  await mark({ store: target, owner }, { packs: packs.slice(0, 1) })
  await runSync(store, target)
  expect(await target.stat(own)).toBeUndefined()
})

test.each([
  ['damaged', 60],
  ['unsupported', 7],
])('one that is %s stops the run before anything is put', async (_, offset) => {
  const { store, owner } = await behind()
  const name = await mark({ store: target, owner }, { packs: [] })
  await flipBit(target, { name, offset })
  const puts: string[] = []
  await expect(runSync(store, withPuts(target, puts))).rejects.toThrow(name)
  expect(puts).toEqual([])
})
