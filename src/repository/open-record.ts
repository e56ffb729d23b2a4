// Opening the small signed objects: receipts, leases, marks. Each is its prefix, then a payload that is
// signed and sealed under the header key of the epoch that the prefix names.

import type { Bytes } from '../base/bytes.ts'
import { expectPrefix, type ObjectKind, PREFIX_BYTES } from '../format/prefix.ts'
import type { CertificateRole } from '../format/signing.ts'
import { type Opened, openSigned } from '../sealer/signed.ts'
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
export function openRecord(
  { id: repositoryId, trust }: Repository,
  { object, domain, kind, roles, objectHash }: RecordPlace & { readonly object: Bytes },
): Opened {
  const { epoch } = expectPrefix(object, kind)
  const prefix = object.subarray(0, PREFIX_BYTES)
  return openSigned(object.subarray(PREFIX_BYTES), {
    place: { repositoryId, prefix, part: 'body' },
    headerSeal: domain.headerSeal(epoch),
    trust,
    domain: domain.id,
    roles,
    ...(objectHash && { objectHash }),
  })
}
