// What a certificate has signed: what stays accepted when it is revoked.

import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { decodePrefix } from '../format/prefix.ts'
import type { Certificate } from '../format/signing.ts'
import { contentName, digestInName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import { openMarkSigned } from './marks.ts'
import { ObjectProblems, UNREADABLE } from './object-problem.ts'
import { openRecord } from './open-record.ts'
import { readObject } from './read-object.ts'
import type { Repository } from './repository.ts'
import { openSnapshot } from './snapshots.ts'
import { isUpkeepKind, loadUpkeepRecords } from './upkeep-records.ts'

/** Marks are irrevocable, so theirs stay too, and so does what upkeep said. Leases run out. */
const FOLDERS = {
  snapshots: 'snapshot',
  index: 'index',
  receipts: 'receipt',
  marks: 'mark',
  forgets: 'forget',
  sightings: 'sighting',
  holds: 'hold',
  renewals: 'renewal',
  losses: 'loss',
} as const

const UPKEEP = ['upkeep'] as const
const WRITERS = ['writer', 'upkeep'] as const

export interface Signed {
  /** SHA-256 names of all that is now stored under signatures of the certificate, forgotten or not. */
  readonly names: readonly Bytes[]
  /**
   * And of what cannot be read: it may be among it, and must not be lost when it is brought back from a
   * copy or its disk reads again. Under any other certificate such a name says nothing.
   */
  readonly unread: readonly Bytes[]
}

export async function signedBy(repository: Repository, certificateId: Bytes): Promise<Signed> {
  const names: Bytes[] = []
  const unread: Bytes[] = []
  for (const folder of Object.keys(FOLDERS) as (keyof typeof FOLDERS)[]) {
    const problems = new ObjectProblems()
    for await (const { name } of repository.store.list(`${folder}/`)) {
      const signer = await signerOf(repository, { name, kind: FOLDERS[folder], problems })
      const hash = digestInName(name) as Bytes
      if (signer === 'unknown') unread.push(hash)
      else if (signer && equalBytes(signer.id, certificateId)) names.push(hash)
    }
    problems.expectAnyRead()
  }
  for (const { name, object } of await forgottenSnapshots(repository)) {
    const signer = signerOfForgotten(repository, { name, kind: 'snapshot', object })
    const hash = digestInName(name) as Bytes
    if (signer === 'unknown') unread.push(hash)
    else if (signer && equalBytes(signer.id, certificateId)) names.push(hash)
  }
  return { names: withoutRepeats(names), unread: withoutRepeats(unread) }
}

function withoutRepeats(hashes: readonly Bytes[]): readonly Bytes[] {
  return [...new Map(hashes.map((hash) => [toHex(hash), hash])).values()]
}

/** Snapshots that are in forget records, from where they can be had back, by the names that they had. */
async function forgottenSnapshots(
  repository: Repository,
): Promise<readonly { readonly name: string; readonly object: Bytes }[]> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'forget', onlyReading: true })
  const objects = records.flatMap(({ record }) => record.snapshots.map(({ object }) => object))
  return (
    objects
      .filter((object) => object !== undefined)
      // Not as the record calls it: whoever wrote that could have anything accepted.
      .map((object) => ({ name: contentName('snapshots', sha256(object)), object }))
  )
}

/** As signerOf: what upkeep put into a record must not keep its key from being revoked. */
function signerOfForgotten(
  repository: Repository,
  signed: SignedObject & { readonly object: Bytes },
): Certificate | 'unknown' | undefined {
  try {
    return signerOfIntact(repository, signed)
  } catch (error) {
    if (isCairnError(error, ...UNREADABLE)) return 'unknown'
    throw error
  }
}

interface SignedObject {
  readonly name: string
  readonly kind: (typeof FOLDERS)[keyof typeof FOLDERS]
}

/** Undefined for what is of another domain, or is not acceptable anyway. */
async function signerOf(
  repository: Repository,
  { problems, ...signed }: SignedObject & { readonly problems: ObjectProblems },
): Promise<Certificate | 'unknown' | undefined> {
  try {
    const object = await readObject(repository.store, signed.name)
    problems.noteRead()
    return signerOfIntact(repository, { ...signed, object })
  } catch (error) {
    if (isCairnError(error, 'object-missing')) return undefined
    problems.take(signed.name, error)
    return 'unknown'
  }
}

/** What is as its name says will never be anything else. */
function signerOfIntact(
  repository: Repository,
  { name, kind, object }: SignedObject & { readonly object: Bytes },
): Certificate | undefined {
  try {
    const { domain: id } = decodePrefix(object)
    const domain = repository.domains.find((one) => equalBytes(one.id, id))
    const objectHash = digestInName(name)
    return domain && signerIn(repository, { object, domain, kind, objectHash })
  } catch (error) {
    if (isCairnError(error, 'object-damaged', 'object-foreign')) return undefined
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
  if (signed.kind === 'mark') return openMarkSigned(repository, signed).certificate
  const roles = isUpkeepKind(signed.kind) ? UPKEEP : WRITERS
  return openRecord(repository, { ...signed, roles }).certificate
}
