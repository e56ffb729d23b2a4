// A node of a tree that is authentic and cannot be decoded: of a later version, or from a writer with a bug.
// Whoever meets it names the path, the blob and the pack, and goes on with the rest.

import { beforeAll, expect, test } from 'vitest'
import { fromUtf8Lossy, toHex, utf8 } from '../../src/base/bytes.ts'
import { messageOf } from '../../src/base/errors.ts'
import { BlobReader } from '../../src/engine/blob-reader.ts'
import { findEntry, walkTree } from '../../src/engine/tree-reader.ts'
import { encode } from '../../src/format/codec.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { treeNodeCodec } from '../../src/format/tree.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { selectDomain } from '../../src/repository/repository.ts'
import type { Snapshot } from '../../src/repository/snapshots.ts'
import { entryOf } from '../repositories/entries.ts'
import { putBlobs, type SmallPacks } from '../repositories/packs.ts'
import {
  backupFolder,
  makeRepository,
  restoreFolder,
  Scratch,
  snapshotOf,
  type TestRepository,
} from './fixture.ts'

const scratch = new Scratch()
let made: TestRepository
let snapshot: Snapshot
let junk: SmallPacks
let reader: BlobReader
/** A folder with a folder `a` in it, of which the node is junk. */
let above: BlobId

beforeAll(async () => {
  made = await makeRepository()
  await backupFolder(made, scratch.make())
  snapshot = await snapshotOf(made)
  const domain = selectDomain(made.repository)
  const put = (blob: Uint8Array) =>
    putBlobs(made.repository, { domain, type: 'tree', blobs: [blob], indexed: true })
  junk = await put(utf8('no node'))
  const entries = [entryOf('a', { type: 'directory', tree: junk.ids[0] })]
  above = (await put(encode(treeNodeCodec, { kind: 'entries', entries }))).ids[0] as BlobId
  const index = await loadIndex(made.repository, domain)
  reader = new BlobReader({ store: made.store, domain, index })
})

/** The pack and the blob. */
function expectNamed(what: string): void {
  expect(what).toContain(junk.names[0])
  expect(what).toContain(toHex(junk.ids[0] as BlobId))
  expect(what).toContain('Cannot decode byte 0')
}

/** What a restore tells, and a dry run tells the same. */
async function restoreOf(root: BlobId) {
  const changed = { ...snapshot, summary: { ...snapshot.summary, roots: [root] } }
  const restoreIt = (dryRun: boolean) =>
    restoreFolder(made, scratch.path(), { snapshot: changed, verify: false, dryRun })
  const planned = await restoreIt(true)
  const restored = await restoreIt(false)
  expect(planned.problems).toEqual(restored.problems)
  expect(planned.counts).toEqual(restored.counts)
  return restored
}

test('at the root a restore tells of it as `/`', async () => {
  const { problems, affected } = await restoreOf(junk.ids[0] as BlobId)
  expect(affected).toEqual(['/'])
  expectNamed(problems[0]?.what ?? '')
})

test('below it the folder is named, and is made all the same', async () => {
  const { problems, affected } = await restoreOf(above)
  expect(affected).toEqual(['a'])
  expectNamed(problems[0]?.what ?? '')
})

test('who walks over it is told', async () => {
  const told: string[] = []
  const onError = (names: readonly Uint8Array[], error: unknown) =>
    told.push(`${names.map(fromUtf8Lossy).join('/')}: ${messageOf(error)}`)
  for await (const { entry } of walkTree(reader, { root: above, onError }))
    expect(entry.type).toBe('directory')
  expect(told).toHaveLength(1)
  expect(told[0]).toMatch(/^a: /)
  expectNamed(told[0] as string)
})

test('who looks for a path behind it is told which folder it is', async () => {
  const looking = (root: BlobId, path: readonly string[]) =>
    findEntry(reader, { root, names: path.map(utf8) }).then(String, messageOf)
  const [atRoot, below] = [
    await looking(junk.ids[0] as BlobId, ['x', 'y']),
    await looking(above, ['a', 'x', 'y']),
  ]
  expect(atRoot).toMatch(/^Cannot read \/: /)
  expect(below).toMatch(/^Cannot read \/a: /)
  expectNamed(atRoot)
  expectNamed(below)
})

test('a node at a wrong place is named', async () => {
  const node = encode(treeNodeCodec, { kind: 'pieces', pieces: [] })
  const domain = selectDomain(made.repository)
  const put = { domain, type: 'tree' as const, blobs: [node], indexed: true }
  const [id] = (await putBlobs(made.repository, put)).ids
  const { problems, affected } = await restoreOf(id as BlobId)
  expect(affected).toEqual(['/'])
  expect(problems[0]?.what).toContain(toHex(id as BlobId))
})
