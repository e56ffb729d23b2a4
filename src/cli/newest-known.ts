// The newest snapshot of each source that this machine has known to count: a store that cuts off the end of a
// history, or is put back to an older state, leaves no trace of it there. What is missed stays known until
// somebody forgets it or gives it up. Losing this memory loses that notice and nothing else.

import { toHex } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import type { BackupResult } from '../engine/backup/options.ts'
import { mayBeLatest } from '../engine/select-snapshot.ts'
import type { DomainAccess } from '../repository/access.ts'
import { loadForgotten } from '../repository/forgets.ts'
import type { Repository } from '../repository/repository.ts'
import {
  loadSnapshots,
  orderOfSource,
  type Snapshot,
  sourceIdOf,
  sourceKeyOf,
} from '../repository/snapshots.ts'
import { loadUpkeepRecords } from '../repository/upkeep-records.ts'
import type { Context } from './context.ts'
import { type KnownId, loadState, saveState } from './repository-state.ts'
import { fullId, shortId } from './snapshot-text.ts'

type Known = Pick<Snapshot, 'id' | 'domain' | 'summary' | 'confirmed'>

/** Nobody needs to be told of more. */
const MISSED_MAX = 64

/** The newest snapshots that were known here, and those that are missed. */
export function newestKnown(context: Context, repository: Repository): readonly KnownId[] {
  const { newest = {}, missed = [] } = loadState(context, repository.store.address) ?? {}
  const known = Object.entries(newest).map(([key, id]) => ({ id, domain: domainIn(key) }))
  return [...known, ...missed]
}

function domainIn(key: string): string {
  return key.split(' ')[0] ?? ''
}

/**
 * What is confirmed now is what is missed when it is gone. Warns of what was known and is gone. Of sources that
 * are not among these snapshots what was known stays known.
 */
export async function rememberNewest(
  context: Context,
  repository: Repository,
  snapshots: readonly Known[],
): Promise<void> {
  const state = loadState(context, repository.store.address)
  if (state === undefined) return
  const found: Record<string, string> = {}
  for (const [key, own] of Map.groupBy(snapshots, sourceKeyOf)) {
    const newest = own.filter(mayBeLatest).sort(orderOfSource(own)).at(-1)
    if (newest !== undefined) found[key] = newest.id
  }
  const ours = new Set(repository.domains.map(({ hex }) => hex))
  // One that is there without its receipt counts no more: that is a loss too.
  const isThere = (id: string) =>
    snapshots.some((one) => one.confirmed && (one.id === id || isFor(one.summary.replaces, id)))
  const entries = Object.entries(state.newest ?? {})
  const isAbsent = ([key, id]: readonly [string, string]) => ours.has(domainIn(key)) && !isThere(id)
  const absent = entries.filter(isAbsent).map(([key, id]) => ({ id, domain: domainIn(key) }))
  const missed: KnownId[] = []
  for (const one of absent) if (await warnWhereGone(context, repository, one.id)) missed.push(one)
  saveState(context, {
    ...state,
    // What is absent was looked for once: it is explained, or missed from now on.
    newest: { ...Object.fromEntries(entries.filter((one) => !isAbsent(one))), ...found },
    missed: moreMissed(state.missed, missed),
  })
}

function moreMissed(before: readonly KnownId[] = [], more: readonly KnownId[]): readonly KnownId[] {
  const all = new Map([...before, ...more].map((one) => [one.id, one]))
  return [...all.values()].slice(-MISSED_MAX)
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
  const isGone =
    known !== undefined &&
    parent !== `snapshots/${known}` &&
    (await warnWhereGone(context, repository, known))
  const missed = isGone ? [{ id: known, domain: domain.hex }] : []
  saveState(context, {
    ...state,
    newest: { ...state.newest, [key]: fullId(snapshot) },
    missed: moreMissed(state.missed, missed),
  })
}

/** Whether it is missed: it is gone, or nobody can tell what became of it. */
async function warnWhereGone(
  { output }: Context,
  repository: Repository,
  known: string,
): Promise<boolean> {
  try {
    if (await isExplained(repository, known)) return false
  } catch (error) {
    if (!isCairnError(error)) throw error
    output.detail(`Cannot tell what became of snapshot ${shortId(known)}: ${error.message}`)
    return true
  }
  const text =
    `Snapshot ${shortId(known)}, which was the newest of its source here, is gone or no longer ` +
    'confirmed, and nobody forgot it. ' +
    'Run `cairn check`, and see who can delete from the store.'
  output.warning('snapshot-missing', text)
  return true
}

/** There and confirmed after all, with another one in its place, forgotten, or given up. */
async function isExplained(repository: Repository, known: string): Promise<boolean> {
  const { snapshots, problems } = await loadSnapshots(repository, {
    onlyReading: true,
    withReplaced: true,
  })
  // Of what is there and cannot be read the listing tells.
  if (problems.some(({ name }) => name === `snapshots/${known}`)) return true
  const counting = snapshots.filter(({ confirmed }) => confirmed)
  if (counting.some(({ id, summary }) => id === known || isFor(summary.replaces, known)))
    return true
  const { forgotten } = await loadForgotten(repository, { onlyReading: true })
  if (forgotten.some(({ id }) => id === known)) return true
  const losses = await loadUpkeepRecords(repository, { kind: 'loss', onlyReading: true })
  return losses.records.some(({ record }) => record.ids.some((id) => toHex(id) === known))
}

function isFor(replaces: Uint8Array | undefined, known: string): boolean {
  return replaces !== undefined && toHex(replaces) === known
}
