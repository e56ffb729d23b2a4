// Renewals: packs that upkeep has found wasteful and cannot split. A writer takes what is in them for absent and
// stores again what it still has; when that has been there for a while, the old packs are not needed any more.
// They are hints: who does not see them loses nothing.

import { contentName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import type { Repository } from './repository.ts'
import { loadUpkeepRecords } from './upkeep-records.ts'

/** A renewal as it was found. */
export interface FoundRenewal {
  /** Object name. */
  readonly name: string
  readonly domain: DomainAccess
  /** Object names. */
  readonly packs: readonly string[]
}

/** All that can be read. Throws what the store throws. */
export async function loadRenewals(repository: Repository): Promise<readonly FoundRenewal[]> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'renewal', onlyReading: true })
  return records.map(({ name, domain, record }) => ({
    name,
    domain,
    packs: record.packs.map((hash) => contentName('packs', hash)),
  }))
}

/** Names of all packs that are to be renewed. */
export function renewedPacks(renewals: readonly FoundRenewal[]): ReadonlySet<string> {
  return new Set(renewals.flatMap(({ packs }) => packs))
}
