// Grants and the keyring as objects (docs/format.md, section 5). A grant is
//
//     prefix | length of its head (u32) | head | sealed grant
//
// where the head says in the clear how the wrapping key is made. The keyring is sealed under a key
// that only the owner's secret gives.

import { type Bytes, concat, equalBytes, viewOf } from '../base/bytes.ts'
import { CairnError, isCairnError } from '../base/errors.ts'
import { deriveKey } from '../base/hash.ts'
import { malformed } from '../format/cbor.ts'
import { decode, encode } from '../format/codec.ts'
import {
  type Grant,
  type GrantHead,
  grantCodec,
  grantHeadCodec,
  type Keyring,
  keyringCodec,
  type Wrapping,
} from '../format/keys.ts'
import { GRANT_BYTES_MAX } from '../format/limits.ts'
import { encodePrefix, expectPrefix, NO_DOMAIN, PREFIX_BYTES } from '../format/prefix.ts'
import { binding } from './bind.ts'
import { type Credential, wrappingKey } from './passphrase.ts'
import { Seal } from './seal.ts'
import { Signer } from './sign.ts'

const LENGTH_BYTES = 4
const HEAD_BYTES_MAX = 4096

/** The bytes of a grant object. */
export async function sealGrant(
  grant: Grant,
  { wrapping, credential }: { readonly wrapping: Wrapping; readonly credential: Credential },
): Promise<Bytes> {
  const key = await wrappingKey(wrapping, credential)
  if (key === undefined)
    throw new Error('Bug in Cairn: a credential of another kind than its wrapping')
  const { repositoryId } = grant
  const prefix = encodePrefix({ kind: 'grant', domain: NO_DOMAIN, epoch: 0 })
  const head = encode(grantHeadCodec, { repositoryId, wrapping })
  const length = new Uint8Array(LENGTH_BYTES)
  viewOf(length).setUint32(0, head.length, true)
  const aad = binding({ repositoryId, prefix, part: 'body', extra: head })
  return concat([prefix, length, head, new Seal(key).seal(aad, encode(grantCodec, grant))])
}

/**
 * Opens a grant object; undefined where this credential does not. Throws 'object-damaged',
 * 'object-foreign' or 'unsupported' where no credential could.
 */
export async function openGrant(object: Bytes, credential: Credential): Promise<Grant | undefined> {
  expectPrefix(object, 'grant')
  if (object.length > GRANT_BYTES_MAX) throw malformed('a grant is too long', object.length)
  const { head, headBytes, sealed } = splitGrant(object)
  const key = await wrappingKey(head.wrapping, credential)
  if (key === undefined) return undefined
  const prefix = object.subarray(0, PREFIX_BYTES)
  const aad = binding({ repositoryId: head.repositoryId, prefix, part: 'body', extra: headBytes })
  const payload = tryOpen(new Seal(key), { aad, sealed })
  if (payload === undefined) return undefined
  const grant = decode(grantCodec, payload)
  if (!equalBytes(grant.repositoryId, head.repositoryId)) {
    throw new CairnError('object-foreign', 'Cannot use a key: it was made for another repository')
  }
  return grant
}

function splitGrant(object: Bytes): { head: GrantHead; headBytes: Bytes; sealed: Bytes } {
  const start = PREFIX_BYTES + LENGTH_BYTES
  if (object.length < start) throw malformed('a grant is cut off', object.length)
  const length = viewOf(object).getUint32(PREFIX_BYTES, true)
  if (length > HEAD_BYTES_MAX || start + length > object.length)
    throw malformed('a grant is cut off', start)
  const headBytes = object.subarray(start, start + length)
  return {
    head: decode(grantHeadCodec, headBytes),
    headBytes,
    sealed: object.subarray(start + length),
  }
}

/** What anyone can see of a grant. Throws 'object-damaged', 'object-foreign' or 'unsupported'. */
export function readGrantHead(object: Bytes): GrantHead {
  expectPrefix(object, 'grant')
  return splitGrant(object).head
}

function tryOpen(seal: Seal, { aad, sealed }: { aad: Bytes; sealed: Bytes }): Bytes | undefined {
  try {
    return seal.open(aad, sealed)
  } catch (error) {
    if (isCairnError(error, 'object-damaged')) return undefined
    throw error
  }
}

/** What the owner's secret gives. */
export class OwnerKeys {
  readonly signer: Signer
  readonly #keyringSeal: Seal

  constructor(ownerSecret: Bytes) {
    this.signer = new Signer(deriveKey('cairn v1 owner signing', ownerSecret))
    this.#keyringSeal = new Seal(deriveKey('cairn v1 owner keyring', ownerSecret))
  }

  sealKeyring(keyring: Keyring, repositoryId: Bytes): Bytes {
    const prefix = encodePrefix({ kind: 'keyring', domain: NO_DOMAIN, epoch: 0 })
    const aad = binding({ repositoryId, prefix, part: 'body' })
    return concat([prefix, this.#keyringSeal.seal(aad, encode(keyringCodec, keyring))])
  }

  /** Throws 'object-damaged' or 'object-foreign'. */
  openKeyring(object: Bytes, repositoryId: Bytes): Keyring {
    expectPrefix(object, 'keyring')
    const prefix = object.subarray(0, PREFIX_BYTES)
    const aad = binding({ repositoryId, prefix, part: 'body' })
    return decode(keyringCodec, this.#keyringSeal.open(aad, object.subarray(PREFIX_BYTES)))
  }
}
