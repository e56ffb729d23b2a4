// Opens the repository that the settings name, and makes the default one where nothing is configured.

import { join } from 'node:path'
import { CairnError, isCairnError, messageOf } from '../base/errors.ts'
import { newestGeneration } from '../repository/generations.ts'
import { IndexCache } from '../repository/index-cache.ts'
import { openRepository, type Repository } from '../repository/repository.ts'
import type { Credential } from '../sealer/passphrase.ts'
import { openCacheFolder, withCache } from '../store/cache.ts'
import type { Store } from '../store/store.ts'
import type { Context } from './context.ts'
import { askedCredential, configuredCredential } from './credential.ts'
import { createDefaultRepository, keptCredential } from './default-repository.ts'
import { withOwnSessions } from './own-sessions.ts'
import {
  checkState,
  loadState,
  type RepositoryState,
  saveState,
  stateOf,
} from './repository-state.ts'
import { warnOfPassedOver } from './skipped-objects.ts'
import { isLocal, storeAt } from './store.ts'

/** Typing errors happen. */
const ATTEMPTS = 3
const METADATA_CACHE_BYTES_MAX = 2 * 1024 ** 3

export interface Opened {
  readonly repository: Repository
  /** It was opened with the passphrase that Cairn generated and keeps. */
  readonly isKept: boolean
  /** Where this machine keeps what it need not ask the store for again. */
  readonly cacheFolder: string
}

export interface OpenConfigured {
  /** Make the default repository where nothing is configured and there is none yet. */
  readonly createDefault?: boolean
  /** Called before that is made; what it throws leaves nothing behind. */
  readonly beforeCreating?: () => void
  /** Accept a repository that is not the one that was there before. */
  readonly trust?: (state: RepositoryState) => boolean
}

/** Throws 'no-repository', 'wrong-passphrase', 'usage', or what is wrong with the repository. */
export async function openConfigured(
  context: Context,
  options: OpenConfigured = {},
): Promise<Opened> {
  const store = storeAt(context, { address: context.settings.address })
  const isNew = !(await exists(store))
  if (isNew) await makeOrFail(context, { store, options })
  const known = loadState(context, store.address)
  const { repository, isKept } = await openWithCredential(context, { store, known })
  // First: it may be why the repository is not as it was.
  warnOfPassedOver(context.output, repository)
  const state = stateOf(repository, known)
  if (options.trust?.(state) !== true) checkState(state, known)
  saveState(context, state)
  if (isKept && !isNew && !state.passphraseConfirmed) remind(context)
  const cacheFolder = join(context.places.cache, repository.idHex)
  const withCopies = withLocalCopies(context, { repository, cacheFolder })
  return { repository: await withOwnSessions(context, withCopies), isKept, cacheFolder }
}

async function exists(store: Store): Promise<boolean> {
  try {
    return (await newestGeneration(store, 'config/')) !== undefined
  } catch (error) {
    if (isCairnError(error, 'no-repository')) return false
    throw error
  }
}

async function makeOrFail(
  context: Context,
  { store, options }: { store: Store; options: OpenConfigured },
): Promise<void> {
  const { isConfigured } = context.settings
  if (!isConfigured && options.createDefault === true) {
    options.beforeCreating?.()
    return createDefaultRepository(context)
  }
  throw new CairnError('no-repository', `There is no repository at ${store.address}`, {
    hint: isConfigured
      ? 'Check the address and that the disk is mounted, or make a repository there: `cairn init`.'
      : 'Nothing is configured. The first `cairn backup PATH` makes this repository.',
  })
}

interface ToOpen {
  readonly store: Store
  readonly known: RepositoryState | undefined
}

async function openWithCredential(
  context: Context,
  { store, known }: ToOpen,
): Promise<{ repository: Repository; isKept: boolean }> {
  const grantHint = known?.grantName
  const configured = configuredCredential(context)
  const credential = configured ?? usualCredential(context)
  if (credential === undefined) {
    return { repository: await askAndOpen(context, { store, grantHint }), isKept: false }
  }
  const repository = await openRepository(store, { credential, grantHint })
  return { repository, isKept: configured === undefined }
}

async function askAndOpen(
  { output, settings }: Context,
  { store, grantHint }: { store: Store; grantHint: string | undefined },
): Promise<Repository> {
  for (let attempt = 1; ; attempt++) {
    const credential = await askedCredential(`Passphrase of ${store.address}`, settings.other)
    try {
      return await openRepository(store, { credential, grantHint })
    } catch (error) {
      if (!isCairnError(error, 'wrong-passphrase') || attempt === ATTEMPTS) throw error
      output.note('That is not it.')
    }
  }
}

/** The default repository's passphrase lies where Cairn has put it. */
function usualCredential(context: Context): Credential | undefined {
  return context.settings.isConfigured ? undefined : keptCredential(context)
}

function remind({ places, output }: Context): void {
  const text =
    `The passphrase of this repository is only in ${places.passphrase}. ` +
    'Write it down, then run `cairn key confirm`.'
  output.warning('passphrase-unconfirmed', text)
}

function withLocalCopies(
  { clock, output }: Context,
  { repository, cacheFolder }: { repository: Repository; cacheFolder: string },
): Repository {
  const indexCache = new IndexCache({
    folder: join(cacheFolder, 'index'),
    clock,
    onProblem: (error) => output.detail(`The local cache: ${messageOf(error)}`),
  })
  if (isLocal(repository.store.address)) return { ...repository, indexCache }
  const cache = openCacheFolder({ path: join(cacheFolder, 'objects'), clock })
  const store = withCache(repository.store, {
    cache,
    bytesMax: METADATA_CACHE_BYTES_MAX,
    onCacheError: (error) => output.detail(`The local cache: ${messageOf(error)}`),
  })
  return { ...repository, store, indexCache }
}
