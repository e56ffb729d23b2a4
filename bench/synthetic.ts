// Large repositories that nobody has to upload: index segments, pack headers, snapshots and receipts are
// real, signed and sealed as always; between the prefix of a pack and its header there is a hole.

import { randomFillSync } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type Bytes, concat } from '../src/base/bytes.ts'
import { systemClock } from '../src/base/clock.ts'
import { encodePackHeader, type Frame, type PackHeader, type Session } from '../src/format/pack.ts'
import { encodePrefix, type PackKind } from '../src/format/prefix.ts'
import { createRepository } from '../src/repository/create.ts'
import { groupsOf, putSegment } from '../src/repository/index-write.ts'
import type { DescribedPack } from '../src/repository/pack-headers.ts'
import { openRepository, type Repository, selectDomain } from '../src/repository/repository.ts'
import { putReceipt, putSnapshot, sourceIdOf } from '../src/repository/snapshots.ts'
import { binding } from '../src/sealer/bind.ts'
import { systemRandom } from '../src/sealer/random.ts'
import { beginSession } from '../src/sealer/session.ts'
import { openCacheFolder, withCache } from '../src/store/cache.ts'
import { decorate } from '../src/store/decorate.ts'
import { openLocal } from '../src/store/local/local-store.ts'
import { contentName, digestInName } from '../src/store/names.ts'
import type { ObjectInfo, Store } from '../src/store/store.ts'

/** No one's secret: what it opens holds nothing. */
const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i)
const ID_BYTES = 32

export interface DataShape {
  readonly blobs: number
  readonly blobsPerFrame: number
  readonly framesPerPack: number
}

/** As chunks of large files lie: each is a frame of its own. */
export const LARGE_FILES = { blobsPerFrame: 1, framesPerPack: 33 }
/** As those of folders with files of all sizes: frames of 512 KiB. */
export const MIXED_FILES = { blobsPerFrame: 6, framesPerPack: 64 }

/** An empty repository in a folder. */
export async function newRepository(folder: string): Promise<Repository> {
  mkdirSync(folder, { recursive: true })
  const store = openLocal({ path: folder, clock: systemClock, create: true })
  await createRepository(store, {
    credential: { kind: 'secret', secret: SECRET },
    wrapping: { kind: 'secret', salt: SECRET },
    random: systemRandom,
    clock: systemClock,
  })
  return openSynthetic(store)
}

export function openSynthetic(store: Store): Promise<Repository> {
  return openRepository(store, { credential: { kind: 'secret', secret: SECRET } })
}

export function localStore(folder: string): Store {
  return openLocal({ path: folder, clock: systemClock })
}

const LISTING = 'listing.txt'

/** Puts the index of packs that are only listed: in a file beside the repository, see farStore. */
export async function fillIndex(folder: string, shape: DataShape): Promise<void> {
  const repository = await newRepository(join(folder, 'repository'))
  const lines: string[] = []
  let left = shape.blobs
  const domain = selectDomain(repository)
  while (left > 0) {
    const packs: DescribedPack[] = []
    const { session } = beginSession(domain.scope, domain.latest)
    for (let blobs = 0; blobs < Math.min(left, 65_536); ) {
      const pack = dataPack(shape, session)
      blobs += pack.columns.ids.length / ID_BYTES
      packs.push(pack)
      lines.push(`${contentName('packs', pack.indexed.hash)} ${pack.indexed.packBytes}`)
    }
    left -= packs.reduce((sum, { columns }) => sum + columns.ids.length / ID_BYTES, 0)
    await putSegment(repository, { domain, signatory: domain.signatory, packs, supersedes: [] })
  }
  writeFileSync(join(folder, LISTING), lines.map((line) => `${line}\n`).join(''))
}

/** A store as a far one is: its metadata is in the local cache, and packs are listed, not read. */
export function farStore(folder: string): Store {
  const far = decorate(localStore(join(folder, 'repository')), {
    list: async function* (prefix) {
      if (prefix === 'packs/') yield* listing(join(folder, LISTING))
      else yield* localStore(join(folder, 'repository')).list(prefix)
    },
  })
  const cache = openCacheFolder({ path: join(folder, 'cache', 'objects'), clock: systemClock })
  return withCache(far, { cache, bytesMax: 2 ** 32 })
}

/** Some at a time, as the pages of a store's answer come: the whole of it would count as our memory. */
function* listing(path: string): Generator<ObjectInfo> {
  const page = Buffer.alloc(PAGE_BYTES)
  const file = openSync(path, 'r')
  let kept = 0
  for (;;) {
    const end = kept + readSync(file, page, kept, PAGE_BYTES - kept, null)
    if (end === kept) break
    let at = 0
    for (let next = page.indexOf(10); next >= 0 && next < end; next = page.indexOf(10, at)) {
      yield {
        name: page.toString('latin1', at, at + NAME_CHARACTERS),
        size: Number(page.toString('latin1', at + NAME_CHARACTERS + 1, next)),
        storedAtMs: 0,
      }
      at = next + 1
    }
    kept = page.copy(page, 0, at, end)
  }
  closeSync(file)
}

const PAGE_BYTES = 64 * 1024
const NAME_CHARACTERS = 73

function dataPack({ blobsPerFrame, framesPerPack }: DataShape, session: Session): DescribedPack {
  return describe({
    kind: 'data-pack',
    session,
    frames: framesOf(framesPerPack, { blobs: blobsPerFrame, bytes: 480_000 }),
    ids: randomFillSync(new Uint8Array(ID_BYTES * blobsPerFrame * framesPerPack)),
    refCounts: new Uint32Array(0),
    refs: new Uint8Array(0),
  })
}

function framesOf(count: number, each: { blobs: number; bytes: number }): readonly Frame[] {
  return Array.from({ length: count }, (_, i) => ({
    session: 0,
    offset: 64 + i * each.bytes,
    storedBytes: each.bytes,
    rawBytes: 2 * each.bytes,
    blobCount: each.blobs,
  }))
}

type Described = DescribedPack & { readonly header: PackHeader }

function describe(
  pack: Omit<PackHeader, 'sessions'> & { readonly kind: PackKind; readonly session: Session },
): Described {
  const { kind, session, frames, ids, refCounts, refs } = pack
  const last = frames.at(-1) as Frame
  const header = { sessions: [session], frames, ids, refCounts, refs }
  const headerBytes = 48 + encodePackHeader(header, kind).length
  const indexed = {
    hash: randomFillSync(new Uint8Array(32)),
    kind,
    packBytes: last.offset + last.storedBytes + headerBytes + 4,
    headerBytes,
    frameCount: frames.length,
  }
  return { indexed, columns: header, header }
}

/** Puts a pack of which all but the frames is there. */
function putHollow(folder: string, repository: Repository, { indexed, header }: Described): void {
  const { kind, hash, packBytes } = indexed
  const domain = selectDomain(repository)
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind, domain: domain.id, epoch })
  const aad = binding({ repositoryId: repository.id, prefix, part: 'header' })
  const sealed = domain.headerSeal(epoch).seal(aad, encodePackHeader(header, kind))
  const trailer = new Uint8Array(Uint32Array.of(sealed.length).buffer)
  const path = join(folder, contentName('packs', hash))
  mkdirSync(dirname(path), { recursive: true })
  const fd = openSync(path, 'wx')
  ftruncateSync(fd, packBytes)
  writeSync(fd, prefix, 0, prefix.length, 0)
  const tail = concat([sealed, trailer])
  writeSync(fd, tail, 0, tail.length, packBytes - tail.length)
  closeSync(fd)
}

export interface SnapshotsShape {
  readonly snapshots: number
  /** In all of them together. */
  readonly dataBlobs: number
  readonly treeBlobs: number
  readonly refsPerTree: number
}

const TREES_PER_PACK = 512
const TREES_PER_FRAME = 64

/**
 * Puts snapshots that each bring their share of data and trees: of these every tree refers to data of its
 * run, to data of earlier ones and to a tree of before, and the root to all of the run. Of every
 * tenth run the snapshot is gone, so that there is something to prune.
 */
export async function fillSnapshots(folder: string, shape: SnapshotsShape): Promise<void> {
  const repository = await newRepository(folder)
  const domain = selectDomain(repository)
  const data: Bytes[] = []
  const trees: Bytes[] = []
  for (let run = 0; run < shape.snapshots; run++) {
    const { session } = beginSession(domain.scope, domain.latest)
    const packs: Described[] = []
    for (let blobs = 0; blobs < shape.dataBlobs / shape.snapshots; ) {
      const pack = dataPack({ blobs: 0, blobsPerFrame: 2, framesPerPack: 33 }, session) as Described
      blobs += pack.header.ids.length / ID_BYTES
      data.push(pack.header.ids)
      packs.push(pack)
    }
    const isKept = run % 10 !== 5
    const { treePacks, root } = treesOfRun(shape, { session, data, trees })
    for (const pack of [...packs, ...treePacks]) putHollow(folder, repository, pack)
    for (const group of groupsOf([...packs, ...treePacks]))
      await putSegment(repository, {
        domain,
        signatory: domain.signatory,
        packs: group,
        supersedes: [],
      })
    if (isKept) await putRoot(repository, { root, number: run })
    // What is in a forgotten snapshot alone, nothing later refers to.
    else {
      data.length -= packs.length
      trees.length -= Math.ceil(shape.treeBlobs / shape.snapshots)
    }
  }
}

function treesOfRun(
  shape: SnapshotsShape,
  made: { readonly session: Session; readonly data: readonly Bytes[]; readonly trees: Bytes[] },
): { readonly treePacks: readonly Described[]; readonly root: Bytes } {
  const count = Math.ceil(shape.treeBlobs / shape.snapshots)
  const ids = randomFillSync(new Uint8Array(ID_BYTES * count))
  const before = made.trees.length
  for (let i = 0; i < count; i++) made.trees.push(ids.subarray(ID_BYTES * i, ID_BYTES * (i + 1)))
  const own = made.trees.slice(before)
  const root = own.at(-1) as Bytes
  const treePacks: Described[] = []
  for (let first = 0; first < count; first += TREES_PER_PACK) {
    const some = own.slice(first, first + TREES_PER_PACK)
    const refs = some.map((id, i) =>
      id === root ? own.slice(0, -1) : refsOfTree(shape, { ...made, before, seed: first + i }),
    )
    const frames = Math.ceil(some.length / TREES_PER_FRAME)
    const lastFrame = some.length - TREES_PER_FRAME * (frames - 1)
    treePacks.push(
      describe({
        kind: 'tree-pack',
        session: made.session,
        frames: framesOf(frames, { blobs: TREES_PER_FRAME, bytes: 100_000 }).map((frame, i) =>
          i === frames - 1 ? { ...frame, blobCount: lastFrame } : frame,
        ),
        ids: concat(some),
        refCounts: Uint32Array.from(refs, (of) => of.length),
        refs: concat(refs.flat()),
      }),
    )
  }
  return { treePacks, root }
}

/** Mostly data of this run, in order; one of four of an earlier one; and a tree of the run before. */
function refsOfTree(
  { refsPerTree, snapshots, dataBlobs }: SnapshotsShape,
  {
    data,
    trees,
    before,
    seed,
  }: { data: readonly Bytes[]; trees: readonly Bytes[]; before: number; seed: number },
): readonly Bytes[] {
  const packsOfRun = Math.ceil(dataBlobs / snapshots / 66)
  const refs: Bytes[] = []
  for (let i = 0; i < refsPerTree - 1; i++) {
    const n = seed * refsPerTree + i
    const isOld = i % 4 === 3
    const pack = isOld
      ? (n * 7919) % data.length
      : data.length - 1 - (Math.floor(n / 66) % packsOfRun)
    const at = ID_BYTES * (n % 66)
    refs.push((data[pack] as Bytes).subarray(at, at + ID_BYTES))
  }
  if (before > 0) refs.push(trees[Math.max(0, before - 1 - (seed % 1000))] as Bytes)
  return refs
}

async function putRoot(
  repository: Repository,
  { root, number }: { readonly root: Bytes; readonly number: number },
): Promise<void> {
  const domain = selectDomain(repository)
  const sessionId = systemRandom(16)
  const summary = {
    ...SUMMARY,
    sourceId: sourceIdOf(domain, 'source'),
    roots: [root],
    sessionId,
    sequence: number + 1,
  }
  const details = {
    host: 'host',
    user: 'user',
    source: 'source',
    paths: [],
    tags: [],
    problems: [],
    root: undefined,
    original: undefined,
  }
  const snapshot = await putSnapshot(repository, { domain, summary, details })
  const hash = digestInName(snapshot) as Bytes
  await putReceipt(repository, { domain, receipt: { snapshot: hash, sessionId, confirmedMs: 1 } })
}

const SUMMARY = {
  predecessor: undefined,
  startedMs: 1,
  endedMs: 2,
  ending: 'complete' as const,
  files: 0,
  folders: 0,
  others: 0,
  unreadable: 0,
  sizeBytes: 0,
  addedBytes: 0,
  addedStoredBytes: 0,
  program: 'synthetic',
  replaces: undefined,
  copyOf: undefined,
}
