// The 32 bytes that begin every object (docs/format.md, section 3). They say what the object is,
// and they are bound into everything in it that is sealed or signed, so that an object cannot be
// passed off as one of another kind, version, domain or epoch.

import { type Bytes, equalBytes, toHex, uint32At, viewOf } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { unsupported } from './unsupported.ts'

export const PREFIX_BYTES = 32
const FORMAT_VERSION = 1
/** X-Wing, Ed25519, BLAKE3, AES-256-GCM, zstd, Argon2id. */
const SUITE = 1
export const DOMAIN_ID_BYTES = 16
export const REPOSITORY_ID_BYTES = 32

export const KIND = {
  config: 1,
  grant: 2,
  keyring: 3,
  'data-pack': 4,
  'tree-pack': 5,
  index: 6,
  snapshot: 7,
  receipt: 8,
  lease: 9,
  mark: 10,
  forget: 11,
  sighting: 12,
  renewal: 13,
  hold: 14,
  loss: 15,
  quarantined: 16,
  origin: 17,
} as const

export type ObjectKind = keyof typeof KIND
export type PackKind = 'data-pack' | 'tree-pack'

const KIND_NAMES = new Map<number, ObjectKind>(
  Object.entries(KIND).map(([name, number]) => [number, name as ObjectKind]),
)
// "cairn" and a line feed: a transfer that rewrites line ends shows in the first bytes.
const MAGIC = Uint8Array.of(0x63, 0x61, 0x69, 0x72, 0x6e, 0x0a)

/** The domain of what belongs to the repository as a whole. */
export const NO_DOMAIN: Bytes = new Uint8Array(DOMAIN_ID_BYTES)

export interface Prefix {
  readonly kind: ObjectKind
  /** 16 bytes; decoded, they are in the object's memory. */
  readonly domain: Bytes
  readonly epoch: number
}

export function encodePrefix(prefix: Prefix): Bytes {
  const bytes = new Uint8Array(PREFIX_BYTES)
  bytes.set(MAGIC)
  bytes[6] = KIND[prefix.kind]
  bytes[7] = FORMAT_VERSION
  bytes[8] = SUITE
  bytes.set(prefix.domain, 12)
  viewOf(bytes).setUint32(28, prefix.epoch, true)
  return bytes
}

/** Reads the first 32 bytes of an object. Throws 'object-damaged' or 'unsupported'. */
export function decodePrefix(object: Bytes): Prefix {
  if (object.length < PREFIX_BYTES || !equalBytes(object.subarray(0, 6), MAGIC)) {
    throw new CairnError(
      'object-damaged',
      'Cannot decode: it does not begin as a Cairn object does',
    )
  }
  if (object[7] !== FORMAT_VERSION || object[8] !== SUITE) {
    throw unsupported(
      `Cannot decode format version ${object[7]} with suite ${object[8]}: only ${FORMAT_VERSION} with ${SUITE} is known`,
    )
  }
  const kind = KIND_NAMES.get(object[6] as number)
  if (kind === undefined)
    throw unsupported(`Cannot decode an object of kind ${object[6]}: it is not known`)
  if (object[9] !== 0 || object[10] !== 0 || object[11] !== 0)
    throw unsupported('Cannot decode: reserved bytes of the prefix are in use')
  return { kind, domain: object.subarray(12, 28), epoch: uint32At(object, 28) }
}

/** Decodes the prefix of an object that must be of `kind`. Throws 'object-foreign' where it is not. */
export function expectPrefix(object: Bytes, kind: ObjectKind): Prefix {
  const prefix = decodePrefix(object)
  if (prefix.kind !== kind) {
    throw new CairnError(
      'object-foreign',
      `Expected an object of kind ${kind}, found ${prefix.kind}`,
      {
        context: { domain: toHex(prefix.domain) },
      },
    )
  }
  return prefix
}
