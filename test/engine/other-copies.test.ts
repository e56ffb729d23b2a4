// What two writers stored both, because neither saw the other's index, is restored, listed and dumped from
// whichever copy is good.

import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { Bytes } from '../../src/base/bytes.ts'
import { CairnError } from '../../src/base/errors.ts'
import type { PackKind } from '../../src/format/prefix.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { selectDomain } from '../../src/repository/repository.ts'
import type { Snapshot } from '../../src/repository/snapshots.ts'
import { decorate } from '../../src/store/decorate.ts'
import { missing, sliceOf } from '../../src/store/range.ts'
import type { ObjectInfo, Store } from '../../src/store/store.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  expectSame,
  makeRepository,
  namesIn,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
  snapshotOf,
  type TestRepository,
  throughStore,
} from './fixture.ts'

const scratch = new Scratch()
const source = scratch.make('source')
let repository: TestRepository
let before: ReturnType<typeof describeTree>
/** Packs of the first run, and of the second, which stored all of it again. */
const runs: (readonly string[])[] = []
/** Each run's own: the folders above the source are not the same in both. */
const snapshots: Snapshot[] = []

beforeAll(async () => {
  repository = await makeRepository({ chunker: SMALL_CHUNKER })
  mkdirSync(join(source, 'folder/inner'), { recursive: true })
  for (let i = 0; i < 300; i++) writeFileSync(join(source, `folder/small-${i}`), `content ${i}`)
  for (let i = 0; i < 3; i++) {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, n) => (n * n * (i + 7)) >> 5)
    writeFileSync(join(source, `folder/inner/large-${i}`), bytes)
  }
  linkSync(join(source, 'folder/small-7'), join(source, 'folder/inner/link'))
  before = describeTree(source)
  await backupFolder(repository, source)
  runs.push(await namesIn(repository.store, 'packs/'))
  snapshots.push(await snapshotOf(repository))
  const blind = decorate(repository.store, {
    list: (prefix) => (prefix === 'index/' ? nothing() : repository.store.list(prefix)),
  })
  await backupFolder(await throughStore(repository, blind), source, {
    cacheFolder: scratch.path('cache'),
  })
  const first = new Set(runs[0])
  runs.push((await namesIn(repository.store, 'packs/')).filter((name) => !first.has(name)))
  snapshots.push(await snapshotOf(repository))
})

async function* nothing(): AsyncGenerator<ObjectInfo> {}

type Damage = (bytes: Bytes, name: string) => Bytes

const FLIPPED: Damage = (bytes) => bytes.map((byte, i) => (i % 50 === 49 ? byte ^ 1 : byte))
const GONE: Damage = (_, name) => {
  throw missing({ address: 'memory:', name })
}
const WITHHELD: Damage = () => {
  throw new CairnError('store-unreadable', 'a bad sector')
}
const CUT_OFF: Damage = (bytes) => bytes.subarray(0, 40)

function damaged(names: readonly string[], damage: Damage): Store {
  const { store } = repository
  return decorate(store, {
    get: async (name, range) => {
      if (!names.includes(name)) return store.get(name, range)
      const bytes = damage(await store.get(name), name)
      const { offset, length } = sliceOf({ address: '', name, size: bytes.length }, range)
      return bytes.subarray(offset, offset + length)
    },
  })
}

/** The packs of a run that hold data, or trees. */
async function packsOf(run: 0 | 1, kind: PackKind): Promise<readonly string[]> {
  const index = await loadIndex(repository.repository, selectDomain(repository.repository))
  return index.packs
    .filter((pack) => pack.kind === kind && runs[run]?.includes(pack.name))
    .map(({ name }) => name)
}

const WHICH = [
  ['the first', 0],
  ['the second', 1],
] as const

const HOW = [
  ['flipped', FLIPPED],
  ['gone', GONE],
  ['withheld', WITHHELD],
  ['cut off', CUT_OFF],
] as const

test('both runs stored all of it', () => {
  expect(runs.map((packs) => packs.length > 1)).toEqual([true, true])
})

test.for(
  WHICH.flatMap(([which, run]) => HOW.map(([how, damage]) => ({ which, run, how, damage }))),
)('all is restored where $which copy is $how', async ({ run, damage }) => {
  const store = damaged(runs[run] as readonly string[], damage)
  const target = scratch.make('target')
  const { problems } = await restoreFolder(await throughStore(repository, store), target, {
    from: source,
    snapshot: snapshots[1 - run] as Snapshot,
    workers: 2,
  })
  expect(problems).toEqual([])
  expectSame(before, target)
})

test('the data is taken from one run and the trees from the other', async () => {
  const names = [...(await packsOf(0, 'data-pack')), ...(await packsOf(1, 'tree-pack'))]
  const target = scratch.make('target')
  const store = damaged(names, FLIPPED)
  const { problems } = await restoreFolder(await throughStore(repository, store), target, {
    from: source,
    snapshot: snapshots[0] as Snapshot,
  })
  expect(problems).toEqual([])
  expectSame(before, target)
})

test('what is good in no copy is told once for each file, and no folder is missing', async () => {
  const names = [...(await packsOf(0, 'data-pack')), ...(await packsOf(1, 'data-pack'))]
  const target = scratch.make('target')
  const store = damaged(names, GONE)
  const { affected } = await restoreFolder(await throughStore(repository, store), target, {
    from: source,
    verify: false,
  })
  const files = [...before].filter(([, { type }]) => type === 'file').map(([path]) => path)
  expect(affected.filter((path) => !path.endsWith('link')).length).toBe(files.length - 1)
  expect(affected.length).toBe(new Set(affected).size)
})
