// What only a hostile writer puts: signed and sealed as it must be, and not looked at before it goes out. So
// it may say what no reader decodes.

import { type Bytes, concat } from '../../src/base/bytes.ts'
import { sha256 } from '../../src/base/hash.ts'
import { encode } from '../../src/format/codec.ts'
import { encodePrefix } from '../../src/format/prefix.ts'
import { type Receipt, receiptCodec } from '../../src/format/records.ts'
import {
  detailsCodec,
  encodeSnapshot,
  type Summary,
  summaryCodec,
} from '../../src/format/snapshot.ts'
import { type Repository, selectDomain } from '../../src/repository/repository.ts'
import { sourceIdOf } from '../../src/repository/snapshots.ts'
import { binding } from '../../src/sealer/bind.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { Seal } from '../../src/sealer/seal.ts'
import { sealSigned } from '../../src/sealer/signed.ts'
import { putContent } from '../../src/store/content.ts'
import { digestInName } from '../../src/store/names.ts'
import { EMPTY_DETAILS, EMPTY_SUMMARY } from './nothing-saved.ts'

/** Puts a snapshot of nothing that says all this, with a receipt. Returns its name. */
export async function putForged(
  repository: Repository,
  said: Partial<Summary>,
  { source = 'source', isConfirmed = true } = {},
): Promise<string> {
  const domain = selectDomain(repository)
  const sessionId = systemRandom(16)
  const summary = {
    ...EMPTY_SUMMARY,
    ...TIMES,
    sourceId: sourceIdOf(domain, source),
    sessionId,
    ...said,
  }
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind: 'snapshot', domain: domain.id, epoch })
  const { session, detailsKey } = domain.beginSession()
  const { encapsulation } = session
  const aad = binding({ repositoryId: repository.id, prefix, part: 'details' })
  const details = new Seal(detailsKey).seal(aad, encode(detailsCodec, { ...EMPTY_DETAILS, source }))
  const detailsHash = sha256(concat([encapsulation, details]))
  const sealed = sealSigned(encode(summaryCodec, { ...summary, detailsHash }), {
    place: { repositoryId: repository.id, prefix, part: 'summary' },
    signatory: domain.signatory,
    headerSeal: domain.headerSeal(epoch),
  })
  const parts = encodeSnapshot({ prefix, summary: sealed, encapsulation, details })
  const name = await putContent(repository.store, { folder: 'snapshots', parts })
  const snapshot = digestInName(name) as Bytes
  if (isConfirmed)
    await putForgedReceipt(repository, { snapshot, sessionId, confirmedMs: 1_800_000_000_000 })
  return name
}

export function putForgedReceipt(repository: Repository, receipt: Receipt): Promise<string> {
  const domain = selectDomain(repository)
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind: 'receipt', domain: domain.id, epoch })
  const sealed = sealSigned(encode(receiptCodec, receipt), {
    place: { repositoryId: repository.id, prefix, part: 'body' },
    signatory: domain.signatory,
    headerSeal: domain.headerSeal(epoch),
  })
  return putContent(repository.store, { folder: 'receipts', parts: [prefix, sealed] })
}

const TIMES = { startedMs: 1_800_000_000_000, endedMs: 1_800_000_000_000 }
