// A restore when the store has a tree and does not give it out: the rest is restored, and it is told.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { fromUtf8Lossy, toHex, utf8 } from '../../src/base/bytes.ts'
import { CairnError } from '../../src/base/errors.ts'
import { BlobReader } from '../../src/engine/blob-reader.ts'
import { splitPath } from '../../src/engine/paths.ts'
import { findEntry } from '../../src/engine/tree-reader.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { loadIndex } from '../../src/repository/index-load.ts'
import { decorate } from '../../src/store/decorate.ts'
import type { Store } from '../../src/store/store.ts'
import {
  backupFolder,
  makeRepository,
  restoreFolder,
  Scratch,
  snapshotOf,
  type TestRepository,
  throughStore,
} from './fixture.ts'

const scratch = new Scratch()
const source = scratch.make('source')
let repository: TestRepository
/** Frames of trees, each folder's in a run of its own. */
let bad: { readonly pack: string; readonly offset: number }

beforeAll(async () => {
  repository = await makeRepository()
  mkdirSync(join(source, 'good'))
  writeFileSync(join(source, 'good/a'), 'a')
  await backupFolder(repository, source)
  // Of a second run, so that it is in another frame than what is above it.
  mkdirSync(join(source, 'bad'))
  writeFileSync(join(source, 'bad/b'), 'b')
  await backupFolder(repository, join(source, 'bad'), { sourceName: 'only this' })
  await backupFolder(repository, source)
  const snapshot = await snapshotOf(repository)
  const index = await loadIndex(repository.repository, snapshot.domain)
  const reader = new BlobReader({ store: repository.store, domain: snapshot.domain, index })
  const root = snapshot.summary.roots[0] as BlobId
  const entry = await findEntry(reader, { root, names: splitPath(utf8(join(source, 'bad'))) })
  const location = index.image.locate(entry?.tree as BlobId)
  if (location === undefined) throw new Error(`no tree ${toHex(entry?.tree ?? new Uint8Array())}`)
  const pack = index.packs[location.pack]?.name as string
  bad = { pack, offset: index.image.frame(location.frame).offset }
})

function withholding(isBad: (name: string, offset: number) => boolean): Store {
  return decorate(repository.store, {
    get: (name, range) =>
      range !== undefined && 'offset' in range && isBad(name, range.offset)
        ? Promise.reject(new CairnError('store-unreadable', 'a bad sector'))
        : repository.store.get(name, range),
  })
}

test('a folder on a bad sector is named, and the others are restored', async () => {
  const store = withholding((name, offset) => name === bad.pack && offset === bad.offset)
  const target = scratch.make('target')
  const { problems } = await restoreFolder(await throughStore(repository, store), target, {
    from: source,
  })
  expect(problems.map(({ path }) => fromUtf8Lossy(path))).toEqual(['bad'])
  expect(readFileSync(join(target, 'good/a'), 'utf8')).toBe('a')
})
