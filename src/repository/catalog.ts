// What a machine keeps of what snapshots and receipts say, so that they need not be opened again. Objects never
// change, so what one says is known by its name. It is sealed under the header key of its domain, so that what
// is on the disk says no more than the repository does, and is believed only where nobody can have changed
// it. Losing it costs time.

import { type Bytes, concat, equalBytes, utf8 } from '../base/bytes.ts'
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
import { type Certificate, certificateCodec } from '../format/signing.ts'
import { type Summary, summaryCodec } from '../format/snapshot.ts'
import { contentName, hexInName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import type { OwnObject } from './each-object.ts'
import type { Repository } from './repository.ts'
import { confirmationOf, type SnapshotFacts } from './snapshots.ts'

/** Where a machine keeps what it knows of a domain. Neither throws: what cannot be had is not known. */
export interface CatalogPlace {
  read(domain: DomainAccess): Bytes | undefined
  write(domain: DomainAccess, sealed: Bytes): void
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

interface Confirming extends Signed {
  readonly snapshot: Bytes
  /** Name of the snapshot. */
  readonly confirms: string
}

/** What there is to be known of an object besides what it says. */
export type Listed = Pick<OwnObject, 'name' | 'objectHash' | 'storedAtMs'>

/** What is known of one domain, and which of it the store lists now. */
export class Catalog {
  readonly domain: DomainAccess
  readonly #repository: Repository
  readonly #snapshots = new Map<string, Signed & { readonly summary: Summary }>()
  readonly #receipts = new Map<string, Confirming>()
  readonly #listed = new Map<string, number>()
  readonly #listedReceipts = new Set<string>()
  #isChanged = false
  /** By the names of snapshots; undefined until it is asked for. */
  #signers: ReadonlyMap<string, readonly Confirming[]> | undefined

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
      if (signed)
        this.#receipts.set(contentName('receipts', one.hash), confirming(signed, snapshot))
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
    { name, objectHash: hash, storedAtMs }: Listed,
    { summary, certificate }: { readonly summary: Summary; readonly certificate: Certificate },
  ): void {
    this.#isChanged = true
    this.#snapshots.set(name, { hash, summary, certificate })
    this.#listed.set(name, storedAtMs)
  }

  takeReceipt(
    { name, objectHash: hash }: Listed,
    { snapshot, certificate }: { readonly snapshot: Bytes; readonly certificate: Certificate },
  ): void {
    this.#isChanged = true
    this.#signers = undefined
    this.#receipts.set(name, confirming({ hash, certificate }, snapshot))
    this.#listedReceipts.add(name)
  }

  /** Those that the store lists. */
  snapshots(): readonly Omit<SnapshotFacts, 'confirmed'>[] {
    const { domain } = this
    return [...this.#listed].flatMap(([name, storedAtMs]) => {
      const known = this.#snapshots.get(name)
      if (known === undefined) return []
      const { summary, certificate } = known
      return [{ name, id: hexInName(name) as string, domain, summary, certificate, storedAtMs }]
    })
  }

  /** Names of those that the store lists, by what they confirm. */
  receipts(): ReadonlyMap<string, readonly string[]> {
    const receipts = new Map<string, string[]>()
    for (const receipt of this.#listedReceipts) {
      const known = this.#receipts.get(receipt)
      if (known === undefined) continue
      const confirmation = confirmationOf({ domain: this.domain, name: known.confirms })
      const others = receipts.get(confirmation)
      if (others === undefined) receipts.set(confirmation, [receipt])
      else others.push(receipt)
    }
    return receipts
  }

  /** Whose receipts name this snapshot. */
  signersOfReceipts(snapshot: string): readonly Certificate[] {
    this.#signers ??= Map.groupBy(this.#receipts.values(), ({ confirms }) => confirms)
    return (this.#signers.get(snapshot) ?? []).map(({ certificate }) => certificate)
  }

  /** What is listed no longer is left out. */
  save(place: CatalogPlace): void {
    const { domain } = this
    if (!this.#isChanged) return
    const certificates: Certificate[] = []
    const numbers = new Map<Certificate, number>()
    const numberOf = (certificate: Certificate): number => {
      const known = numbers.get(certificate)
      if (known !== undefined) return known
      const at = certificates.findIndex((one) => isSameCertificate(one, certificate))
      const number = at === -1 ? certificates.push(certificate) - 1 : at
      numbers.set(certificate, number)
      return number
    }
    const snapshots = [...this.#snapshots]
      .filter(([name]) => this.#listed.has(name))
      .map(([, { certificate, ...one }]) => ({ ...one, certificate: numberOf(certificate) }))
    const receipts = [...this.#receipts]
      .filter(([name]) => this.#listedReceipts.has(name))
      .map(([, { certificate, hash, snapshot }]) => {
        return { hash, snapshot, certificate: numberOf(certificate) }
      })
    const all = { certificates, snapshots, receipts }
    const payload = encode(knownCodec, all)
    const seal = domain.headerSeal(domain.latest.epoch)
    place.write(domain, seal.seal(aadOf(this.#repository, domain), payload))
  }
}

export function isSameCertificate(a: Certificate, b: Certificate): boolean {
  return a === b || (equalBytes(a.id, b.id) && equalBytes(a.verifyKey, b.verifyKey))
}

function confirming({ hash, certificate }: Signed, snapshot: Bytes): Confirming {
  return { hash, certificate, snapshot, confirms: contentName('snapshots', snapshot) }
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
