// Signed, then sealed: how summaries, receipts, leases, marks and index segments are stored. The
// signature and its certificate are inside the seal, so that a store does not learn who wrote.

import type { Bytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import {
  type Certificate,
  type CertificateRole,
  decodeEnvelope,
  encodeEnvelope,
  payloadMessage,
} from '../format/signing.ts'
import { binding, type PART } from './bind.ts'
import type { Trust } from './certificate.ts'
import type { Seal } from './seal.ts'
import { type Claim, isSignedBy, type Signer } from './sign.ts'

/** Where the signed bytes stand, which both the signature and the seal are bound to. */
export interface Place {
  readonly repositoryId: Bytes
  readonly prefix: Bytes
  readonly part: keyof typeof PART
}

export interface Signatory {
  readonly signer: Signer
  readonly certificate: Bytes
}

/** Signs the payload and seals it with its signature under the header key. */
export function sealSigned(
  payload: Bytes,
  { place, signatory, headerSeal }: { place: Place; signatory: Signatory; headerSeal: Seal },
): Bytes {
  const message = payloadMessage({ ...place, payloadHash: sha256(payload) })
  const signature = signatory.signer.sign(message)
  const parts = encodeEnvelope({ certificate: signatory.certificate, signature, payload })
  return headerSeal.seal(binding(place), ...parts)
}

export interface Opened {
  readonly payload: Bytes
  readonly certificate: Certificate
}

export interface Opening {
  readonly place: Place
  readonly headerSeal: Seal
  readonly trust: Trust
  readonly domain: Bytes
  readonly roles: readonly CertificateRole[]
  /** SHA-256 name of the object, which a revocation may have accepted. */
  readonly objectHash?: Bytes
}

/**
 * Opens and verifies. Throws 'object-damaged' where the seal or signature is wrong and
 * 'object-foreign' where the signer may not have signed this.
 */
export function openSigned(sealed: Bytes, options: Opening): Opened {
  const { opened, claim } = unsealSigned(sealed, options)
  if (!isSignedBy(claim())) throw wrongSignature()
  return opened
}

/** What somebody is said to have signed: it counts for nothing as long as the claim is not verified. */
export interface Unverified {
  readonly opened: Opened
  /** Made when it is asked for: of thousands it need not be. */
  readonly claim: () => Claim
}

/** For who verifies many signatures at once: as openSigned, but for the signature. */
export function unsealSigned(sealed: Bytes, options: Opening): Unverified {
  const { place, headerSeal, trust } = options
  const { certificate, signature, payload } = decodeEnvelope(
    headerSeal.open(binding(place), sealed),
  )
  const verified = trust.verify(certificate, options)
  return {
    opened: { payload, certificate: verified },
    claim: () => {
      const message = payloadMessage({ ...place, payloadHash: sha256(payload) })
      return { verifyKey: verified.verifyKey, message, signature }
    },
  }
}

export function wrongSignature(): CairnError {
  return new CairnError('object-damaged', 'Cannot accept what was signed: the signature is wrong')
}
