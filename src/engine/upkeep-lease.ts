// The lease of whoever prunes, forgets or brings back: it says who is at work, and what time it is by the
// store's clock. A dry run needs only the time, and must also work where nothing can be put: on a disk that is
// mounted read-only, say.

import type { Bytes } from '../base/bytes.ts'
import type { Clock } from '../base/clock.ts'
import { isCairnError } from '../base/errors.ts'
import { SESSION_ID_BYTES } from '../format/snapshot.ts'
import type { DomainAccess } from '../repository/access.ts'
import { HeldLease } from '../repository/lease.ts'
import type { Repository } from '../repository/repository.ts'
import type { Random } from '../sealer/random.ts'
import type { Store } from '../store/store.ts'

export interface UpkeepLease extends Pick<HeldLease, 'storeNowMs' | 'release'> {
  readonly sessionId: Bytes
}

export interface UpkeepLeaseOptions {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly host: string
  readonly clock: Clock
  readonly random: Random
  /** Told when the lease cannot be renewed. */
  readonly onWarning: (error: unknown) => void
}

/**
 * Puts a lease. With `onlyReading` what keeps it from being put is told, and the time is that of this machine,
 * or of the newest object where that is later. Else throws what the store throws.
 */
export async function takeUpkeepLease(
  options: UpkeepLeaseOptions,
  { onlyReading }: { readonly onlyReading: boolean },
): Promise<UpkeepLease> {
  const sessionId = options.random(SESSION_ID_BYTES)
  const lease = { ...options, sessionId, purpose: 'upkeep', onProblem: options.onWarning } as const
  try {
    return await HeldLease.take(lease)
  } catch (error) {
    if (!onlyReading || !isCairnError(error, 'store-unwritable', 'not-permitted')) throw error
    options.onWarning(error)
    const { repository, clock } = options
    return {
      sessionId,
      storeNowMs: async () => Math.max(await newestStampMs(repository.store), clock.nowMs()),
      release: () => Promise.resolve(),
    }
  }
}

/** Of anything that the store has. */
export async function newestStampMs(store: Store): Promise<number> {
  let newest = 0
  for await (const { storedAtMs } of store.list('')) newest = Math.max(newest, storedAtMs)
  return newest
}
