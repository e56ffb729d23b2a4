// Certificates: the owner's word on who may sign what (docs/format.md, section 6).

import { type Bytes, concat, equalBytes, toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { decode, encode } from '../format/codec.ts'
import type { Revocation } from '../format/config.ts'
import {
  type Certificate,
  type CertificateRole,
  certificateCodec,
  certificateMessage,
  SIGNATURE_BYTES,
} from '../format/signing.ts'
import { isSignedBy, type Signer } from './sign.ts'

/** The owner's signature, then what it covers. */
export function issueCertificate(
  certificate: Certificate,
  { owner, repositoryId }: { readonly owner: Signer; readonly repositoryId: Bytes },
): Bytes {
  const body = encode(certificateCodec, certificate)
  return concat([owner.sign(certificateMessage({ repositoryId, body })), body])
}

/** Whose signatures count in a repository. Certificates that it has verified are remembered. */
export class Trust {
  readonly repositoryId: Bytes
  readonly #ownerVerifyKey: Bytes
  readonly #verified = new Map<string, Certificate>()
  readonly #revoked: ReadonlyMap<string, ReadonlySet<string>>

  constructor(options: {
    readonly repositoryId: Bytes
    readonly ownerVerifyKey: Bytes
    readonly revocations: readonly Revocation[]
  }) {
    this.repositoryId = options.repositoryId
    this.#ownerVerifyKey = options.ownerVerifyKey
    this.#revoked = new Map(
      options.revocations.map((r) => [toHex(r.certificateId), new Set(r.accepted.map(toHex))]),
    )
  }

  /**
   * The certificate in `bytes`, when the owner signed it for this domain and one of these roles, and
   * it is not revoked, or was revoked with `objectHash` named as accepted. Throws 'object-foreign'.
   */
  verify(
    bytes: Bytes,
    expected: {
      readonly domain: Bytes
      readonly roles: readonly CertificateRole[]
      readonly objectHash?: Bytes
    },
  ): Certificate {
    const certificate = this.#authentic(bytes)
    if (!equalBytes(certificate.domain, expected.domain))
      throw untrusted('its signer belongs to another domain')
    if (!expected.roles.includes(certificate.role)) {
      throw untrusted(`its signer is ${certificate.role} and may not sign this`)
    }
    if (!this.accepts(certificate, expected.objectHash))
      throw untrusted(`its signer, ${certificate.label}, was revoked`)
    return certificate
  }

  /** Of a certificate that was verified before: false where it was revoked since, without this object. */
  accepts({ id }: Pick<Certificate, 'id'>, objectHash: Bytes | undefined): boolean {
    const accepted = this.#revoked.size === 0 ? undefined : this.#revoked.get(toHex(id))
    return accepted === undefined || (objectHash !== undefined && accepted.has(toHex(objectHash)))
  }

  #authentic(bytes: Bytes): Certificate {
    // Each of thousands of objects comes with one: hexadecimal would take as long as opening it.
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    const known = this.#verified.get(key)
    if (known !== undefined) return known
    // Kept longer than the memory of what they came with.
    const body = bytes.slice(SIGNATURE_BYTES)
    const signature = bytes.subarray(0, SIGNATURE_BYTES)
    const message = certificateMessage({ repositoryId: this.repositoryId, body })
    if (!isSignedBy({ verifyKey: this.#ownerVerifyKey, message, signature })) {
      throw untrusted('its certificate is not signed by the owner of this repository')
    }
    const certificate = decode(certificateCodec, body)
    this.#verified.set(key, certificate)
    return certificate
  }
}

function untrusted(why: string): CairnError {
  return new CairnError('object-foreign', `Cannot accept what was signed: ${why}`)
}
