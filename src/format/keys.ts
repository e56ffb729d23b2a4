// What grants and the keyring hold (docs/format.md, section 5). A grant is wrapped for one
// passphrase or secret; its role decides which of a domain's keys are in it, and that is the whole
// of the access control: a key that is not in the grant cannot be used, whatever the program does.

import type { Bytes } from '../base/bytes.ts'
import { malformed } from './cbor.ts'
import {
  array,
  bytes,
  type Codec,
  choice,
  fixedBytes,
  optional,
  record,
  required,
  text,
  time,
  uint,
} from './codec.ts'
import { SEAL_PUBLIC_KEY_BYTES } from './config.ts'
import { CERTIFICATE_BYTES_MAX, DOMAINS_MAX, EPOCHS_MAX, TEXT_BYTES_MAX } from './limits.ts'
import { DOMAIN_ID_BYTES, REPOSITORY_ID_BYTES } from './prefix.ts'
import { VERIFY_KEY_BYTES } from './signing.ts'

export const KEY_BYTES = 32

export type Role = 'owner' | 'writer' | 'reader' | 'upkeep'

/** The keys of one epoch. sealSeed opens, sealPublicKey seals. */
export interface EpochKeys {
  readonly epoch: number
  readonly headerKey: Bytes
  readonly sealPublicKey: Bytes
  readonly sealSeed: Bytes | undefined
}

export interface DomainKeys {
  readonly id: Bytes
  readonly label: string
  /** Makes blob ids. Lives as long as the domain. */
  readonly idKey: Bytes | undefined
  /** Decides where files and folders are cut. Lives as long as the domain. */
  readonly chunkerKey: Bytes | undefined
  /** In ascending order; the last one is used for what is written. */
  readonly epochs: readonly EpochKeys[]
  /** Ed25519 seed with its certificate, for roles that sign. */
  readonly signingSeed: Bytes | undefined
  readonly certificate: Bytes | undefined
}

export const domainKeysCodec: Codec<DomainKeys> = record<DomainKeys>({
  id: required(1, fixedBytes(DOMAIN_ID_BYTES)),
  label: required(2, text(TEXT_BYTES_MAX)),
  idKey: optional(3, fixedBytes(KEY_BYTES)),
  chunkerKey: optional(4, fixedBytes(KEY_BYTES)),
  epochs: required(
    5,
    array(
      record<EpochKeys>({
        epoch: required(1, uint(0xffffffff)),
        headerKey: required(2, fixedBytes(KEY_BYTES)),
        sealPublicKey: required(3, fixedBytes(SEAL_PUBLIC_KEY_BYTES)),
        sealSeed: optional(4, fixedBytes(KEY_BYTES)),
      }),
      EPOCHS_MAX,
    ),
  ),
  signingSeed: optional(6, fixedBytes(KEY_BYTES)),
  certificate: optional(7, bytes(CERTIFICATE_BYTES_MAX)),
})

/** What opening a grant yields. */
export interface Grant {
  readonly repositoryId: Bytes
  readonly ownerVerifyKey: Bytes
  readonly role: Role
  readonly label: string
  readonly createdMs: number
  /** Of role owner only: all else is derived from it or found in the keyring. */
  readonly ownerSecret: Bytes | undefined
  readonly domains: readonly DomainKeys[]
}

export const grantCodec: Codec<Grant> = record<Grant>({
  repositoryId: required(1, fixedBytes(REPOSITORY_ID_BYTES)),
  ownerVerifyKey: required(2, fixedBytes(VERIFY_KEY_BYTES)),
  role: required(3, choice({ owner: 1, writer: 2, reader: 3, upkeep: 4 })),
  label: required(4, text(TEXT_BYTES_MAX)),
  createdMs: required(5, time),
  ownerSecret: optional(6, fixedBytes(KEY_BYTES)),
  domains: required(7, array(domainKeysCodec, DOMAINS_MAX)),
})

/** A grant that was given out, as the owner remembers it: what is needed to list and revoke it. */
export interface Issued {
  /** Name of the object under keys/. */
  readonly name: string
  readonly role: Role
  readonly label: string
  readonly createdMs: number
  readonly domains: readonly Bytes[]
  readonly certificateId: Bytes | undefined
}

/** The owner's keyring: all keys of all domains, and who was given what. */
export interface Keyring {
  readonly generation: number
  readonly domains: readonly DomainKeys[]
  readonly issued: readonly Issued[]
}

export const issuedCodec: Codec<Issued> = record<Issued>({
  name: required(1, text(128)),
  role: required(2, choice({ owner: 1, writer: 2, reader: 3, upkeep: 4 })),
  label: required(3, text(TEXT_BYTES_MAX)),
  createdMs: required(4, time),
  domains: required(5, array(fixedBytes(DOMAIN_ID_BYTES), DOMAINS_MAX)),
  certificateId: optional(6, fixedBytes(16)),
})

export const keyringCodec: Codec<Keyring> = record<Keyring>({
  generation: required(1, uint(99_999_999)),
  domains: required(2, array(domainKeysCodec, DOMAINS_MAX)),
  issued: required(3, array(issuedCodec, DOMAINS_MAX)),
})

/** How the key that wraps a grant is made. */
export type Wrapping =
  | {
      readonly kind: 'passphrase'
      readonly salt: Bytes
      readonly memoryKib: number
      readonly passes: number
      readonly parallelism: number
    }
  /** A secret of full strength: a key file, or what shares were put together to. */
  | { readonly kind: 'secret'; readonly salt: Bytes }

interface WrappingRecord {
  readonly kind: Wrapping['kind']
  readonly repositoryId: Bytes
  readonly salt: Bytes
  readonly memoryKib: number | undefined
  readonly passes: number | undefined
  readonly parallelism: number | undefined
}

const wrappingRecordCodec: Codec<WrappingRecord> = record<WrappingRecord>({
  kind: required(1, choice({ passphrase: 1, secret: 2 })),
  repositoryId: required(2, fixedBytes(REPOSITORY_ID_BYTES)),
  salt: required(3, fixedBytes(KEY_BYTES)),
  memoryKib: optional(4, uint(0xffffffff)),
  passes: optional(5, uint(0xffffffff)),
  parallelism: optional(6, uint(0xffffffff)),
})

/** The public head of a grant object, between its prefix and what is sealed. */
export interface GrantHead {
  readonly repositoryId: Bytes
  readonly wrapping: Wrapping
}

export const grantHeadCodec: Codec<GrantHead> = {
  write: (writer, head) => wrappingRecordCodec.write(writer, toRecord(head)),
  read: (reader) => fromRecord(wrappingRecordCodec.read(reader), reader.position),
}

function toRecord({ repositoryId, wrapping }: GrantHead): WrappingRecord {
  const costs = wrapping.kind === 'passphrase' ? wrapping : undefined
  return {
    kind: wrapping.kind,
    repositoryId,
    salt: wrapping.salt,
    memoryKib: costs?.memoryKib,
    passes: costs?.passes,
    parallelism: costs?.parallelism,
  }
}

function fromRecord(stored: WrappingRecord, at: number): GrantHead {
  const { kind, repositoryId, salt, memoryKib, passes, parallelism } = stored
  const costs = [memoryKib, passes, parallelism].filter((cost) => cost !== undefined)
  if (costs.length !== (kind === 'passphrase' ? 3 : 0)) {
    throw malformed('the costs of a passphrase are not all there, or are none of its', at)
  }
  if (memoryKib === undefined || passes === undefined || parallelism === undefined) {
    return { repositoryId, wrapping: { kind: 'secret', salt } }
  }
  return { repositoryId, wrapping: { kind: 'passphrase', salt, memoryKib, passes, parallelism } }
}
