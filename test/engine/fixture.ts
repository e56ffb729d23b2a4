// Repositories, backups and restores with sensible defaults, for tests of the engine on real file
// systems. Keys are wrapped with a secret, which costs no Argon2.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { fromUtf8Lossy, toHex, utf8 } from '../../src/base/bytes.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { BackupOptions, BackupResult } from '../../src/engine/backup/options.ts'
import type { SourceProblem } from '../../src/engine/backup/report.ts'
import { backup } from '../../src/engine/backup.ts'
import { BlobReader } from '../../src/engine/blob-reader.ts'
import { check } from '../../src/engine/check.ts'
import { splitPath } from '../../src/engine/paths.ts'
import type { RestoreCounts } from '../../src/engine/restore/counts.ts'
import type { RestoreProblem } from '../../src/engine/restore/problem.ts'
import { type RestoreOptions, restore } from '../../src/engine/restore.ts'
import { findEntry } from '../../src/engine/tree-reader.ts'
import { encode } from '../../src/format/codec.ts'
import type { ChunkerConfig } from '../../src/format/config.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { entryCodec } from '../../src/format/tree.ts'
import { createRepository } from '../../src/repository/create.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import { loadSnapshots, type Snapshot } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { openMemory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { NO_CATALOG } from '../repositories/no-catalog.ts'
import { newSecret, type SecretKey } from '../repositories/sample.ts'
import { describeTree, diffTrees } from '../trees/describe-tree.ts'

// Threads start in half the time when what they import is compiled already.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'cairn-test-compile-cache')

/** So small that even small files have many chunks, lists of them and segments. */
export const SMALL_CHUNKER: ChunkerConfig = {
  minBytes: 64,
  avgBytes: 256,
  maxBytes: 1024,
  segmentBytes: 4096,
}

/**
 * Frames of at most about a megabyte, so that packs can be as small: a pack has room for the longest.
 */
export const SHORT_FRAMES: ChunkerConfig = {
  minBytes: 2 ** 14,
  avgBytes: 2 ** 16,
  maxBytes: 2 ** 18,
  segmentBytes: 2 ** 22,
}

/** A folder for one file of tests; gone when they have ended. */
export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'cairn-engine-'))
  #serial = 0

  constructor() {
    afterAll(() => {
      execFileSync('rm', ['-rf', this.folder])
    })
  }

  /** A path that nothing is at. */
  path(name = 'path'): string {
    return join(this.folder, `${name}-${this.#serial++}`)
  }

  /** A new empty folder. */
  make(name = 'folder'): string {
    const path = this.path(name)
    mkdirSync(path)
    return path
  }
}

export interface TestRepository {
  readonly store: Store
  readonly key: SecretKey
  readonly repository: Repository
}

export async function makeRepository(
  options: { readonly store?: Store; readonly chunker?: ChunkerConfig } = {},
): Promise<TestRepository> {
  const { store = openMemory({ clock: systemClock }), chunker } = options
  const key = newSecret()
  const making = { ...key, random: systemRandom, clock: systemClock }
  await createRepository(store, { ...making, ...(chunker && { chunker }) })
  return { store, key, repository: await openRepository(store, key) }
}

/** The same repository through another store, such as a decorator of its own. */
export async function throughStore({ key }: TestRepository, store: Store): Promise<TestRepository> {
  return { store, key, repository: await openRepository(store, key) }
}

/** A copy in a store of its own, with the same keys. */
export async function copyRepository(original: TestRepository): Promise<TestRepository> {
  const store = openMemory({ clock: systemClock })
  for (const name of await namesIn(original.store, '')) {
    await store.put(name, [await original.store.get(name)])
  }
  return throughStore(original, store)
}

export interface BackupRun {
  readonly result: BackupResult
  readonly problems: readonly SourceProblem[]
  readonly warnings: readonly unknown[]
}

/** Of the snapshot that a run made. */
export function idOf({ result }: BackupRun): string {
  return (result.snapshot as string).slice('snapshots/'.length)
}

type BackupChanges = Partial<Omit<BackupOptions, 'repository' | 'source'>> & {
  readonly source?: BackupOptions['source']
  /** Other folders than the one that is named. */
  readonly roots?: readonly string[]
}

export function backupOptions(
  { repository }: Pick<TestRepository, 'repository'>,
  root: string,
  changes: BackupChanges = {},
): BackupOptions {
  const { roots = [root], ...rest } = changes
  return {
    repository,
    domain: selectDomain(repository),
    source: { kind: 'files', walk: { roots: roots.map(utf8) } },
    sourceName: 'source',
    host: 'host',
    user: 'user',
    tags: [],
    program: 'test',
    workers: 1,
    uploadBytesMax: 72 << 20,
    level: 3,
    readBytesPerSecond: 0,
    ignoreCtime: false,
    ignoreInode: false,
    skipIfUnchanged: false,
    dryRun: false,
    cacheFolder: `${root}.cache`,
    catalog: NO_CATALOG,
    clock: quickClock,
    random: systemRandom,
    signal: new AbortController().signal,
    checkpointMs: 3_600_000,
    onProgress: () => undefined,
    onWarning: () => undefined,
    onProblem: () => undefined,
    onSkipped: () => undefined,
    ...rest,
  }
}

/** Backs up a folder; its cache is beside it unless another is named. */
export async function backupFolder(
  test: Pick<TestRepository, 'repository'>,
  root: string,
  changes: BackupChanges = {},
): Promise<BackupRun> {
  const problems: SourceProblem[] = []
  const warnings: unknown[] = []
  const hooks = {
    onProblem: (problem: SourceProblem) => problems.push(problem),
    onWarning: (error: unknown) => warnings.push(error),
  }
  const result = await backup(backupOptions(test, root, { ...hooks, ...changes }))
  return { result, problems, warnings }
}

/** Nobody waits for a store that will not change its mind. */
const quickClock: Clock = { ...systemClock, sleep: () => Promise.resolve() }

/** As if nothing had been changed for long: what is younger than two seconds is read again. */
export const settledClock: Clock = {
  ...quickClock,
  nowMs: () => systemClock.nowMs() + 10_000,
}

/** All snapshots, oldest first; fails where anything is wrong with one. */
export async function snapshotsOf({
  repository,
}: Pick<TestRepository, 'repository'>): Promise<readonly Snapshot[]> {
  const { snapshots, problems } = await loadSnapshots(repository)
  expect(problems).toEqual([])
  return [...snapshots].sort((a, b) => a.summary.sequence - b.summary.sequence)
}

/** The confirmed snapshot of this name, or the newest one. */
export async function snapshotOf(
  test: Pick<TestRepository, 'repository'>,
  name?: string,
): Promise<Snapshot> {
  const confirmed = (await snapshotsOf(test)).filter((snapshot) => snapshot.confirmed)
  const found =
    name === undefined ? confirmed.at(-1) : confirmed.find((snapshot) => snapshot.name === name)
  if (found === undefined) throw new Error(`no confirmed snapshot ${name ?? ''}`)
  return found
}

export interface RestoreRun {
  readonly counts: RestoreCounts
  readonly problems: readonly RestoreProblem[]
  /** Paths of the problems, sorted. */
  readonly affected: readonly string[]
}

type RestoreChanges = Partial<Omit<RestoreOptions, 'repository' | 'target' | 'path'>> & {
  /** The folder, as it was backed up, of which the content is restored; '/' by default. */
  readonly from?: string
}

/** Restores into a folder: the newest snapshot unless another is named. */
export async function restoreFolder(
  test: Pick<TestRepository, 'repository'>,
  target: string,
  { from = '/', ...changes }: RestoreChanges = {},
): Promise<RestoreRun> {
  const problems: RestoreProblem[] = []
  const counts = await restore({
    repository: test.repository,
    snapshot: changes.snapshot ?? (await snapshotOf(test)),
    path: splitPath(utf8(from)),
    target: utf8(target),
    include: [],
    exclude: [],
    overwrite: 'if-changed',
    delete: false,
    owners: 'numbers',
    dryRun: false,
    verify: true,
    workers: 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onProblem: (problem) => problems.push(problem),
    onPlanned: () => undefined,
    ...changes,
  })
  const affected = problems.map(({ path }) => fromUtf8Lossy(path)).sort()
  return { counts, problems, affected }
}

/** What differs between a folder and a description or another folder, one line each. */
export function differences(before: ReturnType<typeof describeTree>, folder: string): string[] {
  return diffTrees(before, describeTree(folder), { blockTolerance: 8 })
}

/** The restored folder is, in every attribute, what was described. */
export function expectSame(before: ReturnType<typeof describeTree>, folder: string): void {
  expect(differences(before, folder)).toEqual([])
}

/** Nothing is wrong with it, every frame opened; unconfirmed snapshots and leases are no problem. */
export async function expectSound({
  repository,
}: Pick<TestRepository, 'repository'>): Promise<void> {
  const { problems } = await check({
    repository,
    mode: 'read-data',
    workers: 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onProblem: () => undefined,
  })
  expect(problems).toEqual([])
}

/**
 * A folder's entry in a run's snapshot, its tree's id included, in hexadecimal. (The snapshot's root
 * also has the folders above, in which others are at work.)
 */
export async function entryOf(
  { repository }: Pick<TestRepository, 'repository'>,
  { result }: BackupRun,
  folder: string,
): Promise<string> {
  const { summary, domain } = await snapshotOf({ repository }, result.snapshot)
  const index = await loadIndex(repository, domain)
  const reader = new BlobReader({ store: repository.store, domain, index })
  const root = summary.roots[0] as BlobId
  const entry = await findEntry(reader, { root, names: splitPath(utf8(folder)) })
  if (entry === undefined) throw new Error(`${folder} is not in the snapshot`)
  return toHex(encode(entryCodec, entry))
}

export async function namesIn(store: Store, prefix: string): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of store.list(prefix)) names.push(name)
  return names.sort()
}

export async function storedBytes(store: Store, prefix = 'packs/'): Promise<number> {
  let bytes = 0
  for await (const { size } of store.list(prefix)) bytes += size
  return bytes
}
