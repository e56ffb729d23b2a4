// Taking a grant back. Whoever had it may have copied it, so what it signs must count no longer: the
// config revokes its certificate and names what it had signed until then, which stays accepted. What it
// could read it can read for ever; that takes a new epoch, and the documents say so.

import { equalBytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import type { Issued } from '../format/keys.ts'
import { MARKED_NAMES_MAX } from '../format/limits.ts'
import { changeConfig, changeKeyring, withNewestKeyring } from './generations-next.ts'
import { type StoredGrant, storedGrants } from './grants.ts'
import { signedBy } from './grants-signed.ts'
import type { Repository } from './repository.ts'

/**
 * Removes the grant with this object name, under whatever names its holder has stored it since it was
 * given out. Throws 'not-permitted' without the owner's key, 'not-found', and 'usage' where it is the
 * last that opens everything. May be called again after any failure.
 */
export async function removeGrant(opened: Repository, name: string): Promise<void> {
  const repository = await withNewestKeyring(opened)
  const { keyring } = repository.ownership
  const stored = await storedGrants(repository)
  const known = keyring.issued.find((one) => one.name === name)
  const issued = known ?? stored.find((one) => one.name === name)?.issued
  const isStored = (await repository.store.stat(name)) !== undefined
  if (issued === undefined && !isStored)
    throw new CairnError('not-found', `There is no key ${name}`)
  expectAnotherOwner(repository, { name, issued, stored })
  if (issued?.certificateId !== undefined) await revoke(repository, issued)
  const again = stored.filter((one) => issued !== undefined && one.issued === issued)
  for (const one of new Set([name, ...again.map((grant) => grant.name)]))
    await repository.store.remove(one)
  if (issued !== undefined) await forget(repository, issued)
}

function forget(repository: Repository, { name }: Issued): Promise<unknown> {
  return changeKeyring(repository, (keyring) =>
    keyring.issued.some((one) => one.name === name)
      ? { ...keyring, issued: keyring.issued.filter((one) => one.name !== name) }
      : keyring,
  )
}

/** Whoever removes the last owner's grant that opens loses the repository. */
function expectAnotherOwner(
  repository: Repository,
  {
    name,
    issued,
    stored,
  }: {
    readonly name: string
    readonly issued: Issued | undefined
    readonly stored: readonly StoredGrant[]
  },
): void {
  const isOwners = issued?.role === 'owner' || name === repository.grantName
  if (!isOwners) return
  const opens = (one: StoredGrant) => one.issued?.role === 'owner' && one.problem === undefined
  if (stored.some((one) => opens(one) && one.name !== name)) return
  throw new CairnError(
    'usage',
    'Cannot remove the last key of an owner: nobody could open the repository',
    {
      hint: 'Add another key with the role owner first, or change the passphrase of this one.',
    },
  )
}

async function revoke(repository: Repository, { certificateId, label }: Issued): Promise<void> {
  if (certificateId === undefined) return
  const { names, unread } = await signedBy(repository, certificateId)
  if (names.length > MARKED_NAMES_MAX) {
    throw new CairnError('usage', `Cannot revoke ${label}: it signed ${names.length} objects`, {
      hint: 'Forget old snapshots and prune first, so that there are fewer.',
    })
  }
  // So much junk is no damage, and must not keep a key from being revoked.
  const accepted = names.length + unread.length > MARKED_NAMES_MAX ? names : [...names, ...unread]
  await changeConfig(repository, (config) =>
    // Revoked before: what was signed since then must not become accepted by asking again.
    config.revocations.some((one) => equalBytes(one.certificateId, certificateId))
      ? config
      : { ...config, revocations: [...config.revocations, { certificateId, accepted }] },
  )
}
