// What is signed, and certificates (docs/format.md, section 6). The bytes that a signature covers
// are put together here; making and checking signatures is the sealer's.

import { type Bytes, concat, uint16At, utf8, viewOf } from '../base/bytes.ts'
import { malformed } from './cbor.ts'
import {
  array,
  type Codec,
  choice,
  fixedBytes,
  optional,
  record,
  required,
  text,
  uint,
} from './codec.ts'
import { CERTIFICATE_BYTES_MAX, TEXT_BYTES_MAX } from './limits.ts'
import { DOMAIN_ID_BYTES } from './prefix.ts'

export const SIGNATURE_BYTES = 64
export const VERIFY_KEY_BYTES = 32
export const SOURCE_ID_BYTES = 16
export const CERTIFICATE_ID_BYTES = 16

export type CertificateRole = 'writer' | 'upkeep'

/** What the owner lets a signer do. An absent list of sources or hosts allows any. */
export interface Certificate {
  readonly id: Bytes
  readonly role: CertificateRole
  readonly domain: Bytes
  readonly epoch: number
  readonly verifyKey: Bytes
  readonly sources: readonly Bytes[] | undefined
  readonly hosts: readonly string[] | undefined
  readonly label: string
}

export const certificateCodec: Codec<Certificate> = record<Certificate>({
  id: required(1, fixedBytes(CERTIFICATE_ID_BYTES)),
  role: required(2, choice({ writer: 1, upkeep: 2 })),
  domain: required(3, fixedBytes(DOMAIN_ID_BYTES)),
  epoch: required(4, uint(0xffffffff)),
  verifyKey: required(5, fixedBytes(VERIFY_KEY_BYTES)),
  sources: optional(6, array(fixedBytes(SOURCE_ID_BYTES), 1024)),
  hosts: optional(7, array(text(TEXT_BYTES_MAX), 1024)),
  label: required(8, text(TEXT_BYTES_MAX)),
})

/** The message under the owner's signature of a certificate. */
export function certificateMessage(options: {
  readonly repositoryId: Bytes
  readonly body: Bytes
}): Bytes {
  return concat([utf8('cairn v1 certificate'), options.repositoryId, options.body])
}

/** The message under the signature of a payload; `payloadHash` is its SHA-256. */
const PAYLOAD_LABEL = utf8('cairn v1 signed')

export function payloadMessage(options: {
  readonly repositoryId: Bytes
  readonly prefix: Bytes
  readonly payloadHash: Bytes
}): Bytes {
  return concat([PAYLOAD_LABEL, options.repositoryId, options.prefix, options.payloadHash])
}

/** A payload with the signature of its writer and the certificate that allows it. */
export interface Envelope {
  /** The owner's signature (64 bytes), then the certificate's encoding. */
  readonly certificate: Bytes
  readonly signature: Bytes
  readonly payload: Bytes
}

/** The parts in order: length of the certificate (u16), certificate, signature, payload. */
export function encodeEnvelope(envelope: Envelope): readonly Bytes[] {
  const length = new Uint8Array(2)
  viewOf(length).setUint16(0, envelope.certificate.length, true)
  return [length, envelope.certificate, envelope.signature, envelope.payload]
}

export function decodeEnvelope(bytes: Bytes): Envelope {
  if (bytes.length < 2 + 2 * SIGNATURE_BYTES) throw malformed('a signed payload is cut off', 0)
  const end = 2 + uint16At(bytes, 0)
  if (
    end > CERTIFICATE_BYTES_MAX ||
    end < 2 + SIGNATURE_BYTES ||
    end + SIGNATURE_BYTES > bytes.length
  ) {
    throw malformed('the length of a certificate is not plausible', 0)
  }
  return {
    certificate: bytes.subarray(2, end),
    signature: bytes.subarray(end, end + SIGNATURE_BYTES),
    payload: bytes.subarray(end + SIGNATURE_BYTES),
  }
}
