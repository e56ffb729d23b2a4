// Who is at work: the leases of a repository, by session. How old one is says the store's clock, never the
// one of whoever put it. What cannot be read protects nothing, and is told.

import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import { decode } from '../format/codec.ts'
import { decodePrefix } from '../format/prefix.ts'
import { type Lease, leaseCodec } from '../format/records.ts'
import type { CertificateRole } from '../format/signing.ts'
import type { DomainAccess } from './access.ts'
import { leaseName } from './lease.ts'
import { forEachInParallel, type ObjectProblem, ObjectProblems } from './object-problem.ts'
import { openRecord } from './open-record.ts'
import { readObject } from './read-object.ts'
import type { Repository } from './repository.ts'

/** So long after its last renewal a lease is honoured. */
export const LEASE_HONOURED_MS = 14 * 24 * 60 * 60 * 1000

/** A session that holds leases. */
export interface Session {
  /** In hexadecimal. */
  readonly id: string
  readonly domain: DomainAccess
  readonly purpose: Lease['purpose']
  readonly host: string
  /** Who the owner says that this is. */
  readonly label: string
  /** By the store's stamps: of its oldest lease that is there, and of its newest. */
  readonly beganMs: number
  readonly renewedMs: number
}

interface FoundLease {
  readonly lease: Lease
  readonly domain: DomainAccess
  readonly label: string
  readonly storedAtMs: number
}

const PARALLEL = 8

/** The sessions of the domains that the key holds, oldest first. Throws what the store throws. */
export async function loadSessions(repository: Repository): Promise<{
  readonly sessions: readonly Session[]
  readonly problems: readonly ObjectProblem[]
}> {
  const problems = new ObjectProblems()
  const found = new Map<string, FoundLease[]>()
  const listed: { readonly name: string; readonly storedAtMs: number }[] = []
  for await (const info of repository.store.list('leases/')) listed.push(info)
  await forEachInParallel(listed, PARALLEL, async ({ name, storedAtMs }) => {
    try {
      const opened = await openLease(repository, name)
      problems.noteRead()
      if (opened === undefined) return
      // Whoever writes in another domain cannot make its own of a session of this one.
      const key = `${opened.domain.hex} ${toHex(opened.lease.sessionId)}`
      found.set(key, [...(found.get(key) ?? []), { ...opened, storedAtMs }])
    } catch (error) {
      if (!isCairnError(error, 'object-missing')) problems.take(name, error)
    }
  })
  problems.expectAnyRead()
  const sessions = [...found.values()].map(sessionOf)
  return { sessions: sessions.sort((a, b) => a.beganMs - b.beganMs), problems: problems.found }
}

/**
 * Whether somebody else is at upkeep: prunes, forgets, repairs. `own` is a session of ours that does not count,
 * `nowMs` what time it is by the store's clock. Throws as loadSessions does.
 */
export async function isOtherAtUpkeep(
  repository: Repository,
  { own, nowMs }: { readonly own: Bytes | undefined; readonly nowMs: number },
): Promise<boolean> {
  const { sessions } = await loadSessions(repository)
  const ownId = own && toHex(own)
  return sessions.some(
    ({ id, purpose, renewedMs }) =>
      id !== ownId && purpose !== 'backup' && nowMs - renewedMs < LEASE_HONOURED_MS,
  )
}

/** Undefined where it is of a domain that the key does not hold. */
async function openLease(
  repository: Repository,
  name: string,
): Promise<Omit<FoundLease, 'storedAtMs'> | undefined> {
  const object = await readObject(repository.store, name)
  const { domain: id } = decodePrefix(object)
  const domain = repository.domains.find((one) => equalBytes(one.id, id))
  if (domain === undefined) return undefined
  const roles = ['writer', 'upkeep'] as const
  const place = { object, domain, roles, kind: 'lease' as const, objectHash: undefined }
  const { payload, certificate } = openRecord(repository, place)
  const lease = decode(leaseCodec, payload)
  expectAllowed(lease, { name, role: certificate.role })
  return { lease, domain, label: certificate.label }
}

/** Throws 'object-foreign' where nobody may have put a lease with this name and signature. */
export function expectAllowed(
  lease: Lease,
  { name, role }: { readonly name: string; readonly role: CertificateRole },
): void {
  if (leaseName(lease.sessionId, lease.number) !== name)
    throw new CairnError(
      'object-foreign',
      'a lease is under the name of another session or renewal',
    )
  // Marks stay while somebody is at upkeep.
  if (lease.purpose !== 'backup' && role !== 'upkeep')
    throw new CairnError('object-foreign', `a lease of a ${role} says that it is for upkeep`)
}

function sessionOf(leases: readonly FoundLease[]): Session {
  const stamps = leases.map(({ storedAtMs }) => storedAtMs)
  const [{ lease, domain, label }] = leases as [FoundLease]
  const { sessionId, purpose, host } = lease
  return {
    id: toHex(sessionId),
    domain,
    purpose,
    host,
    label,
    beganMs: Math.min(...stamps),
    renewedMs: Math.max(...stamps),
  }
}
