// Restoring a second time: nothing that is as it is to be is touched, and nothing outside of the target.

import { execFileSync } from 'node:child_process'
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { joinPathBelow } from '../../src/engine/paths.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  expectSame,
  makeRepository,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()
const THEN = 1_500_000_000

describe('a second restore', () => {
  const isRoot = process.geteuid?.() === 0
  let marked: TestRepository
  let folder: string
  const entries = ['', 'inner', 'inner/acl', 'inner/xattr', 'link', 'linked', 'setgid']

  beforeAll(async () => {
    folder = scratch.make('marked')
    mkdirSync(join(folder, 'inner'))
    for (const name of ['inner/acl', 'inner/xattr', 'linked', 'setgid']) {
      writeFileSync(join(folder, name), name)
      utimesSync(join(folder, name), THEN, THEN)
    }
    symlinkSync('linked', join(folder, 'link'))
    linkSync(join(folder, 'linked'), join(folder, 'second-name'))
    execFileSync('setfacl', ['-m', 'u:5:rw', join(folder, 'inner/acl')])
    execFileSync('setfacl', ['-d', '-m', 'g:5:rx', join(folder, 'inner')])
    for (const name of ['inner/xattr', 'linked', 'inner']) {
      execFileSync('setfattr', ['-n', 'user.note', '-v', 'kept', join(folder, name)])
    }
    if (isRoot) execFileSync('chown', ['5:5', join(folder, 'setgid')])
    execFileSync('chmod', ['2755', join(folder, 'setgid')])
    marked = await makeRepository({ chunker: SMALL_CHUNKER })
    await backupFolder(marked, folder)
  })

  const again = (target: string, options = {}) =>
    restoreFolder(marked, target, { from: folder, ...options })
  const ctimes = (target: string) =>
    entries.map((name) => lstatSync(join(target, name), { bigint: true }).ctimeNs)

  test.each(['numbers', 'names', 'keep'] as const)(
    'touches nothing that is as it is to be, and plans nothing (owners: %s)',
    async (owners) => {
      const target = scratch.make()
      expect((await again(target, { owners })).problems).toEqual([])
      const before = ctimes(target)
      const planned = new Set<string>()
      await again(target, {
        owners,
        dryRun: true,
        onPlanned: ({ action }: { action: string }) => planned.add(action),
      })
      expect([...planned]).toEqual(['keep'])
      const { counts } = await again(target, { owners })
      expect(counts).toMatchObject({ files: 0, others: 0, problems: 0 })
      expect(ctimes(target)).toEqual(before)
    },
  )

  test.each([
    ['another value', ['setfattr', '-n', 'user.note', '-v', 'other']],
    ['one that is missing', ['setfattr', '-x', 'user.note']],
    ['one too many', ['setfattr', '-n', 'user.more', '-v', 'x']],
    ['another ACL', ['setfacl', '-m', 'u:7:r']],
  ])('mends %s', async (_, [command = '', ...args]) => {
    const target = scratch.make()
    await again(target)
    execFileSync(command, [...args, join(target, 'inner/xattr')])
    const planned: string[] = []
    await again(target, {
      dryRun: true,
      onPlanned: ({ path, action }: { path: readonly Uint8Array[]; action: string }) =>
        action === 'attributes' && planned.push(Buffer.from(joinPathBelow(path)).toString()),
    })
    expect(planned).toEqual(['inner/xattr'])
    await again(target)
    expectSame(describeTree(folder), target)
  })

  test('changes no attribute of a file that has a name outside of the target', async () => {
    const target = scratch.make()
    const outside = scratch.make('outside')
    mkdirSync(join(target, 'inner'))
    writeFileSync(join(outside, 'precious'), 'inner/xattr')
    utimesSync(join(outside, 'precious'), THEN, THEN)
    execFileSync('chmod', ['600', join(outside, 'precious')])
    linkSync(join(outside, 'precious'), join(target, 'inner/xattr'))
    const { counts } = await again(target)
    expect(counts.problems).toBe(0)
    expectSame(describeTree(folder), target)
    expect(statSync(join(outside, 'precious')).mode & 0o7777).toBe(0o600)
    expect(readdirSync(outside)).toEqual(['precious'])
    expect(execFileSync('getfattr', ['-d', join(outside, 'precious')]).toString()).toBe('')
  })

  test('gives the names of one file other attributes together', async () => {
    const target = scratch.make()
    await again(target)
    execFileSync('chmod', ['600', join(target, 'linked')])
    const { counts } = await again(target)
    expect(counts).toMatchObject({ files: 2, problems: 0 })
    expectSame(describeTree(folder), target)
    const [one, two] = ['linked', 'second-name'].map((name) => statSync(join(target, name)))
    expect(one?.ino).toBe(two?.ino)
  })
})

describe('a dry run plans the names of one file as a run makes them', () => {
  let linked: TestRepository
  let folder: string

  beforeAll(async () => {
    folder = scratch.make('names')
    for (const name of ['one', 'pipe']) {
      if (name === 'one') writeFileSync(join(folder, name), 'content')
      else execFileSync('mkfifo', [join(folder, name)])
      linkSync(join(folder, name), join(folder, `${name}-again`))
    }
    utimesSync(join(folder, 'one'), THEN, THEN)
    linked = await makeRepository({ chunker: SMALL_CHUNKER })
    await backupFolder(linked, folder)
  })

  async function countsOf(target: string, dryRun: boolean) {
    const actions: string[] = []
    const { counts } = await restoreFolder(linked, target, {
      from: folder,
      dryRun,
      verify: false,
      onPlanned: ({ path, action }: { path: readonly Uint8Array[]; action: string }) =>
        actions.push(`${action} ${Buffer.from(joinPathBelow(path)).toString()}`),
    })
    return { counts, actions }
  }

  test('their content counts once, and links of pipes are no files', async () => {
    const target = scratch.make()
    const { counts } = await countsOf(target, true)
    expect(counts).toMatchObject({ files: 2, others: 2, bytes: 7 })
    expect((await countsOf(target, false)).counts).toEqual(counts)
  })

  test('a name that is another file in the target is replaced', async () => {
    const target = scratch.make()
    for (const name of ['one', 'one-again']) {
      writeFileSync(join(target, name), 'content')
      utimesSync(join(target, name), THEN, THEN)
    }
    const { counts, actions } = await countsOf(target, true)
    expect(actions).toContain('keep one')
    expect(actions).toContain('replace one-again')
    expect((await countsOf(target, false)).counts).toEqual(counts)
    expectSame(describeTree(folder), target)
  })
})
