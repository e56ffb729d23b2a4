// The snapshots and receipts that there are, as retention needs them, without reading again what was read and
// verified before. Objects never change, so what one says is known by its name: a *catalog*, kept by the
// machine, says it. It is sealed under the header key of its domain, so that what is on the disk says no more
// than the repository does, and is believed only where nobody can have changed it. Losing it costs time.
//
// Presence and stamps are the store's, each time; so is what the owner takes back: revocations.

import { type Bytes, concat, equalBytes, toHex, utf8 } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import {
  array,
  type Codec,
  decode,
  encode,
  fixedBytes,
  record,
  required,
  uint,
} from '../format/codec.ts'
import { receiptCodec } from '../format/records.ts'
import { type Certificate, certificateCodec } from '../format/signing.ts'
import { type Summary, summaryCodec } from '../format/snapshot.ts'
import { contentName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import { eachObject, type FolderReading, type OwnObject } from './each-object.ts'
import { type ObjectProblem, ObjectProblems } from './object-problem.ts'
import { openRecord, openRecordAside } from './open-record.ts'
import type { Repository } from './repository.ts'
import { confirmationOf, openSnapshot, openSnapshotAside, type SnapshotFacts } from './snapshots.ts'

/** Where a machine keeps what it knows of a domain. Neither throws: what cannot be had is not known. */
export interface CatalogPlace {
  read(domain: DomainAccess): Bytes | undefined
  write(domain: DomainAccess, sealed: Bytes): void
}

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
  const closed: string[] = []
  await readSnapshots(reading, catalogs, closed)
  await readReceipts(reading, catalogs)
  reading.problems.expectAnyRead()
  const receipts = new Map(catalogs.flatMap((catalog) => [...catalog.receipts()]))
  const snapshots = catalogs.flatMap((catalog) =>
    catalog.snapshots().map((one) => ({ ...one, confirmed: receipts.has(confirmationOf(one)) })),
  )
  for (const catalog of catalogs) catalog.save(place)
  return { snapshots, receipts, problems: reading.problems.found, closed }
}

async function readSnapshots(
  reading: FolderReading,
  catalogs: readonly Catalog[],
  closed: string[],
): Promise<void> {
  await eachObject(reading, 'snapshots/', {
    skip: ({ name, storedAtMs }) => catalogs.some((one) => one.seeSnapshot(name, storedAtMs)),
    own: async (own, { isOneOfMany }) => {
      const open = isOneOfMany ? openSnapshotAside : openSnapshot
      const { summary, certificate } = await open(reading.repository, own)
      catalogOf(own, catalogs).takeSnapshot(own, { summary, certificate })
    },
    closed: (objectHash) => closed.push(toHex(objectHash)),
  })
}

async function readReceipts(reading: FolderReading, catalogs: readonly Catalog[]): Promise<void> {
  await eachObject(reading, 'receipts/', {
    skip: ({ name }) => catalogs.some((one) => one.seeReceipt(name)),
    own: async (own, { isOneOfMany }) => {
      const place = { ...own, kind: 'receipt', roles: ['writer', 'upkeep'] } as const
      const open = isOneOfMany ? openRecordAside : openRecord
      const { payload, certificate } = await open(reading.repository, place)
      const { snapshot } = decode(receiptCodec, payload)
      catalogOf(own, catalogs).takeReceipt(own, { snapshot, certificate })
    },
  })
}

function catalogOf({ domain }: OwnObject, catalogs: readonly Catalog[]): Catalog {
  return catalogs.find((one) => one.domain === domain) as Catalog
}

interface KnownSnapshot {
  readonly hash: Bytes
  readonly certificate: number
  readonly summary: Summary
}

interface KnownReceipt {
  readonly hash: Bytes
  readonly certificate: number
  readonly snapshot: Bytes
}

interface Known {
  readonly certificates: readonly Certificate[]
  readonly snapshots: readonly KnownSnapshot[]
  readonly receipts: readonly KnownReceipt[]
}

const COUNT_MAX = 2 ** 24

const knownCodec: Codec<Known> = record<Known>({
  certificates: required(1, array(certificateCodec, COUNT_MAX)),
  snapshots: required(
    2,
    array(
      record<KnownSnapshot>({
        hash: required(1, fixedBytes(32)),
        certificate: required(2, uint(COUNT_MAX)),
        summary: required(3, summaryCodec),
      }),
      COUNT_MAX,
    ),
  ),
  receipts: required(
    3,
    array(
      record<KnownReceipt>({
        hash: required(1, fixedBytes(32)),
        certificate: required(2, uint(COUNT_MAX)),
        snapshot: required(3, fixedBytes(32)),
      }),
      COUNT_MAX,
    ),
  ),
})

const NOTHING: Known = { certificates: [], snapshots: [], receipts: [] }

interface Signed {
  readonly hash: Bytes
  readonly certificate: Certificate
}

/** What is known of one domain, and which of it the store lists now. */
class Catalog {
  readonly domain: DomainAccess
  readonly #repository: Repository
  readonly #snapshots = new Map<string, Signed & { readonly summary: Summary }>()
  readonly #receipts = new Map<string, Signed & { readonly snapshot: Bytes }>()
  readonly #listed = new Map<string, number>()
  readonly #listedReceipts = new Set<string>()
  #isChanged = false

  private constructor(repository: Repository, domain: DomainAccess, known: Known) {
    this.#repository = repository
    this.domain = domain
    const { trust } = repository
    const signedBy = ({ hash, certificate: at }: KnownSnapshot | KnownReceipt) => {
      const certificate = known.certificates[at]
      return certificate && trust.accepts(certificate, hash) ? { hash, certificate } : undefined
    }
    for (const one of known.snapshots) {
      const signed = signedBy(one)
      const { summary } = one
      if (signed) this.#snapshots.set(contentName('snapshots', one.hash), { ...signed, summary })
    }
    for (const one of known.receipts) {
      const signed = signedBy(one)
      const { snapshot } = one
      if (signed) this.#receipts.set(contentName('receipts', one.hash), { ...signed, snapshot })
    }
  }

  static open(repository: Repository, domain: DomainAccess, place: CatalogPlace): Catalog {
    return new Catalog(repository, domain, openKnown(repository, domain, place))
  }

  /** Whether nothing need be read to know what this snapshot says. */
  seeSnapshot(name: string, storedAtMs: number): boolean {
    if (!this.#snapshots.has(name)) return false
    this.#listed.set(name, storedAtMs)
    return true
  }

  seeReceipt(name: string): boolean {
    if (!this.#receipts.has(name)) return false
    this.#listedReceipts.add(name)
    return true
  }

  takeSnapshot(
    { name, objectHash: hash, storedAtMs }: OwnObject,
    { summary, certificate }: { readonly summary: Summary; readonly certificate: Certificate },
  ): void {
    this.#isChanged = true
    this.#snapshots.set(name, { hash, summary, certificate })
    this.#listed.set(name, storedAtMs)
  }

  takeReceipt(
    { name, objectHash: hash }: OwnObject,
    { snapshot, certificate }: { readonly snapshot: Bytes; readonly certificate: Certificate },
  ): void {
    this.#isChanged = true
    this.#receipts.set(name, { hash, snapshot, certificate })
    this.#listedReceipts.add(name)
  }

  /** Those that the store lists. */
  snapshots(): readonly Omit<SnapshotFacts, 'confirmed'>[] {
    const { domain } = this
    return [...this.#listed].flatMap(([name, storedAtMs]) => {
      const known = this.#snapshots.get(name)
      if (known === undefined) return []
      const { hash, summary, certificate } = known
      return [{ name, id: toHex(hash), domain, summary, certificate, storedAtMs }]
    })
  }

  /** Names of those that the store lists, by what they confirm. */
  receipts(): ReadonlyMap<string, readonly string[]> {
    const receipts = new Map<string, string[]>()
    for (const receipt of this.#listedReceipts) {
      const known = this.#receipts.get(receipt)
      if (known === undefined) continue
      const name = contentName('snapshots', known.snapshot)
      const confirmation = confirmationOf({ domain: this.domain, name })
      receipts.set(confirmation, [...(receipts.get(confirmation) ?? []), receipt])
    }
    return receipts
  }

  /** What is listed no longer is left out. */
  save(place: CatalogPlace): void {
    const { domain } = this
    if (!this.#isChanged) return
    const certificates = new Map<
      string,
      { readonly at: number; readonly certificate: Certificate }
    >()
    const numberOf = (certificate: Certificate): number => {
      const key = `${toHex(certificate.id)} ${toHex(certificate.verifyKey)}`
      const known = certificates.get(key)
      if (known !== undefined) return known.at
      certificates.set(key, { at: certificates.size, certificate })
      return certificates.size - 1
    }
    const snapshots = [...this.#snapshots]
      .filter(([name]) => this.#listed.has(name))
      .map(([, { certificate, ...one }]) => ({ ...one, certificate: numberOf(certificate) }))
    const receipts = [...this.#receipts]
      .filter(([name]) => this.#listedReceipts.has(name))
      .map(([, { certificate, ...one }]) => ({ ...one, certificate: numberOf(certificate) }))
    const all = [...certificates.values()].map(({ certificate }) => certificate)
    const payload = encode(knownCodec, { certificates: all, snapshots, receipts })
    const seal = domain.headerSeal(domain.latest.epoch)
    place.write(domain, seal.seal(aadOf(this.#repository, domain), payload))
  }
}

function openKnown(repository: Repository, domain: DomainAccess, place: CatalogPlace): Known {
  const sealed = place.read(domain)
  if (sealed === undefined) return NOTHING
  try {
    const seal = domain.headerSeal(domain.latest.epoch)
    const known = decode(knownCodec, seal.open(aadOf(repository, domain), sealed))
    return known.certificates.every((one) => equalBytes(one.domain, domain.id)) ? known : NOTHING
  } catch (error) {
    if (isCairnError(error)) return NOTHING
    throw error
  }
}

/** The owner who signed the certificates is part of it. */
function aadOf({ id, config }: Repository, domain: DomainAccess): Bytes {
  return concat([utf8('cairn v1 local catalog'), id, domain.id, config.ownerVerifyKey])
}
