// Trees as unpleasant as a Linux file system allows, for fast-check: what a backup must bring back
// in every attribute. A tree is plain data; build-tree.ts makes it for real.

import fc from 'fast-check'

const utf8 = (text: string) => new Uint8Array(Buffer.from(text))

export interface NastyAttributes {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeSeconds: number
  readonly mtimeNanos: number
  readonly xattrs: readonly NastyXattr[]
}

export interface NastyXattr {
  readonly name: string
  readonly value: Uint8Array
}

/** What is written into a file; everything else of its size is a hole. */
export interface NastyContent {
  readonly size: number
  readonly runs: readonly {
    readonly offset: number
    readonly length: number
    readonly seed: number
  }[]
}

interface Named {
  readonly name: Uint8Array
  readonly attributes: NastyAttributes
}

export interface NastyFolder extends Named {
  readonly type: 'directory'
  readonly children: readonly NastyEntry[]
}

export type NastyEntry =
  | NastyFolder
  | (Named & { readonly type: 'file'; readonly content: NastyContent })
  | (Named & { readonly type: 'symlink'; readonly goal: Uint8Array })
  | (Named & { readonly type: 'fifo' | 'socket' })
  | (Named & {
      readonly type: 'char-device' | 'block-device'
      readonly major: number
      readonly minor: number
    })
  /** One more name for the n-th (modulo their number) of all entries that are no folders. */
  | { readonly type: 'hardlink'; readonly name: Uint8Array; readonly nth: number }

const NAMES: readonly Uint8Array[] = [
  ...['-rf', '--help', ' ', 'a ', '\n', 'a\nb', '\t', '\\', '\\101', '...', '..a', '.hidden'],
  ...['*', '?', '[a]', '~', '$HOME', '"', "'", '`id`', ';', '#', '%00', 'CON', 'a.', 'a:b', '|'],
  // In an order that locale-aware and slash-aware sorting get wrong.
  ...['a', 'B', 'b', 'a-', 'a.b', 'a0', 'ab', 'A', 'é', 'e\u0301', '\u{1f5ff}', '\u007f', '\u0001'],
  ...['x'.repeat(255), '漢'.repeat(85)],
]
  .map(utf8)
  .concat(
    [[0xff], [0xc3, 0x28], [0x61, 0x80], [0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xfe, 0xff, 0x0a]].map(
      (bytes) => Uint8Array.from(bytes),
    ),
  )

const isName = (name: Uint8Array) => !(name.every((byte) => byte === 0x2e) && name.length < 3)

const rawName = fc
  .uint8Array({ minLength: 1, maxLength: 24 })
  .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte)))
  .filter(isName)

const name = fc.oneof(
  fc.constantFrom(...NAMES),
  rawName,
  fc.stringMatching(/^[a-z]{1,8}$/).map(utf8),
)

const mode = fc.oneof(
  fc.constantFrom(0o644, 0o755, 0o600, 0, 0o4755, 0o2755, 0o1777, 0o7777, 0o444, 0o111),
  fc.integer({ min: 0, max: 0o7777 }),
)

const id = fc.oneof(fc.constantFrom(0, 1, 1000, 65534), fc.integer({ min: 0, max: 0xfffffffe }))

// What ext4 can hold, but for its very first and last second.
const seconds = fc.oneof(
  fc.constantFrom(0, -1, 1, -2_147_483_647, 2_147_483_648, 4_294_967_295, 15_032_385_534),
  fc.integer({ min: -2_147_483_647, max: 15_032_385_534 }),
)
const nanos = fc.oneof(fc.constantFrom(0, 1, 999_999_999), fc.integer({ min: 0, max: 999_999_999 }))

const value = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 200, maxLength: 900 }) },
  { weight: 1, arbitrary: fc.constant(new Uint8Array(3700).fill(0xa5)) },
)

function xattrsOf(namespaces: readonly string[]): fc.Arbitrary<readonly NastyXattr[]> {
  const rest = fc.oneof(
    fc.constantFrom('a', 'b', 'with space', 'ünïcode', 'DOSATTRIB', 'x'.repeat(200)),
    fc.stringMatching(/^[a-z]{1,10}$/),
  )
  const full = fc
    .tuple(fc.constantFrom(...namespaces), rest)
    .map(([namespace, part]) => `${namespace}.cairn-${part}`)
  const xattr = fc.record({ name: full, value })
  const some = fc.uniqueArray(xattr, { selector: (x) => x.name, maxLength: 4 })
  return fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: some })
}

/** posix_acl_xattr: version 2, then (tag, permissions, id), little-endian, in the order of tags. */
function aclBytes(users: readonly number[], groups: readonly number[], bits: number): Uint8Array {
  const entries: [number, number, number][] = [
    [1, bits & 7, 0xffffffff],
    ...users.map((user): [number, number, number] => [2, (bits >> 3) & 7, user]),
    [4, (bits >> 6) & 7, 0xffffffff],
    ...groups.map((group): [number, number, number] => [8, (bits >> 9) & 7, group]),
    [0x10, (bits >> 12) & 7, 0xffffffff],
    [0x20, (bits >> 15) & 7, 0xffffffff],
  ]
  const bytes = Buffer.alloc(4 + 8 * entries.length)
  bytes.writeUInt32LE(2)
  for (const [index, [tag, permissions, who]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + 8 * index)
    bytes.writeUInt16LE(permissions, 6 + 8 * index)
    bytes.writeUInt32LE(who, 8 + 8 * index)
  }
  return new Uint8Array(bytes)
}

const aclIds = fc
  .uniqueArray(fc.integer({ min: 1, max: 100_000 }), { maxLength: 3 })
  .map((ids) => ids.sort((a, b) => a - b))

const acl = fc
  .tuple(aclIds, aclIds, fc.integer({ min: 0, max: 2 ** 18 - 1 }))
  .map(([users, groups, bits]) => aclBytes(users, groups, bits))

const capability = fc.integer({ min: 1, max: 0xffff }).map((permitted) => {
  // vfs_cap_data, revision 2: magic with the effective bit, permitted and inheritable, twice.
  const bytes = Buffer.alloc(20)
  bytes.writeUInt32LE(0x02000001)
  bytes.writeUInt32LE(permitted, 4)
  return new Uint8Array(bytes)
})

function named(
  xattr: string,
  bytes: fc.Arbitrary<Uint8Array>,
): fc.Arbitrary<readonly NastyXattr[]> {
  const one = bytes.map((found) => [{ name: xattr, value: found }])
  return fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: one })
}

function attributes(
  ...xattrs: fc.Arbitrary<readonly NastyXattr[]>[]
): fc.Arbitrary<NastyAttributes> {
  return fc.record({
    mode,
    uid: id,
    gid: id,
    mtimeSeconds: seconds,
    mtimeNanos: nanos,
    xattrs: fc.tuple(...xattrs).map((lists) => lists.flat()),
  })
}

const ofAny = xattrsOf(['user', 'trusted', 'security'])
const fileAttributes = attributes(
  ofAny,
  named('system.posix_acl_access', acl),
  named('security.capability', capability),
)
const folderAttributes = attributes(
  ofAny,
  named('system.posix_acl_access', acl),
  named('system.posix_acl_default', acl),
)
// Only files and folders may have user.* ones.
const specialAttributes = attributes(xattrsOf(['trusted', 'security']))

const BLOCK = 4096
const seed = fc.integer({ min: 0, max: 2 ** 31 - 1 })

/** Runs from blocks that are data or hole, one after the other, the last cut short. */
const sparse = fc
  .record({
    blocks: fc.array(fc.tuple(fc.boolean(), fc.constantFrom(1, 1, 2, 16, 300)), { maxLength: 8 }),
    cut: fc.integer({ min: 0, max: BLOCK - 1 }),
    seed,
  })
  .map(({ blocks, cut, seed: first }): NastyContent => {
    const runs: { offset: number; length: number; seed: number }[] = []
    let size = 0
    for (const [isData, count] of blocks) {
      if (isData) runs.push({ offset: size, length: count * BLOCK, seed: first + size })
      size += count * BLOCK
    }
    const end = Math.max(0, size - cut)
    const kept = runs.map((run) => ({ ...run, length: Math.min(run.length, end - run.offset) }))
    return { size: end, runs: kept.filter((run) => run.length > 0) }
  })

const plain = fc
  .tuple(fc.oneof(fc.nat(10), fc.nat(5000), fc.nat(300_000)), seed)
  .map(([size, first]): NastyContent => {
    return { size, runs: size === 0 ? [] : [{ offset: 0, length: size, seed: first }] }
  })

const goal = fc
  .oneof(
    fc.constantFrom('..', '.', '/', '/etc/passwd', '../../..', 'dangling', 'a', 'x'.repeat(4000)),
    fc.constantFrom('//double//slash', 'trailing/', '-rf', 'new\nline', ' '),
  )
  .map(utf8)
const rawGoal = fc
  .uint8Array({ minLength: 1, maxLength: 60 })
  .map((bytes) => bytes.map((byte) => (byte === 0 ? 0xff : byte)))

const device = {
  major: fc.integer({ min: 1, max: 4095 }),
  minor: fc.oneof(fc.nat(255), fc.nat(2 ** 20 - 1)),
}

function entry(depth: number): fc.Arbitrary<NastyEntry> {
  const file = fc.record({
    type: fc.constant('file' as const),
    name,
    attributes: fileAttributes,
    content: fc.oneof({ weight: 3, arbitrary: plain }, { weight: 2, arbitrary: sparse }),
  })
  const special = { name, attributes: specialAttributes }
  const symlink = fc.record({
    type: fc.constant('symlink' as const),
    ...special,
    goal: fc.oneof(goal, rawGoal),
  })
  const pipe = fc.record({ type: fc.constantFrom('fifo' as const, 'socket' as const), ...special })
  const node = fc.record({
    type: fc.constantFrom('char-device' as const, 'block-device' as const),
    ...special,
    ...device,
  })
  const link = fc.record({ type: fc.constant('hardlink' as const), name, nth: fc.nat(1000) })
  const leaves = [
    { weight: 8, arbitrary: file },
    { weight: 3, arbitrary: symlink },
    { weight: 2, arbitrary: pipe },
    { weight: 1, arbitrary: node },
    { weight: 3, arbitrary: link },
  ]
  if (depth === 0) return fc.oneof(...leaves)
  return fc.oneof(...leaves, { weight: 5, arbitrary: folder(depth - 1, name) })
}

function folder(depth: number, folderName: fc.Arbitrary<Uint8Array>): fc.Arbitrary<NastyFolder> {
  return fc.record({
    type: fc.constant('directory' as const),
    name: folderName,
    attributes: folderAttributes,
    children: fc.uniqueArray(entry(depth), {
      selector: (child) => Buffer.from(child.name).toString('latin1'),
      maxLength: 7,
    }),
  })
}

/** A folder without name, which `buildTree` makes where it is told to. */
export function nastyTree(options: { readonly depth?: number } = {}): fc.Arbitrary<NastyFolder> {
  return folder(options.depth ?? 3, fc.constant(new Uint8Array(0)))
}
