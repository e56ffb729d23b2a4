// Files that are not what their entries say, though all their chunks are there and open: none of them gets
// its name, each is told, and the rest is restored.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { concat, fromUtf8Lossy, utf8 } from '../../src/base/bytes.ts'
import { crc32 } from '../../src/base/hash.ts'
import type { Entry } from '../../src/format/tree.ts'
import { CraftedTrees } from '../repositories/crafted.ts'
import { makeRepository, restoreFolder, Scratch } from './fixture.ts'

const scratch = new Scratch()
const WRONG_CRC = 'its CRC-32 is not the one that was recorded'
const FORGED = 'is damaged'
const WRONG_LENGTH = 'a chunk has another length than was recorded'
const INCOMPLETE = 'its pieces do not make up its size'

interface Made {
  readonly entry: Entry
  readonly what: string
}

const MAKE: Readonly<Record<string, (trees: CraftedTrees, name: string) => Made>> = {
  'one chunk and the CRC of another content': (trees, name) => ({
    entry: trees.file(name, 'content', { crc32: crc32(utf8('another')) }),
    what: WRONG_CRC,
  }),
  'one chunk that is another than its id says': (trees, name) => {
    const pieces = [trees.forgedPiece(utf8('forged'), utf8('wanted'))]
    const crc = crc32(utf8('forged'))
    return { entry: trees.file(name, '', { size: 6, crc32: crc, pieces }), what: FORGED }
  },
  'two chunks of which one is another than its id says': (trees, name) => {
    const pieces = [trees.piece(utf8('one ')), trees.forgedPiece(utf8('forged'), utf8('wanted'))]
    const crc = crc32(utf8('one forged'))
    return { entry: trees.file(name, '', { size: 10, crc32: crc, pieces }), what: FORGED }
  },
  'two chunks and the CRC of another content': (trees, name) => {
    const pieces = [trees.piece(utf8('one ')), trees.piece(utf8('two'))]
    return { entry: trees.file(name, '', { size: 7, crc32: 1, pieces }), what: WRONG_CRC }
  },
  'two chunks in the wrong order': (trees, name) => {
    const pieces = [trees.piece(utf8('two')), trees.piece(utf8('one '))]
    const crc = crc32(utf8('one two'))
    return { entry: trees.file(name, '', { size: 7, crc32: crc, pieces }), what: WRONG_CRC }
  },
  'a chunk that is longer than is said': (trees, name) => {
    const long = trees.piece(utf8('longer'))
    const pieces = [{ ...long, length: 4 }, trees.piece(utf8('rest'))]
    const crc = crc32(utf8('longrest'))
    return { entry: trees.file(name, '', { size: 8, crc32: crc, pieces }), what: WRONG_LENGTH }
  },
  'a list that ends before its size': (trees, name) => {
    const pieces = [trees.piece(utf8('begin'))]
    const pieceList = trees.node({ kind: 'pieces', pieces })
    // As if zeros followed.
    const crc = crc32(concat([utf8('begin'), new Uint8Array(5)]))
    const entry = trees.file(name, '', { size: 10, crc32: crc, pieces: undefined, pieceList })
    return { entry, what: INCOMPLETE }
  },
}

test.each(Object.entries(MAKE))('a file of %s is not restored', async (_, make) => {
  const repository = await makeRepository()
  const trees = new CraftedTrees(repository.repository)
  const { entry, what } = make(trees, 'bad')
  await trees.commit(trees.entries(entry, trees.file('good', 'good')))
  const target = scratch.path('target')
  // Reading back what was restored would find it too, and may be left out.
  const { problems, counts } = await restoreFolder(repository, target, { verify: false })
  expect(problems.map(({ path }) => fromUtf8Lossy(path))).toEqual(['bad'])
  expect(problems[0]?.what).toContain(what)
  expect(existsSync(join(target, 'bad'))).toBe(false)
  expect(readFileSync(join(target, 'good'), 'utf8')).toBe('good')
  expect(counts.files).toBe(1)
})
