// Lists of pieces and extents from a hostile writer, with every id and seal as it should be: they refer to the
// same node again and again, so that a repository of a megabyte describes more than any memory holds.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { crc32 } from '../../src/base/hash.ts'
import { dump } from '../../src/engine/dump.ts'
import { encode } from '../../src/format/codec.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { type Entry, type TreeNode, treeNodeCodec } from '../../src/format/tree.ts'
import type { DomainAccess } from '../../src/repository/access.ts'
import { selectDomain } from '../../src/repository/repository.ts'
import type { Snapshot } from '../../src/repository/snapshots.ts'
import { entryOf } from '../repositories/entries.ts'
import { putBlobs } from '../repositories/packs.ts'
import {
  backupFolder,
  makeRepository,
  restoreFolder,
  Scratch,
  snapshotOf,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()
const WIDE = 8192
const GOOD = utf8('good')

let made: TestRepository
let domain: DomainAccess
let good: BlobId
let snapshot: Snapshot

beforeAll(async () => {
  made = await makeRepository()
  await backupFolder(made, scratch.make())
  snapshot = await snapshotOf(made)
  domain = selectDomain(made.repository)
  good = await put('data', GOOD)
})

async function put(type: 'data' | 'tree', blob: Uint8Array): Promise<BlobId> {
  const { ids } = await putBlobs(made.repository, { domain, type, blobs: [blob], indexed: true })
  return ids[0] as BlobId
}

const putNode = (node: TreeNode) => put('tree', encode(treeNodeCodec, node))

/** The root of a list of three levels that has this leaf 2^26 times. */
async function endless(leaf: TreeNode): Promise<BlobId> {
  let id = await putNode(leaf)
  for (const level of [1, 2]) {
    id = await putNode({ kind: 'list', level, children: new Array<BlobId>(WIDE).fill(id) })
  }
  return id
}

/** A snapshot of the file, between two good ones. */
async function snapshotWith(content: Partial<Entry>): Promise<Snapshot> {
  const fine = {
    size: GOOD.length,
    pieces: [{ id: good, length: GOOD.length }],
    crc32: crc32(GOOD),
  }
  const entries = [
    entryOf('a', { type: 'file', ...fine }),
    entryOf('hostile', { type: 'file', crc32: 0, ...content }),
    entryOf('z', { type: 'file', ...fine }),
  ]
  const root = await putNode({ kind: 'entries', entries })
  return { ...snapshot, summary: { ...snapshot.summary, roots: [root] } }
}

const pieces = (length: number) => ({
  kind: 'pieces' as const,
  pieces: Array.from({ length: WIDE }, () => ({ id: good, length })),
})

describe.each([
  ['pieces beyond the size', { size: 10 }, () => endless(pieces(1)), 'pieceList'],
  [
    'pieces of another length',
    { size: 2 ** 40 },
    () => endless(pieces(GOOD.length + 1)),
    'pieceList',
  ],
  [
    'extents without end',
    { size: 2 ** 50, pieces: [{ id: undefined as unknown as BlobId, length: GOOD.length }] },
    () =>
      endless({
        kind: 'extents',
        extents: Array.from({ length: WIDE }, () => ({ hole: 1, data: 1 })),
      }),
    'extentList',
  ],
] as const)('%s', (_, fields, list, field) => {
  let hostile: Snapshot

  beforeAll(async () => {
    const whole =
      'pieces' in fields ? { ...fields, pieces: [{ id: good, length: GOOD.length }] } : fields
    hostile = await snapshotWith({ ...whole, [field]: await list() })
  })

  test('are told of by a restore, which goes on with the rest', async () => {
    const target = scratch.path()
    const controller = new AbortController()
    const run = restoreFolder({ repository: made.repository }, target, {
      snapshot: hostile,
      verify: false,
      signal: controller.signal,
    })
    // One that writes on and on is stopped like any other.
    if (fields.size === 2 ** 40) {
      setTimeout(() => controller.abort(), 500)
      return expect(run).rejects.toMatchObject({ code: 'interrupted' })
    }
    expect((await run).affected).toEqual(['hostile'])
    for (const name of ['a', 'z']) expect(readFileSync(join(target, name)).toString()).toBe('good')
  })

  test('end a dump', async () => {
    const dumped = dump({
      repository: made.repository,
      snapshot: hostile,
      names: [utf8('hostile')],
      sink: () => Promise.resolve(),
      signal: new AbortController().signal,
      onProblem: () => undefined,
    })
    await expect(dumped).rejects.toMatchObject({ code: 'object-damaged' })
  })
})
