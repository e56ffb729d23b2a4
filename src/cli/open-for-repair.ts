// Opens a repository that may be too damaged to be opened: then what opens it is taken from the copy that
// it is repaired from.

import { CairnError, isCairnError } from '../base/errors.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshots } from '../repository/snapshots.ts'
import type { Context } from './context.ts'
import { openConfigured } from './open-repository.ts'
import { loadState } from './repository-state.ts'
import { storeAt } from './store.ts'

/** Throws as openConfigured, and 'object-foreign' where the copy is of another repository. */
export async function openForRepair(
  context: Context,
  from: string | undefined,
): Promise<Repository> {
  try {
    return (await openConfigured(context)).repository
  } catch (error) {
    const isDamaged = isCairnError(
      error,
      'object-damaged',
      'object-foreign',
      'object-missing',
      'no-repository',
      'wrong-passphrase',
    )
    if (from === undefined || !isDamaged) throw error
    context.output.warning('object-skipped', `${error.message}. Trying with the keys of ${from}`)
    return await openThrough(context, from)
  }
}

async function openThrough(context: Context, from: string): Promise<Repository> {
  const { settings } = context
  const there = { ...context, settings: { ...settings, address: from } }
  const { repository } = await openConfigured(there)
  const store = storeAt(context, { address: settings.address })
  const here = { ...repository, store, segmentDomains: new Map() }
  const known = loadState(context, store.address)
  const isSame = known === undefined ? await hasOurs(here) : known.repositoryId === repository.idHex
  if (isSame) return here
  throw new CairnError(
    'object-foreign',
    `Cannot repair ${settings.address} from ${from}: that is another repository`,
    { hint: 'Name a copy that `cairn sync` made, or a plain copy of the folder.' },
  )
}

/** Whether anything that is there was made by a key of this repository. */
async function hasOurs(repository: Repository): Promise<boolean> {
  return (await loadSnapshots(repository, { onlyReading: true })).snapshots.length > 0
}
