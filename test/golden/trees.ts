// What is saved in the golden repositories: every kind of entry, with the attributes that are easily lost.
// Made on a disk by scripts/make-golden.ts.

import { utf8 } from '../../src/base/bytes.ts'
import type { NastyAttributes, NastyContent, NastyEntry, NastyFolder } from '../trees/nasty-tree.ts'

/** So small that small files have several chunks, and a segment that no longest chunk divides. */
export const CHUNKER = { minBytes: 64, avgBytes: 1024, maxBytes: 3000, segmentBytes: 1 << 20 }

const PLAIN: NastyAttributes = {
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeSeconds: 1_700_000_000,
  mtimeNanos: 123_456_789,
  xattrs: [],
}

type Changes = Partial<NastyAttributes>
type Name = string | Uint8Array

const bytesOf = (name: Name) => (typeof name === 'string' ? utf8(name) : name)

function named(name: Name, changes: Changes) {
  return { name: bytesOf(name), attributes: { ...PLAIN, ...changes } }
}

/** A file of noise, the same for the same seed. */
function noise(length: number, seed: number): NastyContent {
  return { size: length, runs: length === 0 ? [] : [{ offset: 0, length, seed }] }
}

function file(name: Name, content: NastyContent, changes: Changes = {}): NastyEntry {
  return { type: 'file', content, ...named(name, changes) }
}

function folder(name: Name, children: readonly NastyEntry[], changes: Changes = {}): NastyFolder {
  return { type: 'directory', children, ...named(name, { mode: 0o755, ...changes }) }
}

function emptyFiles(count: number): readonly NastyEntry[] {
  return Array.from({ length: count }, (_, i) => file(`file ${i}`, noise(0, 0)))
}

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

/** As Linux presents them: user::rw-, user:1000:r--, group::r--, mask::r--, other::---. */
const ACL = hex(
  '02000000 01000600ffffffff 02000400e8030000 04000400ffffffff 10000400ffffffff 20000000ffffffff'
    .split(' ')
    .join(''),
)
const ACL_ACCESS = { name: 'system.posix_acl_access', value: ACL }
const ACL_DEFAULT = { name: 'system.posix_acl_default', value: ACL }
/** cap_net_bind_service, permitted and effective. */
const CAPABILITY = {
  name: 'security.capability',
  value: hex('0100000200040000000000000000000000000000'),
}

const BLOCK = 4096

/** Noise that repeats after so few bytes that no cut is found in it: chunks are as long as may be. */
function stripes(offset: number, length: number): NastyContent['runs'] {
  const starts = Array.from({ length: Math.ceil(length / STRIPE) }, (_, i) => STRIPE * i)
  return starts.map((start) => {
    return { offset: offset + start, length: Math.min(STRIPE, length - start), seed: 7 }
  })
}
const STRIPE = 24

const runsOfBlocks = Array.from({ length: 130 }, (_, i) => stripes(16 * BLOCK * i, BLOCK)).flat()
/** More runs of data than an entry holds. */
const DIVIDED: NastyContent = { size: 16 * 130 * BLOCK + 1, runs: runsOfBlocks }
/** Pieces of the longest kind: in an entry itself there are at most 128. */
function pieces(count: number): NastyContent {
  const size = CHUNKER.maxBytes * count
  return { size, runs: stripes(0, size) }
}
const SPARSE: NastyContent = {
  size: 200_001,
  runs: [
    { offset: 2 * BLOCK, length: 5000, seed: 3 },
    { offset: 30 * BLOCK, length: BLOCK, seed: 4 },
  ],
}

const LINKED: readonly NastyEntry[] = [
  file('linked', noise(700, 1), { mode: 0o600 }),
  { type: 'symlink', goal: utf8('../linked'), ...named('linked symlink', {}) },
  { type: 'fifo', ...named('linked fifo', { mode: 0o622 }) },
  folder('linked again', [
    { type: 'hardlink', name: utf8('file'), nth: 0 },
    { type: 'hardlink', name: utf8('symlink'), nth: 1 },
    { type: 'hardlink', name: utf8('fifo'), nth: 2 },
  ]),
]

const KINDS: readonly NastyEntry[] = [
  file('empty', noise(0, 0), { mtimeSeconds: -1001, mtimeNanos: 500_000_000 }),
  file('one chunk', noise(60, 9)),
  file('several chunks', noise(10_000, 10)),
  file('128 chunks', pieces(128)),
  file('129 chunks', pieces(129)),
  file('more than a segment', pieces(400)),
  file('sparse', SPARSE),
  file('many runs', DIVIDED),
  file('hole', { size: 3 << 20, runs: [] }),
  { type: 'symlink', goal: hex('2f6e6f77686572652fff'), ...named('symlink', {}) },
  { type: 'fifo', ...named('fifo', { mode: 0o600 }) },
  { type: 'char-device', major: 1, minor: 3, ...named('char device', { mode: 0o666 }) },
  { type: 'block-device', major: 7, minor: 300, ...named('block device', { mode: 0o660, gid: 6 }) },
  folder('empty folder', [], { mode: 0o700 }),
]

const ATTRIBUTES: readonly NastyEntry[] = [
  file('set-user-id', noise(10, 20), { mode: 0o4755, uid: 54_321, gid: 12_345 }),
  file('no permissions', noise(10, 21), { mode: 0 }),
  file('of nobody known', noise(10, 22), { uid: 4_294_967_294, gid: 4_000_000_000 }),
  file('before 1970', noise(10, 23), { mtimeSeconds: -2_147_483_647, mtimeNanos: 1 }),
  file('after 2038', noise(10, 24), { mtimeSeconds: 15_032_385_534, mtimeNanos: 500_000_001 }),
  file('xattrs', noise(10, 25), {
    xattrs: [
      { name: 'user.comment', value: utf8('for you') },
      { name: 'user.empty', value: new Uint8Array(0) },
      { name: 'trusted.cairn', value: hex('00ff') },
      CAPABILITY,
    ],
  }),
  file('acl', noise(10, 26), { mode: 0o640, xattrs: [ACL_ACCESS] }),
  folder('acls', [], { mode: 0o1750, xattrs: [ACL_ACCESS, ACL_DEFAULT] }),
]

const NAMES: readonly NastyEntry[] = [
  file(hex('6e6f74205554462d3820fffe'), noise(10, 30)),
  file('x'.repeat(255), noise(10, 31)),
  file('a line\nend', noise(10, 32)),
  file('caf\u00e9', noise(10, 33)),
  file('...', noise(10, 34)),
]

/** The tree of 'first'. */
export const FIRST_TREE = folder('source', [
  ...LINKED,
  ...KINDS,
  folder('attributes', ATTRIBUTES),
  folder('names', NAMES),
  folder('many', emptyFiles(1500)),
])

const STAYS = folder('stays', [
  file('a', noise(500, 40)),
  file('b', noise(5000, 41)),
  folder('deeper', [file('c', noise(50, 42))]),
])

/** The tree of 'grown', as it was and as it became. */
export const GROWN_TREE = folder('source', [
  STAYS,
  file('changes', noise(4000, 43)),
  file('goes', noise(100, 44)),
  folder('many', emptyFiles(300)),
])
export const GROWN_TREE_LATER = folder('source', [
  STAYS,
  file('changes', {
    size: 4100,
    runs: [
      { offset: 0, length: 4000, seed: 43 },
      { offset: 4000, length: 100, seed: 45 },
    ],
  }),
  file('comes', noise(200, 46)),
  folder('many', emptyFiles(299)),
])

export const SMALL_TREE = folder('source', [file('file', noise(300, 50))])
