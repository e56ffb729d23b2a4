// Giving out a grant. The keyring comes first, so that nothing is ever given out that the owner does not
// know; then the config, where there is a new domain; the grant comes last. A crash on the way leaves
// keys that nobody has.

import { type Bytes, equalBytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { assert, CairnError } from '../base/errors.ts'
import type { DomainKeys, Grant, Issued, Wrapping } from '../format/keys.ts'
import { CERTIFICATE_ID_BYTES, type CertificateRole } from '../format/signing.ts'
import { openGrant, sealGrant } from '../sealer/grant.ts'
import type { Credential } from '../sealer/passphrase.ts'
import type { Random } from '../sealer/random.ts'
import { DomainAccess } from './access.ts'
import { grantNameOf, newDomain, newSigner, publicHalf } from './create.ts'
import { changeConfig, changeKeyring, ownershipOf } from './generations-next.ts'
import { readerKeys, upkeepKeys, writerKeys } from './grants-keys.ts'
import type { Repository } from './repository.ts'
import { sourceIdOf } from './snapshots.ts'

export type NewRole =
  | { readonly role: 'owner' }
  | {
      readonly role: 'writer'
      /** Label of the domain to join; without it the writer gets a domain of its own. */
      readonly domain?: string | undefined
      /** Names of the only sources, and the only hosts, that it may write; any by default. */
      readonly sources?: readonly string[] | undefined
      readonly hosts?: readonly string[] | undefined
    }
  /** Labels of the domains; all by default. */
  | { readonly role: 'reader' | 'upkeep'; readonly domains?: readonly string[] | undefined }

export type AddGrantOptions = NewRole & {
  readonly label: string
  readonly credential: Credential
  readonly wrapping: Wrapping
  readonly random: Random
  readonly clock: Clock
}

/** What was given out: the domains as they are in the grant, and the certificates among them. */
interface Prepared {
  readonly domains: readonly DomainKeys[]
  readonly created: DomainKeys | undefined
  readonly certificateId: Bytes | undefined
}

/**
 * Adds a grant and returns its name. Throws 'not-permitted' without the owner's key, 'not-found' for
 * a domain that is not there, 'usage' for a label that is taken by another domain.
 */
export async function addGrant(repository: Repository, options: AddGrantOptions): Promise<string> {
  const prepared = prepare(repository, options)
  const grant = grantFor(repository, options, prepared)
  const object = await sealGrant(grant, options)
  assert(await openGrant(object, options.credential), 'a grant opens with what it was sealed for')
  const name = grantNameOf(object)
  await remember(repository, { grant, name, prepared })
  const { created } = prepared
  if (created !== undefined) await publish(repository, created)
  await repository.store.put(name, [object])
  return name
}

function prepare(repository: Repository, options: AddGrantOptions): Prepared {
  const none = { created: undefined, certificateId: undefined }
  if (options.role === 'owner') return { domains: [], ...none }
  if (options.role === 'writer') return prepareWriter(repository, options)
  const chosen = chooseDomains(repository, options.domains)
  if (options.role === 'reader') return { domains: chosen.map(readerKeys), ...none }
  return prepareUpkeep(repository, options, chosen)
}

function prepareWriter(
  repository: Repository,
  options: AddGrantOptions & { readonly role: 'writer' },
): Prepared {
  const created = options.domain === undefined ? newDomainFor(repository, options) : undefined
  const [domain] =
    created === undefined ? chooseDomains(repository, [options.domain as string]) : [created]
  assert(domain, 'a writer has a domain')
  const access = new DomainAccess(domain, { repositoryId: repository.id, role: 'owner' })
  const sources = options.sources?.map((source) => sourceIdOf(access, source))
  const signer = signerFor(repository, options, {
    domain,
    role: 'writer',
    sources,
    hosts: options.hosts,
  })
  return { domains: [writerKeys(domain, signer)], created, certificateId: signer.certificateId }
}

/** One certificate for each domain, all under one id, so that one revocation takes back all. */
function prepareUpkeep(
  repository: Repository,
  options: AddGrantOptions,
  chosen: readonly DomainKeys[],
): Prepared {
  const certificateId = options.random(CERTIFICATE_ID_BYTES)
  const domains = chosen.map((domain) =>
    upkeepKeys(domain, signerFor(repository, options, { domain, role: 'upkeep', certificateId })),
  )
  return { domains, created: undefined, certificateId }
}

function newDomainFor(repository: Repository, { label, random }: AddGrantOptions): DomainKeys {
  const { keys, keyring } = ownershipOf(repository)
  if (keyring.domains.some((domain) => domain.label === label)) {
    throw new CairnError('usage', `There is a domain ${label} already`, {
      hint: 'Give the key another label, or let it join that domain.',
    })
  }
  return newDomain(label, { random, owner: keys, repositoryId: repository.id })
}

function chooseDomains(
  repository: Repository,
  labels: readonly string[] | undefined,
): readonly DomainKeys[] {
  const { domains } = ownershipOf(repository).keyring
  return labels === undefined ? domains : labels.map((label) => domainNamed(domains, label))
}

function domainNamed(domains: readonly DomainKeys[], label: string): DomainKeys {
  const found = domains.find((domain) => domain.label === label)
  if (found !== undefined) return found
  throw new CairnError('not-found', `There is no domain ${label}`, {
    hint: `There are: ${domains.map((domain) => domain.label).join(', ')}`,
  })
}

function signerFor(
  repository: Repository,
  { label, random }: AddGrantOptions,
  options: {
    readonly domain: DomainKeys
    readonly role: CertificateRole
    readonly sources?: readonly Bytes[] | undefined
    readonly hosts?: readonly string[] | undefined
    readonly certificateId?: Bytes
  },
): ReturnType<typeof newSigner> {
  const epoch = options.domain.epochs.at(-1)?.epoch
  assert(epoch !== undefined, 'a domain has an epoch')
  const { keys: owner } = ownershipOf(repository)
  const making = { random, owner, repositoryId: repository.id }
  return newSigner({ ...options, ...making, domain: options.domain.id, label, epoch })
}

function grantFor(
  { grant: { repositoryId, ownerVerifyKey }, ownership }: Repository,
  { role, label, clock }: AddGrantOptions,
  { domains }: Prepared,
): Grant {
  const ownerSecret = role === 'owner' ? ownership?.secret : undefined
  return {
    repositoryId,
    ownerVerifyKey,
    role,
    label,
    createdMs: clock.nowMs(),
    ownerSecret,
    domains,
  }
}

function remember(
  repository: Repository,
  { grant, name, prepared }: { grant: Grant; name: string; prepared: Prepared },
): Promise<unknown> {
  const { role, label, createdMs } = grant
  const { created, certificateId } = prepared
  const domains = prepared.domains.map(({ id }) => id)
  const issued: Issued = { name, role, label, createdMs, domains, certificateId }
  return changeKeyring(repository, (keyring) => ({
    ...keyring,
    domains: created === undefined ? keyring.domains : [...keyring.domains, created],
    issued: [...keyring.issued, issued],
  }))
}

/** Names a new domain and its seal key in the config. */
function publish(repository: Repository, created: DomainKeys): Promise<unknown> {
  return changeConfig(repository, (config) =>
    config.domains.some(({ id }) => equalBytes(id, created.id))
      ? config
      : { ...config, domains: [...config.domains, publicHalf(created)] },
  )
}
