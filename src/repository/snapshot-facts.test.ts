// That what is verified on another thread, where there is much of it, is verified like the rest, and what a
// receipt vouches for.

import { beforeAll, describe, expect, test } from 'vitest'
import { namesOf, type Sample, sampleRepository } from '../../test/repositories/sample.ts'
import { type Bytes, toHex } from '../base/bytes.ts'
import { decodeEnvelope, encodeEnvelope } from '../format/signing.ts'
import { decodeSnapshot, encodeSnapshot } from '../format/snapshot.ts'
import { binding } from '../sealer/bind.ts'
import { systemRandom } from '../sealer/random.ts'
import { Signer } from '../sealer/sign.ts'
import type { Signatory } from '../sealer/signed.ts'
import { putContent } from '../store/content.ts'
import { digestInName } from '../store/names.ts'
import type { CatalogPlace } from './catalog.ts'
import { selectDomain } from './repository.ts'
import { loadSnapshotFacts } from './snapshot-facts.ts'
import { openSnapshot, putReceipt, putSnapshot } from './snapshots.ts'
import { upkeepSignatory } from './upkeep-signatory.ts'

/** More than are verified on the thread that reads. */
const COUNT = 1100

const NOTHING_KNOWN = { read: () => undefined, write: () => {} }
const DETAILS = {
  host: '',
  user: '',
  source: '',
  paths: [],
  tags: [],
  problems: [],
  root: undefined,
  original: undefined,
}

let sample: Sample

beforeAll(async () => {
  sample = await sampleRepository({ a: 'first' })
  const { repository, store } = sample
  const domain = selectDomain(repository)
  const [first = ''] = await namesOf(store, 'snapshots/')
  const { summary } = openSnapshot(repository, { domain, object: await store.get(first) })
  for (let sequence = 2; sequence <= COUNT; sequence++) {
    const put = { domain, summary: { ...summary, sequence }, details: DETAILS }
    await confirm(await putSnapshot(repository, put))
  }
})

async function confirm(name: string, signing: Partial<Signatory> = {}): Promise<string> {
  const { repository } = sample
  const domain = selectDomain(repository)
  const snapshot = digestInName(name) as Bytes
  const receipt = { snapshot, sessionId: systemRandom(16), confirmedMs: 1 }
  const signatory = { ...domain.signatory, ...signing }
  return putReceipt(repository, { domain, receipt, signatory })
}

/** As a machine that knows all that there is now, so that what comes then is verified where it is read. */
async function knowingAll(): Promise<CatalogPlace> {
  let known: Bytes | undefined
  const place: CatalogPlace = {
    read: () => known,
    write: (_, sealed) => {
      known = sealed
    },
  }
  await loadSnapshotFacts(sample.repository, place)
  return { ...place, write: () => {} }
}

/** A snapshot whose signature is wrong, sealed by who has the header key. */
async function forged(): Promise<string> {
  const { repository, store } = sample
  const domain = selectDomain(repository)
  const [good = ''] = await namesOf(store, 'snapshots/')
  const { summary: said } = openSnapshot(repository, { domain, object: await store.get(good) })
  const name = await putSnapshot(repository, { domain, summary: said, details: DETAILS })
  const { prefix, summary, ...rest } = decodeSnapshot(await store.get(name))
  await store.remove(name)
  const seal = domain.headerSeal(domain.latest.epoch)
  const aad = binding({ repositoryId: repository.id, prefix, part: 'summary' })
  const envelope = decodeEnvelope(seal.open(aad, summary))
  const signature = Uint8Array.from(envelope.signature, (byte, i) => (i === 0 ? byte ^ 1 : byte))
  const sealed = seal.seal(aad, ...encodeEnvelope({ ...envelope, signature }))
  const parts = encodeSnapshot({ ...rest, prefix, summary: sealed })
  return putContent(store, { folder: 'snapshots', parts })
}

test('of many snapshots all that are signed count, and those with a receipt are confirmed', async () => {
  const { snapshots, problems } = await loadSnapshotFacts(sample.repository, NOTHING_KNOWN)
  expect(snapshots.filter(({ confirmed }) => confirmed)).toHaveLength(COUNT)
  expect(snapshots.map(({ summary }) => summary.sequence).sort((a, b) => a - b)).toEqual(
    Array.from({ length: COUNT }, (_, i) => i + 1),
  )
  expect(problems).toEqual([])
})

test('among many, what somebody else signed is a problem each, and confirms nothing', async () => {
  const { repository, store } = sample
  const [good = ''] = await namesOf(store, 'snapshots/')
  const forgery = await forged()
  const domain = selectDomain(repository)
  const { summary } = openSnapshot(repository, { domain, object: await store.get(good) })
  const unconfirmed = await putSnapshot(repository, { domain, summary, details: DETAILS })
  const receipt = await confirm(unconfirmed, { signer: new Signer(new Uint8Array(32)) })
  const { snapshots, receipts, problems } = await loadSnapshotFacts(repository, NOTHING_KNOWN)
  expect(problems.map(({ name }) => name).sort()).toEqual([forgery, receipt].sort())
  for (const problem of problems) {
    expect(problem).toMatchObject({ error: { code: 'object-damaged' }, isIntact: true })
    expect(problem.error.message).toContain('the signature is wrong')
  }
  const id = toHex(digestInName(unconfirmed) as Bytes)
  expect(snapshots.find((one) => one.id === id)?.confirmed).toBe(false)
  expect(snapshots.some(({ name }) => name === forgery)).toBe(false)
  expect([...receipts.values()].flat()).not.toContain(receipt)
  for (const name of [forgery, unconfirmed, receipt]) await store.remove(name)
})

test('a catalog that grew is as long as one that was made of all at once', async () => {
  const { repository, store } = sample
  const lengths: number[] = []
  let known: Bytes | undefined
  const place: CatalogPlace = {
    read: () => known,
    write: (_, sealed) => {
      known = sealed
      lengths.push(sealed.length)
    },
  }
  await loadSnapshotFacts(repository, place)
  const domain = selectDomain(repository)
  const [good = ''] = await namesOf(store, 'snapshots/')
  const { summary } = openSnapshot(repository, { domain, object: await store.get(good) })
  const added: string[] = []
  for (let i = 0; i < 2; i++) {
    const name = await putSnapshot(repository, { domain, summary, details: DETAILS })
    added.push(name, await confirm(name))
    await loadSnapshotFacts(repository, place)
  }
  const [, , grown] = lengths
  known = undefined
  await loadSnapshotFacts(repository, place)
  expect(lengths.at(-1)).toBe(grown)
  for (const name of added) await store.remove(name)
})

describe.each(['where it is read', 'on another thread'])('verified %s', (where) => {
  const place = () => (where === 'where it is read' ? knowingAll() : NOTHING_KNOWN)

  /** What is found of a snapshot whose own signature is wrong. */
  async function found(signing: Partial<Signatory> | undefined) {
    const before = await place()
    const name = await forged()
    const receipt = signing && (await confirm(name, signing))
    const { snapshots, problems } = await loadSnapshotFacts(sample.repository, before)
    await sample.store.remove(name)
    if (receipt !== undefined) await sample.store.remove(receipt)
    const unusable = problems.map((problem) => {
      expect(problem).toMatchObject({ error: { code: 'object-damaged' }, isIntact: true })
      expect(problem.error.message).toContain('the signature is wrong')
      return problem.name
    })
    const one = snapshots.find((snapshot) => snapshot.name === name)
    return {
      confirmed: one?.confirmed,
      snapshot: unusable.includes(name),
      receipt: receipt !== undefined && unusable.includes(receipt),
    }
  }

  test('a receipt under the same certificate vouches for a snapshot: its key signed all of it', async () => {
    expect(await found({})).toEqual({ confirmed: true, snapshot: false, receipt: false })
  })

  test('without a receipt nobody does', async () => {
    expect(await found(undefined)).toEqual({ confirmed: undefined, snapshot: true, receipt: false })
  })

  test('nor does a receipt under another certificate', async () => {
    const { repository } = sample
    const upkeep = upkeepSignatory(repository, selectDomain(repository))
    expect(await found(upkeep)).toEqual({ confirmed: undefined, snapshot: true, receipt: false })
  })

  test('nor one whose signature is wrong', async () => {
    const signer = new Signer(new Uint8Array(32))
    expect(await found({ signer })).toEqual({
      confirmed: undefined,
      snapshot: true,
      receipt: true,
    })
  })
})
