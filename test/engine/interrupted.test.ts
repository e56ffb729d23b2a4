// Backups that end before their end: by a signal, by kill, with a cache that is not what it was. What was
// there before stays good, what was stored is not stored again, and no lease outlives an orderly end.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { openRepository } from '../../src/repository/repository.ts'
import { decorate } from '../../src/store/decorate.ts'
import { openLocal } from '../../src/store/local/local-store.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import { noise } from '../repositories/sample.ts'
import { describeTree } from '../trees/describe-tree.ts'
import {
  backupFolder,
  entryOf,
  expectSame,
  expectSound,
  makeRepository,
  namesIn,
  restoreFolder,
  Scratch,
  SHORT_FRAMES,
  SMALL_CHUNKER,
  settledClock,
  snapshotOf,
  storedBytes,
  type TestRepository,
  throughStore,
} from './fixture.ts'

const scratch = new Scratch()
/** Packs that are small, so that some are stored long before the end. */
const small = { uploadBytesMax: 2_000_000, clock: settledClock }
const FILES = 60
const FILE_BYTES = 200_000

let source: string
let before: ReturnType<typeof describeTree>

beforeAll(() => {
  source = scratch.make('source')
  for (let i = 0; i < FILES; i++) {
    mkdirSync(join(source, String(i % 5)), { recursive: true })
    writeFileSync(join(source, String(i % 5), `file-${i}`), noise(FILE_BYTES, i))
  }
  before = describeTree(source)
})

async function expectRestores(test: Pick<TestRepository, 'repository'>): Promise<void> {
  const target = scratch.path('target')
  expect((await restoreFolder(test, target, { from: source })).problems).toEqual([])
  expectSame(before, target)
}

describe('by its signal', () => {
  // What the store is asked when the signal comes, from the first lease to the last pack.
  const moments = [1, 4, 6, 8, 10, 12]

  test.each(moments)(
    'at the call %i of the store, it ends as interrupted and keeps what was stored',
    async (moment) => {
      const made = await makeRepository({ chunker: SHORT_FRAMES })
      const controller = new AbortController()
      let calls = 0
      const call = () => {
        if (++calls === moment) controller.abort()
      }
      const stopping = decorate(made.store, {
        put: (name, parts) => {
          call()
          return made.store.put(name, parts)
        },
        list: (prefix) => {
          call()
          return made.store.list(prefix)
        },
      })
      const cacheFolder = scratch.path('cache')
      const options = { ...small, cacheFolder }
      const run = backupFolder(await throughStore(made, stopping), source, {
        ...options,
        signal: controller.signal,
      })
      const interrupted = await run.then(
        () => false,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'interrupted' })
          return true
        },
      )
      // The signal may come when all is read: then the run goes to its end.
      if (interrupted) {
        expect((await namesIn(made.store, 'snapshots/')).length).toBe(0)
      }
      expect(await namesIn(made.store, 'leases/')).toEqual([])
      await expectSound(made)
      const kept = await storedBytes(made.store)
      const next = await backupFolder(made, source, options)
      const total = await storedBytes(made.store)
      expect(next.result.addedStoredBytes).toBe(total - kept)
      // Nothing is stored twice: all files, once, and a little.
      expect(total).toBeLessThan(FILES * FILE_BYTES * 1.15)
      await expectRestores(made)
    },
  )

  test('what was read before is not read again', async () => {
    const made = await makeRepository({ chunker: SHORT_FRAMES })
    const controller = new AbortController()
    let packs = 0
    const stopping = decorate(made.store, {
      put: (name, parts) => {
        // When one batch of files has been read for sure.
        if (name.startsWith('packs/') && ++packs === 7) controller.abort()
        return made.store.put(name, parts)
      },
    })
    const run = backupFolder(await throughStore(made, stopping), source, {
      ...small,
      signal: controller.signal,
      readBytesPerSecond: 16_000_000,
    })
    await expect(run).rejects.toMatchObject({ code: 'interrupted' })
    const { result } = await backupFolder(made, source, small)
    expect(result.counts.filesUnchanged).toBeGreaterThan(0)
    expect(result.counts.filesRead).toBeLessThan(FILES)
    await expectRestores(made)
  })

  test('while nothing comes from a stream, it ends all the same', async () => {
    const made = await makeRepository()
    const pipe = scratch.path('pipe')
    execFileSync('mkfifo', [pipe])
    // For both directions: reading waits for ever, as for a producer that hangs.
    const fd = openSync(pipe, 'r+')
    const controller = new AbortController()
    setTimeout(() => {
      controller.abort()
    }, 300)
    const run = backupFolder(made, source, {
      source: { kind: 'stdin', fd, name: Buffer.from('stream') },
      signal: controller.signal,
    })
    await expect(run).rejects.toMatchObject({ code: 'interrupted' })
    expect(await namesIn(made.store, 'leases/')).toEqual([])
    // The run has closed it.
    expect(() => closeSync(fd)).toThrow(/EBADF/)
  })
})

describe('by kill', () => {
  async function expectNext(path: string, secret: Uint8Array): Promise<void> {
    const store = openLocal({ path, clock: systemClock })
    const credential = { kind: 'secret', secret } as const
    const repository = await openRepository(store, { credential })
    await expectSound({ repository })
    const earlier = await snapshotOf({ repository })
    const target = scratch.path('target')
    const { problems } = await restoreFolder({ repository }, target, { snapshot: earlier })
    expect(problems).toEqual([])
  }

  test('at any moment, leaves what was there before, and a repository that goes on', async () => {
    const path = scratch.path('repository')
    const made = await makeRepository({
      store: openLocal({ path, clock: systemClock, create: true }),
      chunker: SHORT_FRAMES,
    })
    const { credential } = made.key
    if (credential.kind !== 'secret') throw new Error('a secret')
    const other = scratch.make('other')
    writeFileSync(join(other, 'file'), noise(1000, 77))
    await backupFolder(made, other, { sourceName: 'other' })
    const random = seededRandom(1)
    for (let round = 0; round < 4; round++) {
      const secret = Buffer.from(credential.secret).toString('hex')
      const afterMs = 300 + Math.floor(900 * random())
      await killed('backup-process.ts', [path, source, secret], afterMs)
      await expectNext(path, credential.secret)
    }
    const next = await backupFolder(made, source, small)
    expect(next.problems).toEqual([])
    await expectRestores(made)
    await expectSound(made)
  })

  test('a restore goes on where it was, and leaves nothing behind', async () => {
    const path = scratch.path('repository')
    const made = await makeRepository({
      store: openLocal({ path, clock: systemClock, create: true }),
      chunker: SHORT_FRAMES,
    })
    await backupFolder(made, source, { ...small, cacheFolder: scratch.path('cache') })
    const { credential } = made.key
    if (credential.kind !== 'secret') throw new Error('a secret')
    const secret = Buffer.from(credential.secret).toString('hex')
    const target = scratch.path('target')
    const random = seededRandom(3)
    let most = 0
    for (let round = 0; round < 4; round++) {
      const afterMs = 400 + Math.floor(500 * random())
      await killed('restore-process.ts', [path, source, target, secret], afterMs)
      // Whatever is there by its name and time is there as a whole.
      const { counts } = await restoreFolder(made, target, { from: source, dryRun: true })
      expect(counts.skipped).toBeGreaterThanOrEqual(most)
      most = counts.skipped
    }
    const { problems, counts } = await restoreFolder(made, target, { from: source, delete: true })
    expect(problems).toEqual([])
    expect(counts.skipped).toBe(most)
    expectSame(before, target)
  })

  test('of a large file on its way a killed restore leaves nothing, so --overwrite never can go on', async () => {
    const its = scratch.make('large-source')
    writeFileSync(join(its, 'large'), noise(12_000_000, 1))
    const path = scratch.path('repository')
    const made = await makeRepository({
      store: openLocal({ path, clock: systemClock, create: true }),
      chunker: SMALL_CHUNKER,
    })
    await backupFolder(made, its, { ...small, cacheFolder: scratch.path('cache') })
    const { credential } = made.key
    if (credential.kind !== 'secret') throw new Error('a secret')
    const secret = Buffer.from(credential.secret).toString('hex')
    const target = scratch.make('target')
    const restoring = start('restore-process.ts', [path, its, target, secret])
    await vi.waitUntil(() => hasOpenBelow(restoring.child, target), {
      timeout: 20_000,
      interval: 5,
    })
    restoring.child.kill('SIGKILL')
    await restoring.ended
    expect(readdirSync(target)).toEqual([])
    const options = { from: its, overwrite: 'never', verify: false } as const
    expect((await restoreFolder(made, target, options)).counts.files).toBe(1)
    expect(readFileSync(join(target, 'large')).equals(noise(12_000_000, 1))).toBe(true)
  })

  /** Whether it has a file in this folder open. */
  function hasOpenBelow({ pid }: ChildProcess, folder: string): boolean {
    const fds = `/proc/${String(pid)}/fd`
    return readdirSync(fds).some((fd) => {
      try {
        return readlinkSync(join(fds, fd)).startsWith(`${folder}/`)
      } catch {
        return false
      }
    })
  }

  function start(script: string, args: readonly string[]) {
    const path = join(import.meta.dirname, script)
    const child = spawn(process.execPath, [path, ...args], { stdio: 'ignore' })
    return { child, ended: new Promise((resolve) => child.once('exit', resolve)) }
  }

  async function killed(script: string, args: readonly string[], afterMs: number): Promise<void> {
    const { child, ended } = start(script, args)
    await systemClock.sleep(afterMs)
    child.kill('SIGKILL')
    await ended
  }
})

describe('a cache', () => {
  let made: TestRepository
  let expected: string
  let cacheFolder: string
  let cacheFile: string

  beforeAll(async () => {
    made = await makeRepository()
    cacheFolder = scratch.path('cache')
    const first = await backupFolder(made, source, { cacheFolder, clock: settledClock })
    expected = await entryOf(made, first, source)
    const [name] = readdirSync(cacheFolder)
    cacheFile = join(cacheFolder, name as string)
  })

  async function backupWith(change: (file: string) => void, test = made): Promise<number> {
    const own = scratch.make('cache')
    const file = join(own, cacheFile.slice(cacheFolder.length + 1))
    copyFileSync(cacheFile, file)
    change(file)
    const run = await backupFolder(test, source, { cacheFolder: own, clock: settledClock })
    expect(run.problems).toEqual([])
    if (test === made) expect(await entryOf(test, run, source)).toBe(expected)
    return run.result.counts.filesRead
  }

  test('that is whole spares all reading', async () => {
    expect(await backupWith(() => undefined)).toBe(0)
  })

  test('that is cut off anywhere gives the same snapshot', async () => {
    const { length } = readFileSync(cacheFile)
    for (const bytes of [0, 5, 19, 25, Math.floor(length / 2), length - 1]) {
      expect(await backupWith((file) => truncateSync(file, bytes))).toBe(FILES)
    }
  })

  test('that has a flipped byte anywhere gives the same snapshot', async () => {
    const { length } = readFileSync(cacheFile)
    const random = seededRandom(2)
    for (let i = 0; i < 6; i++) {
      const at = Math.floor(random() * length)
      await backupWith((file) => {
        const bytes = readFileSync(file)
        bytes[at] = (bytes[at] as number) ^ 0x41
        writeFileSync(file, bytes)
      })
    }
  })

  test('that is a folder, or noise, gives the same snapshot', async () => {
    expect(await backupWith((file) => writeFileSync(file, noise(100_000)))).toBe(FILES)
    const folder = (file: string) => {
      rmSync(file)
      mkdirSync(file)
    }
    expect(await backupWith(folder)).toBe(FILES)
  })

  test('of another repository is of no use and does no harm', async () => {
    const other = await makeRepository()
    const own = scratch.make('cache')
    await backupFolder(other, source, { cacheFolder: own, clock: settledClock })
    const [name] = readdirSync(own)
    copyFileSync(cacheFile, join(own, name as string))
    const fresh = await backupFolder(other, source, { cacheFolder: own, clock: settledClock })
    expect(fresh.result.counts.filesRead).toBe(FILES)
    await expectRestores(other)
    expect(existsSync(join(own, name as string))).toBe(true)
  })
})
