import { beforeEach, describe, expect, test } from 'vitest'
import { CraftedTrees } from '../../../test/repositories/crafted.ts'
import { entryOf } from '../../../test/repositories/entries.ts'
import { flipBit, newRepository, type Sample } from '../../../test/repositories/sample.ts'
import { fromUtf8Lossy, utf8 } from '../../base/bytes.ts'
import { encode } from '../../format/codec.ts'
import type { BlobId } from '../../format/ids.ts'
import { type Entry, type Extent, type Piece, treeNodeCodec } from '../../format/tree.ts'
import { openRepository } from '../../repository/repository.ts'
import { type CheckResult, check } from '../check.ts'

let sample: Sample
let trees: CraftedTrees

beforeEach(async () => {
  const { store, owner } = await newRepository()
  sample = { store, owner, repository: await openRepository(store, owner) }
  trees = new CraftedTrees(sample.repository)
})

function run(mode: 'structure' | 'read-data' = 'structure'): Promise<CheckResult> {
  const { signal } = new AbortController()
  const quiet = { onProgress: () => undefined, onProblem: () => undefined }
  return check({ repository: sample.repository, mode, workers: 1, signal, ...quiet })
}

const pieces = (...some: readonly Piece[]) => trees.node({ kind: 'pieces', pieces: some })
const extents = (...some: readonly Extent[]) => trees.node({ kind: 'extents', extents: some })
const list = (level: number, ...children: readonly BlobId[]) =>
  trees.node({ kind: 'list', level, children })
const piece = (content: string) => trees.piece(utf8(content))

/** A file whose content is in lists. */
function listed(lists: Partial<Entry>): Entry {
  return trees.file('bad', '', { size: 6, ...lists })
}

const leaf = (...names: readonly string[]) =>
  trees.entries(...names.map((name) => trees.file(name, name)))

/** What is wrong with the entry `bad` of the root. */
const WRONG: Readonly<Record<string, () => Entry>> = {
  'a folder whose tree is a piece list': () => trees.folder('bad', pieces(piece('abc'))),
  'a folder whose tree is data': () => trees.folder('bad', piece('abc').id),
  'a node at level 3 with a child at level 0': () =>
    trees.folder('bad', trees.inner(3, { a: leaf('a') })),
  'a folder with a list below its root': () =>
    trees.folder('bad', trees.inner(1, { a: leaf('a'), b: pieces(piece('abc')) })),
  'a name in two nodes': () =>
    trees.folder('bad', trees.inner(1, { a: leaf('a', 'b'), b: leaf('b', 'c') })),
  'a name as a link and as a folder': () => {
    const link = entryOf('x', { type: 'symlink', target: utf8('/etc') })
    const first = trees.entries(trees.file('a', 'a'), link)
    return trees.folder(
      'bad',
      trees.inner(1, { a: first, x: trees.entries(trees.folder('x', leaf())) }),
    )
  },
  'nodes that overlap': () =>
    trees.folder('bad', trees.inner(1, { a: leaf('a', 'd'), c: leaf('c') })),
  'nodes that overlap, levels above': () =>
    trees.folder(
      'bad',
      trees.inner(2, {
        a: trees.inner(1, { a: leaf('a'), b: leaf('b', 'd') }),
        c: trees.inner(1, { c: leaf('c') }),
      }),
    ),
  'an empty node of several': () =>
    trees.folder('bad', trees.inner(1, { a: leaf(), b: leaf('b') })),
  'another first name than is said': () =>
    trees.folder('bad', trees.inner(1, { a: leaf('a'), b: leaf('c') })),
  'another first name of an inner node': () =>
    trees.folder('bad', trees.inner(2, { a: trees.inner(1, { b: leaf('b') }) })),
  'pieces that are shorter than the file': () => listed({ pieceList: pieces(piece('abcde')) }),
  'pieces that are longer': () =>
    listed({ pieceList: list(1, pieces(piece('abc')), pieces(piece('defg'))) }),
  'a list that repeats itself': () => {
    let id = pieces(piece('abc'))
    for (let level = 1; level <= 16; level++)
      id = list(level, ...Array.from({ length: 99 }, () => id))
    return listed({ pieceList: id })
  },
  'a list at a wrong level': () => listed({ pieceList: list(2, pieces(piece('abcdef'))) }),
  'a list of pieces that is a folder': () => listed({ pieceList: leaf('a') }),
  'pieces that are shorter than the extents': () =>
    listed({ size: 9, pieces: [piece('abc')], extentList: extents({ hole: 0, data: 5 }) }),
  'extents beyond the end': () =>
    listed({ pieces: [piece('abc')], extentList: extents({ hole: 4, data: 3 }) }),
  'listed pieces and extents in the entry': () =>
    listed({ pieceList: pieces(piece('abc')), extents: [{ hole: 1, data: 4 }] }),
  'a piece that is a tree': () => {
    const id = leaf('a')
    return trees.file('bad', '', { size: 5, pieces: [{ id, length: 5 }] })
  },
}

test.each(Object.keys(WRONG))('%s is named with its path and pack', async (what) => {
  const bad = WRONG[what]?.() as Entry
  const { treePack, snapshot } = await trees.commit(trees.entries(trees.file('a', 'fine'), bad))
  for (const mode of ['structure', 'read-data'] as const) {
    const { problems } = await run(mode)
    expect(problems).toMatchObject([{ kind: 'malformed', object: treePack, snapshots: [snapshot] }])
    expect(problems[0]?.paths?.map(fromUtf8Lossy)).toEqual(['/bad'])
  }
})

test('a root that is no folder is found', async () => {
  await trees.commit(pieces(piece('abc')))
  expect((await run()).problems).toMatchObject([{ kind: 'malformed' }])
})

test('pieces and extents of no length are found with the file that lists them', async () => {
  const empty = { kind: 'pieces' as const, pieces: [piece('abcdef'), { ...piece('x'), length: 0 }] }
  const node = trees.encoded(
    encode(treeNodeCodec, empty),
    empty.pieces.map(({ id }) => id),
  )
  const { treePack } = await trees.commit(trees.entries(listed({ pieceList: node })))
  const { problems } = await run()
  expect(problems).toMatchObject([{ kind: 'damaged', object: treePack }])
  expect(problems[0]?.paths?.map(fromUtf8Lossy)).toEqual(['/bad'])
})

describe('entries that say to be one file', () => {
  const link = { device: 1, inode: 2 }

  test.each<[string, () => Entry]>([
    ['size', () => trees.file('b', 'longer', { link })],
    ['content', () => trees.file('b', 'ACDC', { link })],
    ['time', () => trees.file('b', 'abcd', { link, mtimeSeconds: 5 })],
  ])('and are of another %s are noted', async (_, other) => {
    const folder = trees.folder('f', trees.entries(other()))
    const { treePack, snapshot } = await trees.commit(
      trees.entries(trees.file('a', 'abcd', { link }), folder),
    )
    const { problems, notes } = await run()
    expect(problems).toEqual([])
    expect(notes).toMatchObject([{ object: treePack, snapshots: [snapshot] }])
    expect(notes[0]?.paths?.map(fromUtf8Lossy)).toEqual(['/a', '/f/b'])
  })

  test('and are of another type are a problem', async () => {
    const other = entryOf('b', { type: 'fifo', link })
    const { treePack } = await trees.commit(trees.entries(trees.file('a', 'abcd', { link }), other))
    const { problems } = await run()
    expect(problems).toMatchObject([{ kind: 'malformed', object: treePack }])
    expect(problems[0]?.paths?.map(fromUtf8Lossy)).toEqual(['/a', '/b'])
  })

  test('are right where they are alike, and may have changed since another snapshot', async () => {
    const both = (content: string) =>
      trees.entries(trees.file('a', content, { link }), trees.file('b', content, { link }))
    await trees.commit(both('then'))
    await trees.commit(both('now'), 'other')
    expect(await run()).toMatchObject({ problems: [], notes: [] })
  })
})

/** All that a tree may have. */
function goodRoot(): BlobId {
  const shared = leaf('c')
  return trees.entries(
    trees.folder('a', trees.inner(1, { a: leaf('a', 'b'), c: shared })),
    trees.folder('b', shared),
    trees.folder('c', trees.inner(2, { c: trees.inner(1, { c: shared, d: leaf('d') }) })),
    trees.folder('d', leaf()),
    trees.file('e', '', {
      size: 6,
      pieceList: list(1, pieces(piece('abc')), pieces(piece('def'))),
    }),
    trees.file('f', '', {
      size: 9,
      pieces: [piece('abc')],
      extentList: extents({ hole: 2, data: 1 }, { hole: 1, data: 2 }),
    }),
  )
}

test('what is as it should be is no fault', async () => {
  await trees.commit(goodRoot())
  for (const mode of ['structure', 'read-data'] as const)
    expect((await run(mode)).problems).toEqual([])
})

test('nor is it where the header of its pack is damaged', async () => {
  const { treePack } = await trees.commit(goodRoot())
  const { length } = await sample.store.get(treePack)
  await flipBit(sample.store, { name: treePack, offset: length - 20 })
  const { problems } = await run()
  expect(new Set(problems.map(({ kind }) => kind))).toEqual(new Set(['damaged']))
})

test('faults of several snapshots are named once', async () => {
  const root = trees.entries(WRONG['nodes that overlap']?.() as Entry)
  const first = await trees.commit(root)
  const second = await trees.commit(root, 'other')
  const { problems } = await run()
  expect(problems).toHaveLength(1)
  expect(problems[0]?.snapshots?.toSorted()).toEqual([first.snapshot, second.snapshot].toSorted())
})
