import { expect, test } from 'vitest'
import { fromUtf8Lossy, utf8 } from '../../base/bytes.ts'
import { EndedFolders } from './ended-folders.ts'
import { Folder, type FolderBasis } from './folder.ts'

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
