// What a copy embeds of its original (docs/format.md, section 12), so that who made that stays provable in a
// repository whose keys did not make it: the signed summary with its certificate, and the snapshot as it was
// stored, as far as that fits. The signature is over the summary that was sealed, so that no key of the
// other repository is needed to verify it.

import { type Bytes, equalBytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { decode } from '../format/codec.ts'
import { decodePrefix, expectPrefix } from '../format/prefix.ts'
import { type Certificate, decodeEnvelope, payloadMessage } from '../format/signing.ts'
import { decodeSnapshot, type Original, type Summary, summaryCodec } from '../format/snapshot.ts'
import { binding } from '../sealer/bind.ts'
import { Trust } from '../sealer/certificate.ts'
import { isSignedBy } from '../sealer/sign.ts'
import type { Repository } from './repository.ts'
import type { Snapshot } from './snapshots.ts'

/** What a copy of this snapshot embeds. Throws as opening its summary does. */
export function originalOf(
  repository: Repository,
  { domain, object }: Pick<Snapshot, 'domain' | 'object'>,
): Original {
  const { epoch } = expectPrefix(object, 'snapshot')
  const { prefix, summary } = decodeSnapshot(object)
  const place = { repositoryId: repository.id, prefix, part: 'summary' as const }
  return {
    repositoryId: repository.id,
    ownerVerifyKey: repository.config.ownerVerifyKey,
    prefix,
    envelope: domain.headerSeal(epoch).open(binding(place), summary),
    object,
  }
}

/** Who made an original, and what they signed. */
export interface ProvenOriginal {
  readonly summary: Summary
  readonly certificate: Certificate
}

/**
 * Verifies what a copy embeds. That the owner's key in it is the one of that repository the caller must know
 * from elsewhere; revocations are not known here. Throws 'object-damaged' or 'object-foreign'.
 */
export function verifyOriginal(original: Original, copyOf: Bytes | undefined): ProvenOriginal {
  const { repositoryId, ownerVerifyKey, prefix, envelope, object } = original
  const { certificate: signed, signature, payload } = decodeEnvelope(envelope)
  const trust = new Trust({ repositoryId, ownerVerifyKey, revocations: [] })
  const { domain } = decodePrefix(prefix)
  const certificate = trust.verify(signed, { domain, roles: ['writer', 'upkeep'] })
  const message = payloadMessage({ repositoryId, prefix, payloadHash: sha256(payload) })
  if (!isSignedBy({ verifyKey: certificate.verifyKey, message, signature }))
    throw notProven('its signature is wrong')
  if (object !== undefined) {
    if (copyOf === undefined || !equalBytes(sha256(object), copyOf))
      throw notProven('it has not the name that the copy says')
    if (!equalBytes(decodeSnapshot(object).prefix, prefix))
      throw notProven('it begins otherwise than what was signed')
  }
  return { summary: decode(summaryCodec, payload), certificate }
}

function notProven(why: string): CairnError {
  return new CairnError('object-damaged', `Cannot prove what a copy was made of: ${why}`)
}
