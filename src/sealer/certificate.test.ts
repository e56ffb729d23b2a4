import { expect, test } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import type { Revocation } from '../format/config.ts'
import type { Certificate } from '../format/signing.ts'
import { issueCertificate, Trust } from './certificate.ts'
import { Seal } from './seal.ts'
import { Signer } from './sign.ts'
import { openSigned, sealSigned } from './signed.ts'

const repositoryId = new Uint8Array(32).fill(1)
const domain = new Uint8Array(16).fill(2)
const owner = new Signer(new Uint8Array(32).fill(3))
const signer = new Signer(new Uint8Array(32).fill(4))
const id = new Uint8Array(16).fill(5)

function certificate(changes: Partial<Certificate> = {}): Certificate {
  const { verifyKey } = signer
  const limits = { sources: undefined, hosts: undefined }
  return { id, role: 'writer', domain, epoch: 1, verifyKey, ...limits, label: 'laptop', ...changes }
}

function trust(revocations: readonly Revocation[] = []): Trust {
  return new Trust({ repositoryId, ownerVerifyKey: owner.verifyKey, revocations })
}

const expected = { domain, roles: ['writer'] as const }
const foreign = expect.objectContaining({ code: 'object-foreign' }) as unknown as Error

test('a certificate of the owner, for the domain and the role, is accepted', () => {
  const bytes = issueCertificate(certificate(), { owner, repositoryId })
  expect(trust().verify(bytes, expected)).toEqual(certificate())
})

test.each([
  ['another signer', () => issueCertificate(certificate(), { owner: signer, repositoryId })],
  [
    'another repository',
    () => issueCertificate(certificate(), { owner, repositoryId: new Uint8Array(32) }),
  ],
  [
    'another domain',
    () => issueCertificate(certificate({ domain: new Uint8Array(16) }), { owner, repositoryId }),
  ],
  [
    'another role',
    () => issueCertificate(certificate({ role: 'upkeep' }), { owner, repositoryId }),
  ],
])('a certificate of %s is refused', (_, issue) => {
  expect(() => trust().verify(issue(), expected)).toThrow(foreign)
})

test('a certificate with any bit changed is refused, also after the right one was seen', () => {
  const bytes = issueCertificate(certificate(), { owner, repositoryId })
  const seen = trust()
  seen.verify(bytes, expected)
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const changed = bytes.slice()
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    expect(() => seen.verify(changed, expected)).toThrow(foreign)
  }
})

test('a revoked certificate counts only for what the revocation names', () => {
  const bytes = issueCertificate(certificate(), { owner, repositoryId })
  const named = new Uint8Array(32).fill(7)
  const revoked = trust([{ certificateId: id, accepted: [named] }])
  expect(() => revoked.verify(bytes, expected)).toThrow(foreign)
  const other = { ...expected, objectHash: new Uint8Array(32) }
  expect(() => revoked.verify(bytes, other)).toThrow(foreign)
  expect(revoked.verify(bytes, { ...expected, objectHash: named })).toEqual(certificate())
})

test('a signed payload opens at its place, and at no other', () => {
  const headerSeal = new Seal(new Uint8Array(32))
  const place = { repositoryId, prefix: new Uint8Array(32).fill(8), part: 'body' as const }
  const signatory = {
    signer,
    certificate: issueCertificate(certificate(), { owner, repositoryId }),
  }
  const sealed = sealSigned(utf8('payload'), { place, signatory, headerSeal })
  const options = { place, headerSeal, trust: trust(), domain, roles: ['writer'] as const }
  expect(openSigned(sealed, options)).toEqual({
    payload: utf8('payload'),
    certificate: certificate(),
  })
  const places = [
    { ...place, prefix: new Uint8Array(32) },
    { ...place, part: 'summary' as const },
    { ...place, repositoryId: new Uint8Array(32) },
  ]
  for (const elsewhere of places) {
    expect(() => openSigned(sealed, { ...options, place: elsewhere })).toThrow(/Cannot open/)
  }
  // Whoever has the header key can seal, but not sign.
  const forger = { ...signatory, signer: new Signer(new Uint8Array(32)) }
  const forged = sealSigned(utf8('payload'), { place, signatory: forger, headerSeal })
  expect(() => openSigned(forged, options)).toThrow(/the signature is wrong/)
})
