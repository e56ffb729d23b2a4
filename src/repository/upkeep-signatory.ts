// In whose name upkeep signs. A grant of upkeep has a signing key with a certificate for each domain; the
// owner, who issues certificates, gives itself one that follows from its secret.

import { type Bytes, concat } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { deriveKey } from '../base/hash.ts'
import { CERTIFICATE_ID_BYTES } from '../format/signing.ts'
import { issueCertificate } from '../sealer/certificate.ts'
import { Signer } from '../sealer/sign.ts'
import type { Signatory } from '../sealer/signed.ts'
import type { DomainAccess } from './access.ts'
import type { Repository } from './repository.ts'

/** Throws 'not-permitted' where the key in use is neither of upkeep nor the owner's. */
export function upkeepSignatory(repository: Repository, domain: DomainAccess): Signatory {
  const { role, label } = repository
  if (role === 'upkeep') return domain.signatory
  if (repository.ownership !== undefined) return ownersUpkeep(repository, domain)
  throw new CairnError(
    'not-permitted',
    `Not permitted: the key ${label} is of a ${role}, and deleting takes upkeep or the owner`,
    { hint: "Use the owner's passphrase, or a key that `cairn key add --role upkeep` makes." },
  )
}

function ownersUpkeep(
  { ownership, id: repositoryId }: Repository,
  { id: domain, latest: { epoch } }: DomainAccess,
): Signatory {
  const owner = ownership?.keys.signer as Signer
  const material = concat([ownership?.secret as Bytes, repositoryId, domain])
  const signer = new Signer(deriveKey('cairn v1 owner upkeep signing', material))
  const id = deriveKey('cairn v1 owner upkeep certificate', material).slice(0, CERTIFICATE_ID_BYTES)
  const certificate = issueCertificate(
    {
      id,
      role: 'upkeep',
      domain,
      epoch,
      verifyKey: signer.verifyKey,
      sources: undefined,
      hosts: undefined,
      label: 'owner',
    },
    { owner, repositoryId },
  )
  return { signer, certificate }
}
