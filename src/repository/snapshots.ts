// Snapshots in a repository: writing them, and reading which there are. Only a snapshot with a receipt
// counts; what cannot be read or may not have been written is reported beside the others.

import { type Bytes, concat, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import { deriveKey, KeyedHasher, sha256 } from '../base/hash.ts'
import { decode, encode } from '../format/codec.ts'
import { DETAILS_BYTES_MAX } from '../format/limits.ts'
import { decodePrefix, encodePrefix, expectPrefix } from '../format/prefix.ts'
import { type Receipt, receiptCodec } from '../format/records.ts'
import type { Certificate } from '../format/signing.ts'
import { SOURCE_ID_BYTES } from '../format/signing.ts'
import {
  type Details,
  decodeSnapshot,
  detailsCodec,
  encodeSnapshot,
  type Summary,
  summaryCodec,
} from '../format/snapshot.ts'
import { binding } from '../sealer/bind.ts'
import { SEAL_OVERHEAD_BYTES, Seal } from '../sealer/seal.ts'
import {
  type Opened,
  type Opening,
  openSigned,
  type Signatory,
  sealSigned,
  type Unverified,
  unsealSigned,
} from '../sealer/signed.ts'
import { putContent } from '../store/content.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import { eachObject, type FolderReading } from './each-object.ts'
import { type ObjectProblem, ObjectProblems } from './object-problem.ts'
import { openRecord, sealRecord, unsealRecord } from './open-record.ts'
import { readObject } from './read-object.ts'
import type { Repository } from './repository.ts'

/** A snapshot as anyone with the header key sees it. */
export interface Snapshot {
  /** Object name, `snapshots/...`. */
  readonly name: string
  /** SHA-256 in hexadecimal: what people are shown the beginning of. */
  readonly id: string
  readonly summary: Summary
  readonly certificate: Certificate
  readonly domain: DomainAccess
  readonly confirmed: boolean
  readonly object: Bytes
  /** When this store received it. */
  readonly storedAtMs: number
}

/** What retention needs of one. */
export type SnapshotFacts = Omit<Snapshot, 'object'>

export interface SnapshotList {
  /** Oldest first. */
  readonly snapshots: readonly Snapshot[]
  /** Names of the receipts that confirm, or would, what has this confirmationOf. */
  readonly receipts: ReadonlyMap<string, readonly string[]>
  readonly problems: readonly ObjectProblem[]
  /**
   * Ids of those of domains that the key does not hold. Whether they are confirmed, or stand for each
   * other, only their own keys can tell.
   */
  readonly closed: readonly string[]
}

/** The id of a source by its name, under a key of the domain. */
export function sourceIdOf(domain: DomainAccess, source: string): Bytes {
  const key = deriveKey('cairn v1 source id', domain.idKey)
  return new KeyedHasher(key).hash(new TextEncoder().encode(source)).slice(0, SOURCE_ID_BYTES)
}

/** Seals and puts a snapshot, under a name that is new each time. Returns the name. */
export async function putSnapshot(
  repository: Repository,
  {
    domain,
    summary,
    details,
  }: { domain: DomainAccess; summary: Omit<Summary, 'detailsHash'>; details: Details },
): Promise<string> {
  const parts = sealSnapshot(repository, { domain, summary, details })
  openSnapshot(repository, { domain, object: concat(parts) })
  return putContent(repository.store, { folder: 'snapshots', parts })
}

function sealSnapshot(
  repository: Repository,
  {
    domain,
    summary,
    details,
  }: { domain: DomainAccess; summary: Omit<Summary, 'detailsHash'>; details: Details },
): readonly Bytes[] {
  const { latest } = domain
  const prefix = encodePrefix({ kind: 'snapshot', domain: domain.id, epoch: latest.epoch })
  const { session, detailsKey } = domain.beginSession()
  const aad = binding({ repositoryId: repository.id, prefix, part: 'details' })
  const sealedDetails = new Seal(detailsKey).seal(aad, encodeDetails(details))
  const detailsHash = sha256(concat([session.encapsulation, sealedDetails]))
  const sealedSummary = sealSigned(encode(summaryCodec, { ...summary, detailsHash }), {
    place: { repositoryId: repository.id, prefix, part: 'summary' },
    signatory: domain.signatory,
    headerSeal: domain.headerSeal(latest.epoch),
  })
  return encodeSnapshot({
    prefix,
    summary: sealedSummary,
    encapsulation: session.encapsulation,
    details: sealedDetails,
  })
}

/**
 * Puts a snapshot that was removed under a name that is new each time, signed by whoever brings it back. What
 * it says stays, but for the session, which is the one that brings it back, and what it stands for: the one
 * that was removed. Its details stay sealed as they are. Returns the name. Throws as openSnapshot does.
 */
export async function putSnapshotAgain(
  repository: Repository,
  {
    domain,
    object,
    sessionId,
    signatory,
  }: { domain: DomainAccess; object: Bytes; sessionId: Bytes; signatory: Signatory },
): Promise<string> {
  const hash = sha256(object)
  const { summary } = openSnapshot(repository, { domain, object, objectHash: hash })
  const { prefix, encapsulation, details } = decodeSnapshot(object)
  const again = encode(summaryCodec, { ...summary, sessionId, replaces: hash })
  const sealed = sealSigned(again, {
    place: { repositoryId: repository.id, prefix, part: 'summary' },
    signatory,
    headerSeal: domain.headerSeal(decodePrefix(prefix).epoch),
  })
  const parts = encodeSnapshot({ prefix, summary: sealed, encapsulation, details })
  openSnapshot(repository, { domain, object: concat(parts) })
  return putContent(repository.store, { folder: 'snapshots', parts })
}

/** Decoded again before it is sealed: nobody could open what a reader refuses. */
function encodeDetails(details: Details): Bytes {
  const encoded = encode(detailsCodec, details)
  if (encoded.length > DETAILS_BYTES_MAX - SEAL_OVERHEAD_BYTES) {
    throw new CairnError('usage', 'Cannot record the details of a snapshot: they are too long')
  }
  decode(detailsCodec, encoded)
  return encoded
}

/** Opens and verifies a summary. Throws 'object-damaged', 'object-foreign' or 'unsupported'. */
export function openSnapshot(repository: Repository, stored: StoredSnapshot): OpenedSnapshot {
  const { sealed, opening, detailsHash } = openingOf(repository, stored)
  return summaryIn(openSigned(sealed, opening), detailsHash)
}

/** What is in a snapshot, before anybody knows whether it was signed. */
export interface UnverifiedSnapshot extends Unverified {
  /** Of the details that are there, whether or not they are those of the summary. */
  readonly detailsHash: Bytes
}

/** As openSnapshot, but for the signature; the rest is verified by `summaryIn`, when that is known. */
export function unsealSnapshot(repository: Repository, stored: StoredSnapshot): UnverifiedSnapshot {
  const { sealed, opening, detailsHash } = openingOf(repository, stored)
  return { ...unsealSigned(sealed, opening), detailsHash }
}

interface StoredSnapshot {
  readonly domain: DomainAccess
  readonly object: Bytes
  readonly objectHash?: Bytes | undefined
}

export interface OpenedSnapshot {
  readonly summary: Summary
  readonly certificate: Certificate
}

function openingOf(
  { id: repositoryId, trust }: Repository,
  { domain, object, objectHash }: StoredSnapshot,
): { readonly sealed: Bytes; readonly opening: Opening; readonly detailsHash: Bytes } {
  const { epoch } = expectPrefix(object, 'snapshot')
  const { prefix, summary: sealed, encapsulation, details } = decodeSnapshot(object)
  const opening: Opening = {
    place: { repositoryId, prefix, part: 'summary' },
    headerSeal: domain.headerSeal(epoch),
    trust,
    domain: domain.id,
    roles: ['writer', 'upkeep'],
    ...(objectHash && { objectHash }),
  }
  return { sealed, opening, detailsHash: sha256(concat([encapsulation, details])) }
}

/** Reads and opens one of which facts are known. Throws as readObject and openSnapshot do. */
export async function readSnapshot(
  repository: Repository,
  facts: SnapshotFacts,
): Promise<Snapshot> {
  const { name, domain } = facts
  const object = await readObject(repository.store, name)
  const objectHash = digestInName(name)
  return { ...facts, object, ...openSnapshot(repository, { domain, object, objectHash }) }
}

/** What was signed, where it goes with the details of the snapshot, and its signer may say it. */
export function summaryIn({ payload, certificate }: Opened, detailsHash: Bytes): OpenedSnapshot {
  const summary = decode(summaryCodec, payload)
  if (!equalBytes(detailsHash, summary.detailsHash)) {
    throw new CairnError(
      'object-damaged',
      'Cannot accept a snapshot: its details are not those that were signed',
    )
  }
  const { sources } = certificate
  if (sources !== undefined && !sources.some((source) => equalBytes(source, summary.sourceId))) {
    throw new CairnError(
      'object-foreign',
      `Cannot accept a snapshot: ${certificate.label} may not write this source`,
    )
  }
  return { summary, certificate }
}

/** Opens the details; needs a reader's key. Throws 'not-permitted' without it. */
export function openDetails(
  repository: Repository,
  snapshot: Pick<Snapshot, 'domain' | 'certificate' | 'object'>,
): Details {
  const { domain, certificate } = snapshot
  const { epoch } = decodePrefix(snapshot.object)
  const { prefix, encapsulation, details: sealed } = decodeSnapshot(snapshot.object)
  if (sealed.length > DETAILS_BYTES_MAX)
    throw new CairnError('object-damaged', 'details are too long')
  const { detailsKey } = domain.sessionKeys({ epoch, encapsulation })
  const aad = binding({ repositoryId: repository.id, prefix, part: 'details' })
  const details = decode(detailsCodec, new Seal(detailsKey).open(aad, sealed))
  if (certificate.hosts !== undefined && !certificate.hosts.includes(details.host)) {
    throw new CairnError(
      'object-foreign',
      `Cannot accept a snapshot: ${certificate.label} may not write for host ${details.host}`,
    )
  }
  return details
}

/** Confirms a snapshot, as the writer of the domain unless another signatory is given. */
export async function putReceipt(
  repository: Repository,
  {
    domain,
    receipt,
    signatory = domain.signatory,
  }: {
    readonly domain: DomainAccess
    readonly receipt: Receipt
    readonly signatory?: Signatory
  },
): Promise<string> {
  const parts = sealRecord(repository, {
    domain,
    kind: 'receipt',
    signatory,
    codec: receiptCodec,
    record: receipt,
  })
  return putContent(repository.store, { folder: 'receipts', parts })
}

export interface LoadSnapshotsOptions {
  /**
   * For who only reads: what the store has and does not give out is among the problems too, and the
   * rest is listed. A writer must not take it for what is not there: see predecessor.ts.
   */
  readonly onlyReading?: boolean
  /**
   * For who shows or restores them, as far as the key opens details: a snapshot whose details do not open,
   * or name a host that its certificate does not allow, is a problem too. Nobody may have made it.
   */
  readonly verifyDetails?: boolean
  /** For upkeep: those too that others stand for. */
  readonly withReplaced?: boolean
}

/**
 * All snapshots of the domains that the grant holds. Damaged ones are among the problems. Throws
 * 'store-unreadable' or 'timeout' where one cannot be had, unless `onlyReading`, and where none can.
 */
export async function loadSnapshots(
  repository: Repository,
  { onlyReading = false, verifyDetails = false, withReplaced = false }: LoadSnapshotsOptions = {},
): Promise<SnapshotList> {
  const reading: FolderReading = { repository, onlyReading, problems: new ObjectProblems() }
  const found: Omit<Snapshot, 'confirmed'>[] = []
  const closed: string[] = []
  await eachObject(reading, 'snapshots/', {
    own: ({ name, object, domain, objectHash, storedAtMs }) => {
      const { summary, certificate } = openSnapshot(repository, { domain, object, objectHash })
      if (verifyDetails) expectDetails(repository, { domain, certificate, object })
      found.push({ name, id: toHex(objectHash), summary, certificate, domain, object, storedAtMs })
    },
    closed: (objectHash) => closed.push(toHex(objectHash)),
  })
  const receipts = await loadReceipts(reading)
  reading.problems.expectAnyRead()
  const all = found
    .map((snapshot) => ({ ...snapshot, confirmed: receipts.has(confirmationOf(snapshot)) }))
    .sort(compareByTime)
  const snapshots = withReplaced ? all : withoutReplaced(all)
  return { snapshots, receipts, problems: reading.problems.found, closed }
}

/** Opens the details and forgets them. Who may not read them has nothing to say about them. */
export function expectDetails(
  repository: Repository,
  snapshot: Pick<Snapshot, 'domain' | 'certificate' | 'object'>,
): void {
  try {
    openDetails(repository, snapshot)
  } catch (error) {
    if (!isCairnError(error, 'not-permitted')) throw error
  }
}

/** What snapshots are ordered by. */
type Ordered = Pick<Snapshot, 'id' | 'summary'>

/** In the order in which they were begun, as their machines say; where that is the same, by their ids. */
export function compareByTime(a: Ordered, b: Ordered): number {
  return (
    a.summary.startedMs - b.summary.startedMs ||
    a.summary.endedMs - b.summary.endedMs ||
    (a.id < b.id ? -1 : 1)
  )
}

/**
 * In the order in which snapshots of one source follow each other. Two runs at the same time give
 * theirs the same number: then the one that was begun later is the later one.
 */
export function compareBySequence(a: Ordered, b: Ordered): number {
  return a.summary.sequence - b.summary.sequence || compareByTime(a, b)
}

/**
 * The order in which those of one source follow each other, given all of it. Where any is a copy, the numbers
 * say only in which order they were copied: then it is that of their times.
 */
export function orderOfSource(
  all: readonly (Ordered & Pick<Snapshot, 'confirmed'>)[],
): (a: Ordered, b: Ordered) => number {
  return all.some(isCopyThatCounts) ? compareByTime : compareBySequence
}

/** One without a receipt may be of a run that goes on, and changes no order. */
export function isCopyThatCounts({
  confirmed,
  summary,
}: Pick<Snapshot, 'confirmed' | 'summary'>): boolean {
  return confirmed && summary.copyOf !== undefined
}

/**
 * In the order of their times, for choosing among sources. Whoever writes one source could take the place of all
 * others with a time to come: none was begun later than the store received it.
 */
export function compareAmongSources(
  a: Ordered & Pick<Snapshot, 'storedAtMs'>,
  b: Ordered & Pick<Snapshot, 'storedAtMs'>,
): number {
  const begunMs = ({ summary, storedAtMs }: typeof a) => Math.min(summary.startedMs, storedAtMs)
  return begunMs(a) - begunMs(b) || compareByTime(a, b)
}

/** What tells sources apart: in another domain the same id is that of another one. */
export function sourceKeyOf({ domain, summary }: Pick<Snapshot, 'domain' | 'summary'>): string {
  return `${domain.hex} ${toHex(summary.sourceId)}`
}

/** What says which snapshot stands for which. */
type Replacing = Ordered & Pick<Snapshot, 'confirmed' | 'domain'>

/** A snapshot that stands for another one, of the same domain, source, roots and time, hides it. */
export function withoutReplaced<T extends Replacing>(snapshots: readonly T[]): readonly T[] {
  const hidden = new Set(replacements(snapshots).values())
  return snapshots.filter((snapshot) => !hidden.has(snapshot))
}

/** For each snapshot that stands for another one of these, that one. */
export function replacements<T extends Replacing>(snapshots: readonly T[]): ReadonlyMap<T, T> {
  const replacing = snapshots.filter(({ confirmed, summary }) => confirmed && summary.replaces)
  if (replacing.length === 0) return new Map()
  const byId = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]))
  const originals = new Map<T, T>()
  for (const snapshot of replacing) {
    const original = byId.get(toHex(snapshot.summary.replaces as Bytes))
    if (original && isSameRun(snapshot, original)) originals.set(snapshot, original)
  }
  return originals
}

/** Whether two snapshots are of one run of one source, whoever signed them. */
function isSameRun(
  { domain, summary: a }: Pick<Snapshot, 'domain' | 'summary'>,
  { domain: other, summary: b }: Pick<Snapshot, 'domain' | 'summary'>,
): boolean {
  return (
    domain.hex === other.hex &&
    equalBytes(a.sourceId, b.sourceId) &&
    equalBytes(concat(a.roots), concat(b.roots)) &&
    a.sequence === b.sequence &&
    a.startedMs === b.startedMs
  )
}

/** What a receipt confirms: a snapshot of its own domain. Those who write in another have no say in it. */
export function confirmationOf({ domain, name }: Pick<Snapshot, 'domain' | 'name'>): string {
  return `${domain.hex} ${name}`
}

/** Names of receipts by what they confirm. */
async function loadReceipts(
  reading: FolderReading,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const receipts = new Map<string, string[]>()
  await eachObject(reading, 'receipts/', {
    own: (own) => {
      const { snapshot } = openReceipt(reading.repository, own)
      const name = contentName('snapshots', snapshot)
      const confirmation = confirmationOf({ domain: own.domain, name })
      const known = receipts.get(confirmation)
      if (known === undefined) receipts.set(confirmation, [own.name])
      else known.push(own.name)
    },
  })
  return receipts
}

/** Opens and verifies a receipt. Throws as openRecord does. */
export function openReceipt(repository: Repository, receipt: StoredReceipt): Receipt {
  return decode(receiptCodec, openRecord(repository, { ...receipt, ...RECEIPT }).payload)
}

/** As openReceipt, but for the signature, and not decoded yet. */
export function unsealReceipt(repository: Repository, receipt: StoredReceipt): Unverified {
  return unsealRecord(repository, { ...receipt, ...RECEIPT })
}

const RECEIPT = { kind: 'receipt', roles: ['writer', 'upkeep'] } as const

interface StoredReceipt {
  readonly domain: DomainAccess
  readonly object: Bytes
  readonly objectHash: Bytes | undefined
}
