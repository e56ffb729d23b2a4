import fc from 'fast-check'
import { expect, test } from 'vitest'
import { entryOf } from '../../test/repositories/entries.ts'
import { compareBytes, toHex, utf8 } from '../base/bytes.ts'
import { decode, encode } from './codec.ts'
import { type BlobId, blobId } from './ids.ts'
import {
  decodeTreeNode,
  type Entry,
  entryCodec,
  isLegalName,
  refsOf,
  type TreeNode,
  treeNodeCodec,
} from './tree.ts'

const id = (n: number): BlobId => blobId(new Uint8Array(32).fill(n))

const FILE: Entry = entryOf('file', {
  type: 'file',
  mtimeSeconds: -1,
  mtimeNanos: 999_999_999,
  size: 10,
  crc32: 7,
  pieces: [{ id: id(9), length: 10 }],
})

/** Nothing that only files have. */
const NO_CONTENT = { size: undefined, crc32: undefined, pieces: undefined }

const damaged = expect.objectContaining({ code: 'object-damaged' }) as unknown as Error

const piece = (length: number) => ({ id: id(1), length })

test('entries of every type come back with all they have', () => {
  const entries: readonly Entry[] = [
    FILE,
    { ...FILE, size: 0, pieces: undefined, crc32: 0 },
    { ...FILE, pieces: undefined, pieceList: id(2), size: 2n ** 60n, changed: 1 },
    { ...FILE, mtimeSeconds: -(2n ** 60n), pieces: [piece(4), piece(6)] },
    {
      ...FILE,
      size: 2n ** 60n + 16n,
      extents: [
        { hole: 5, data: 4 },
        { hole: 2n ** 60n, data: 6 },
      ],
    },
    { ...FILE, size: 2n ** 63n, pieces: undefined, extents: [] },
    { ...FILE, extentList: id(3), size: 11 },
    {
      ...FILE,
      pieces: undefined,
      pieceList: id(2),
      extentList: id(3),
      link: { device: 4, inode: 2n ** 63n },
    },
    { ...FILE, pieces: undefined, pieceList: id(2), extents: [{ hole: 1, data: 9 }] },
    { ...FILE, ...NO_CONTENT, type: 'directory', tree: id(4) },
    { ...FILE, ...NO_CONTENT, type: 'symlink', target: Uint8Array.of(0xff, 0x2f) },
    {
      ...FILE,
      ...NO_CONTENT,
      type: 'fifo',
      xattrs: [
        { name: utf8('x'), value: new Uint8Array(0) },
        { name: utf8('xa'), value: new Uint8Array(0) },
        { name: utf8('y'), value: new Uint8Array(0) },
      ],
    },
    { ...FILE, ...NO_CONTENT, type: 'char-device', device: { major: 1, minor: 0xfffff } },
    { ...FILE, user: utf8('user'), group: Uint8Array.of(0xff) },
  ]
  for (const entry of entries) expect(decode(entryCodec, encode(entryCodec, entry))).toEqual(entry)
})

const xattr = (name: string) => ({ name: utf8(name), value: new Uint8Array(1) })
const FULL_EXTENT = { hole: 0, data: 10 }
const FIFO: Partial<Entry> = { ...NO_CONTENT, type: 'fifo' }

test.each<[string, Partial<Entry>]>([
  ['a folder without a tree', { ...NO_CONTENT, type: 'directory' }],
  ['a file with a tree', { tree: id(1) }],
  ['a file without a size', { size: undefined }],
  ['a file without a CRC', { crc32: undefined }],
  ['a link without a target', { ...NO_CONTENT, type: 'symlink' }],
  ['a file with a target', { target: utf8('x') }],
  ['a device without numbers', { ...NO_CONTENT, type: 'block-device' }],
  ['a link with an empty target', { ...NO_CONTENT, type: 'symlink', target: utf8('') }],
  ['a link with a NUL in its target', { ...NO_CONTENT, type: 'symlink', target: utf8('a\0b') }],
  ['an attribute without a name', { xattrs: [xattr('')] }],
  ['an attribute with a NUL in its name', { xattrs: [xattr('a'), xattr('user.b\0c')] }],
  ['a mode of more than 12 bits', { mode: 0o10000 }],
  ['a time that 64 bits with a sign cannot say', { mtimeSeconds: 2n ** 63n }],
  ['more nanoseconds than a second has', { mtimeNanos: 1_000_000_000 }],
  ['a name with a slash', { name: utf8('a/b') }],
  ['more pieces than an entry may have', { pieces: Array.from({ length: 129 }, () => piece(1)) }],
  ['attributes that are not sorted', { xattrs: [xattr('b'), xattr('a')] }],
  ['attributes in the order of their lengths', { xattrs: [xattr('b'), xattr('aa')] }],
  ['a size of what is no file', { ...FIFO, size: 0 }],
  ['a CRC of what is no file', { ...FIFO, crc32: 0 }],
  ['pieces of what is no file', { ...FIFO, pieces: [] }],
  ['a piece list of a folder', { ...NO_CONTENT, type: 'directory', tree: id(1), pieceList: id(2) }],
  ['extents of a link', { ...NO_CONTENT, type: 'symlink', target: utf8('x'), extents: [] }],
  ['an extent list of what is no file', { ...FIFO, extentList: id(2) }],
  ['a change of what is no file', { ...FIFO, changed: 1 }],
  ['a file that says that it did not change', { changed: 0 }],
  ['a piece of no length', { pieces: [piece(10), piece(0)] }],
  ['an extent of nothing', { extents: [FULL_EXTENT, { hole: 0, data: 0 }] }],
  ['an extent of a hole alone', { size: 11, extents: [FULL_EXTENT, { hole: 1, data: 0 }] }],
  ['a list of no pieces', { size: 0, pieces: [] }],
  [
    'a folder with several names',
    { ...NO_CONTENT, type: 'directory', tree: id(1), link: { device: 1, inode: 2 } },
  ],
  ['pieces and a piece list', { pieceList: id(2) }],
  ['extents and an extent list', { extents: [{ hole: 0, data: 10 }], extentList: id(2) }],
  ['less in pieces than the size', { size: 11 }],
  ['more in pieces than the size', { size: 9 }],
  ['a size and no pieces', { pieces: undefined }],
  ['a size that no pieces can have', { size: 2n ** 60n }],
  ['pieces shorter than the extents', { size: 30, extents: [{ hole: 1, data: 11 }] }],
  ['pieces longer than the extents', { size: 30, extents: [{ hole: 1, data: 9 }] }],
  ['pieces and only a hole', { size: 30, extents: [] }],
  ['an extent with data and no pieces', { pieces: undefined, extents: [{ hole: 0, data: 1 }] }],
  ['data beyond the end of the file', { extents: [{ hole: 1, data: 10 }] }],
  [
    'a hole beyond the end of the file',
    {
      extents: [
        { hole: 0, data: 9 },
        { hole: 1, data: 1 },
      ],
    },
  ],
  [
    'extents that are too long for 64 bits',
    {
      size: 2n ** 64n - 1n,
      pieces: undefined,
      pieceList: id(2),
      extents: [
        { hole: 2n ** 64n - 1n, data: 1 },
        { hole: 2n ** 64n - 1n, data: 12 },
      ],
    },
  ],
  ['more in pieces than the size, with listed extents', { size: 9, extentList: id(2) }],
])('%s is refused', (_, changes) => {
  const encoded = encode(entryCodec, { ...FILE, ...changes })
  expect(() => decode(entryCodec, encoded)).toThrow(damaged)
})

test('an attribute that a file system lists twice is written once', () => {
  const twice = [xattr('a'), xattr('b'), xattr('b'), xattr('c')]
  const { xattrs } = decode(entryCodec, encode(entryCodec, { ...FILE, xattrs: twice }))
  expect(xattrs).toEqual([xattr('a'), xattr('b'), xattr('c')])
})

test('an attribute that is there twice is refused, for which one counts nobody could say', () => {
  const encoded = encode(entryCodec, { ...FILE, xattrs: [xattr('a'), xattr('b')] })
  const nameAt = Buffer.from(encoded).lastIndexOf(utf8('b'))
  expect(decode(entryCodec, encoded).xattrs).toHaveLength(2)
  encoded[nameAt] = 0x61
  expect(() => decode(entryCodec, encoded)).toThrow('there twice')
})

test('a name is legal exactly where Linux could have it', () => {
  const legal = ['a', '...', ' ', '\n', 'x'.repeat(255), '..a', '.a', 'é']
  for (const name of legal) expect(isLegalName(utf8(name))).toBe(true)
  for (const name of ['', '.', '..', '/', 'a/', 'a\0b', 'x'.repeat(1021)]) {
    expect(isLegalName(utf8(name))).toBe(false)
  }
})

const names = fc.uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 6 }).filter(isLegalName), {
  selector: toHex,
  maxLength: 30,
})

test('a folder is read where its names are sorted as bytes, each once, and only there', () => {
  fc.assert(
    fc.property(names, fc.boolean(), (all, twice) => {
      const sorted = [...all].sort(compareBytes)
      const nodeOf = (some: readonly Uint8Array[]): TreeNode => ({
        kind: 'entries',
        entries: some.map((name) => ({ ...FILE, name })),
      })
      const node = nodeOf(sorted)
      expect(decodeTreeNode(encode(treeNodeCodec, node))).toEqual(node)
      if (sorted.length < 2) return
      const wrong = twice ? [...sorted, sorted.at(-1) as Uint8Array] : [...sorted].reverse()
      expect(() => decodeTreeNode(encode(treeNodeCodec, nodeOf(wrong)))).toThrow(damaged)
    }),
  )
})

test('what is wrong with the order of a folder is told with the byte where it shows', () => {
  const [first, second] = [
    { ...FILE, name: utf8('b') },
    { ...FILE, name: utf8('a') },
  ]
  const encoded = encode(treeNodeCodec, { kind: 'entries', entries: [first, second] })
  const at = encoded.length - encode(entryCodec, second).length
  expect(() => decodeTreeNode(encoded)).toThrow(`Cannot decode byte ${at}: a folder is not sorted`)
})

test('nodes of every kind come back, at a level that suits them and without empty items', () => {
  const children = [
    { firstName: utf8('a'), id: id(1) },
    { firstName: utf8('b'), id: id(2) },
  ]
  const nodes: readonly TreeNode[] = [
    { kind: 'entries', entries: [] },
    { kind: 'directory', level: 3, children },
    { kind: 'pieces', pieces: [{ id: id(1), length: 5 }] },
    { kind: 'extents', extents: [{ hole: 0, data: 2n ** 55n }] },
    { kind: 'list', level: 1, children: [id(1), id(2)] },
  ]
  for (const node of nodes) expect(decodeTreeNode(encode(treeNodeCodec, node))).toEqual(node)
  const misplaced = [
    { kind: 'directory', level: 0, children },
    { kind: 'list', level: 0, children: [] },
    { kind: 'directory', level: 17, children },
  ] as const
  const empty = [
    { kind: 'directory', level: 1, children: [] },
    { kind: 'pieces', pieces: [] },
    { kind: 'extents', extents: [] },
    { kind: 'list', level: 1, children: [] },
    { kind: 'pieces', pieces: [{ id: id(1), length: 0 }] },
    { kind: 'extents', extents: [{ hole: 1, data: 0 }] },
  ] as const
  for (const node of [...misplaced, ...empty]) {
    expect(() => decodeTreeNode(encode(treeNodeCodec, node))).toThrow(damaged)
  }
})

test('the refs of a node are all ids in it, in the order of the format', () => {
  const entries: readonly Entry[] = [
    {
      ...FILE,
      name: utf8('a'),
      pieces: [
        { id: id(1), length: 1 },
        { id: id(2), length: 1 },
      ],
      extentList: id(3),
    },
    { ...FILE, name: utf8('b'), pieces: undefined, pieceList: id(4) },
    { ...FILE, ...NO_CONTENT, name: utf8('c'), type: 'directory', tree: id(5) },
  ]
  const all = (node: TreeNode) => refsOf(node).map((ref) => ref[0])
  expect(all({ kind: 'entries', entries })).toEqual([1, 2, 3, 4, 5])
  expect(all({ kind: 'list', level: 1, children: [id(6), id(7)] })).toEqual([6, 7])
  expect(
    all({ kind: 'directory', level: 1, children: [{ firstName: utf8('a'), id: id(8) }] }),
  ).toEqual([8])
  expect(all({ kind: 'pieces', pieces: [{ id: id(9), length: 1 }] })).toEqual([9])
  expect(all({ kind: 'extents', extents: [{ hole: 1, data: 1 }] })).toEqual([])
})
