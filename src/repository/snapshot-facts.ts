// The snapshots and receipts that there are, without what only readers see. What was read and verified before
// is in the catalog of the machine; the rest is opened as it comes, and signatures are verified beside that.
//
// A receipt vouches for its snapshot: it names the SHA-256 of the whole object. Where the certificate in the
// snapshot is the one that the receipt is signed under, its holder has signed all that the snapshot says, and
// a writer signs receipts for what it put itself. So the snapshot's own signature need not be verified too;
// everything else is, its certificate included. A receipt by anybody else vouches for nothing.
//
// Presence and stamps are the store's, each time; so is what the owner takes back: revocations.

import { type Bytes, toHex } from '../base/bytes.ts'
import { decode } from '../format/codec.ts'
import { receiptCodec } from '../format/records.ts'
import type { Claim } from '../sealer/sign.ts'
import { type Opened, wrongSignature } from '../sealer/signed.ts'
import { Verifier } from '../sealer/verifier.ts'
import type { ObjectInfo } from '../store/store.ts'
import { Catalog, type CatalogPlace, isSameCertificate, type Listed } from './catalog.ts'
import { type FolderReading, listFolder, type OwnObject, readListed } from './each-object.ts'
import { type ObjectProblem, ObjectProblems } from './object-problem.ts'
import type { Repository } from './repository.ts'
import {
  confirmationOf,
  type SnapshotFacts,
  summaryIn,
  unsealReceipt,
  unsealSnapshot,
} from './snapshots.ts'

export interface SnapshotFactsList {
  /** All, those that others stand for too. */
  readonly snapshots: readonly SnapshotFacts[]
  /** See SnapshotList. */
  readonly receipts: ReadonlyMap<string, readonly string[]>
  readonly problems: readonly ObjectProblem[]
  readonly closed: readonly string[]
}

/** Throws as loadSnapshots does for who only reads. */
export async function loadSnapshotFacts(
  repository: Repository,
  place: CatalogPlace,
): Promise<SnapshotFactsList> {
  const catalogs = repository.domains.map((domain) => Catalog.open(repository, domain, place))
  const reading = { repository, onlyReading: true, problems: new ObjectProblems() }
  const closed = await readUnknown(reading, catalogs)
  reading.problems.expectAnyRead()
  const receipts = new Map(catalogs.flatMap((catalog) => [...catalog.receipts()]))
  const snapshots = catalogs.flatMap((catalog) =>
    catalog.snapshots().map((one) => ({ ...one, confirmed: receipts.has(confirmationOf(one)) })),
  )
  for (const catalog of catalogs) catalog.save(place)
  return { snapshots, receipts, problems: snapshotsFirst(reading.problems.found), closed }
}

function snapshotsFirst(problems: readonly ObjectProblem[]): readonly ObjectProblem[] {
  const isOfSnapshot = ({ name }: ObjectProblem) => name.startsWith('snapshots/')
  return [...problems.filter(isOfSnapshot), ...problems.filter((one) => !isOfSnapshot(one))]
}

/** Fewer are verified before another thread has begun, and gone through what it needs (measured: 60 ms). */
const MANY = 1024

/**
 * Lists snapshots, then receipts: one that comes in between confirms nothing that is not listed. Reads receipts, then
 * snapshots: by then it is known who vouches for them. Returns ids of those that are closed to the key.
 */
async function readUnknown(
  reading: FolderReading,
  catalogs: readonly Catalog[],
): Promise<readonly string[]> {
  const snapshots = await listFolder(reading, 'snapshots/', {
    skip: ({ name, storedAtMs }) => catalogs.some((one) => one.seeSnapshot(name, storedAtMs)),
  })
  const receipts = await listFolder(reading, 'receipts/', {
    skip: ({ name }) => catalogs.some((one) => one.seeReceipt(name)),
  })
  const isMany = Math.max(snapshots.length, receipts.length) >= MANY
  const verifier = new Verifier({ isMany })
  try {
    return await readListedBoth({ reading, catalogs, verifier }, { snapshots, receipts })
  } finally {
    await verifier.stop()
  }
}

interface Facts {
  readonly reading: FolderReading
  readonly catalogs: readonly Catalog[]
  readonly verifier: Verifier
}

/** While the worker verifies receipts, snapshots are read and opened. */
async function readListedBoth(
  facts: Facts,
  listed: { readonly snapshots: readonly ObjectInfo[]; readonly receipts: readonly ObjectInfo[] },
): Promise<readonly string[]> {
  const closed: string[] = []
  const receipts = await unsealReceipts(facts, listed.receipts)
  const snapshots = await unsealSnapshots(facts, listed.snapshots, closed)
  await takeSigned(facts, receipts, (one) => {
    const { payload, certificate } = one.opened
    const { snapshot } = decode(receiptCodec, payload)
    one.catalog.takeReceipt(one, { snapshot, certificate })
  })
  for (const one of snapshots) if (!isVouchedFor(one)) one.number = facts.verifier.add(one.claim())
  await takeSigned(facts, snapshots, (one) =>
    one.catalog.takeSnapshot(one, summaryIn(one.opened, one.detailsHash)),
  )
  return closed
}

/** An object that was opened, and that counts if the signature is right. Thousands of them wait for that. */
interface Pending extends Listed {
  readonly catalog: Catalog
  readonly opened: Opened
  /** What the verifier calls its signature; undefined where another signature will do. */
  number?: number
}

interface PendingSnapshot extends Pending {
  readonly claim: () => Claim
  readonly detailsHash: Bytes
}

async function unsealReceipts(
  { reading, catalogs, verifier }: Facts,
  listed: readonly ObjectInfo[],
): Promise<readonly Pending[]> {
  const receipts: Pending[] = []
  await readListed(reading, listed, {
    own: (own) => {
      const { name, objectHash, storedAtMs } = own
      const { opened, claim } = unsealReceipt(reading.repository, own)
      const [catalog, number] = [catalogOf(own, catalogs), verifier.add(claim())]
      receipts.push({ name, objectHash, storedAtMs, catalog, opened, number })
    },
  })
  return receipts
}

async function unsealSnapshots(
  { reading, catalogs }: Facts,
  listed: readonly ObjectInfo[],
  closed: string[],
): Promise<readonly PendingSnapshot[]> {
  const snapshots: PendingSnapshot[] = []
  await readListed(reading, listed, {
    own: (own) => {
      const { name, objectHash, storedAtMs } = own
      const { opened, claim, detailsHash } = unsealSnapshot(reading.repository, own)
      const catalog = catalogOf(own, catalogs)
      snapshots.push({ name, objectHash, storedAtMs, catalog, opened, claim, detailsHash })
    },
    closed: (objectHash) => closed.push(toHex(objectHash)),
  })
  return snapshots
}

function catalogOf({ domain }: OwnObject, catalogs: readonly Catalog[]): Catalog {
  return catalogs.find((one) => one.domain === domain) as Catalog
}

/** By a receipt that was verified, under the certificate that is in the snapshot. */
function isVouchedFor({ catalog, name, opened: { certificate } }: Pending): boolean {
  return catalog.signersOfReceipts(name).some((one) => isSameCertificate(one, certificate))
}

/** What is not signed, or cannot be taken, is a problem each. */
async function takeSigned<T extends Pending>(
  { reading, verifier }: Facts,
  pending: readonly T[],
  take: (one: T) => void,
): Promise<void> {
  const verdicts = await verifier.verdicts()
  for (const one of pending) {
    try {
      if (one.number !== undefined && verdicts[one.number] !== true) throw wrongSignature()
      take(one)
    } catch (error) {
      reading.problems.take(one.name, error, { isIntact: true })
    }
  }
}
