// The next generation of the config or the keyring. Two owners at once race for its number; the second
// starts over from what the first wrote, so that nothing is lost and nothing overwritten.

import type { Bytes } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import type { Config } from '../format/config.ts'
import type { Keyring } from '../format/keys.ts'
import type { Store } from '../store/store.ts'
import { sealConfig } from './create.ts'
import {
  configName,
  keyringName,
  loadConfig,
  loadKeyring,
  openConfig,
  type Skipped,
} from './generations.ts'
import type { Ownership, Repository } from './repository.ts'

const ATTEMPTS = 20

/** The owner's half of a repository. Throws 'not-permitted' with any other key. */
export function ownershipOf(repository: Repository): Ownership {
  if (repository.ownership !== undefined) return repository.ownership
  throw new CairnError(
    'not-permitted',
    `Not permitted: ${repository.label} is not an owner's key`,
    {
      hint: "Keys are given out and taken back with the owner's passphrase.",
    },
  )
}

/**
 * The repository as its owner sees it now, others' changes since it was opened included. Throws
 * 'not-permitted' with any other key, 'store-unreadable' where the newest keyring cannot be read.
 */
export async function withNewestKeyring(
  repository: Repository,
): Promise<Repository & { readonly ownership: Ownership }> {
  const { store, id: repositoryId } = repository
  const ownership = ownershipOf(repository)
  const { keyring, skipped } = await loadKeyring(store, { owner: ownership.keys, repositoryId })
  expectNewest('keyring', skipped)
  return { ...repository, ownership: { ...ownership, keyring } }
}

/** Puts the config that `change` makes of the newest. No change, no new generation. */
export async function changeConfig(
  repository: Repository,
  change: (config: Config) => Config,
): Promise<Config> {
  const { store, grant } = repository
  const { keys } = ownershipOf(repository)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { config, skipped } = await loadConfig(store, grant)
    expectNewest('config', skipped)
    const changed = change(config)
    if (changed === config) return config
    const next = { ...changed, generation: nextNumber(config, skipped) }
    const object = sealConfig(next, keys)
    openConfig(object, grant)
    if ((await store.put(configName(next.generation), [object])) === 'created') return next
  }
  throw contended(store)
}

/** Puts the keyring that `change` makes of the newest. No change, no new generation. */
export async function changeKeyring(
  repository: Repository,
  change: (keyring: Keyring) => Keyring,
): Promise<Keyring> {
  const { store, id: repositoryId } = repository
  const { keys: owner } = ownershipOf(repository)
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { keyring, skipped } = await loadKeyring(store, { owner, repositoryId })
    expectNewest('keyring', skipped)
    const changed = change(keyring)
    if (changed === keyring) return keyring
    const next = { ...changed, generation: nextNumber(keyring, skipped) }
    const object: Bytes = owner.sealKeyring(next, repositoryId)
    owner.openKeyring(object, repositoryId)
    if ((await store.put(keyringName(next.generation), [object])) === 'created') return next
  }
  throw contended(store)
}

/**
 * A newer one that cannot be read now is not one that is not there: what is in it (keys of domains,
 * revocations) would be lost with the next one, which it would not be in.
 */
function expectNewest(what: 'config' | 'keyring', skipped: readonly Skipped[]): void {
  const unread = skipped.find(({ withheld }) => withheld !== undefined)
  if (unread === undefined) return
  throw new CairnError(
    'store-unreadable',
    `Cannot change the ${what}: a newer one cannot be read (${unread.name}: ${unread.why})`,
    {
      hint: 'Nothing was changed. See to the disk, or bring the object back from another copy.',
      context: { object: unread.name },
      cause: unread.withheld,
    },
  )
}

/** One more than any that is there, be it readable or not: nothing is ever overwritten. */
function nextNumber(
  { generation }: { readonly generation: number },
  skipped: readonly { readonly name: string }[],
): number {
  const taken = skipped.map(({ name }) => Number(name.slice(-GENERATION_DIGITS)))
  return Math.max(generation, ...taken) + 1
}

const GENERATION_DIGITS = 8

function contended({ address }: Store): CairnError {
  return new CairnError(
    'store-unwritable',
    `Cannot change the keys at ${address}: others keep changing them`,
    {
      hint: 'Try again when nobody else is at it.',
    },
  )
}
