// The repository of the model, and what actors do in it. Sources are lists of texts; each text is a blob of
// data, and a folder with a file for each is the tree. All else is production code.

import { crc32 } from 'node:zlib'
import { type Bytes, concat, utf8 } from '../../src/base/bytes.ts'
import type { Clock } from '../../src/base/clock.ts'
import { isCairnError } from '../../src/base/errors.ts'
import { sha256 } from '../../src/base/hash.ts'
import { KnownBlobs } from '../../src/engine/backup/known-blobs.ts'
import type { BackupOptions, BackupResult } from '../../src/engine/backup/options.ts'
import { PackUploads } from '../../src/engine/backup/pack-uploads.ts'
import type { BackupPass, PassOptions } from '../../src/engine/backup/pass.ts'
import type { Root } from '../../src/engine/backup/scan.ts'
import { backup } from '../../src/engine/backup.ts'
import { forget } from '../../src/engine/forget.ts'
import type { StoredPack } from '../../src/engine/lost-packs.ts'
import type { PruneLimits } from '../../src/engine/prune/plan.ts'
import { prune } from '../../src/engine/prune.ts'
import { undelete } from '../../src/engine/undelete.ts'
import { encode } from '../../src/format/codec.ts'
import { frameTableBytes, writeFrameTable } from '../../src/format/frame.ts'
import { type BlobId, type BlobType } from '../../src/format/ids.ts'
import type { DomainKeys } from '../../src/format/keys.ts'
import { ENCAPSULATION_BYTES, type Session } from '../../src/format/pack.ts'
import { treeNodeCodec } from '../../src/format/tree.ts'
import { sealFrame } from '../../src/packer/frame.ts'
import { PackWriter } from '../../src/packer/pack-writer.ts'
import { DomainAccess } from '../../src/repository/access.ts'
import { createRepository } from '../../src/repository/create.ts'
import { loadForgotten, UNDELETE_WINDOW_MS } from '../../src/repository/forgets.ts'
import { openRepository, type Repository } from '../../src/repository/repository.ts'
import type { Random } from '../../src/sealer/random.ts'
import { Seal } from '../../src/sealer/seal.ts'
import { frameBinding, type SessionKeys, sessionKeys } from '../../src/sealer/session.ts'
import { openMemory } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { entryOf } from '../repositories/entries.ts'
import type { SecretKey } from '../repositories/sample.ts'
import type { ActorParts, Program } from './actor.ts'

/** A domain whose encapsulations are reproducible, and opened without X-Wing: nobody attacks them here. */
class ModelDomain extends DomainAccess {
  readonly #random: Random

  constructor(keys: ConstructorParameters<typeof DomainAccess>, random: Random) {
    super(...keys)
    this.#random = random
  }

  override beginSession(): SessionKeys {
    const { epoch } = this.latest
    return this.sessionKeys({ epoch, encapsulation: this.#random(ENCAPSULATION_BYTES) })
  }

  override sessionKeys(session: Session): SessionKeys {
    return sessionKeys(this.scope, session, sha256(session.encapsulation))
  }
}

/** What was created once and is the same for every actor. */
export interface World {
  readonly store: Store
  /** Another store, for a copy: empty until something is synced to it. */
  readonly copy: Store
  /** Of the stores, while the beginning is made. */
  readonly clock: WorldClock
  readonly repository: Repository
  /** Domains beside the first. */
  readonly moreDomains: DomainKeys[]
}

/** A clock that is set by hand. */
export class WorldClock implements Clock {
  #nowMs: number

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  sleep(ms: number): Promise<void> {
    this.#nowMs += ms
    return Promise.resolve()
  }

  advance(ms: number): Promise<void> {
    return this.sleep(ms)
  }

  setMs(nowMs: number): void {
    this.#nowMs = nowMs
  }
}

export async function newWorld(nowMs: number): Promise<World> {
  const clock = new WorldClock(nowMs)
  const store = openMemory({ clock })
  // The same each time, so that names are, and with them the order in which things are taken.
  const random = seeded(98)
  const owner: SecretKey = {
    credential: { kind: 'secret', secret: random(32) },
    wrapping: { kind: 'secret', salt: random(32) },
  }
  await createRepository(store, { ...owner, random: seeded(99), clock })
  const copy = openMemory({ clock, address: 'memory:copy' })
  return { store, copy, clock, repository: await openRepository(store, owner), moreDomains: [] }
}

export function seeded(seed: number): Random {
  let counter = 0
  return (count) => {
    const parts: Bytes[] = []
    for (let length = 0; length < count; length += 32)
      parts.push(sha256(utf8(`${seed}:${counter++}`)))
    return concat(parts).slice(0, count)
  }
}

/** The repository as an actor sees it: its own store, its own randomness. */
export function repositoryOf(
  { repository, moreDomains }: World,
  { store, random }: Pick<ActorParts, 'store' | 'random'>,
): Repository {
  const keys = [...(repository.ownership?.keyring.domains ?? []), ...moreDomains]
  const place = { repositoryId: repository.id, role: repository.role }
  const domains = keys.map((one) => new ModelDomain([one, place], random))
  return { ...repository, store, domains, segmentDomains: new Map() }
}

/** The same for who holds no key that opens what is stored: nothing is left to worker threads then. */
export function closedRepositoryOf({ repository, moreDomains }: World, store: Store): Repository {
  const keys = [...(repository.ownership?.keyring.domains ?? []), ...moreDomains]
  const place = { repositoryId: repository.id, role: repository.role }
  const domains = keys.map((one) => {
    const epochs = one.epochs.map((epoch) => ({ ...epoch, sealSeed: undefined }))
    return new DomainAccess({ ...one, epochs }, place)
  })
  return { ...repository, store, domains, segmentDomains: new Map() }
}

/** A pass over texts, without threads. */
class InlinePass implements BackupPass {
  readonly #options: PassOptions
  readonly #texts: readonly string[]
  readonly #known: KnownBlobs
  readonly #uploads: PackUploads
  readonly #session: SessionKeys
  #addedBytes = 0

  constructor(options: PassOptions, texts: readonly string[]) {
    this.#options = options
    this.#texts = texts
    this.#known = new KnownBlobs(options.index)
    this.#uploads = new PackUploads({ ...options, onFailure: () => undefined })
    this.#session = options.domain.beginSession()
  }

  get addedBytes(): number {
    return this.#addedBytes
  }

  get addedStoredBytes(): number {
    return this.#uploads.stored.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get stored(): readonly StoredPack[] {
    return this.#uploads.stored
  }

  get relied(): readonly StoredPack[] {
    return this.#known.used()
  }

  async scan(): Promise<Root> {
    const blobs = this.#texts.map((text) => utf8(text))
    const ids = this.#put('data', blobs, () => [])
    await this.#uploads.allEnded()
    const entries = blobs.map((blob, i) =>
      entryOf(`file-${i}`, {
        type: 'file',
        size: blob.length,
        crc32: crc32(blob),
        pieces: [{ id: ids[i] as BlobId, length: blob.length }],
      }),
    )
    const tree = encode(treeNodeCodec, { level: 0, kind: 'entries', entries } as never)
    const [root] = this.#put('tree', [tree], () => [...new Set(ids)])
    await this.#uploads.allEnded()
    return { tree: root as BlobId, entry: undefined }
  }

  async store(): Promise<void> {
    await this.#uploads.succeeded()
    await this.#uploads.commitIndex()
  }

  async keepWhatIsStored(): Promise<void> {
    await this.#uploads.nameStored()
  }

  keepCache(): void {
    // There is none.
  }

  async end(): Promise<void> {
    // No threads.
  }

  /** One pack with the blobs that are not in the repository yet. Returns the ids of all. */
  #put(
    type: BlobType,
    blobs: readonly Bytes[],
    refsOf: (blob: Bytes) => readonly BlobId[],
  ): readonly BlobId[] {
    const { domain } = this.#options
    const ids = blobs.map((blob) => domain.idOf(type, blob))
    const unknown = blobs.filter((_, i) => !this.#known.has(ids[i] as BlobId))
    if (unknown.length === 0) return ids
    const table = new Uint8Array(frameTableBytes(unknown.length))
    writeFrameTable(table, { offset: 0, lengths: unknown.map(({ length }) => length) })
    const plaintext = concat([table, ...unknown])
    this.#addedBytes += plaintext.length
    const kind = `${type}-pack` as const
    const { session, frameKey } = this.#session
    const aad = frameBinding(domain.scope, session, kind)
    const sealed = sealFrame(plaintext, { seal: new Seal(frameKey), aad, level: 1 })
    const { epoch } = domain.latest
    const memory = new Uint8Array(sealed.length + 64)
    const headerSeal = domain.headerSeal(epoch)
    const writer = new PackWriter(session, { kind, ...domain.scope, epoch, headerSeal, memory })
    const refs = unknown.map(refsOf)
    writer.add({
      sealed,
      rawBytes: plaintext.length,
      ids: concat(unknown.map((blob) => domain.idOf(type, blob))),
      refCounts: type === 'tree' ? refs.map(({ length }) => length) : [],
      refs: concat(refs.flat()),
    })
    this.#uploads.store(writer.finish(), () => undefined)
    return ids
  }
}

/** A writer of these texts. Reports its snapshot. */
export function writer(
  world: World,
  options: { readonly source: string; readonly texts: readonly string[] },
): Program {
  return async (parts) => {
    const result = await backupTexts(world, { ...options, parts })
    return result.snapshot === undefined ? [] : [result.snapshot]
  }
}

export function backupTexts(
  world: World,
  {
    parts,
    source,
    texts,
    domain: number = 0,
  }: {
    readonly parts: ActorParts
    readonly source: string
    readonly texts: readonly string[]
    /** Which of the domains of the world. */
    readonly domain?: number
  },
): Promise<BackupResult> {
  const repository = repositoryOf(world, parts)
  const domain = repository.domains[number] as DomainAccess
  const options: BackupOptions = {
    ...PLAIN,
    ...parts,
    repository,
    domain,
    source: { kind: 'files', walk: { roots: [utf8('/')] } },
    sourceName: source,
    catalog: NO_CATALOG,
  }
  return backup(options, (given) => new InlinePass(given, texts))
}

const PLAIN = {
  host: 'host',
  user: 'user',
  tags: [],
  program: 'model',
  workers: 1,
  uploadBytesMax: 1,
  level: 1,
  readBytesPerSecond: 0,
  ignoreCtime: false,
  ignoreInode: false,
  skipIfUnchanged: false,
  dryRun: false,
  cacheFolder: '/nonexistent',
  signal: new AbortController().signal,
  checkpointMs: 3_600_000,
  onProgress: nothing,
  onWarning: nothing,
  onProblem: nothing,
  onSkipped: nothing,
} as const

function nothing(): void {
  // Nobody watches.
}

export const HOUR_MS = 3_600_000

export const LIMITS: PruneLimits = {
  graceMs: 24 * HOUR_MS,
  windowMs: UNDELETE_WINDOW_MS,
  moveBytesMax: Number.POSITIVE_INFINITY,
  unusedMax: 0,
}

/** Prunes, and again each time the grace has passed, so many times in all. */
export function pruner(world: World, { runs = 2, limits = LIMITS } = {}): readonly Program[] {
  return Array.from({ length: runs }, (_, run) => async (parts: ActorParts) => {
    if (run > 0) await parts.clock.sleep(limits.graceMs + 1)
    await prune({
      ...parts,
      repository: repositoryOf(world, parts),
      limits,
      host: 'host',
      dryRun: false,
      signal: PLAIN.signal,
      onPlan: nothing,
      onWarning: nothing,
    })
    return undefined
  })
}

/** Removes the snapshots of the beginning, then their receipts: as forgetting does, when the window is over. */
export function remover(world: World): Program {
  return async ({ store }) => {
    for (const folder of ['snapshots/', 'receipts/'])
      for await (const { name } of world.store.list(folder)) await store.remove(name)
    return undefined
  }
}

const NO_CATALOG = { read: () => undefined, write: nothing }

/** Forgets snapshots of the beginning, all or the one with this number, as `cairn forget ID` does. */
export function forgetter(world: World, { only = -1, minimum = 0 } = {}): Program {
  return async (parts) => {
    const repository = repositoryOf(world, parts)
    const all: string[] = []
    for await (const { name } of world.store.list('snapshots/')) all.push(name)
    const ids = only < 0 ? all : all.slice(only, only + 1)
    await forget({
      ...parts,
      repository,
      forgetting: {
        kind: 'ids',
        select: ({ snapshots }) => snapshots.filter(({ name }) => ids.includes(name)),
        minimum,
      },
      dryRun: false,
      host: 'host',
      catalog: NO_CATALOG,
      onProblem: nothing,
      onPlan: nothing,
      onForgotten: nothing,
      onWarning: nothing,
    })
    return undefined
  }
}

/** Brings back what was forgotten at the beginning. Reports them. */
export function undeleter(world: World): Program {
  return async (parts) => {
    const repository = repositoryOf(world, parts)
    const { forgotten } = await loadForgotten(repositoryOf(world, { ...parts, store: world.store }))
    const wanted = forgotten.map(({ id }) => id)
    const options = { ...parts, repository, host: 'host', wanted, onWarning: nothing }
    try {
      return (await undelete(options)).done.map(({ name }) => name)
    } catch (error) {
      // Nothing is forgotten yet, or it is too late.
      if (isCairnError(error, 'not-found', 'usage')) return undefined
      throw error
    }
  }
}
