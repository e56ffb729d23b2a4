// Restoring where the target is full or read-only, where what is stored is damaged, and where the run
// is interrupted: what can be restored is, the rest is told, and a second run finishes the work.

import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { decorate } from '../../src/store/decorate.ts'
import { noise, replaceObject } from '../repositories/sample.ts'
import { describeWith } from '../require.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  expectSame,
  makeRepository,
  namesIn,
  restoreFolder,
  Scratch,
  SMALL_CHUNKER,
  storedBytes,
  type TestRepository,
  throughStore,
} from './fixture.ts'

const scratch = new Scratch()

/** Two folders of small files and one long file, each in a snapshot of its own session. */
async function sample(): Promise<{ repository: TestRepository; source: string }> {
  const source = scratch.make('source')
  const repository = await makeRepository({ chunker: SMALL_CHUNKER })
  for (const [round, folder] of ['first', 'second'].entries()) {
    mkdirSync(join(source, folder))
    for (let i = 0; i < 20; i++) {
      writeFileSync(join(source, folder, `small-${i}`), noise(60, 100 * round + i))
      writeFileSync(join(source, folder, `large-${i}`), noise(9000, 100 * round + 50 + i))
    }
    await backupFolder(repository, source)
  }
  return { repository, source }
}

/** The data packs, the one of the first snapshot first. */
async function dataPacks({ store }: TestRepository): Promise<readonly string[]> {
  const found: { name: string; storedAtMs: number }[] = []
  for await (const { name, storedAtMs } of store.list('packs/')) {
    const prefix = await store.get(name, { offset: 0, length: 32 })
    if (prefix[6] === 4) found.push({ name, storedAtMs })
  }
  return found.sort((a, b) => a.storedAtMs - b.storedAtMs).map(({ name }) => name)
}

let repository: TestRepository
let source: string
let before: ReturnType<typeof describeTree>

beforeAll(async () => {
  const made = await sample()
  repository = made.repository
  source = made.source
  before = describeTree(source)
})

describeWith('on a file system of its own', ['tmpfs'], () => {
  const mounted: string[] = []

  function mountTmpfs(options: string): string {
    const target = scratch.make('mount')
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', target])
    mounted.push(target)
    return target
  }

  afterEach(() => {
    for (const target of mounted.splice(0)) execFileSync('umount', ['-l', target])
  })

  // Blocks run out while files are written, inodes while they are made.
  test.each(['size=128k', 'nr_inodes=20'])(
    'a full target (%s) ends the restore, and a second run completes it',
    async (limit) => {
      const target = mountTmpfs(limit)
      writeFileSync(join(target, 'precious'), 'precious')
      const full = restoreFolder(repository, target, { from: source, workers: 2 })
      await expect(full).rejects.toMatchObject({ code: 'no-space' })
      expect(readFileSync(join(target, 'precious'), 'utf8')).toBe('precious')
      execFileSync('mount', ['-o', 'remount,size=16m,nr_inodes=1000', target])
      const { problems, counts } = await restoreFolder(repository, target, {
        from: source,
        delete: true,
      })
      expect(problems).toEqual([])
      if (limit.startsWith('size')) expect(counts.skipped).toBeGreaterThan(0)
      expectSame(before, target)
    },
  )

  test('a read-only target ends the restore', async () => {
    const target = mountTmpfs('size=1m')
    execFileSync('mount', ['-o', 'remount,ro', target])
    const readOnly = restoreFolder(repository, target, { from: source })
    await expect(readOnly).rejects.toMatchObject({ code: 'target-unwritable' })
    const below = restoreFolder(repository, join(target, 'below'), { from: source })
    await expect(below).rejects.toMatchObject({
      code: 'target-unwritable',
      message: expect.stringContaining('read-only') as string,
    })
  })

  test('a full target keeps nothing of a large file that is not whole', async () => {
    const folder = scratch.make()
    writeFileSync(join(folder, 'large'), noise(3_000_000, 5))
    const other = await makeRepository({ chunker: SMALL_CHUNKER })
    await backupFolder(other, folder)
    const target = mountTmpfs('size=1m')
    const full = restoreFolder(other, target, { from: folder, verify: false })
    await expect(full).rejects.toMatchObject({
      code: 'no-space',
      hint: expect.stringContaining('Make room') as string,
    })
    expect(readdirSync(target)).toEqual([])
  })

  test('a file that is too long for the target is told, and the rest is restored', async () => {
    const huge = mountTmpfs('size=1m')
    writeFileSync(join(huge, 'huge'), 'x')
    truncateSync(join(huge, 'huge'), 2 ** 50)
    for (const name of ['a', 'z']) writeFileSync(join(huge, name), name)
    const other = await makeRepository()
    await backupFolder(other, huge, { cacheFolder: scratch.make() })
    const target = scratch.path()
    const { affected } = await restoreFolder(other, target, { from: huge, verify: false })
    expect(affected).toEqual(['huge'])
    expect(readFileSync(join(target, 'z'), 'utf8')).toBe('z')
  })
})

test('a target that is a file is refused', async () => {
  const target = scratch.path()
  writeFileSync(target, 'precious')
  const refused = restoreFolder(repository, target, { from: source })
  await expect(refused).rejects.toMatchObject({ code: 'target-unwritable' })
  expect(readFileSync(target, 'utf8')).toBe('precious')
})

describe('what is stored is damaged', () => {
  const filesOf = (folder: string) =>
    [...before]
      .filter(([path, { type }]) => path.startsWith(`${folder}/`) && type === 'file')
      .map(([path]) => path)
      .sort()

  test('a missing pack takes exactly the files that need it', async () => {
    const { repository: broken, source: its } = await sample()
    const [, second] = await dataPacks(broken)
    await broken.store.remove(second as string)
    const target = scratch.path()
    const { affected, counts } = await restoreFolder(broken, target, { from: its, verify: false })
    expect(affected).toEqual(filesOf('second'))
    expect(counts.problems).toBe(affected.length)
    // What nothing is left of is not there, and not counted.
    expect(readdirSync(join(target, 'second'))).toEqual([])
    expect(counts).toMatchObject({ files: 40, bytes: 20 * (60 + 9000) })
    for (const path of filesOf('first')) {
      expect(readFileSync(join(target, path)).equals(readFileSync(join(its, path)))).toBe(true)
    }
  })

  test.each([false, true])(
    'what is left of a file stands beside it, under a name that says so (target populated: %s)',
    async (isPopulated) => {
      const its = scratch.make('source')
      writeFileSync(join(its, 'image'), noise(300_000, 1))
      writeFileSync(join(its, 'small'), 'small')
      const broken = await makeRepository({ chunker: SMALL_CHUNKER })
      await backupFolder(broken, its)
      // Grown by one half: the pack of that is lost.
      writeFileSync(join(its, 'image'), noise(150_000, 2), { flag: 'a' })
      await backupFolder(broken, its)
      const [, second] = await dataPacks(broken)
      await broken.store.remove(second as string)
      const target = scratch.make()
      if (isPopulated) writeFileSync(join(target, 'image'), 'theirs')
      const run = () =>
        restoreFolder(broken, target, { from: its, verify: false, overwrite: 'always' })
      const { problems, counts } = await run()
      expect(problems.map(({ path, what }) => `${Buffer.from(path).toString()}: ${what}`)).toEqual([
        expect.stringMatching(/^image: .* is in image\.cairn-incomplete$/),
      ])
      expect(counts).toMatchObject({ files: 1, bytes: 5, problems: 1 })
      const names = ['image.cairn-incomplete', 'small']
      expect(readdirSync(target)).toEqual(isPopulated ? ['image', ...names] : names)
      if (isPopulated) expect(readFileSync(join(target, 'image'), 'utf8')).toBe('theirs')
      const kept = readFileSync(join(target, 'image.cairn-incomplete'))
      expect(kept.length).toBe(450_000)
      expect(kept.subarray(0, 299_000).equals(noise(300_000, 1).subarray(0, 299_000))).toBe(true)
      // The next one replaces nothing that has such a name.
      writeFileSync(join(target, 'image.cairn-incomplete'), 'precious')
      expect((await run()).problems).toHaveLength(1)
      expect(readFileSync(join(target, 'image.cairn-incomplete'), 'utf8')).toBe('precious')
      expect(readdirSync(target).filter((name) => name.endsWith('.tmp'))).toEqual([])
    },
  )

  test('a pack that vanishes after it was listed takes exactly the files that need it', async () => {
    const { repository: whole, source: its } = await sample()
    const [first] = await dataPacks(whole)
    const failing = decorate(whole.store, {
      get: async (name, range) => {
        if (name === first) await whole.store.remove(name)
        return whole.store.get(name, range)
      },
    })
    const target = scratch.path()
    const { affected } = await restoreFolder(await throughStore(whole, failing), target, {
      from: its,
      verify: false,
    })
    expect(affected).toEqual(filesOf('first'))
  })

  test('a flipped bit in a frame takes the files of that frame, and verifying agrees', async () => {
    const { repository: broken, source: its } = await sample()
    const [first] = (await dataPacks(broken)) as [string]
    const bytes = await broken.store.get(first)
    bytes[100] = (bytes[100] as number) ^ 1
    await replaceObject(broken.store, { name: first, bytes })
    const target = scratch.path()
    const { affected } = await restoreFolder(broken, target, { from: its, verify: true })
    const paths = [...new Set(affected)]
    expect(paths.length).toBeGreaterThan(0)
    expect(paths.every((path) => path.startsWith('first/'))).toBe(true)
    for (const [path, { type }] of before) {
      if (type !== 'file' || paths.includes(path)) continue
      expect(readFileSync(join(target, path)).equals(readFileSync(join(its, path)))).toBe(true)
    }
  })

  test('a damaged tree takes the folders that are in it, and the rest is restored', async () => {
    const { repository: broken, source: its } = await sample()
    const data = await dataPacks(broken)
    const trees = (await namesIn(broken.store, 'packs/')).filter((name) => !data.includes(name))
    for (const name of trees) await broken.store.remove(name)
    const missing = restoreFolder(broken, scratch.path(), { from: its })
    await expect(missing).rejects.toMatchObject({ code: 'object-missing' })
    const { problems } = await restoreFolder(broken, scratch.path(), { verify: false })
    expect(problems).toHaveLength(1)
  })
})

describe('interrupted', () => {
  /** The repository, but interrupted when the second data pack is asked for, which then takes long. */
  async function interruptedBy(controller: AbortController): Promise<TestRepository> {
    const [, second] = await dataPacks(repository)
    const stopping = decorate(repository.store, {
      get: async (name, range) => {
        if (name === second) {
          controller.abort()
          await systemClock.sleep(500)
        }
        return repository.store.get(name, range)
      },
    })
    return throughStore(repository, stopping)
  }

  test('a second run only does what is missing, and nothing is left lying about', async () => {
    const target = scratch.path()
    const controller = new AbortController()
    const interrupted = restoreFolder(await interruptedBy(controller), target, {
      from: source,
      signal: controller.signal,
    })
    await expect(interrupted).rejects.toMatchObject({ code: 'interrupted' })
    expect(readdirSync(join(target, 'first'))).toHaveLength(40)
    expect(readdirSync(join(target, 'second'))).toEqual([])
    const { problems, counts } = await restoreFolder(repository, target, { from: source })
    expect(problems).toEqual([])
    expect(counts.skipped).toBe(40)
    expectSame(before, target)
  })

  test('while it replaces files, it takes its unfinished ones away', async () => {
    const target = scratch.path()
    await restoreFolder(repository, target, { from: source })
    for (const path of before.keys()) {
      if (before.get(path)?.type === 'file') utimesSync(join(target, path), 1, 1)
    }
    const controller = new AbortController()
    const interrupted = restoreFolder(await interruptedBy(controller), target, {
      from: source,
      overwrite: 'always',
      signal: controller.signal,
    })
    await expect(interrupted).rejects.toMatchObject({ code: 'interrupted' })
    const names = execFileSync('find', [target, '-name', '.cairn*']).toString()
    expect(names).toBe('')
  })

  test('everything is as it was after a second run without anything to do', async () => {
    const target = scratch.path()
    await restoreFolder(repository, target, { from: source })
    const { counts } = await restoreFolder(repository, target, { from: source })
    expect(counts).toMatchObject({ files: 0, bytes: 0, skipped: 80, problems: 0 })
    expect(await storedBytes(repository.store)).toBeGreaterThan(0)
    expectSame(before, target)
  })
})
