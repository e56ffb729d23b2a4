import { beforeEach, expect, test } from 'vitest'
import { forgeMark } from '../../test/repositories/marks.ts'
import {
  backupFiles,
  flipBit,
  namesOf,
  noise,
  replaceObject,
  type Sample,
  sampleRepository,
} from '../../test/repositories/sample.ts'
import { fromHex } from '../base/bytes.ts'
import { encodeIndexSegment, type IndexSegment } from '../format/index-segment.ts'
import { encodePrefix } from '../format/prefix.ts'
import { systemRandom } from '../sealer/random.ts'
import { Signer } from '../sealer/sign.ts'
import { sealSigned } from '../sealer/signed.ts'
import { putContent } from '../store/content.ts'
import { decorate } from '../store/decorate.ts'
import { newSigner } from './create.ts'
import { loadIndex, loadSegment } from './index-load.ts'
import { selectDomain } from './repository.ts'

let sample: Sample

beforeEach(async () => {
  sample = await sampleRepository()
  await backupFiles(sample.repository, { files: { other: noise(2000, 9) }, sourceName: 'other' })
})

const load = (repository = sample.repository) => loadIndex(repository, selectDomain(repository))

const digestOf = (name: string) => fromHex(name.slice(-64)) as Uint8Array

/** Puts a segment that is sealed, and signed by the domain's own signer. */
async function putSegment(segment: IndexSegment): Promise<void> {
  const { repository, store } = sample
  const domain = selectDomain(repository)
  const prefix = encodePrefix({ kind: 'index', domain: domain.id, epoch: 1 })
  const sealed = sealSigned(encodeIndexSegment(segment), {
    place: { repositoryId: repository.id, prefix, part: 'body' },
    signatory: domain.signatory,
    headerSeal: domain.headerSeal(1),
  })
  await putContent(store, { folder: 'index', parts: [prefix, sealed] })
}

/** Puts a mark of packs, signed in a role of which only upkeep may. */
async function mark(packs: readonly string[], role: 'upkeep' | 'writer'): Promise<void> {
  const { repository, store } = sample
  const domain = selectDomain(repository)
  const { keys: owner } = repository.ownership as NonNullable<typeof repository.ownership>
  const making = { random: systemRandom, owner, repositoryId: repository.id }
  const signer = newSigner({ ...making, domain: domain.id, role, label: 'x', epoch: 1 })
  const { certificate, signingSeed } = signer
  const signatory = { signer: new Signer(signingSeed), certificate }
  const signed = { packs: packs.map(digestOf), snapshots: [] }
  const parts = [forgeMark(repository, { domain, signatory, signed })]
  await putContent(store, { folder: 'marks', parts })
}

test('every pack that is listed and named by a segment is in the index', async () => {
  const { packs, problems, segments, image } = await load()
  expect(problems).toEqual([])
  expect(packs.map(({ name }) => name).sort()).toEqual(await namesOf(sample.store, 'packs/'))
  expect(segments).toHaveLength(2)
  expect(image.blobs).toBeGreaterThan(6)
})

test('a pack that is gone, or of another length, does not count', async () => {
  const [gone, cut] = (await namesOf(sample.store, 'packs/')) as [string, string]
  await sample.store.remove(gone)
  const bytes = await sample.store.get(cut)
  await replaceObject(sample.store, { name: cut, bytes: bytes.subarray(0, -1) })
  const { packs } = await load()
  expect(packs).toHaveLength(2)
  expect(packs.map(({ name }) => name)).not.toContain(gone)
  expect(packs.map(({ name }) => name)).not.toContain(cut)
})

test('a marked pack does not count, and a mark that upkeep did not sign marks nothing', async () => {
  const names = await namesOf(sample.store, 'packs/')
  await mark(names, 'writer')
  expect((await load()).packs).toHaveLength(4)
  await mark(names.slice(1), 'upkeep')
  const { packs, marked } = await load()
  expect(packs.map(({ name }) => name)).toEqual(names.slice(0, 1))
  expect([...marked.packs].sort()).toEqual(names.slice(1))
})

test('a pack of which the mark goes after packs were listed does not count', async () => {
  const { repository, store } = sample
  const names = await namesOf(store, 'packs/')
  await mark(names.slice(1), 'upkeep')
  // A prune that comes to its end just then: with what was marked goes the mark.
  const swept = decorate(store, {
    list: async function* (prefix) {
      yield* store.list(prefix)
      if (prefix === 'packs/')
        for (const name of await namesOf(store, 'marks/')) await store.remove(name)
    },
  })
  const { packs } = await load({ ...repository, store: swept })
  expect(packs.map(({ name }) => name)).toEqual(names.slice(0, 1))
})

test('a damaged segment is told and passed over', async () => {
  const [name] = (await namesOf(sample.store, 'index/')) as [string]
  await flipBit(sample.store, { name, offset: 200 })
  const { problems, packs } = await load()
  expect(problems.map((problem) => problem.name)).toEqual([name])
  expect(packs).toHaveLength(2)
})

test('a segment that takes the place of others silences them', async () => {
  const { repository, store } = sample
  const domain = selectDomain(repository)
  const [first, second] = (await namesOf(store, 'index/')) as [string, string]
  const segment = await loadSegment(repository, { domain, name: first })
  if (segment === undefined) throw new Error('a segment of the domain')
  const supersedes = [digestOf(first), digestOf(second)]
  await putSegment({ ...segment, supersedes })
  expect((await load()).packs).toHaveLength(segment.packs.length)
})

test('a pack that two segments name counts once', async () => {
  const { repository, store } = sample
  const domain = selectDomain(repository)
  const [first] = (await namesOf(store, 'index/')) as [string]
  const segment = await loadSegment(repository, { domain, name: first })
  if (segment === undefined) throw new Error('a segment of the domain')
  const before = await load()
  await putSegment({ ...segment, supersedes: [new Uint8Array(32)] })
  const after = await load()
  expect(after.packs).toHaveLength(before.packs.length)
  expect(after.image.blobs).toBe(before.image.blobs)
})

test('a segment that vanishes while it is read was replaced: all is listed again', async () => {
  const { repository, store } = sample
  const [name] = (await namesOf(store, 'index/')) as [string]
  const object = await store.get(name)
  let vanishing = true
  const replacing = decorate(store, {
    get: async (one, range) => {
      if (one === name && vanishing) {
        vanishing = false
        await store.remove(name)
        const missing = store.get(one, range)
        await missing.catch(() => undefined)
        // As if what takes its place had been put meanwhile.
        await store.put(name, [object])
        return missing
      }
      return store.get(one, range)
    },
  })
  const { packs, problems } = await load({ ...repository, store: replacing })
  expect(problems).toEqual([])
  expect(packs).toHaveLength(4)
})
