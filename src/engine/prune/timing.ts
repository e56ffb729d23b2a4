// How long prune waits before it deletes what was marked (design, section 5, step 11), all by the store's
// stamps. Safety takes the floor; the rest of the grace spares writers the work of storing again.

import type { StoreCapabilities } from '../../store/store.ts'

const MINUTE_MS = 60_000

/** So long a listing may lag behind, per object, on stores that do not promise better. */
const WEAK_LISTING_LAG_MS = 10 * MINUTE_MS
/** So long after its sender gave up a request may take effect. */
const LATE_REQUEST_MS = 10 * MINUTE_MS
const LOCAL_LATE_REQUEST_MS = 1000
/** How far stamps of one store may be off against each other. */
export const CLOCK_ERROR_MS = 1000

export const GRACE_MS = 24 * 60 * MINUTE_MS
/** A lease from before a mark delays its sweep no longer than this. */
export const LEASE_DELAY_MAX_MS = 14 * 24 * 60 * MINUTE_MS
/** A snapshot without receipt goes after this. */
export const UNCONFIRMED_KEPT_MS = 30 * 24 * 60 * MINUTE_MS

/** L of the protocol. */
export function listingLagMs({ strongListing }: StoreCapabilities): number {
  return strongListing ? 0 : WEAK_LISTING_LAG_MS
}

/** The shortest grace that is safe: more than 2 L + R and the error of clocks. */
export function shortestGraceMs(capabilities: StoreCapabilities): number {
  const late = capabilities.strongListing ? LOCAL_LATE_REQUEST_MS : LATE_REQUEST_MS
  return 2 * listingLagMs(capabilities) + late + CLOCK_ERROR_MS + 1
}
