// The writer's commit (design, section 5, steps 3 to 8): put the snapshot, look whether everything it
// needs is there and unmarked, put the receipt, look whether the snapshot is still there. Nothing is
// reported as saved before that.

import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import type { Details, Summary } from '../../format/snapshot.ts'
import type { DomainAccess } from '../../repository/access.ts'
import { loadMarks } from '../../repository/marks.ts'
import type { Repository } from '../../repository/repository.ts'
import { putReceipt, putSnapshot } from '../../repository/snapshots.ts'
import { getVerified } from '../../store/content.ts'
import { digestInName } from '../../store/names.ts'
import { findLostPacks, type StoredPack } from '../lost-packs.ts'

const ATTEMPTS = 5
const PAUSE_MS = 1000

export interface CommitOptions {
  readonly repository: Repository
  readonly domain: DomainAccess
  readonly summary: Omit<Summary, 'detailsHash'>
  readonly details: Details
  readonly stored: readonly StoredPack[]
  /** Packs that were there before and are relied upon, with the length that the index says. */
  readonly relied: readonly StoredPack[]
  readonly clock: Clock
  /** What is to be written down of a snapshot before it counts. */
  readonly beforeReceipt?: (snapshot: string) => Promise<void>
}

/** Packs that a snapshot needs and that are gone or marked: what was in them must be stored again. */
export interface Lost {
  readonly kind: 'lost'
  readonly packs: readonly string[]
}

export interface Committed {
  readonly kind: 'committed'
  readonly snapshot: string
}

/** Commits, or tells what has been lost meanwhile. Throws where the store fails. */
export async function commit(options: CommitOptions): Promise<Committed | Lost> {
  const { repository, domain, clock } = options
  const packs = [...options.stored, ...options.relied]
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const snapshot = await putSnapshot(repository, options)
    const lost = await findLostPacks(repository, { domain, packs })
    if (lost.length > 0) return { kind: 'lost', packs: lost }
    await options.beforeReceipt?.(snapshot)
    const hash = digestInName(snapshot) as Bytes
    const { sessionId } = options.summary
    const receipt = await putReceipt(repository, {
      domain,
      receipt: { snapshot: hash, sessionId, confirmedMs: clock.nowMs() },
    })
    if (await isThere(options, { snapshot, receipt })) return { kind: 'committed', snapshot }
    // Removed, marked, or only late in a listing.
    await clock.sleep(PAUSE_MS * attempt)
  }
  throw new CairnError(
    'snapshot-unconfirmed',
    `Cannot confirm the snapshot: it was removed or marked ${ATTEMPTS} times while it was being written`,
    {
      hint: 'Is a prune with a wrong clock at work? What was uploaded is kept; run the backup again.',
    },
  )
}

/**
 * Marks first, then snapshots; and what is stored is read back: a store that cut a put off says 'exists' when
 * it is tried again. That is also what counts where a listing that lags behind does not show it yet.
 */
async function isThere(
  { repository, domain }: CommitOptions,
  { snapshot, receipt }: { readonly snapshot: string; readonly receipt: string },
): Promise<boolean> {
  const { store } = repository
  const marked = await loadMarks(repository, domain)
  let listed = false
  for await (const { name } of store.list('snapshots/')) listed ||= name === snapshot
  if (marked.snapshots.has(snapshot)) return false
  if (!listed && (await store.stat(snapshot)) === undefined) return false
  try {
    await getVerified(store, snapshot)
    await getVerified(store, receipt)
    return true
  } catch (error) {
    // Forgotten since it was listed, or listed though it was gone.
    if (isCairnError(error, 'object-missing')) return false
    throw error
  }
}
