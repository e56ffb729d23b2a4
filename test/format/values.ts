// Arbitrary values of every stored type, for tests of the format.

import fc from 'fast-check'
import type { Bytes } from '../../src/base/bytes.ts'
import type { Wide } from '../../src/format/cbor.ts'
import type { Config } from '../../src/format/config.ts'
import { BLOB_ID_BYTES, type BlobId, blobId } from '../../src/format/ids.ts'
import type { DomainKeys, Grant, GrantHead, Keyring } from '../../src/format/keys.ts'
import { TIME_MS_MAX } from '../../src/format/limits.ts'
import type { MarkedNames, MarkWord } from '../../src/format/mark.ts'
import type { Origin } from '../../src/format/origin.ts'
import { KIND, type ObjectKind, type Prefix } from '../../src/format/prefix.ts'
import type { Quarantined } from '../../src/format/quarantined.ts'
import type { Lease, Receipt } from '../../src/format/records.ts'
import type { Certificate } from '../../src/format/signing.ts'
import type { Details, Summary } from '../../src/format/snapshot.ts'
import {
  ENTRY_TYPES,
  type Entry,
  type EntryType,
  type Extent,
  type Piece,
  type TreeNode,
} from '../../src/format/tree.ts'
import type {
  ForgetRecord,
  Hold,
  Loss,
  Renewal,
  Sighting,
} from '../../src/format/upkeep-records.ts'
import { original } from './original-values.ts'

/** Long ones repeat: drawing each byte would take most of the time. */
export function bytesOf(length: number): fc.Arbitrary<Bytes> {
  const drawn = Math.min(length, DRAWN_BYTES_MAX)
  return fc
    .uint8Array({ minLength: drawn, maxLength: drawn })
    .map((bytes) => Uint8Array.from({ length }, (_, i) => bytes[i % drawn] as number))
}

const DRAWN_BYTES_MAX = 8

function bytesUpTo(maxLength: number): fc.Arbitrary<Bytes> {
  return fc.uint8Array({ maxLength })
}

/** What a system call can take. */
function withoutNul(maxLength: number): fc.Arbitrary<Bytes> {
  const some = fc.uint8Array({ minLength: 1, maxLength })
  return some.map((bytes) => bytes.map((byte) => byte || 1))
}

function maybe<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined })
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 })
export const hash = bytesOf(32)
const count = fc.nat(Number.MAX_SAFE_INTEGER)
const time = fc.nat(TIME_MS_MAX)
export const u32 = fc.nat(0xffffffff)

/** As a decoder gives it back: a number where that is exact. */
function wide(value: bigint): Wide {
  const isExact =
    value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= -BigInt(Number.MAX_SAFE_INTEGER)
  return isExact ? Number(value) : value
}

const wideUint = fc
  .oneof(fc.nat(300).map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
  .map(wide)
const wideInt = fc
  .oneof(fc.integer().map(BigInt), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
  .map(wide)

const blob: fc.Arbitrary<BlobId> = bytesOf(BLOB_ID_BYTES).map(blobId)

const revocation = fc.record({
  certificateId: bytesOf(16),
  accepted: fc.array(hash, { maxLength: 3 }),
})

export const config: fc.Arbitrary<Config> = fc.record({
  repositoryId: hash,
  generation: fc.nat(99_999_999),
  createdMs: time,
  ownerVerifyKey: hash,
  chunker: fc.record({
    minBytes: fc.nat(1 << 24),
    avgBytes: fc.nat(1 << 24),
    maxBytes: fc.nat(1 << 24),
    segmentBytes: count,
  }),
  domains: fc.array(
    fc.record({
      id: bytesOf(16),
      epochs: fc.array(fc.record({ epoch: u32, sealPublicKey: bytesOf(1216) }), { maxLength: 2 }),
    }),
    { maxLength: 2 },
  ),
  revocations: fc.array(revocation, { maxLength: 2 }),
})

export const domainKeys: fc.Arbitrary<DomainKeys> = fc.record({
  id: bytesOf(16),
  label: text,
  idKey: maybe(hash),
  chunkerKey: maybe(hash),
  epochs: fc.array(
    fc.record({ epoch: u32, headerKey: hash, sealPublicKey: bytesOf(1216), sealSeed: maybe(hash) }),
    { maxLength: 2 },
  ),
  signingSeed: maybe(hash),
  certificate: maybe(bytesUpTo(100)),
})

const role = fc.constantFrom(
  'owner' as const,
  'writer' as const,
  'reader' as const,
  'upkeep' as const,
)

export const grant: fc.Arbitrary<Grant> = fc.record({
  repositoryId: hash,
  ownerVerifyKey: hash,
  role,
  label: text,
  createdMs: time,
  ownerSecret: maybe(hash),
  domains: fc.array(domainKeys, { maxLength: 2 }),
})

export const keyring: fc.Arbitrary<Keyring> = fc.record({
  generation: fc.nat(99_999_999),
  domains: fc.array(domainKeys, { maxLength: 2 }),
  issued: fc.array(
    fc.record({
      name: fc.string({ maxLength: 80 }),
      role,
      label: text,
      createdMs: time,
      domains: fc.array(bytesOf(16), { maxLength: 2 }),
      certificateId: maybe(bytesOf(16)),
    }),
    { maxLength: 3 },
  ),
})

export const grantHead: fc.Arbitrary<GrantHead> = fc.record({
  repositoryId: hash,
  wrapping: fc.oneof(
    fc.record({ kind: fc.constant('secret' as const), salt: hash }),
    fc.record({
      kind: fc.constant('passphrase' as const),
      salt: hash,
      memoryKib: u32,
      passes: u32,
      parallelism: u32,
    }),
  ),
})

export const certificate: fc.Arbitrary<Certificate> = fc.record({
  id: bytesOf(16),
  role: fc.constantFrom('writer' as const, 'upkeep' as const),
  domain: bytesOf(16),
  epoch: u32,
  verifyKey: hash,
  sources: maybe(fc.array(bytesOf(16), { maxLength: 3 })),
  hosts: maybe(fc.array(text, { maxLength: 3 })),
  label: text,
})

export const summary: fc.Arbitrary<Summary> = fc.record({
  sourceId: bytesOf(16),
  roots: fc.array(hash, { maxLength: 3 }),
  sequence: count,
  predecessor: maybe(hash),
  sessionId: bytesOf(16),
  startedMs: time,
  endedMs: time,
  ending: fc.constantFrom('complete' as const, 'incomplete' as const, 'checkpoint' as const),
  files: count,
  folders: count,
  others: count,
  unreadable: count,
  sizeBytes: count,
  addedBytes: count,
  addedStoredBytes: count,
  program: text,
  detailsHash: hash,
  replaces: maybe(hash),
  copyOf: maybe(hash),
})

export const receipt: fc.Arbitrary<Receipt> = fc.record({
  snapshot: hash,
  sessionId: bytesOf(16),
  confirmedMs: time,
})

export const lease: fc.Arbitrary<Lease> = fc.record({
  sessionId: bytesOf(16),
  number: count,
  purpose: fc.constantFrom('backup' as const, 'upkeep' as const, 'repair' as const),
  host: text,
  renewedMs: time,
})

export const markedNames: fc.Arbitrary<MarkedNames> = fc.record({
  packs: fc.array(hash, { maxLength: 3 }),
  snapshots: fc.array(hash, { maxLength: 3 }),
})

export const markWord: fc.Arbitrary<MarkWord> = fc.record({ namesHash: hash, markedMs: time })

export const forget: fc.Arbitrary<ForgetRecord> = fc.record({
  snapshots: fc.array(
    fc.record({
      snapshot: hash,
      sourceId: bytesOf(16),
      sequence: count,
      isConfirmed: fc.boolean(),
      predecessor: maybe(hash),
      object: maybe(bytesUpTo(50)),
    }),
    { maxLength: 3 },
  ),
  forgottenMs: time,
  isOfCopy: maybe(fc.constant(true as const)),
})

export const sighting: fc.Arbitrary<Sighting> = fc.record({
  snapshots: fc.array(fc.record({ snapshot: hash, receivedMs: time }), { maxLength: 3 }),
  moved: fc.array(fc.record({ pack: hash, receivedMs: fc.array(time, { maxLength: 4 }) }), {
    maxLength: 3,
  }),
})

export const hold: fc.Arbitrary<Hold> = fc.record({
  snapshots: fc.array(hash, { maxLength: 3 }),
  releases: fc.array(hash, { maxLength: 3 }),
  reason: text,
  heldMs: time,
})

export const renewal: fc.Arbitrary<Renewal> = fc.record({
  packs: fc.array(hash, { maxLength: 3 }),
  renewedMs: time,
})

export const loss: fc.Arbitrary<Loss> = fc.record({
  ids: fc.array(hash, { maxLength: 3 }),
  foundMs: time,
})

const name: fc.Arbitrary<Bytes> = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte)))
  .filter(
    (bytes) =>
      !(bytes[0] === 0x2e && (bytes.length === 1 || (bytes.length === 2 && bytes[1] === 0x2e))),
  )

const piece: fc.Arbitrary<Piece> = fc.record({
  id: blob,
  length: fc.integer({ min: 1, max: 1 << 24 }),
})
/** Of an entry: one without data has none. */
const pieces: fc.Arbitrary<readonly Piece[]> = fc.array(piece, { minLength: 1, maxLength: 4 })
/** Not so large that a few of them together are more than 64 bits can say. */
const run = fc.oneof(fc.nat(300).map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 60n }))
const extents: fc.Arbitrary<readonly Extent[]> = fc.array(
  fc.tuple(run, run).map(([hole, data]) => ({ hole: wide(hole), data: wide(data || 1n) })),
  { maxLength: 4 },
)

type Content = Pick<
  Entry,
  'size' | 'crc32' | 'pieces' | 'pieceList' | 'extents' | 'extentList' | 'changed'
>
type Layout = Partial<Omit<Content, 'size'>> & { readonly size: bigint }

const sum = (lengths: readonly Wide[]) =>
  lengths.reduce<bigint>((all, one) => all + BigInt(one), 0n)
const lengthOf = (some: readonly Piece[]) => sum(some.map(({ length }) => length))
const endOf = (some: readonly Extent[]) => sum(some.flatMap(({ hole, data }) => [hole, data]))

/** The ways in which a file names its content: what is in the entry itself adds up. */
const layout: fc.Arbitrary<Layout> = fc.oneof(
  fc.constant({ size: 0n }),
  pieces.map((some) => ({ pieces: some, size: lengthOf(some) })),
  fc.tuple(blob, run).map(([pieceList, size]) => ({ pieceList, size })),
  fc.tuple(pieces, run, run).map(([some, hole, rest]) => {
    const around = some.map(({ length }) => ({ hole: wide(hole), data: length }))
    return { pieces: some, extents: around, size: endOf(around) + rest }
  }),
  fc.tuple(run).map(([size]) => ({ extents: [], size })),
  fc
    .tuple(blob, extents, run)
    .map(([pieceList, some, rest]) => ({ pieceList, extents: some, size: endOf(some) + rest })),
  fc
    .tuple(blob, pieces, run)
    .map(([extentList, some, rest]) => ({ extentList, pieces: some, size: lengthOf(some) + rest })),
  fc
    .tuple(blob, blob, run)
    .map(([pieceList, extentList, size]) => ({ pieceList, extentList, size })),
)

const NO_CONTENT: Content = {
  size: undefined,
  crc32: undefined,
  pieces: undefined,
  pieceList: undefined,
  extents: undefined,
  extentList: undefined,
  changed: undefined,
}

const content: fc.Arbitrary<Content> = fc
  .tuple(layout, u32, maybe(fc.constant(1)))
  .map(([{ size, ...rest }, crc32, changed]) => ({
    ...NO_CONTENT,
    ...rest,
    size: wide(size),
    crc32,
    changed,
  }))

const link = fc.record({ device: wideUint, inode: wideUint })

/** What an entry of a type has to have, and what it may have. */
function typed(type: EntryType) {
  const own = fc.record({
    type: fc.constant(type),
    target: type === 'symlink' ? withoutNul(30) : fc.constant(undefined),
    device: type.endsWith('-device')
      ? fc.record({ major: u32, minor: u32 })
      : fc.constant(undefined),
    tree: type === 'directory' ? blob : fc.constant(undefined),
    link: type === 'directory' ? fc.constant(undefined) : maybe(link),
  })
  const held = type === 'file' ? content : fc.constant(NO_CONTENT)
  return fc.tuple(own, held).map(([fields, more]) => ({ ...fields, ...more }))
}

const common = fc.record({
  name,
  mode: fc.nat(0o7777),
  uid: u32,
  gid: u32,
  user: maybe(bytesUpTo(10)),
  group: maybe(bytesUpTo(10)),
  mtimeSeconds: wideInt,
  mtimeNanos: fc.nat(999_999_999),
  xattrs: maybe(
    fc
      .array(fc.record({ name: withoutNul(10), value: bytesUpTo(10) }), { maxLength: 3 })
      .map((all) => byName(all, (one) => one.name)),
  ),
})

export const entry: fc.Arbitrary<Entry> = fc
  .tuple(common, fc.constantFrom(...(Object.keys(ENTRY_TYPES) as EntryType[])).chain(typed))
  .map(([shared, own]) => ({ ...shared, ...own }))

export const details: fc.Arbitrary<Details> = fc.record({
  source: text,
  host: text,
  user: text,
  paths: fc.array(bytesUpTo(50), { maxLength: 3 }),
  tags: fc.array(text, { maxLength: 3 }),
  problems: fc.array(fc.record({ path: bytesUpTo(50), what: text }), { maxLength: 3 }),
  root: maybe(entry),
  original: maybe(original),
})

/** Sorted by name, each name once. */
function byName<T>(items: readonly T[], nameOf: (item: T) => Bytes): readonly T[] {
  const unique = new Map(items.map((item) => [Buffer.from(nameOf(item)).toString('latin1'), item]))
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
}

const level = fc.integer({ min: 1, max: 16 })

export const treeNode: fc.Arbitrary<TreeNode> = fc.oneof(
  fc.array(entry, { maxLength: 4 }).map((entries) => ({
    kind: 'entries' as const,
    entries: byName(entries, (one) => one.name),
  })),
  fc
    .tuple(
      level,
      fc.array(fc.record({ firstName: name, id: blob }), { minLength: 1, maxLength: 4 }),
    )
    .map(([at, children]) => ({
      kind: 'directory' as const,
      level: at,
      children: byName(children, (one) => one.firstName),
    })),
  fc
    .array(piece, { minLength: 1, maxLength: 4 })
    .map((all) => ({ kind: 'pieces' as const, pieces: all })),
  extents
    .filter((all) => all.length > 0)
    .map((all) => ({ kind: 'extents' as const, extents: all })),
  fc.record({
    kind: fc.constant('list' as const),
    level,
    children: fc.array(blob, { minLength: 1, maxLength: 4 }),
  }),
)

export const prefix: fc.Arbitrary<Prefix> = fc.record({
  kind: fc.constantFrom(...(Object.keys(KIND) as ObjectKind[])),
  domain: bytesOf(16),
  epoch: u32,
})

export const origin: fc.Arbitrary<Origin> = fc.record({
  isOfCopy: maybe(fc.constant(true as const)),
  packs: fc.uniqueArray(u32, { maxLength: 20 }).map((packs) => Uint32Array.from(packs).sort()),
  syncedMs: time,
})

export const quarantined: fc.Arbitrary<Quarantined> = fc.record({
  domain: bytesOf(16),
  name: fc.stringMatching(/^[0-9a-z/-]{1,88}$/),
  bytes: bytesUpTo(50),
})
