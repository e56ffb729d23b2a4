// The repository's public face: `config/<generation>`, signed by the owner, read before any key is
// there (docs/format.md, section 4). The highest generation that verifies counts. Nothing in it is
// secret, and nothing in it is trusted before it matches what a grant has pinned.

import type { Bytes } from '../base/bytes.ts'
import { array, type Codec, fixedBytes, record, required, time, uint } from './codec.ts'
import { DOMAINS_MAX, EPOCHS_MAX, MARKED_NAMES_MAX, MEBI } from './limits.ts'
import { DOMAIN_ID_BYTES, REPOSITORY_ID_BYTES } from './prefix.ts'
import { CERTIFICATE_ID_BYTES, VERIFY_KEY_BYTES } from './signing.ts'

export const SEAL_PUBLIC_KEY_BYTES = 1216

/**
 * How a repository cuts. The chunker's own parameters are the first three, under the same names: the two
 * rooms may not import each other, and a test holds them together.
 */
export interface ChunkerConfig {
  readonly minBytes: number
  readonly avgBytes: number
  readonly maxBytes: number
  /** Files longer than this are cut anew at each multiple of it. */
  readonly segmentBytes: number
}

export interface DomainEpoch {
  readonly epoch: number
  /** X-Wing encapsulation key. */
  readonly sealPublicKey: Bytes
}

export interface DomainConfig {
  readonly id: Bytes
  readonly epochs: readonly DomainEpoch[]
}

/** A certificate that counts no longer, except under the objects named here. */
export interface Revocation {
  readonly certificateId: Bytes
  /** SHA-256 names. */
  readonly accepted: readonly Bytes[]
}

export interface Config {
  readonly repositoryId: Bytes
  readonly generation: number
  readonly createdMs: number
  readonly ownerVerifyKey: Bytes
  readonly chunker: ChunkerConfig
  readonly domains: readonly DomainConfig[]
  readonly revocations: readonly Revocation[]
}

const chunkerCodec: Codec<ChunkerConfig> = record<ChunkerConfig>({
  minBytes: required(1, uint(16 * MEBI)),
  avgBytes: required(2, uint(16 * MEBI)),
  maxBytes: required(3, uint(16 * MEBI)),
  segmentBytes: required(4, uint()),
})

const domainCodec: Codec<DomainConfig> = record<DomainConfig>({
  id: required(1, fixedBytes(DOMAIN_ID_BYTES)),
  epochs: required(
    2,
    array(
      record<DomainEpoch>({
        epoch: required(1, uint(0xffffffff)),
        sealPublicKey: required(2, fixedBytes(SEAL_PUBLIC_KEY_BYTES)),
      }),
      EPOCHS_MAX,
    ),
  ),
})

export const configCodec: Codec<Config> = record<Config>({
  repositoryId: required(1, fixedBytes(REPOSITORY_ID_BYTES)),
  generation: required(2, uint(99_999_999)),
  createdMs: required(3, time),
  ownerVerifyKey: required(4, fixedBytes(VERIFY_KEY_BYTES)),
  chunker: required(5, chunkerCodec),
  domains: required(6, array(domainCodec, DOMAINS_MAX)),
  revocations: required(
    7,
    array(
      record<Revocation>({
        certificateId: required(1, fixedBytes(CERTIFICATE_ID_BYTES)),
        accepted: required(2, array(fixedBytes(32), MARKED_NAMES_MAX)),
      }),
      65_536,
    ),
  ),
})
