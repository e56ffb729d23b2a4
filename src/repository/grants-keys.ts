// Which of a domain's keys a role gets (design, section 4, 'Grants'). This is the whole of the access
// control: what is not in a grant cannot be done with it.

import type { DomainKeys, EpochKeys } from '../format/keys.ts'

interface SigningHalf {
  readonly signingSeed: DomainKeys['signingSeed']
  readonly certificate: DomainKeys['certificate']
}

/** Deduplicates, seals and signs as itself; opens nothing. */
export function writerKeys(domain: DomainKeys, signing: SigningHalf): DomainKeys {
  const { id, label, idKey, chunkerKey, epochs } = domain
  const { signingSeed, certificate } = signing
  return { id, label, idKey, chunkerKey, epochs: epochs.map(withoutSeed), signingSeed, certificate }
}

/** Opens and verifies; signs nothing, and cannot tell where others cut. */
export function readerKeys({ id, label, idKey, epochs }: DomainKeys): DomainKeys {
  return {
    id,
    label,
    idKey,
    chunkerKey: undefined,
    epochs,
    signingSeed: undefined,
    certificate: undefined,
  }
}

/** Reads headers and summaries, signs marks and what it moves; neither opens nor names contents. */
export function upkeepKeys({ id, label, epochs }: DomainKeys, signing: SigningHalf): DomainKeys {
  const { signingSeed, certificate } = signing
  const hidden = { idKey: undefined, chunkerKey: undefined }
  return { id, label, ...hidden, epochs: epochs.map(withoutSeed), signingSeed, certificate }
}

function withoutSeed(epoch: EpochKeys): EpochKeys {
  return { ...epoch, sealSeed: undefined }
}
