// An opened repository: a store, what its owner says of it, and what the grant in use can do. Opening
// trusts the grant (which only the passphrase opens) and measures everything else by it.

import { type Bytes, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import type { Config } from '../format/config.ts'
import type { DomainKeys, Grant, Keyring, Role } from '../format/keys.ts'
import { GRANTS_TRIED_MAX } from '../format/limits.ts'
import { Trust } from '../sealer/certificate.ts'
import { OwnerKeys, openGrant } from '../sealer/grant.ts'
import type { Credential } from '../sealer/passphrase.ts'
import type { Store } from '../store/store.ts'
import { DomainAccess } from './access.ts'
import {
  expectGivenOut,
  isGrantAsNamed,
  isGrantName,
  loadConfig,
  loadKeyring,
  newestGeneration,
  type Skipped,
  skippedBy,
} from './generations.ts'
import type { IndexCache } from './index-cache.ts'
import { readObject } from './read-object.ts'

/** What only the owner has. */
export interface Ownership {
  readonly secret: Bytes
  readonly keys: OwnerKeys
  readonly keyring: Keyring
}

export interface Repository {
  readonly store: Store
  readonly id: Bytes
  readonly idHex: string
  readonly config: Config
  readonly role: Role
  readonly label: string
  /** The grant in use, under its name. */
  readonly grant: Grant
  readonly grantName: string
  readonly domains: readonly DomainAccess[]
  readonly trust: Trust
  readonly ownership: Ownership | undefined
  /** What was met while opening and passed over: for people to see, not to stop at. */
  readonly skipped: readonly Skipped[]
  /** Which domain (in hexadecimal) index segments say that they are of, as far as they were asked. */
  readonly segmentDomains: Map<string, string>
  /** Where this machine keeps what it built of the index. */
  readonly indexCache?: IndexCache | undefined
}

export interface OpenOptions {
  readonly credential: Credential
  /** The grant that opened last time: tried first. */
  readonly grantHint?: string | undefined
}

/** Throws 'no-repository', 'wrong-passphrase', or what is wrong with the repository itself. */
export async function openRepository(store: Store, options: OpenOptions): Promise<Repository> {
  if ((await newestGeneration(store, 'config/')) === undefined) throw noRepository(store)
  const { grant, grantName, skipped } = await findGrant(store, options)
  const { config, skipped: skippedConfigs } = await loadConfig(store, grant)
  const { ownership, skipped: skippedKeyrings } = await openOwnership(store, grant)
  const keys = ownership?.keyring.domains ?? grant.domains
  return {
    store,
    id: grant.repositoryId,
    idHex: toHex(grant.repositoryId),
    config,
    role: grant.role,
    label: grant.label,
    grant,
    grantName,
    domains: keys.map((domain) => accessTo(domain, { grant, config })),
    trust: new Trust({ ...grant, revocations: config.revocations }),
    ownership,
    skipped: [...skipped, ...skippedConfigs, ...skippedKeyrings],
    segmentDomains: new Map(),
  }
}

/** A public key of the config that is not the pinned one would mean a forged config: refuse. */
function accessTo(
  domain: DomainKeys,
  { grant, config }: { grant: Grant; config: Config },
): DomainAccess {
  const published = config.domains.find((one) => equalBytes(one.id, domain.id))
  for (const { epoch, sealPublicKey } of domain.epochs) {
    const key = published?.epochs.find((one) => one.epoch === epoch)?.sealPublicKey
    if (key !== undefined && !equalBytes(key, sealPublicKey)) {
      throw new CairnError(
        'object-foreign',
        'Cannot trust the config: a seal key is not the pinned one',
      )
    }
  }
  return new DomainAccess(domain, grant)
}

interface FoundGrant {
  readonly grant: Grant
  readonly grantName: string
  readonly skipped: readonly Skipped[]
}

async function findGrant(
  store: Store,
  { credential, grantHint }: OpenOptions,
): Promise<FoundGrant> {
  const names = await grantNames(store, grantHint)
  const skipped: Skipped[] = []
  let tried = 0
  for (const grantName of names) {
    if (tried === GRANTS_TRIED_MAX) break
    try {
      const object = await readObject(store, grantName)
      const grant = await openGrantAsNamed(object, { grantName, credential })
      if (grant !== undefined) return { grant, grantName, skipped }
      if (!isGrantAsNamed(grantName, object)) skipped.push({ name: grantName, why: NOT_ITS_NAME })
      // Only those that cost an attempt count: junk must not hide the ones behind it.
      tried++
    } catch (error) {
      if (isCairnError(error, 'unsupported'))
        skipped.push({ name: grantName, why: error.message, isNewer: true })
      else skipped.push(skippedBy(grantName, error))
    }
  }
  // It may be the one that could not be read that this opens.
  expectGivenOut(skipped)
  throw wrongCredential(store, { credential, names, skipped })
}

/** As openGrant; what seems to be of a later version and is not as its name says is 'object-damaged'. */
async function openGrantAsNamed(
  object: Bytes,
  { grantName, credential }: { readonly grantName: string; readonly credential: Credential },
): Promise<Grant | undefined> {
  try {
    return await openGrant(object, credential)
  } catch (error) {
    if (!isCairnError(error, 'unsupported') || isGrantAsNamed(grantName, object)) throw error
    throw new CairnError('object-damaged', NOT_ITS_NAME)
  }
}

const NOT_ITS_NAME = 'the SHA-256 of its bytes is not its name'

async function grantNames(store: Store, hint: string | undefined): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of store.list('keys/')) if (isGrantName(name)) names.push(name)
  return names.sort((a, b) => Number(b === hint) - Number(a === hint) || (a < b ? -1 : 1))
}

async function openOwnership(
  store: Store,
  grant: Grant,
): Promise<{ ownership: Ownership | undefined; skipped: readonly Skipped[] }> {
  const { ownerSecret, repositoryId } = grant
  if (ownerSecret === undefined) return { ownership: undefined, skipped: [] }
  const keys = new OwnerKeys(ownerSecret)
  if (!equalBytes(keys.signer.verifyKey, grant.ownerVerifyKey)) {
    throw new CairnError(
      'object-foreign',
      "Cannot use a key: its owner's secret and verifying key differ",
    )
  }
  const { keyring, skipped } = await loadKeyring(store, { owner: keys, repositoryId })
  return { ownership: { secret: ownerSecret, keys, keyring }, skipped }
}

function noRepository(store: Store): CairnError {
  return new CairnError('no-repository', `There is no repository at ${store.address}`, {
    hint: 'Check the address, or make one there with `cairn init`.',
  })
}

function wrongCredential(
  store: Store,
  found: { credential: Credential; names: readonly string[]; skipped: readonly Skipped[] },
): CairnError {
  const what = found.credential.kind === 'passphrase' ? 'passphrase' : 'key file'
  const damaged = fewOf(found.skipped)
  const lost = found.skipped.filter(({ isNewer }) => isNewer !== true)
  if (lost.length > 0 && lost.length === found.names.length) {
    return new CairnError(
      'object-damaged',
      `Cannot open the repository at ${store.address}: none of its keys can be used (${damaged})`,
      { hint: 'Put the objects in keys/ back from a copy of the repository.' },
    )
  }
  return new CairnError(
    'wrong-passphrase',
    `Wrong ${what}: it ${opensNone(found.names.length)} of the repository at ${store.address}` +
      (damaged === '' ? '' : ` (not usable: ${damaged})`),
    { context: { keys: found.names.length, damaged: found.skipped.length } },
  )
}

function opensNone(keys: number): string {
  return keys === 1 ? 'does not open the only key' : `opens none of the ${keys} keys`
}

const SKIPPED_SHOWN = 3

/** Whoever can put objects can put thousands of keys. */
function fewOf(skipped: readonly Skipped[]): string {
  const shown = skipped.slice(0, SKIPPED_SHOWN).map(({ name, why }) => `${name}: ${why}`)
  const more = skipped.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

/** The domain that a label or the beginning of an id names; the only writable one by default. */
export function selectDomain(repository: Repository, name?: string): DomainAccess {
  const { domains } = repository
  const found =
    name === undefined
      ? (domains.find((domain) => domain.canWrite) ?? domains[0])
      : (domains.find((domain) => domain.label === name) ??
        domains.find((domain) => domain.hex.startsWith(name)))
  if (found !== undefined) return found
  throw new CairnError('not-found', `This key holds no domain ${name ?? ''}`, {
    hint: `It holds: ${domains.map((domain) => domain.label).join(', ')}`,
  })
}
