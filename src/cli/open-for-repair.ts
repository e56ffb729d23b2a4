// Opens a repository that may be too damaged to be opened: then what opens it is taken from the copy that
// it is repaired from.

import { CairnError, isCairnError } from '../base/errors.ts'
import { FOUND_BYTES_MAX, quarantine } from '../repository/quarantine.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshots } from '../repository/snapshots.ts'
import { getBounded } from '../store/content.ts'
import type { Context } from './context.ts'
import { openConfigured } from './open-repository.ts'
import { loadState } from './repository-state.ts'
import { storeAt } from './store.ts'

export interface OpenForRepair {
  readonly from: string | undefined
  /** Names of objects that may be taken out of the way where this version does not know them. */
  readonly setAside: readonly string[]
}

/** Throws as openConfigured, and 'object-foreign' where the copy is of another repository. */
export async function openForRepair(
  context: Context,
  { from, setAside }: OpenForRepair,
): Promise<Repository> {
  try {
    return (await openConfigured(context)).repository
  } catch (error) {
    const left = await setAsideFor(error, { context, setAside })
    if (left !== undefined) return openForRepair(context, { from, setAside: left })
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

/**
 * An unknown version of the config or the keyring lets nobody in who could do it afterwards. Returns what else is
 * to be set aside; undefined where it was not this.
 */
async function setAsideFor(
  error: unknown,
  { context, setAside }: Pick<OpenForRepair, 'setAside'> & { readonly context: Context },
): Promise<readonly string[] | undefined> {
  if (!isCairnError(error, 'unsupported')) return undefined
  const name = setAside.find((one) => one === error.context['object'])
  if (name === undefined) return undefined
  const store = storeAt(context, { address: context.settings.address })
  const bytes = await getBounded(store, { name, bytesMax: FOUND_BYTES_MAX })
  await quarantine({ store, config: { domains: [] } }, { name, bytes })
  context.output.summary(`Put ${name} into quarantine: ${error.message}`)
  return setAside.filter((one) => one !== name)
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
