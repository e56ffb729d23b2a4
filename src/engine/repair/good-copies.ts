// The copy of the repository that a repair may take objects from. It is not trusted: an object is taken where
// its bytes have the SHA-256 that its name promises or, where names promise none, where the owner's keys say
// that it is what it should be.

import type { Bytes } from '../../base/bytes.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import {
  configName,
  isGrantAsNamed,
  isGrantName,
  isKeyringName,
  keyringName,
  loadConfig,
  openConfig,
} from '../../repository/generations.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import { readObject } from '../../repository/read-object.ts'
import type { Repository } from '../../repository/repository.ts'
import { loadSnapshots } from '../../repository/snapshots.ts'
import { digestInName } from '../../store/names.ts'
import type { Store } from '../../store/store.ts'

/** The same repository at another store. Throws 'object-foreign' where nothing is there that is of it. */
export async function openCopy(repository: Repository, store: Store): Promise<Repository> {
  const copy = { ...repository, store, segmentDomains: new Map() }
  try {
    await loadConfig(store, repository.grant)
  } catch (error) {
    if (!isCairnError(error, 'object-foreign')) throw error
    // Its config may be what is damaged there: of no object anything is believed because of that.
    if (await hasOurs(copy)) return copy
    throw new CairnError(
      'object-foreign',
      `Cannot take anything from ${store.address}: it is no copy of the repository at ${repository.store.address}`,
      {
        hint: 'A copy is what `cairn sync` makes, or a plain copy of the folder.',
        cause: error,
      },
    )
  }
  return copy
}

/** Whether there is a snapshot that was made by a key of this repository. */
async function hasOurs(copy: Repository): Promise<boolean> {
  return (await loadSnapshots(copy, { onlyReading: true })).snapshots.length > 0
}

/** The object as it was stored first; undefined where the copy does not have it, or is damaged too. */
export async function goodCopy(copy: Repository, name: string): Promise<Bytes | undefined> {
  try {
    const object = await readObject(copy.store, name)
    return isGood(copy, { name, object }) ? object : undefined
  } catch (error) {
    if (isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) return undefined
    throw error
  }
}

/** Throws where the object does not open. */
function isGood(
  { grant, id, ownership }: Repository,
  { name, object }: { readonly name: string; readonly object: Bytes },
): boolean {
  if (digestInName(name) !== undefined) return true
  if (isGrantName(name)) return isGrantAsNamed(name, object)
  if (isKeyringName(name)) {
    const keyring = ownership?.keys.openKeyring(object, id)
    return keyring !== undefined && keyringName(keyring.generation) === name
  }
  if (!name.startsWith('config/')) return false
  return configName(openConfig(object, grant).generation) === name
}
