// Sealing and opening the small signed objects (docs/format.md, section 13): each is its prefix, then a
// payload that is signed and sealed under the header key of the epoch that the prefix names.

import type { Bytes } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { type Codec, decode, encode } from '../format/codec.ts'
import { METADATA_BYTES_MAX } from '../format/limits.ts'
import { decodeOpenNames } from '../format/open-names.ts'
import {
  decodePrefix,
  encodePrefix,
  expectPrefix,
  type ObjectKind,
  PREFIX_BYTES,
} from '../format/prefix.ts'
import type { CertificateRole } from '../format/signing.ts'
import {
  type Opened,
  type Opening,
  openSigned,
  type Signatory,
  sealSigned,
  type Unverified,
  unsealSigned,
} from '../sealer/signed.ts'
import type { DomainAccess } from './access.ts'
import type { Repository } from './repository.ts'

export interface RecordPlace {
  readonly domain: DomainAccess
  readonly kind: ObjectKind
  readonly roles: readonly CertificateRole[]
  /** SHA-256 name of the object, which a revocation may have accepted. */
  readonly objectHash: Bytes | undefined
}

/** The payload and who signed it. Throws 'object-damaged', 'object-foreign', 'unsupported' or 'not-permitted'. */
export function openRecord(repository: Repository, record: StoredRecord): Opened {
  return openSealedRecord(repository, sealedIn(record))
}

/** As openRecord, but for the signature. */
export function unsealRecord(repository: Repository, record: StoredRecord): Unverified {
  const sealedRecord = sealedIn(record)
  return unsealSigned(sealedRecord.sealed, openingOf(repository, sealedRecord))
}

type StoredRecord = RecordPlace & { readonly object: Bytes }

function sealedIn({ object, kind, ...place }: StoredRecord): SealedRecord {
  expectPrefix(object, kind)
  const prefix = object.subarray(0, PREFIX_BYTES)
  const sealed = kind === 'forget' ? decodeOpenNames(object).sealed : object.subarray(PREFIX_BYTES)
  return { ...place, prefix, sealed }
}

type SealedRecord = Omit<RecordPlace, 'kind'> & { readonly prefix: Bytes; readonly sealed: Bytes }

/** The same for an object that has more than its prefix before the sealed envelope. */
export function openSealedRecord(repository: Repository, record: SealedRecord): Opened {
  return openSigned(record.sealed, openingOf(repository, record))
}

function openingOf(
  { id: repositoryId, trust }: Repository,
  { prefix, domain, roles, objectHash }: SealedRecord,
): Opening {
  return {
    place: { repositoryId, prefix, part: 'body' },
    headerSeal: domain.headerSeal(decodePrefix(prefix).epoch),
    trust,
    domain: domain.id,
    roles,
    ...(objectHash && { objectHash }),
  }
}

/** For whoever puts: nobody reads a longer one. */
export function assertReadable(bytes: number): void {
  assert(bytes <= METADATA_BYTES_MAX, `a record of ${bytes} bytes is longer than any may be`)
}

/** A record's object: its prefix, then the payload, signed and sealed. Read again before it is returned. */
export function sealRecord<T>(
  { id: repositoryId }: Repository,
  {
    domain,
    kind,
    signatory,
    codec,
    record,
  }: {
    readonly domain: DomainAccess
    readonly kind: ObjectKind
    readonly signatory: Signatory
    readonly codec: Codec<T>
    readonly record: T
  },
): readonly Bytes[] {
  const payload = encode(codec, record)
  decode(codec, payload)
  const { epoch } = domain.latest
  const prefix = encodePrefix({ kind, domain: domain.id, epoch })
  const sealed = sealSigned(payload, {
    place: { repositoryId, prefix, part: 'body' },
    signatory,
    headerSeal: domain.headerSeal(epoch),
  })
  assertReadable(prefix.length + sealed.length)
  return [prefix, sealed]
}
