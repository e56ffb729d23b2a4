// Trees that no backup makes, with correct keys and ids: whoever reads them loses nothing without saying
// so, and goes on with the rest.

import { execFileSync } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { type Bytes, concat, utf8 } from '../../src/base/bytes.ts'
import { dump } from '../../src/engine/dump.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { CraftedTrees } from '../repositories/crafted.ts'
import { entryOf } from '../repositories/entries.ts'
import {
  makeRepository,
  restoreFolder,
  Scratch,
  snapshotOf,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()
let repository: TestRepository
let trees: CraftedTrees

beforeEach(async () => {
  repository = await makeRepository()
  trees = new CraftedTrees(repository.repository)
})

async function restored(root: BlobId) {
  await trees.commit(root)
  const target = scratch.path('target')
  const run = await restoreFolder(repository, target)
  return { ...run, target }
}

const WRONG: Readonly<Record<string, () => BlobId>> = {
  'a name in two nodes': () => {
    const first = trees.entries(trees.file('a', 'one'), trees.file('b', 'two'))
    const second = trees.entries(trees.file('b', 'other'), trees.file('c', 'three'))
    return trees.inner(1, { a: first, b: second })
  },
  'a name as a link and as a folder': () => {
    const link = entryOf('x', { type: 'symlink', target: utf8('/etc') })
    const folder = trees.folder('x', trees.entries(trees.file('passwd', 'root')))
    return trees.inner(1, {
      a: trees.entries(trees.file('a', 'one'), link),
      x: trees.entries(folder),
    })
  },
  'nodes that overlap': () => {
    const first = trees.entries(trees.file('a', 'one'), trees.file('d', 'four'))
    return trees.inner(1, { a: first, c: trees.entries(trees.file('c', 'three')) })
  },
  'a node that begins with another name than is said': () =>
    trees.inner(1, {
      a: trees.entries(trees.file('a', 'one')),
      b: trees.entries(trees.file('c', 'three')),
    }),
  'an inner node that does': () =>
    trees.inner(2, {
      a: trees.inner(1, { a: trees.entries(trees.file('a', 'one')) }),
      b: trees.inner(1, { c: trees.entries(trees.file('c', 'three')) }),
    }),
}

test.each(Object.keys(WRONG))(
  '%s: it is told of the folder, and the rest is there',
  async (what) => {
    const wrong = trees.folder('folder', WRONG[what]?.() as BlobId)
    const { affected, target } = await restored(trees.entries(wrong, trees.file('z', 'last')))
    expect(affected).toEqual(['folder'])
    expect(readFileSync(join(target, 'folder/a'), 'utf8')).toBe('one')
    expect(readFileSync(join(target, 'z'), 'utf8')).toBe('last')
  },
)

test('several nodes in order are one folder', async () => {
  const left = trees.inner(1, {
    a: trees.entries(trees.file('a', 'one')),
    b: trees.entries(trees.file('b', 'two'), trees.file('c', 'three')),
  })
  const right = trees.inner(1, { d: trees.entries(trees.file('d', 'four')) })
  const { problems, target } = await restored(trees.inner(2, { a: left, d: right }))
  expect(problems).toEqual([])
  expect(readdirSync(target).toSorted()).toEqual(['a', 'b', 'c', 'd'])
})

test('entries that say to be one file and are not are not linked to each other, nor in an archive', async () => {
  const link = { device: 1, inode: 2 }
  const fifo = entryOf('d', { type: 'fifo', link })
  const files = ['a', 'b', 'c'].map((name) =>
    trees.file(name, name === 'b' ? 'other' : 'same!', { link }),
  )
  const { problems, target } = await restored(trees.entries(...files, fifo))
  expect(problems).toEqual([])
  const inode = (name: string) => lstatSync(join(target, name)).ino
  expect(readFileSync(join(target, 'b'), 'utf8')).toBe('other')
  expect(inode('a')).toBe(inode('c'))
  expect(new Set([inode('a'), inode('b'), inode('d')]).size).toBe(3)
  expect(lstatSync(join(target, 'd')).isFIFO()).toBe(true)
  const parts: Bytes[] = []
  await dump({
    repository: repository.repository,
    snapshot: await snapshotOf(repository),
    names: [],
    format: 'tar',
    signal: new AbortController().signal,
    onProblem: () => undefined,
    sink: (bytes) => {
      parts.push(bytes.slice())
      return Promise.resolve()
    },
  })
  const listing = execFileSync('tar', ['-tv'], { input: concat(parts), encoding: 'utf8' })
  expect(listing.match(/ link to /g)).toHaveLength(1)
})
