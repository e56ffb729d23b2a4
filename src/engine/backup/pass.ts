// One pass over the source: the machinery of a backup, set up, run and taken down. Readers cut and seal
// in their threads; the main thread walks, builds trees and finishes packs.

import { CairnError } from '../../base/errors.ts'
import { frameTableBytes } from '../../format/frame.ts'
import { sealedFrameBytesMax } from '../../packer/frame.ts'
import { FRAME_BUILDER_BYTES } from '../../packer/frame-builder.ts'
import { blobIdKey, type DomainAccess } from '../../repository/access.ts'
import { Claims, newClaimMemory } from '../../repository/claims.ts'
import type { Index } from '../../repository/index-load.ts'
import { Seal } from '../../sealer/seal.ts'
import { frameBinding, type SessionKeys } from '../../sealer/session.ts'
import { Walker, type WalkOptions } from '../../source/files/walk.ts'
import type { StoredPack } from '../lost-packs.ts'
import { FileCacheWriter } from './file-cache.ts'
import { folderHasher } from './folder-nodes.ts'
import { KnownBlobs } from './known-blobs.ts'
import { LastTime } from './last-time.ts'
import type { WorkerSetup } from './messages.ts'
import type { BackupOptions, StdinSource } from './options.ts'
import { PackStream } from './pack-stream.ts'
import { ReadPool } from './read-pool.ts'
import { newReadRate } from './read-rate.ts'
import type { Report } from './report.ts'
import { type Root, scan } from './scan.ts'
import { scanStdin } from './scan-stdin.ts'
import { TreeWriter } from './tree-writer.ts'

/**
 * What a backup asks of a pass over the source: store what is new, and say what the snapshot relies on. In
 * the model of the protocol another one stands for it, without threads.
 */
export interface BackupPass {
  /** Plaintext that was not in the repository, and what it takes there. */
  readonly addedBytes: number
  readonly addedStoredBytes: number
  readonly stored: readonly StoredPack[]
  readonly relied: readonly StoredPack[]
  scan(onCheckpoint: (partial: Root) => Promise<void>): Promise<Root>
  store(): Promise<void>
  keepWhatIsStored(): Promise<void>
  keepCache(): void
  end(): Promise<void>
}

export interface PassOptions extends BackupOptions {
  readonly index: Index
  readonly report: Report
  readonly cachePath: string
}

const PROGRESS_MS = 250

export class Pass implements BackupPass {
  readonly #options: PassOptions
  readonly #session: SessionKeys
  readonly #known: KnownBlobs
  readonly #packs: PackStream
  readonly #trees: TreeWriter
  readonly #pool: ReadPool
  readonly #nextTime: FileCacheWriter
  #cacheOpen = true
  #addedBytes = 0

  constructor(options: PassOptions) {
    this.#options = options
    const { domain, index, level } = options
    this.#session = domain.beginSession()
    this.#known = new KnownBlobs(index)
    const claimMemory = newClaimMemory()
    this.#packs = new PackStream({
      ...options,
      session: this.#session.session,
      frameBytesMax: frameBytesMax(options.repository.config.chunker),
      onFailure: (error) => this.#pool.fail(error),
    })
    this.#trees = new TreeWriter({
      domain,
      known: this.#known,
      claims: new Claims(claimMemory),
      frameSeal: { seal: new Seal(this.#session.frameKey), aad: this.#aad('tree-pack') },
      level,
      onFrame: (frame) => {
        this.#addedBytes += frame.rawBytes
        this.#packs.addTrees(frame)
      },
    })
    this.#pool = new ReadPool({
      setup: this.#workerSetup(claimMemory),
      workers: options.workers,
      segmentBytes: options.repository.config.chunker.segmentBytes,
      onFrame: (frame) => {
        this.#addedBytes += frame.rawBytes
        this.#packs.addData(frame)
      },
      onPackClosed: (pack) => this.#packs.dataPackClosed(pack),
    })
    this.#nextTime = new FileCacheWriter(options.cachePath, options.onWarning)
  }

  get addedBytes(): number {
    return this.#addedBytes
  }

  get addedStoredBytes(): number {
    return this.#packs.storedBytes
  }

  get stored(): readonly StoredPack[] {
    return this.#packs.stored
  }

  get relied(): readonly StoredPack[] {
    return this.#known.used()
  }

  /**
   * Reads the source to its end. Frames are on their way when this returns. Now and then `onCheckpoint`
   * is given what there is so far, with all of it stored.
   */
  async scan(onCheckpoint: (partial: Root) => Promise<void>): Promise<Root> {
    const { source, signal, onProgress, report } = this.#options
    const onAbort = () => this.#pool.fail(new CairnError('interrupted', 'Interrupted'))
    const timer = setInterval(() => {
      onProgress(report.countsWith(this.#pool.readingBytes))
      this.#packs.keepUp()
    }, PROGRESS_MS)
    signal.addEventListener('abort', onAbort)
    try {
      return source.kind === 'files'
        ? await this.#scanFiles(source.walk, onCheckpoint)
        : await this.#scanStdin(source)
    } finally {
      clearInterval(timer)
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #scanFiles(
    walk: WalkOptions,
    onCheckpoint: (partial: Root) => Promise<void>,
  ): Promise<Root> {
    const { domain, cachePath } = this.#options
    const walker = new Walker(walk)
    const lastTime = LastTime.open(cachePath)
    try {
      const root = await scan({
        ...this.#options,
        walker,
        pool: this.#pool,
        trees: this.#trees,
        folderHasher: folderHasher(domain.chunkerKey),
        known: this.#known,
        lastTime,
        nextTime: this.#nextTime,
        packs: this.#packs,
        onCheckpoint: async (partial) => {
          await this.store()
          await onCheckpoint(partial)
        },
      })
      return root ?? nothingFound()
    } finally {
      lastTime.close()
      walker.close()
    }
  }

  async #scanStdin(source: StdinSource): Promise<Root> {
    const { report, clock } = this.#options
    return scanStdin(source, { pool: this.#pool, trees: this.#trees, report, clock })
  }

  /** Seals and stores what is left, and names all of it in the index. */
  async store(): Promise<void> {
    this.#trees.flush()
    await this.#pool.flush()
    await this.#packs.flush()
    await this.#packs.commitIndex()
  }

  /** After an end before the end: what the store has acknowledged shall not be uploaded again. */
  async keepWhatIsStored(): Promise<void> {
    await this.#pool.stop()
    try {
      await this.#packs.keepWhatIsStored()
      this.#nextTime.keepPartial()
      this.#cacheOpen = false
    } catch (error) {
      this.#options.onWarning(error)
    }
  }

  /** What was found becomes what is known next time. Only when all of it is stored. */
  keepCache(): void {
    this.#nextTime.commit()
    this.#cacheOpen = false
  }

  async end(): Promise<void> {
    await this.#pool.stop()
    if (this.#cacheOpen) this.#nextTime.abandon()
  }

  #aad(kind: 'data-pack' | 'tree-pack'): Uint8Array {
    return frameBinding(this.#options.domain.scope, this.#session.session, kind)
  }

  #workerSetup(claims: SharedArrayBuffer): WorkerSetup {
    const { domain, repository, index, level, readBytesPerSecond } = this.#options
    return {
      ...keysForWorkers(domain),
      chunker: repository.config.chunker,
      frameKey: this.#session.frameKey,
      frameAad: this.#aad('data-pack'),
      level,
      image: index.image.handle,
      claims,
      usedPacks: this.#known.usedPacks,
      packMemory: this.#packs.dataMemory,
      readRate: newReadRate(readBytesPerSecond),
      reading: new SharedArrayBuffer(8),
    }
  }
}

function nothingFound(): never {
  throw new CairnError(
    'source-unreadable',
    'Nothing was backed up: none of the paths could be read',
    {
      hint: 'Check the paths that you gave and whether you may read them.',
    },
  )
}

/** The longest frame that a worker makes, sealed: of many small chunks, or of one long one. */
function frameBytesMax({ maxBytes }: { readonly maxBytes: number }): number {
  const plaintext = Math.max(FRAME_BUILDER_BYTES, frameTableBytes(1) + maxBytes)
  return sealedFrameBytesMax(plaintext)
}

function keysForWorkers(domain: DomainAccess): { chunkerKey: Uint8Array; dataIdKey: Uint8Array } {
  return { chunkerKey: domain.chunkerKey, dataIdKey: blobIdKey(domain.idKey, 'data') }
}
