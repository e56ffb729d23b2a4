// That what is opened on other threads, where there is much of it, is verified like the rest.

import { beforeAll, expect, test } from 'vitest'
import { namesOf, type Sample, sampleRepository } from '../../test/repositories/sample.ts'
import { type Bytes, toHex } from '../base/bytes.ts'
import { decodeSnapshot, encodeSnapshot } from '../format/snapshot.ts'
import { binding } from '../sealer/bind.ts'
import { systemRandom } from '../sealer/random.ts'
import { Signer } from '../sealer/sign.ts'
import { putContent } from '../store/content.ts'
import { digestInName } from '../store/names.ts'
import { selectDomain } from './repository.ts'
import { loadSnapshotFacts } from './snapshot-facts.ts'
import { openSnapshot, putReceipt, putSnapshot } from './snapshots.ts'

/** More than are verified on the thread that reads. */
const COUNT = 300

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

async function confirm(
  name: string,
  { signer }: { readonly signer?: Signer } = {},
): Promise<string> {
  const { repository } = sample
  const domain = selectDomain(repository)
  const snapshot = digestInName(name) as Bytes
  const receipt = { snapshot, sessionId: systemRandom(16), confirmedMs: 1 }
  const signatory = { ...domain.signatory, ...(signer && { signer }) }
  return putReceipt(repository, { domain, receipt, signatory })
}

/** With a summary that the signature is not of, sealed by who has the header key. */
async function forged(name: string): Promise<string> {
  const { repository, store } = sample
  const { prefix, summary, ...rest } = decodeSnapshot(await store.get(name))
  const domain = selectDomain(repository)
  const seal = domain.headerSeal(domain.latest.epoch)
  const aad = binding({ repositoryId: repository.id, prefix, part: 'summary' })
  const envelope = seal.open(aad, summary).slice()
  envelope[envelope.length - 1] = (envelope.at(-1) as number) ^ 1
  const parts = encodeSnapshot({ ...rest, prefix, summary: seal.seal(aad, envelope) })
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
  const forgery = await forged(good)
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
})
