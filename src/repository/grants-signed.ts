// What a certificate has signed: what stays accepted when it is revoked.

import { type Bytes, equalBytes } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import { decodePrefix } from '../format/prefix.ts'
import type { Certificate } from '../format/signing.ts'
import { getVerified } from '../store/content.ts'
import { digestInName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import { UNREADABLE } from './object-problem.ts'
import { openRecord } from './open-record.ts'
import type { Repository } from './repository.ts'
import { openSnapshot } from './snapshots.ts'

/** Marks are irrevocable, so theirs stay too. Leases run out. */
const FOLDERS = {
  snapshots: 'snapshot',
  index: 'index',
  receipts: 'receipt',
  marks: 'mark',
} as const

/** SHA-256 names of all that is now stored under signatures of this certificate. */
export async function signedBy(
  repository: Repository,
  certificateId: Bytes,
): Promise<readonly Bytes[]> {
  const names: Bytes[] = []
  for (const folder of Object.keys(FOLDERS) as (keyof typeof FOLDERS)[]) {
    for await (const { name } of repository.store.list(`${folder}/`)) {
      const signer = await signerOf(repository, { name, kind: FOLDERS[folder] })
      if (signer && equalBytes(signer.id, certificateId)) names.push(digestInName(name) as Bytes)
    }
  }
  return names
}

interface SignedObject {
  readonly name: string
  readonly kind: (typeof FOLDERS)[keyof typeof FOLDERS]
}

/** Undefined for what cannot be read or is not acceptable anyway. */
async function signerOf(
  repository: Repository,
  { name, kind }: SignedObject,
): Promise<Certificate | undefined> {
  try {
    const object = await getVerified(repository.store, name)
    const { domain: id } = decodePrefix(object)
    const domain = repository.domains.find((one) => equalBytes(one.id, id))
    if (domain === undefined) return undefined
    return signerIn(repository, { object, domain, kind, objectHash: digestInName(name) })
  } catch (error) {
    if (isCairnError(error, 'object-missing', ...UNREADABLE)) return undefined
    throw error
  }
}

function signerIn(
  repository: Repository,
  signed: Pick<SignedObject, 'kind'> & {
    readonly object: Bytes
    readonly domain: DomainAccess
    readonly objectHash: Bytes | undefined
  },
): Certificate {
  if (signed.kind === 'snapshot') return openSnapshot(repository, signed).certificate
  return openRecord(repository, { ...signed, roles: ['writer', 'upkeep'] }).certificate
}
