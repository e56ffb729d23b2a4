// Packs that are sealed with the right keys and yet are not what they say: as a writer with a defect, or
// a hostile one, leaves them.

import { beforeEach, expect, test } from 'vitest'
import { type PackedBlob, putPack, putSegment } from '../../../test/repositories/packs.ts'
import { newRepository } from '../../../test/repositories/sample.ts'
import { concat, toHex, utf8 } from '../../base/bytes.ts'
import { encode } from '../../format/codec.ts'
import { frameTableBytes, writeFrameTable } from '../../format/frame.ts'
import { type BlobId, blobId } from '../../format/ids.ts'
import { treeNodeCodec } from '../../format/tree.ts'
import { sealFrame } from '../../packer/frame.ts'
import { PackWriter } from '../../packer/pack-writer.ts'
import type { DomainAccess } from '../../repository/access.ts'
import type { DescribedPack } from '../../repository/pack-headers.ts'
import { openRepository, type Repository, selectDomain } from '../../repository/repository.ts'
import { Seal } from '../../sealer/seal.ts'
import { beginSession, frameBinding } from '../../sealer/session.ts'
import { contentName } from '../../store/names.ts'
import { check } from '../check.ts'
import { PackChecker } from './pack-check.ts'
import type { PackFacts } from './pack-facts.ts'

let repository: Repository
let domain: DomainAccess

beforeEach(async () => {
  const { store, owner } = await newRepository()
  repository = await openRepository(store, owner)
  domain = selectDomain(repository)
})

const OTHER: BlobId = blobId(new Uint8Array(32).fill(7))

async function put(kind: 'data-pack' | 'tree-pack', ...blobs: PackedBlob[]) {
  const keys = beginSession(domain.scope, domain.latest)
  const pack = await putPack(repository, { kind, blobs, domain, keys })
  return { pack, name: contentName('packs', pack.indexed.hash) }
}

async function checked(name: string): Promise<PackFacts> {
  return new PackChecker([domain]).check({ name, bytes: await repository.store.get(name) })
}

function data(text: string): PackedBlob {
  return { blob: utf8(text), id: domain.idOf('data', utf8(text)) }
}

/** A list of one blob, which its pack's header says to refer to these. */
function node(refs: readonly BlobId[]): PackedBlob {
  const blob = encode(treeNodeCodec, { kind: 'pieces', pieces: [{ id: OTHER, length: 5 }] })
  return { blob, id: domain.idOf('tree', blob), refs }
}

test('nothing is wrong with a pack that is what it says', async () => {
  for (const { name } of [
    await put('data-pack', data('a'), data('b')),
    await put('tree-pack', node([OTHER])),
  ])
    expect(await checked(name)).toMatchObject({ problems: [], lostIds: new Uint8Array(0) })
})

test('a blob that is another than its id says is damaged and lost', async () => {
  const { name } = await put('data-pack', data('a'), { ...data('b'), id: OTHER }, data('c'))
  const { problems, lostIds } = await checked(name)
  expect(problems).toMatchObject([{ kind: 'damaged', object: name }])
  expect(toHex(lostIds)).toBe(toHex(OTHER))
})

test.each([
  ['none', []],
  ['another', [blobId(new Uint8Array(32))]],
  ['one more', [OTHER, OTHER]],
])('a node of which the header lists %s of its refs is told', async (_, refs) => {
  const { name } = await put('tree-pack', node(refs))
  expect((await checked(name)).problems).toMatchObject([{ kind: 'mismatch', object: name }])
})

test('a frame of more or fewer blobs than its header says is damaged, and its blobs are lost', () => {
  const keys = beginSession(domain.scope, domain.latest)
  const aad = frameBinding(domain.scope, keys.session, 'data-pack')
  const table = new Uint8Array(frameTableBytes(2))
  writeFrameTable(table, { offset: 0, lengths: [1, 1] })
  const plaintext = concat([table, utf8('ab')])
  const sealed = sealFrame(plaintext, { seal: new Seal(keys.frameKey), aad, level: 'off' })
  for (const blobs of [[data('a')], [data('a'), data('b'), data('c')]]) {
    const { epoch } = domain.latest
    const headerSeal = domain.headerSeal(epoch)
    const place = { kind: 'data-pack' as const, ...domain.scope, epoch, headerSeal }
    const writer = new PackWriter(keys.session, { ...place, memory: new Uint8Array(1000) })
    const ids = concat(blobs.map(({ id }) => id))
    writer.add({ sealed, rawBytes: plaintext.length, ids })
    const { parts, indexed } = writer.finish()
    const name = contentName('packs', indexed.hash)
    const facts = new PackChecker([domain]).check({ name, bytes: concat(parts) })
    expect(facts.problems).toMatchObject([{ kind: 'damaged', object: name }])
    expect(toHex(facts.lostIds)).toBe(toHex(ids))
  }
})

test('an index segment that says other things than the header is told', async () => {
  const { pack, name } = await put('data-pack', data('a'))
  const { frames } = pack.columns
  const said: DescribedPack = {
    ...pack,
    columns: {
      ...pack.columns,
      frames: frames.map((frame) => ({ ...frame, rawBytes: frame.rawBytes + 1 })),
    },
  }
  await putSegment(repository, { domain, packs: [said] })
  const quiet = { onProgress: () => undefined, onProblem: () => undefined, workers: 1 }
  const { signal } = new AbortController()
  const { problems } = await check({ repository, mode: 'structure', signal, ...quiet })
  const told = problems.filter(({ kind }) => kind === 'mismatch')
  expect(told).toHaveLength(1)
  expect(told[0]?.object).toMatch(/^index\//)
  expect(told[0]?.what).toContain(name)
})
