// Making a repository: its owner, its first domain, the grant for the first credential. The config
// is put last, because a repository exists when it has one.

import { type Bytes, concat, toHex } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { CairnError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { encode } from '../format/codec.ts'
import { type ChunkerConfig, type Config, configCodec } from '../format/config.ts'
import { type DomainKeys, KEY_BYTES, type Keyring, type Wrapping } from '../format/keys.ts'
import { KIBI, MEBI } from '../format/limits.ts'
import { DOMAIN_ID_BYTES, encodePrefix, NO_DOMAIN, REPOSITORY_ID_BYTES } from '../format/prefix.ts'
import { CERTIFICATE_ID_BYTES, type CertificateRole } from '../format/signing.ts'
import { issueCertificate } from '../sealer/certificate.ts'
import { OwnerKeys, sealGrant } from '../sealer/grant.ts'
import type { Credential } from '../sealer/passphrase.ts'
import type { Random } from '../sealer/random.ts'
import { Signer } from '../sealer/sign.ts'
import { xwingPublicKey } from '../sealer/xwing.ts'
import type { Store } from '../store/store.ts'
import { configMessage, configName, keyringName, newestGeneration } from './generations.ts'

const DEFAULT_CHUNKER: ChunkerConfig = {
  minBytes: 256 * KIBI,
  avgBytes: 1 * MEBI,
  maxBytes: 4 * MEBI,
  segmentBytes: 256 * MEBI,
}

const DEFAULT_DOMAIN_LABEL = 'default'

export interface CreateOptions {
  readonly credential: Credential
  readonly wrapping: Wrapping
  readonly random: Random
  readonly clock: Clock
  readonly label?: string
  readonly chunker?: ChunkerConfig
  /** Keys of a domain of another repository, so that the same data has the same ids in both. */
  readonly like?: SharedKeys
}

/** What two domains may have in common: nothing can be opened with it, but what is guessed be confirmed. */
export interface SharedKeys {
  readonly idKey: Bytes
  readonly chunkerKey: Bytes
}

/** Creates a repository in an empty store. Throws 'repository-exists' where there is one. */
export async function createRepository(store: Store, options: CreateOptions): Promise<void> {
  if ((await newestGeneration(store, 'config/')) !== undefined) {
    throw new CairnError('repository-exists', `There is a repository at ${store.address} already`)
  }
  const { random, clock, chunker = DEFAULT_CHUNKER } = options
  const repositoryId = random(REPOSITORY_ID_BYTES)
  const ownerSecret = random(KEY_BYTES)
  const owner = new OwnerKeys(ownerSecret)
  const domain = newDomain(DEFAULT_DOMAIN_LABEL, {
    random,
    owner,
    repositoryId,
    like: options.like,
  })
  const createdMs = clock.nowMs()
  const config: Config = {
    repositoryId,
    generation: 1,
    createdMs,
    ownerVerifyKey: owner.signer.verifyKey,
    chunker,
    domains: [publicHalf(domain)],
    revocations: [],
  }
  const label = options.label ?? 'owner'
  const grant = await sealGrant(
    {
      repositoryId,
      ownerVerifyKey: owner.signer.verifyKey,
      role: 'owner',
      label,
      createdMs,
      ownerSecret,
      domains: [],
    },
    options,
  )
  const grantName = grantNameOf(grant)
  const issued = {
    name: grantName,
    role: 'owner' as const,
    label,
    createdMs,
    domains: [domain.id],
    certificateId: undefined,
  }
  const keyring: Keyring = { generation: 1, domains: [domain], issued: [issued] }
  await store.put(grantName, [grant])
  const ring = await store.put(keyringName(1), [owner.sealKeyring(keyring, repositoryId)])
  if (ring === 'exists') throw begunAlready(store)
  const put = await store.put(configName(1), [sealConfig(config, owner)])
  if (put === 'exists') {
    throw new CairnError(
      'repository-exists',
      `Another run has just created a repository at ${store.address}`,
    )
  }
}

/** A grant is named by the SHA-256 of its bytes, so that damage to it shows to whoever cannot open it. */
export function grantNameOf(grant: Bytes): string {
  return `keys/${toHex(sha256(grant))}`
}

/** A keyring without a config: another run is at it, or one was ended before it was done. */
function begunAlready(store: Store): CairnError {
  return new CairnError('repository-exists', `A repository at ${store.address} was begun already`, {
    hint: 'If no other `cairn init` is running, remove what is there and run it again.',
  })
}

/** The object for a config: prefix, the owner's signature, payload. */
export function sealConfig(config: Config, owner: OwnerKeys): Bytes {
  const prefix = encodePrefix({ kind: 'config', domain: NO_DOMAIN, epoch: 0 })
  const payload = encode(configCodec, config)
  const signature = owner.signer.sign(
    configMessage({ prefix, payload, repositoryId: config.repositoryId }),
  )
  return concat([prefix, signature, payload])
}

interface Making {
  readonly random: Random
  readonly owner: OwnerKeys
  readonly repositoryId: Bytes
}

/** A domain with fresh keys, but for those it is to share, and the owner's own right to write to it. */
export function newDomain(
  label: string,
  { like, ...making }: Making & { readonly like?: SharedKeys | undefined },
): DomainKeys {
  const { random } = making
  const id = random(DOMAIN_ID_BYTES)
  const sealSeed = random(KEY_BYTES)
  return {
    id,
    label,
    idKey: like?.idKey ?? random(KEY_BYTES),
    chunkerKey: like?.chunkerKey ?? random(KEY_BYTES),
    epochs: [
      { epoch: 1, headerKey: random(KEY_BYTES), sealPublicKey: xwingPublicKey(sealSeed), sealSeed },
    ],
    ...newSigner({ ...making, domain: id, role: 'writer', label: 'owner', epoch: 1 }),
  }
}

/** A fresh signing key with the owner's certificate for it. */
export function newSigner(
  options: Making & {
    readonly domain: Bytes
    readonly role: CertificateRole
    readonly label: string
    readonly epoch: number
    readonly sources?: readonly Bytes[] | undefined
    readonly hosts?: readonly string[] | undefined
    /** A fresh one by default; the same for certificates that are revoked together. */
    readonly certificateId?: Bytes | undefined
  },
): { signingSeed: Bytes; certificate: Bytes; certificateId: Bytes } {
  const { random, domain, role, label, epoch, sources, hosts } = options
  const signingSeed = random(KEY_BYTES)
  const certificateId = options.certificateId ?? random(CERTIFICATE_ID_BYTES)
  const { verifyKey } = new Signer(signingSeed)
  const certificate = issueCertificate(
    { id: certificateId, role, domain, epoch, verifyKey, sources, hosts, label },
    { owner: options.owner.signer, repositoryId: options.repositoryId },
  )
  return { signingSeed, certificate, certificateId }
}

/** What the config says of a domain. */
export function publicHalf(domain: DomainKeys): Config['domains'][number] {
  return {
    id: domain.id,
    epochs: domain.epochs.map(({ epoch, sealPublicKey }) => ({ epoch, sealPublicKey })),
  }
}
