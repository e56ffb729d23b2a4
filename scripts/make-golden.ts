// Makes the golden repositories of test/golden/ anew: `sudo node scripts/make-golden.ts`, or only some, by
// their names: `sudo node scripts/make-golden.ts grown junk`. Only for a change of the format, which is
// possible until Cairn 1.0 (test/golden/golden.test.ts has the rule).
//
// Clock and randomness are fixed. What comes out differs each time all the same: encapsulations take the
// system's randomness, and the entries of the folders above the source are those of this machine. The
// source is made on a disk, by root, because only so devices and foreign owners are real.

import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type Bytes, concat, equalBytes, toHex, utf8 } from '../src/base/bytes.ts'
import type { Clock } from '../src/base/clock.ts'
import { sha256 } from '../src/base/hash.ts'
import type { BackupOptions, BackupResult } from '../src/engine/backup/options.ts'
import { backup } from '../src/engine/backup.ts'
import { changeTags } from '../src/engine/tag.ts'
import type { Wrapping } from '../src/format/keys.ts'
import { encodePrefix } from '../src/format/prefix.ts'
import { createRepository } from '../src/repository/create.ts'
import { addGrant, type NewRole } from '../src/repository/grants-add.ts'
import { removeGrant } from '../src/repository/grants-remove.ts'
import { HeldLease } from '../src/repository/lease.ts'
import { putOrigin } from '../src/repository/origins.ts'
import { quarantine } from '../src/repository/quarantine.ts'
import { openRepository, type Repository, selectDomain } from '../src/repository/repository.ts'
import { loadSnapshots, sourceIdOf } from '../src/repository/snapshots.ts'
import {
  putUpkeepRecord,
  type UpkeepKind,
  type UpkeepRecords,
} from '../src/repository/upkeep-records.ts'
import type { Credential } from '../src/sealer/passphrase.ts'
import type { Random } from '../src/sealer/random.ts'
import { decorate } from '../src/store/decorate.ts'
import { openLocal } from '../src/store/local/local-store.ts'
import { CONTENT_FOLDERS, contentName, digestInName } from '../src/store/names.ts'
import { seededRandom } from '../src/store/seeded-random.ts'
import type { Store } from '../src/store/store.ts'
import { describeRepository } from '../test/golden/describe.ts'
import { COSTS, CREDENTIALS, type RepositoryName } from '../test/golden/keys.ts'
import { listDisk } from '../test/golden/listing.ts'
import {
  CHUNKER,
  FIRST_TREE,
  GROWN_TREE,
  GROWN_TREE_LATER,
  SMALL_TREE,
} from '../test/golden/trees.ts'
import { NO_CATALOG } from '../test/repositories/no-catalog.ts'
import { namesOf } from '../test/repositories/sample.ts'
import { putMark } from '../test/substitution/world.ts'
import { buildTree } from '../test/trees/build-tree.ts'
import type { NastyFolder } from '../test/trees/nasty-tree.ts'

const GOLDEN = join(import.meta.dirname, '../test/golden')
/** The same each time: paths are part of what is saved. */
const SCRATCH = '/tmp/cairn-golden'
const SOURCE = join(SCRATCH, 'source')

/** Begins at the end of 2025. Each look at it takes a second; the monotonic one takes what is given. */
class GoldenClock implements Clock {
  readonly #stepMs: number
  #nowMs = Date.UTC(2025, 11, 31)
  #monotonicMs = 0

  constructor(stepMs = 1) {
    this.#stepMs = stepMs
  }

  nowMs(): number {
    this.#nowMs += 1000
    return this.#nowMs
  }

  monotonicMs(): number {
    this.#monotonicMs += this.#stepMs
    return this.#monotonicMs
  }

  sleep(): Promise<void> {
    return Promise.resolve()
  }
}

/** A repository while it is made. */
interface Making {
  readonly name: RepositoryName
  readonly store: Store
  readonly random: Random
  readonly clock: Clock
}

function begin(name: RepositoryName, seed: number, clock = new GoldenClock()): Making {
  const path = join(GOLDEN, name)
  rmSync(path, { recursive: true, force: true })
  const next = seededRandom(seed)
  const random: Random = (count) => Uint8Array.from({ length: count }, () => next() * 256)
  return { name, store: openLocal({ path, clock, create: true }), random, clock }
}

/** SHA-256 names of what is there no more. */
const PACK_GONE = sha256(utf8('pack'))
const SNAPSHOT_GONE = sha256(utf8('snapshot'))

function secretWrapping({ random }: Making): Wrapping {
  return { kind: 'secret', salt: random(32) }
}

function give(
  making: Making,
  repository: Repository,
  given: NewRole & { readonly label: string; readonly credential: Credential },
): Promise<string> {
  const { random, clock } = making
  return addGrant(repository, { ...given, wrapping: secretWrapping(making), random, clock })
}

function makeSource(tree: NastyFolder): void {
  rmSync(SOURCE, { recursive: true, force: true })
  const { leftOut } = buildTree(tree, SOURCE)
  if (leftOut.length > 0) throw new Error(`This machine cannot make: ${leftOut.join('; ')}`)
}

type Saved = Partial<BackupOptions> & { readonly repository: Repository }

function save({ random, clock }: Making, options: Saved): Promise<BackupResult> {
  const { repository } = options
  return backup({
    domain: selectDomain(repository),
    source: { kind: 'files', walk: { roots: [utf8(SOURCE)] } },
    sourceName: SOURCE,
    catalog: NO_CATALOG,
    host: 'golden',
    user: 'root',
    tags: [],
    program: 'cairn golden',
    workers: 1,
    uploadBytesMax: 64 << 20,
    level: 3,
    readBytesPerSecond: 0,
    ignoreCtime: false,
    ignoreInode: false,
    skipIfUnchanged: false,
    dryRun: false,
    cacheFolder: join(SCRATCH, 'cache'),
    clock,
    random,
    signal: new AbortController().signal,
    checkpointMs: 3_600_000,
    onProgress: () => undefined,
    onWarning: (error) => console.error(error),
    onProblem: () => undefined,
    onSkipped: () => undefined,
    ...options,
  })
}

/** One snapshot of a tree with everything in it; a passphrase and a key file open it. */
async function makeFirst(): Promise<void> {
  const making = begin('first', 1)
  const { store, random, clock } = making
  makeSource(FIRST_TREE)
  await createRepository(store, {
    credential: CREDENTIALS.passphrase,
    wrapping: { kind: 'passphrase', salt: random(32), ...COSTS },
    random,
    clock,
    chunker: CHUNKER,
  })
  const repository = await openRepository(store, { credential: CREDENTIALS.passphrase })
  const { owner: credential } = CREDENTIALS
  await give(making, repository, { role: 'owner', label: 'key file', credential })
  await save(making, { repository, tags: ['first', 'of every kind'] })
  await finish(making, { listing: listDisk(SOURCE) })
}

/** All that happens to a repository that is in use. */
async function makeGrown(): Promise<void> {
  // Time flies: there is a checkpoint, and index segments are merged.
  const making = begin('grown', 2, new GoldenClock(200_000))
  const { store } = making
  await create(making)
  const guest = await giveAll(making)
  makeSource(GROWN_TREE)
  await save(making, { repository: await owned(store), checkpointMs: 1 })
  await saveAsOthers(making)
  makeSource(GROWN_TREE_LATER)
  const roots = [utf8(SOURCE), utf8(join(SCRATCH, 'missing'))]
  await save(making, {
    repository: await owned(store),
    source: { kind: 'files', walk: { roots } },
    tags: ['later'],
  })
  await saveStream(making)
  await tagFirst(making)
  await putUpkeeps(making)
  await takeOutOfTheWay(making)
  await tellOrigin(making)
  await leaveLease(making)
  writeFileSync(join(GOLDEN, 'removed-grant'), await store.get(guest))
  await removeGrant(await owned(store), guest)
  await finish(making, { listing: listDisk(SOURCE) })
}

function owned(store: Store): Promise<Repository> {
  return openRepository(store, { credential: CREDENTIALS.owner })
}

async function create(making: Making): Promise<void> {
  const { store, random, clock } = making
  const wrapping = secretWrapping(making)
  const credential = CREDENTIALS.owner
  await createRepository(store, { credential, wrapping, random, clock, chunker: CHUNKER })
}

/** A grant of each role. Returns the name of the guest's. */
async function giveAll(making: Making): Promise<string> {
  const { store } = making
  const { writer, reader, upkeep, guest } = CREDENTIALS
  await give(making, await owned(store), { role: 'writer', label: 'laptop', credential: writer })
  await give(making, await owned(store), { role: 'reader', label: 'reader', credential: reader })
  await give(making, await owned(store), { role: 'upkeep', label: 'upkeep', credential: upkeep })
  return give(making, await owned(store), {
    role: 'writer',
    label: 'guest',
    credential: guest,
    domain: 'default',
    sources: ['guest'],
    hosts: ['elsewhere'],
  })
}

async function saveAsOthers(making: Making): Promise<void> {
  const walk = { roots: [utf8(join(SOURCE, 'stays'))] }
  const source = { kind: 'files', walk } as const
  const laptop = await openRepository(making.store, { credential: CREDENTIALS.writer })
  await save(making, { repository: laptop, source, host: 'laptop', sourceName: 'laptop' })
  const guest = await openRepository(making.store, { credential: CREDENTIALS.guest })
  await save(making, { repository: guest, source, host: 'elsewhere', sourceName: 'guest' })
}

async function saveStream(making: Making): Promise<void> {
  const fd = openSync(join(SOURCE, 'stays/b'), 'r')
  const source = { kind: 'stdin', fd, name: utf8('dump.sql') } as const
  await save(making, { repository: await owned(making.store), source, sourceName: 'dump' })
}

/** The first whole snapshot of the source gets tags, and is replaced by that. */
async function tagFirst({ store, clock, random }: Making): Promise<void> {
  const repository = await owned(store)
  const { snapshots } = await loadSnapshots(repository)
  const snapshot = snapshots.find(({ summary }) => summary.ending === 'complete')
  if (snapshot === undefined) throw new Error('there is no whole snapshot')
  await changeTags({ repository, snapshot, change: { add: ['kept', 'weekly'] }, clock, random })
}

/** What only upkeep puts: by a key of upkeep, and what forgets and takes back by the owner. */
async function putUpkeeps(making: Making): Promise<void> {
  const { store, clock } = making
  const upkeep = await openRepository(store, { credential: CREDENTIALS.upkeep })
  await putMark(upkeep, {
    domain: 'default',
    mark: { packs: [PACK_GONE], snapshots: [SNAPSHOT_GONE], markedMs: 1 },
  })
  await forget(making)
  const domain = selectDomain(upkeep, 'default')
  const kept = (await loadSnapshots(upkeep)).snapshots.filter((one) => one.domain === domain)
  const snapshots = kept.map(({ name }) => digestInName(name) as Bytes)
  await putUpkeepRecord(upkeep, {
    kind: 'sighting',
    domain,
    record: {
      snapshots: snapshots.map((snapshot) => ({ snapshot, receivedMs: clock.nowMs() })),
      moved: [{ pack: PACK_GONE, receivedMs: [clock.nowMs(), clock.nowMs()] }],
    },
  })
  const hold = { snapshots: snapshots.slice(-1), releases: [], reason: 'Until it is proven' }
  const held = await putUpkeepRecord(upkeep, {
    kind: 'hold',
    domain,
    record: { ...hold, heldMs: clock.nowMs() },
  })
  const release = { snapshots: [], releases: [digestInName(held) as Bytes], reason: 'It is proven' }
  await putAsOwner(making, { kind: 'hold', record: { ...release, heldMs: clock.nowMs() } })
  await putUpkeepRecord(upkeep, {
    kind: 'renewal',
    domain,
    record: { packs: [PACK_GONE], renewedMs: clock.nowMs() },
  })
  const ids = [sha256(utf8('blob'))]
  await putAsOwner(making, { kind: 'loss', record: { ids, foundMs: clock.nowMs() } })
}

/** The newest snapshot of the source `dump` is removed, and can be had back; another cannot any more. */
async function forget(making: Making): Promise<void> {
  const { store, clock, random } = making
  const before = new Set(await namesOf(store, 'receipts/'))
  await saveStream(making)
  const receipt = (await namesOf(store, 'receipts/')).find((name) => !before.has(name))
  const { snapshots } = await loadSnapshots(await owned(store))
  const snapshot = snapshots.findLast(({ domain, summary }) => {
    return equalBytes(summary.sourceId, sourceIdOf(domain, 'dump'))
  })
  if (snapshot === undefined || receipt === undefined) throw new Error('nothing was saved')
  const object = await store.get(snapshot.name)
  await store.remove(snapshot.name)
  await store.remove(receipt)
  const { sourceId, sequence } = snapshot.summary
  const forgotten = {
    snapshot: sha256(object),
    sourceId,
    sequence,
    isConfirmed: true,
    predecessor: SNAPSHOT_GONE,
    object,
  }
  const older = {
    ...forgotten,
    snapshot: SNAPSHOT_GONE,
    sequence: 7,
    isConfirmed: false,
    predecessor: undefined,
  }
  const nowhere = { ...older, sourceId: random(16), object: undefined }
  const record = { snapshots: [forgotten, nowhere], forgottenMs: clock.nowMs() }
  await putAsOwner(making, { kind: 'forget', record })
  // As if it had been a copy by then.
  const elsewhere = { ...nowhere, snapshot: random(32) }
  const ofCopy = { snapshots: [elsewhere], forgottenMs: clock.nowMs(), isOfCopy: true } as const
  await putAsOwner(making, { kind: 'forget', record: ofCopy })
}

async function putAsOwner<K extends UpkeepKind>(
  { store }: Making,
  { kind, record }: { readonly kind: K; readonly record: UpkeepRecords[K] },
): Promise<void> {
  const repository = await owned(store)
  const domain = selectDomain(repository, 'default')
  await putUpkeepRecord(repository, { kind, domain, record })
}

/** A receipt that was damaged: what was found begins as it should, or not at all. */
async function takeOutOfTheWay({ store }: Making): Promise<void> {
  const repository = await owned(store)
  const { id } = selectDomain(repository, 'default')
  const begun = concat([encodePrefix({ kind: 'receipt', domain: id, epoch: 1 }), utf8('cut off')])
  await quarantine(repository, { name: contentName('receipts', PACK_GONE), bytes: begun })
  const spoilt = { name: contentName('receipts', SNAPSHOT_GONE), bytes: utf8('spoilt') }
  await quarantine(repository, spoilt)
}

/** As if it were a copy, of a repository that has the same packs and one more. */
async function tellOrigin({ store, clock }: Making): Promise<void> {
  const packs = [{ name: contentName('packs', PACK_GONE), size: 1, storedAtMs: 1 }]
  for await (const info of store.list('packs/')) packs.push(info)
  await putOrigin(store, { packs, isOfCopy: true, nowMs: clock.nowMs() })
}

/** Of a session that was killed. */
async function leaveLease({ store, clock, random }: Making): Promise<void> {
  const opened = await openRepository(store, { credential: CREDENTIALS.writer })
  const lease = await HeldLease.take({
    repository: { ...opened, store: decorate(store, { remove: () => Promise.resolve() }) },
    domain: selectDomain(opened),
    sessionId: random(16),
    purpose: 'backup',
    host: 'laptop',
    clock,
    onProblem: (error) => console.error(error),
  })
  await lease.release()
}

/** A small repository with whatever else may lie in its folders. */
async function makeJunk(): Promise<void> {
  const making = begin('junk', 3)
  makeSource(SMALL_TREE)
  await create(making)
  await save(making, { repository: await owned(making.store) })
  await finish(making, { listing: listDisk(SOURCE) })
  addJunk(making)
}

const SESSION = '0'.repeat(32)
/** Folders whose objects are named by their SHA-256. */
const HASHED = ['keys', ...CONTENT_FOLDERS.filter((folder) => folder !== 'packs')]
const FOLDERS = [
  '.',
  'config',
  'leases',
  `leases/${SESSION}`,
  'packs',
  'packs/00',
  'tmp',
  ...HASHED,
]

/** What may lie in a folder without being of the repository: it must not be in anybody's way. */
function addJunk({ name, random }: Making): void {
  const folder = join(GOLDEN, name)
  addNames(folder, random)
  const objects = [
    new Uint8Array(0),
    random(20),
    random(200),
    concat([encodePrefix({ kind: 'receipt', domain: random(16), epoch: 1 }), random(100)]),
  ]
  objects.forEach((object, i) => {
    const hash = toHex(sha256(object))
    for (const place of [...HASHED, `packs/${hash.slice(0, 2)}`])
      putFile(join(folder, place, hash), object)
    putFile(join(folder, 'config', `0000001${i}`), object)
    putFile(join(folder, 'leases', SESSION, `${i}`), object)
  })
}

/** Names that no object has, and what is no file under names that objects have. */
function addNames(folder: string, random: Random): void {
  const digits = '0'.repeat(64)
  for (const place of FOLDERS) {
    for (const name of ['README.txt', '.hidden', `${digits}.part`, 'F'.repeat(64), digits.slice(1)])
      putFile(join(folder, place, name), random(20))
  }
  for (const name of ['config/1', 'config/0000000x', 'keys/keyring-1', `packs/${digits}`])
    putFile(join(folder, name), random(20))
  for (const name of ['config/00000009', `keys/${digits}`, `snapshots/${digits}`])
    putFile(join(folder, name, 'file'), random(20))
  putFile(join(folder, 'packs/00', digits, 'file'), random(20))
  symlinkSync('../config/00000001', join(folder, 'receipts', digits))
  symlinkSync('../config/00000001', join(folder, 'index', digits))
}

function putFile(path: string, bytes: Bytes): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
}

/** Writes down what there is, after comparing it with the disk. */
async function finish(
  { name, store }: Making,
  { listing }: { readonly listing: string },
): Promise<void> {
  const credential = name === 'first' ? CREDENTIALS.passphrase : CREDENTIALS.owner
  const text = await describeRepository(await openRepository(store, { credential }))
  if (!text.includes(listing)) throw new Error(`${name}: the snapshot is not what is on the disk`)
  writeFileSync(join(GOLDEN, `${name}.txt`), text)
  rmSync(join(GOLDEN, name, 'tmp'), { recursive: true, force: true })
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  const sizes = files.map((one) =>
    one.isFile() ? statSync(join(one.parentPath, one.name)).size : 0,
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

if (process.getuid?.() !== 0) throw new Error('Only root can make devices and foreign owners')
if (existsSync(SCRATCH)) throw new Error(`${SCRATCH} is in the way`)
const asked = process.argv.slice(2)
const names = (['first', 'grown', 'junk'] as const).filter((name) => {
  return asked.length === 0 || asked.includes(name)
})
const make = { first: makeFirst, grown: makeGrown, junk: makeJunk }
mkdirSync(SCRATCH)
try {
  for (const name of names) await make[name]()
} finally {
  rmSync(SCRATCH, { recursive: true, force: true })
}
for (const name of names)
  console.log(name, sizeOf(join(GOLDEN, name)), statSync(join(GOLDEN, `${name}.txt`)).size)
