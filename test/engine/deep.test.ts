// Trees as deep as the format allows, and deeper. How deep a folder is any user of a machine decides,
// and how deep a tree in a repository is whoever may write there: nothing may end on it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { fromUtf8Lossy, utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { AT_FDCWD } from '../../src/base/libc-constants.ts'
import { PathSlot } from '../../src/base/libc-memory.ts'
import { type FileStat, StatBuffer } from '../../src/base/libc-stat.ts'
import { UserNames } from '../../src/base/libc-users.ts'
import { type EntryContent, EntryMaker } from '../../src/engine/backup/entry.ts'
import { splitPath } from '../../src/engine/paths.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { PATH_NAMES_MAX } from '../../src/format/limits.ts'
import type { TreeNode } from '../../src/format/tree.ts'
import { addGrant } from '../../src/repository/grants-add.ts'
import { openRepository } from '../../src/repository/repository.ts'
import type { Snapshot } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { graft } from '../repositories/graft.ts'
import { newSecret } from '../repositories/sample.ts'
import { makeDeep, readDeep } from '../trees/deep-tree.ts'
import { checkAll, diffAll, dumpAll, findAll, listAll } from './deep-readers.ts'
import {
  type BackupRun,
  backupFolder,
  expectSound,
  makeRepository,
  restoreFolder,
  Scratch,
  settledClock,
  snapshotOf,
  snapshotsOf,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()

/** So that the deepest file has as many names as there may be. */
function deepestBelow(folder: string): number {
  return PATH_NAMES_MAX - splitPath(utf8(folder)).length - 1
}

describe('a tree that is as deep as the format allows', { timeout: 120_000 }, () => {
  let source: string
  let depth: number
  let repository: TestRepository
  let run: BackupRun
  let files: number

  beforeAll(async () => {
    source = scratch.make('deep')
    depth = deepestBelow(source)
    files = Math.ceil(depth / 100)
    makeDeep(source, { depth, every: 100 })
    repository = await makeRepository()
    run = await backupFolder(repository, source, { clock: settledClock })
  }, 120_000)

  test('is saved whole, and unchanged it is not read again', async () => {
    expect(run.problems).toEqual([])
    expect(run.result.counts).toMatchObject({ files, filesRead: files })
    expect(run.result.counts.folders).toBe(PATH_NAMES_MAX)
    const again = await backupFolder(repository, source, { clock: settledClock })
    expect(again.problems).toEqual([])
    expect(again.result.counts).toMatchObject({ filesRead: 0, filesUnchanged: files })
    await expectSound(repository)
  })

  test('comes back, and a dry run says so', async () => {
    const target = scratch.path()
    const planned = await restoreFolder(repository, target, { from: source, dryRun: true })
    expect(planned.counts).toMatchObject({ files, folders: depth + 1, problems: 0 })
    const { problems, counts } = await restoreFolder(repository, target, { from: source })
    expect(problems).toEqual([])
    expect(counts).toMatchObject({ files, folders: depth + 1, verified: files })
    expect(readDeep(target)).toEqual(readDeep(source))
  })

  test('takes the place of what is deeper', async () => {
    const target = scratch.make('target')
    makeDeep(target, { depth: depth + 1000, every: 100 })
    const again = await restoreFolder(repository, target, { from: source, delete: true })
    expect(again.problems).toEqual([])
    // In the deepest folder another one and, where it is none of the snapshot's, its file.
    expect(again.counts.deleted).toBeGreaterThan(0)
    expect(readDeep(target)).toEqual(readDeep(source))
  })

  test('comes back where only the deepest is wanted', async () => {
    const target = scratch.path()
    const options = { from: source, include: ['last'] }
    const { problems, counts } = await restoreFolder(repository, target, options)
    expect(problems).toEqual([])
    expect(counts).toMatchObject({ files: 1, folders: depth + 1, verified: 1 })
    expect(readDeep(target).files).toEqual({ [depth]: `file ${depth}` })
  })

  test('is listed, searched, compared and dumped', async () => {
    const { repository: opened } = repository
    const snapshot = await snapshotOf(repository)
    const entries = PATH_NAMES_MAX - 1 + files
    const all = await listAll(opened, snapshot)
    expect(all).toMatchObject({ count: entries, problems: [] })
    const found = await findAll(opened, {
      snapshots: [snapshot],
      patterns: ['f', 'last', 'no/such'],
    })
    expect(found).toMatchObject({ count: files, problems: [] })
    expect(await dumpAll(opened, snapshot)).toMatchObject({ count: entries, problems: [] })
    await graft(opened, snapshot, (put) => put({ kind: 'entries', entries: [] }))
    const without = await snapshotOf(repository)
    const removed = await diffAll(opened, snapshot, without)
    expect(removed).toMatchObject({ count: entries, problems: [] })
    expect(await checkAll(opened)).toEqual([])
  })
})

describe('a tree that is deeper than it may be', { timeout: 120_000 }, () => {
  const DEPTH = 30_000
  const TOO_DEEP = `${PATH_NAMES_MAX}: Cannot follow a tree: it is more than 4096 names deep`
  let repository: TestRepository
  let snapshot: Snapshot

  /** A chain of folders, and a file that sorts behind it. */
  function buildDeep(put: (node: TreeNode) => BlobId): BlobId {
    const made = new EntryMaker(new UserNames())
    const stat = snapshotEntry.stat
    const entryOf = (name: string, content: EntryContent) =>
      made.make({ name: utf8(name), stat: { ...stat, ...typeOf(content) }, xattrs: [] }, content)
    let tree = put({ kind: 'entries', entries: [] })
    for (let i = 0; i < DEPTH - 1; i++)
      tree = put({ kind: 'entries', entries: [entryOf('d', { tree })] })
    const file = entryOf('shallow', { size: 0, crc32: 0 })
    return put({ kind: 'entries', entries: [entryOf('d', { tree }), file] })
  }

  beforeAll(async () => {
    repository = await makeRepository()
    await backupFolder(repository, scratch.make('model'))
    await graft(repository.repository, await snapshotOf(repository), buildDeep)
    snapshot = await snapshotOf(repository)
  }, 120_000)

  test('is read as far as it may be, and that it goes on is told', async () => {
    const { repository: opened } = repository
    const whole = { count: PATH_NAMES_MAX + 1, problems: [TOO_DEEP] }
    expect(await listAll(opened, snapshot)).toMatchObject({ ...whole, names: ['shallow'] })
    const search = { snapshots: [snapshot], patterns: ['*', 'no/such'] }
    expect(await findAll(opened, search)).toMatchObject({ ...whole, names: ['shallow'] })
    expect(await dumpAll(opened, snapshot)).toMatchObject(whole)
    const [model] = (await snapshotsOf(repository)) as [Snapshot]
    expect(await diffAll(opened, model, snapshot)).toMatchObject({ problems: [TOO_DEEP] })
  })

  test('is found by a check', async () => {
    expect(await checkAll(repository.repository)).toEqual([
      'problem: it has folders more than 4096 names deep: what is below is never restored',
    ])
    // Who cannot read trees only sees that it might be so.
    const key = newSecret()
    const upkeep = { ...key, label: 'upkeep', random: systemRandom, clock: systemClock }
    await addGrant(repository.repository, { role: 'upkeep', ...upkeep })
    expect(await checkAll(await openRepository(repository.store, key))).toEqual([
      'note: it may have folders that lie too deep to be restored: only a key that opens trees can tell',
    ])
  })

  test('comes back as far as it may be', async () => {
    const target = scratch.path()
    const { counts, problems } = await restoreFolder(repository, target)
    expect(problems.map(({ path, what }) => `${path.length} ${what}`)).toEqual([
      `${2 * PATH_NAMES_MAX - 1} ${TOO_DEEP.split(': ').slice(1).join(': ')}`,
    ])
    expect(counts).toMatchObject({ files: 1, folders: PATH_NAMES_MAX, verified: 1 })
    expect(readDeep(target).depth).toBe(PATH_NAMES_MAX)
  })
})

/** Of folders and files that nobody has. */
const snapshotEntry = { stat: { ...statOf(), links: 1 } }

function statOf(): FileStat {
  const stat = new StatBuffer()
  stat.readAt(AT_FDCWD, new PathSlot().put(utf8('/')))
  return stat.copy()
}

function typeOf({ tree }: EntryContent): Pick<FileStat, 'type'> {
  return { type: tree === undefined ? 'file' : 'directory' }
}

test('what lies deeper than that is told, and all the rest is saved', {
  timeout: 120_000,
}, async () => {
  const source = scratch.make('deeper')
  makeDeep(source, { depth: 20_000, every: 1000 })
  writeFileSync(join(source, 'shallow'), 'shallow')
  const repository = await makeRepository()
  for (const filesRead of [5, 0]) {
    const { result, problems } = await backupFolder(repository, source, { clock: settledClock })
    expect(problems.map(({ kind, what }) => `${kind}: ${what}`)).toEqual([
      expect.stringContaining('unreadable: cannot go deeper than 4,096 names from the root'),
    ])
    const [path] = problems.map((problem) => fromUtf8Lossy(problem.path).slice(1).split('/'))
    expect(path).toHaveLength(PATH_NAMES_MAX)
    expect(result.counts).toMatchObject({ files: 5, filesRead, unreadable: 1 })
  }
  await expectSound(repository)
})
