// Changing what opens a grant: the same keys, wrapped anew. The new grant is stored, read back and opened
// before the old one goes.

import { equalBytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import { encode } from '../format/codec.ts'
import { grantCodec, type Wrapping } from '../format/keys.ts'
import { openGrant, sealGrant } from '../sealer/grant.ts'
import type { Credential } from '../sealer/passphrase.ts'
import { grantNameOf } from './create.ts'
import { isGrantAsNamed } from './generations.ts'
import { changeKeyring } from './generations-next.ts'
import { wrappingAgain } from './grants-again.ts'
import { readObject } from './read-object.ts'
import type { Repository } from './repository.ts'

/**
 * Wraps the grant in use for another credential and returns its new name. The old credential opens it no
 * longer here; what was copied elsewhere it still opens. Throws 'object-damaged' where what was stored
 * does not come back as it was; then the old grant stays.
 */
export async function changePassphrase(
  repository: Repository,
  { credential, wrapping }: { readonly credential: Credential; readonly wrapping: Wrapping },
): Promise<string> {
  const { store, grant, grantName } = repository
  const isOwners = repository.ownership !== undefined
  const object = await sealGrant(grant, {
    credential,
    // The keyring cannot be told by who is no owner: the new grant says itself which one it was.
    wrapping: isOwners ? wrapping : wrappingAgain(grant, wrapping),
  })
  const name = grantNameOf(object)
  await store.put(name, [object])
  await expectSame(repository, { name, credential })
  if (isOwners) await rename(repository, grantName, name)
  await store.remove(grantName)
  return name
}

async function expectSame(
  { store, grant }: Repository,
  { name, credential }: { readonly name: string; readonly credential: Credential },
): Promise<void> {
  const object = await readObject(store, name)
  const stored = isGrantAsNamed(name, object) ? await openGrant(object, credential) : undefined
  if (stored && equalBytes(encode(grantCodec, stored), encode(grantCodec, grant))) return
  throw new CairnError(
    'object-damaged',
    `Cannot change the key: ${name} did not come back as it was stored`,
    {
      hint: 'The old passphrase still opens the repository. Check the store, then try again.',
    },
  )
}

function rename(repository: Repository, from: string, to: string): Promise<unknown> {
  return changeKeyring(repository, (keyring) => ({
    ...keyring,
    issued: keyring.issued.map((one) => (one.name === from ? { ...one, name: to } : one)),
  }))
}
