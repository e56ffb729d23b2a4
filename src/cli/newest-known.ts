// The newest snapshot of each source that this machine has known to count: a store that cuts off the end of a
// history leaves no trace of it there. Losing this memory loses that notice and nothing else.

import { toHex } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import type { BackupResult } from '../engine/backup/options.ts'
import type { DomainAccess } from '../repository/access.ts'
import { loadForgotten } from '../repository/forgets.ts'
import type { Repository } from '../repository/repository.ts'
import {
  compareBySequence,
  loadSnapshots,
  type Snapshot,
  sourceIdOf,
} from '../repository/snapshots.ts'
import type { Context } from './context.ts'
import { loadState, saveState } from './repository-state.ts'
import { fullId, shortId } from './snapshot-text.ts'

type Known = Pick<Snapshot, 'id' | 'domain' | 'summary' | 'confirmed'>

/** Ids of the newest snapshots that were known here, with their domains in hexadecimal. */
export function newestKnown(
  context: Context,
  repository: Repository,
): readonly { readonly id: string; readonly domain: string }[] {
  const { newest = {} } = loadState(context, repository.store.address) ?? {}
  return Object.entries(newest).map(([key, id]) => ({ id, domain: key.split(' ')[0] ?? '' }))
}

/** What is confirmed now is what is missed when it is gone. Of other sources what was known stays known. */
export function rememberNewest(
  context: Context,
  repository: Repository,
  snapshots: readonly Known[],
): void {
  const state = loadState(context, repository.store.address)
  if (state === undefined) return
  const confirmed = snapshots.filter((one) => one.confirmed && one.summary.ending !== 'checkpoint')
  const found: Record<string, string> = {}
  for (const [key, own] of Map.groupBy(confirmed, sourceKey)) {
    const newest = own.toSorted(compareBySequence).at(-1)
    if (newest !== undefined) found[key] = newest.id
  }
  saveState(context, { ...state, newest: { ...state.newest, ...found } })
}

function sourceKey({ domain, summary }: Known): string {
  return `${domain.hex} ${toHex(summary.sourceId)}`
}

/**
 * After a backup: warns where the snapshot that was the source's newest here is gone and nobody forgot it, and
 * remembers the new one.
 */
export async function noticeAfterBackup(
  context: Context,
  {
    repository,
    domain,
    sourceName,
    result: { snapshot, parent },
  }: {
    readonly repository: Repository
    readonly domain: DomainAccess
    readonly sourceName: string
    readonly result: BackupResult
  },
): Promise<void> {
  const state = loadState(context, repository.store.address)
  if (snapshot === undefined || state === undefined) return
  const key = `${domain.hex} ${toHex(sourceIdOf(domain, sourceName))}`
  const known = state.newest?.[key]
  if (known !== undefined && parent !== `snapshots/${known}`)
    await warnWhereGone(context, repository, known)
  saveState(context, { ...state, newest: { ...state.newest, [key]: fullId(snapshot) } })
}

async function warnWhereGone(
  { output }: Context,
  repository: Repository,
  known: string,
): Promise<void> {
  try {
    if ((await repository.store.stat(`snapshots/${known}`)) !== undefined) return
    const { snapshots } = await loadSnapshots(repository, { onlyReading: true })
    if (snapshots.some(({ summary }) => isFor(summary.replaces, known))) return
    const { forgotten } = await loadForgotten(repository, { onlyReading: true })
    if (forgotten.some(({ id }) => id === known)) return
  } catch (error) {
    if (!isCairnError(error)) throw error
    output.detail(`Cannot tell what became of snapshot ${shortId(known)}: ${error.message}`)
    return
  }
  const text =
    `Snapshot ${shortId(known)} of this source, which was there before, is gone, and nobody forgot it. ` +
    'Run `cairn check`, and see who can delete from the store.'
  output.warning('snapshot-missing', text)
}

function isFor(replaces: Uint8Array | undefined, known: string): boolean {
  return replaces !== undefined && toHex(replaces) === known
}
