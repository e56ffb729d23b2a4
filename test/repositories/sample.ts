// Repositories for tests: in memory, opened with a secret (which costs no Argon2), holding snapshots of
// small folders that are made on the way. And the means to damage them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Bytes, utf8 } from '../../src/base/bytes.ts'
import { systemClock } from '../../src/base/clock.ts'
import { CairnError } from '../../src/base/errors.ts'
import type { BackupResult } from '../../src/engine/backup/options.ts'
import { backup } from '../../src/engine/backup.ts'
import type { Wrapping } from '../../src/format/keys.ts'
import { METADATA_BYTES_MAX } from '../../src/format/limits.ts'
import { createRepository } from '../../src/repository/create.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import type { Credential } from '../../src/sealer/passphrase.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { decorate } from '../../src/store/decorate.ts'
import { openMemory } from '../../src/store/memory.ts'
import { seededRandom } from '../../src/store/seeded-random.ts'
import type { ByteRange, Store } from '../../src/store/store.ts'
import { NO_CATALOG } from './no-catalog.ts'

export interface SecretKey {
  readonly credential: Credential
  readonly wrapping: Wrapping
}

/** A credential of full strength, and how a grant is wrapped for it. */
export function newSecret(): SecretKey {
  return {
    credential: { kind: 'secret', secret: systemRandom(32) },
    wrapping: { kind: 'secret', salt: systemRandom(32) },
  }
}

/** An empty repository in memory, and its owner's secret. */
export async function newRepository(): Promise<{ store: Store; owner: SecretKey }> {
  const store = openMemory({ clock: systemClock })
  const owner = newSecret()
  await createRepository(store, { ...owner, random: systemRandom, clock: systemClock })
  return { store, owner }
}

/** Files by their paths below the folder that is backed up. */
export type Files = Readonly<Record<string, Bytes | string>>

/** Backs up a folder, made for that, which holds these files. */
export async function backupFiles(
  repository: Repository,
  options: {
    readonly files: Files
    readonly domain?: string
    readonly host?: string
    readonly sourceName?: string
  },
): Promise<BackupResult> {
  const { files, domain, host = 'host', sourceName = 'source' } = options
  const folder = mkdtempSync(join(tmpdir(), 'cairn-sample-'))
  try {
    writeFiles(join(folder, 'source'), files)
    return await backup({
      repository,
      domain: selectDomain(repository, domain),
      source: { kind: 'files', walk: { roots: [utf8(join(folder, 'source'))] } },
      sourceName,
      host,
      cacheFolder: join(folder, 'cache'),
      catalog: NO_CATALOG,
      ...PLAIN_OPTIONS,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const PLAIN_OPTIONS = {
  user: 'user',
  tags: [],
  program: 'test',
  workers: 1,
  uploadBytesMax: 64 * 1024 * 1024,
  level: 3,
  readBytesPerSecond: 0,
  ignoreCtime: false,
  ignoreInode: false,
  skipIfUnchanged: false,
  dryRun: false,
  checkpointMs: 3_600_000,
  clock: systemClock,
  random: systemRandom,
  signal: new AbortController().signal,
  onProgress: nothing,
  onWarning: nothing,
  onProblem: nothing,
  onSkipped: nothing,
} as const

function nothing(): void {
  // Whoever cares looks at the result.
}

function writeFiles(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true })
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(length: number, seed = 1): Bytes {
  const random = seededRandom(seed)
  return Uint8Array.from({ length }, () => Math.floor(256 * random()))
}

export interface Sample {
  readonly store: Store
  readonly owner: SecretKey
  readonly repository: Repository
}

/** A repository with one snapshot of these files. */
export async function sampleRepository(files: Files = SAMPLE_FILES): Promise<Sample> {
  const { store, owner } = await newRepository()
  const repository = await openRepository(store, owner)
  await backupFiles(repository, { files })
  return { store, owner, repository }
}

/** The same repository in a store of its own. */
export async function copySample({ store, owner }: Sample): Promise<Sample> {
  const copy = openMemory({ clock: systemClock })
  for (const name of await namesOf(store, '')) await copy.put(name, [await store.get(name)])
  return { store: copy, owner, repository: await openRepository(copy, owner) }
}

/** Puts what another store has beside what is there, as whoever brings two copies of a repository together. */
export async function mergeInto(store: Store, other: Store): Promise<void> {
  for (const name of await namesOf(other, '')) await store.put(name, [await other.get(name)])
}

/** Small files, one in several chunks, and folders inside each other. */
export const SAMPLE_FILES: Files = {
  'a.txt': 'alpha',
  'folder/b.txt': 'beta',
  'folder/inner/c.bin': noise(3000, 3),
  'large.bin': noise(3_000_000, 4),
}

/** Names of the objects whose names begin so. */
export async function namesOf(store: Store, prefix: string): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of store.list(prefix)) names.push(name)
  return names.sort()
}

/** Puts other bytes in the place of an object, as a failing disk or a hostile store would. */
export async function replaceObject(
  store: Store,
  { name, bytes }: { readonly name: string; readonly bytes: Bytes },
): Promise<void> {
  await store.remove(name)
  await store.put(name, [bytes])
}

/** Flips one bit of an object. Returns what it was before. */
export async function flipBit(
  store: Store,
  {
    name,
    offset,
    bit = 0,
  }: { readonly name: string; readonly offset: number; readonly bit?: number },
): Promise<Bytes> {
  const bytes = await store.get(name)
  const flipped = bytes.slice()
  flipped[offset] = (flipped[offset] as number) ^ (1 << bit)
  await replaceObject(store, { name, bytes: flipped })
  return bytes
}

/** The store on a disk that lists all objects and does not give out some: a bad sector under each. */
export function withBadSectors(store: Store, isBad: (name: string) => boolean): Store {
  return decorate(store, {
    get: (name, range) =>
      isBad(name)
        ? Promise.reject(new CairnError('store-unreadable', `Cannot read ${name}: a bad sector`))
        : store.get(name, range),
  })
}

/** What was asked for of each object: its name, and whether all of it. */
export interface Asked {
  readonly name: string
  readonly whole: boolean
}

/** Who reads a whole object asks for as much of its end as its kind may have. */
function isWhole(range: ByteRange): boolean {
  return 'last' in range && range.last > METADATA_BYTES_MAX
}

/** The store, with a record of what is fetched from it. */
export function withRecord(store: Store, asked: Asked[]): Store {
  return decorate(store, {
    get: (name, range) => {
      asked.push({ name, whole: range === undefined || isWhole(range) })
      return store.get(name, range)
    },
  })
}
