// Opens and verifies the objects of domains whose header key the grant holds, and keeps what the rest of
// the check needs from them.

import { type Bytes, equalBytes, toHex } from '../../base/bytes.ts'
import { isCairnError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { decode } from '../../format/codec.ts'
import type { IndexSegment } from '../../format/index-segment.ts'
import { leaseCodec, type Receipt } from '../../format/records.ts'
import type { Summary } from '../../format/snapshot.ts'
import type { ForgetRecord, Forgotten, Hold, Loss } from '../../format/upkeep-records.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { openSegment } from '../../repository/index-load.ts'
import { openMark } from '../../repository/marks.ts'
import { openRecord } from '../../repository/open-record.ts'
import { columnsDigest, packsOfSegment } from '../../repository/pack-headers.ts'
import type { Repository } from '../../repository/repository.ts'
import { expectAllowed } from '../../repository/sessions.ts'
import {
  confirmationOf,
  openDetails,
  openReceipt,
  openSnapshot,
} from '../../repository/snapshots.ts'
import { isUpkeepKind, openUpkeepRecord } from '../../repository/upkeep-records.ts'
import type { Opened } from '../../sealer/signed.ts'
import { contentName, digestInName } from '../../store/names.ts'
import type { MetadataTask, ReadObject } from './opened-objects.ts'

interface OwnObject extends ReadObject {
  readonly domain: DomainAccess
}

/** Throws what is wrong with it. */
export function openOwnObject(task: MetadataTask, own: OwnObject): void {
  const { repository } = task
  const object = { ...own, objectHash: digestInName(own.name) }
  if (own.kind === 'snapshot') takeSnapshot(task, own)
  else if (own.kind === 'index') takeSegment(task, own, openSegment(repository, object))
  else if (own.kind === 'mark') openMark(repository, object)
  else if (own.kind === 'lease') checkLease(task, own)
  else if (own.kind === 'receipt') takeReceipt(task, own, openReceipt(repository, object))
  else if (own.kind === 'loss')
    takeLoss(task, own, openUpkeepRecord(repository, { ...object, kind: 'loss' }))
  else if (own.kind === 'hold')
    takeHold(task, own, openUpkeepRecord(repository, { ...object, kind: 'hold' }))
  else if (own.kind === 'forget')
    takeForgotten(task, own, openUpkeepRecord(repository, { ...object, kind: own.kind }))
  else if (isUpkeepKind(own.kind)) openUpkeepRecord(repository, { ...object, kind: own.kind })
}

function takeForgotten(
  { repository, opened }: MetadataTask,
  { domain, storedAtMs }: OwnObject,
  record: ForgetRecord,
): void {
  const forgottenAtMs = Math.min(storedAtMs, record.forgottenMs)
  for (const one of record.snapshots) {
    const name = contentName('snapshots', one.snapshot)
    const key = confirmationOf({ domain, name })
    const summary = summaryOf(repository, domain, one)
    const known = opened.forgotten.get(key)
    // A repair says of some first without it.
    const predecessor = one.predecessor ?? known?.predecessor
    const { sourceId, sequence } = one
    const facts = { name, domain, sourceId, sequence, summary, forgottenAtMs }
    const isOlder = known !== undefined && (known.forgottenAtMs > forgottenAtMs || !summary)
    opened.forgotten.set(key, { ...(isOlder ? known : facts), predecessor })
  }
}

/** Undefined where the record has no longer got the snapshot, or nobody may have made that. */
function summaryOf(
  repository: Repository,
  domain: DomainAccess,
  { snapshot, object }: Forgotten,
): Summary | undefined {
  if (object === undefined || !equalBytes(sha256(object), snapshot)) return undefined
  try {
    return openSnapshot(repository, { domain, object, objectHash: snapshot }).summary
  } catch (error) {
    if (isCairnError(error)) return undefined
    throw error
  }
}

function takeSnapshot(
  { repository, opened }: MetadataTask,
  { name, object, domain }: OwnObject,
): void {
  const objectHash = digestInName(name) as Bytes
  const { summary, certificate } = openSnapshot(repository, { domain, object, objectHash })
  if (domain.canOpen) openDetails(repository, { domain, certificate, object })
  opened.snapshots.push({ name, id: toHex(objectHash), domain, summary })
}

function takeReceipt(
  { opened }: MetadataTask,
  { name, domain }: OwnObject,
  receipt: Receipt,
): void {
  const snapshot = contentName('snapshots', receipt.snapshot)
  opened.confirmed.add(confirmationOf({ domain, name: snapshot }))
  opened.receipts.push({ name, domain, snapshot, session: toHex(receipt.sessionId) })
}

function takeLoss({ opened }: MetadataTask, { name, domain }: OwnObject, loss: Loss): void {
  opened.losses.push({ name, domain, ...loss })
}

function takeHold(
  { opened }: MetadataTask,
  { name, domain, object, storedAtMs }: OwnObject,
  record: Hold,
): void {
  const hash = digestInName(name) as Bytes
  opened.holds.push({ name, hash, domain, record, storedAtMs, bytes: object.length })
}

function takeSegment(
  { opened }: MetadataTask,
  { name, domain }: OwnObject,
  segment: IndexSegment,
): void {
  opened.segments.push({ name, domain })
  for (const { indexed, columns } of packsOfSegment(segment)) {
    const pack = contentName('packs', indexed.hash)
    const entry = {
      segment: name,
      packBytes: indexed.packBytes,
      digest: columnsDigest(indexed, columns),
    }
    const entries = opened.entries.get(pack)
    if (entries === undefined) opened.entries.set(pack, [entry])
    else entries.push(entry)
  }
}

function checkLease(
  { repository, findings }: MetadataTask,
  { name, object, domain }: OwnObject,
): void {
  const roles = ['writer', 'upkeep'] as const
  const place = { object, domain, roles, kind: 'lease' as const, objectHash: undefined }
  let opened: Opened
  try {
    opened = openRecord(repository, place)
  } catch (error) {
    if (!isCairnError(error, 'object-foreign')) throw error
    // Those of a signer who was revoked since are left to run out.
    return findings.note(name, error.message)
  }
  expectAllowed(decode(leaseCodec, opened.payload), { name, role: opened.certificate.role })
}
