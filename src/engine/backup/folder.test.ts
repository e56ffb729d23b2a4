import { expect, test } from 'vitest'
import { fromUtf8Lossy, utf8 } from '../../base/bytes.ts'
import { blobId } from '../../format/ids.ts'
import { EndedFolders } from './ended-folders.ts'
import { type ChildEntry, Folder, type FolderBasis, type FolderTree } from './folder.ts'
import type { EncodedEntry, FolderNodes } from './folder-nodes.ts'

const DEPTH = 20_000

/** Folders inside each other as they were last time, the root first. */
function makeChain(): readonly Folder[] {
  const ended = new EndedFolders()
  const newNodes = () => {
    throw new Error('what is unchanged is not encoded')
  }
  const folders: Folder[] = []
  for (let i = 0; i < DEPTH; i++) {
    const basis = { name: utf8(`d${i}`) } as FolderBasis
    folders.push(new Folder(folders.at(-1), { basis, newNodes, ended }))
  }
  return folders
}

test('the last file may end any number of folders above it', () => {
  const folders = makeChain()
  const name = utf8('x')
  const unchanged = { name, encoded: name, refs: undefined, unchanged: true }
  const last = folders.at(-1)?.reserve()
  const endedOnes: number[] = []
  for (let i = DEPTH - 1; i >= 0; i--) {
    const above = folders[i - 1]?.reserve()
    const cached = { key: name, encoded: name, ids: new Uint8Array(32) }
    folders[i]?.end(cached, () => {
      endedOnes.push(i)
      if (above !== undefined) folders[i - 1]?.resolve(above, unchanged)
    })
  }
  expect(endedOnes).toEqual([])
  if (last !== undefined) folders.at(-1)?.resolve(last, unchanged)
  expect(endedOnes).toEqual(Array.from({ length: DEPTH }, (_, i) => DEPTH - 1 - i))
})

test('the path of a folder is that of all above it', () => {
  const folders = makeChain()
  const pathOf = (depth: number, name?: string) =>
    fromUtf8Lossy(folders[depth]?.pathOf(name === undefined ? name : utf8(name)) ?? utf8(''))
  expect([pathOf(0), pathOf(0, 'f'), pathOf(2), pathOf(2, 'f')]).toEqual([
    '/',
    '/f',
    '/d1/d2',
    '/d1/d2/f',
  ])
  expect(pathOf(DEPTH - 1, 'f').split('/')).toHaveLength(DEPTH + 1)
})

const CACHED = { key: utf8('key'), encoded: utf8('entry'), ids: new Uint8Array(32).fill(1) }
const child = (name: string, unchanged = true) => {
  const bytes = utf8(name)
  return { name: bytes, encoded: bytes, refs: undefined, unchanged }
}

/** What becomes of a folder with these entries, of which last time's is known; and what was encoded. */
function treeOf(children: readonly ChildEntry[]): { tree: FolderTree; encoded: readonly string[] } {
  const encoded: string[] = []
  const newNodes = () =>
    ({
      add: ({ name }: EncodedEntry) => encoded.push(fromUtf8Lossy(name)),
      finish: () => ({ root: blobId(new Uint8Array(32).fill(2)), nodes: [] }),
    }) as unknown as FolderNodes
  const basis = { name: utf8('folder') } as FolderBasis
  const folder = new Folder(undefined, { basis, newNodes, ended: new EndedFolders() })
  let tree: FolderTree | undefined
  for (const one of children) folder.push(one)
  folder.end(CACHED, (ended) => {
    tree = ended
  })
  if (tree === undefined) throw new Error('all of its entries have come')
  return { tree, encoded }
}

test('a folder of which nothing has changed has the tree of last time', () => {
  const { tree, encoded } = treeOf([child('a'), child('b')])
  expect(tree).toEqual({ root: CACHED.ids, ids: CACHED.ids, unchanged: true })
  expect(encoded).toEqual([])
})

test('a folder with a change in it is encoded anew, with all that has not changed', () => {
  const { tree, encoded } = treeOf([child('a'), child('b', false), child('c')])
  expect(tree.unchanged).toBe(false)
  expect(encoded).toEqual(['a', 'b', 'c'])
})

test('what could not be read is not there as it was last time', () => {
  const { tree, encoded } = treeOf([child('a'), 'nothing', child('c')])
  expect(tree.unchanged).toBe(false)
  expect(encoded).toEqual(['a', 'c'])
})
