// The newest snapshot of each source that this machine has known to count: a store that cuts off the end of a
// history, or is put back to an older state, leaves no trace of it there. Whatever lists snapshots warns of what
// is missed, each time, until somebody forgets it or gives it up. Losing this memory loses that notice and nothing else.

import { toHex } from '../base/bytes.ts'
import { isCairnError } from '../base/errors.ts'
import type { BackupResult } from '../engine/backup/options.ts'
import { mayBeLatest } from '../engine/select-snapshot.ts'
import type { DomainAccess } from '../repository/access.ts'
import { loadForgotten } from '../repository/forgets.ts'
import type { ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshotFacts } from '../repository/snapshot-facts.ts'
import {
  orderOfSource,
  type SnapshotFacts,
  sourceIdOf,
  sourceKeyOf,
  withoutReplaced,
} from '../repository/snapshots.ts'
import { loadUpkeepRecords } from '../repository/upkeep-records.ts'
import { catalogIn } from './catalog-file.ts'
import type { Context } from './context.ts'
import type { Opened } from './open-repository.ts'
import { type KnownId, loadState, saveState } from './repository-state.ts'
import { fullId, shortId } from './snapshot-text.ts'

type Known = Pick<SnapshotFacts, 'id' | 'domain' | 'summary' | 'confirmed'>

/** What a command has listed: all that there is, also what others stand for. */
export interface KnownList {
  readonly snapshots: readonly (Known & { readonly name: string })[]
  /** Of what is there and cannot be read the listing tells. */
  readonly problems: readonly ObjectProblem[]
}

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
 * Warns of what was known and is gone, and returns it. What is confirmed now is what is missed when it is gone; of sources that
 * are not among these snapshots what was known stays known.
 */
export async function noticeMissing(
  context: Context,
  repository: Repository,
  list: KnownList,
): Promise<readonly KnownId[]> {
  const state = loadState(context, repository.store.address)
  if (state === undefined) return []
  const { newest = {}, missed = [] } = state
  const ours = new Set(repository.domains.map(({ hex }) => hex))
  const entries = Object.entries(newest).map(([key, id]) => ({ key, id, domain: domainIn(key) }))
  const isAbsent = ({ id, domain }: KnownId) => ours.has(domain) && !isThere(list, id)
  const absent: KnownId[] = []
  for (const one of [...missed, ...entries].filter(isAbsent))
    if (!(await isNewerThan(list, { repository, id: one.id }))) absent.push(one)
  const gone = await missedOf(context, repository, absent)
  if (gone.length > 0) warnOf(context, gone)
  saveState(context, {
    ...state,
    // What is absent was looked for: it is explained, or missed from now on.
    newest: {
      ...Object.fromEntries(
        entries.filter((one) => !isAbsent(one)).map(({ key, id }) => [key, id]),
      ),
      ...newestOf(withoutReplaced(list.snapshots)),
    },
    missed: moreMissed(
      missed.filter(({ domain }) => !ours.has(domain)),
      gone,
    ),
  })
  return gone
}

/** It came after these were listed: a backup of this machine has ended meanwhile. */
async function isNewerThan(
  { snapshots }: KnownList,
  { repository, id }: { readonly repository: Repository; readonly id: string },
): Promise<boolean> {
  if (snapshots.some((one) => one.id === id)) return false
  return (await repository.store.stat(`snapshots/${id}`)) !== undefined
}

/** By domain and source. */
function newestOf(snapshots: readonly Known[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const [key, own] of Map.groupBy(snapshots, sourceKeyOf)) {
    const newest = own.filter(mayBeLatest).sort(orderOfSource(own)).at(-1)
    if (newest !== undefined) found[key] = newest.id
  }
  return found
}

/** One that is there without its receipt counts no more: that is a loss too. */
function isThere({ snapshots, problems }: KnownList, known: string): boolean {
  const counts = ({ confirmed, id, summary }: Known) =>
    confirmed && (id === known || isFor(summary.replaces, known))
  return snapshots.some(counts) || problems.some(({ name }) => name === `snapshots/${known}`)
}

function isFor(replaces: Uint8Array | undefined, known: string): boolean {
  return replaces !== undefined && toHex(replaces) === known
}

function moreMissed(before: readonly KnownId[], more: readonly KnownId[]): readonly KnownId[] {
  const all = new Map([...before, ...more].map(({ id, domain }) => [id, { id, domain }]))
  return [...all.values()].slice(-MISSED_MAX)
}

/**
 * After a backup, which follows the newest snapshot that there is: where that is not the one that was the newest
 * here, all are listed. Remembers the new one.
 */
export async function noticeAfterBackup(
  context: Context,
  {
    opened: { repository, cacheFolder },
    domain,
    sourceName,
    result: { snapshot, parent },
  }: {
    readonly opened: Opened
    readonly domain: DomainAccess
    readonly sourceName: string
    readonly result: BackupResult
  },
): Promise<void> {
  const { address } = repository.store
  const key = `${domain.hex} ${toHex(sourceIdOf(domain, sourceName))}`
  const known = loadState(context, address)?.newest?.[key]
  if (snapshot === undefined) return
  if (known !== undefined && parent !== `snapshots/${known}`) {
    const list = await loadSnapshotFacts(repository, catalogIn(context, cacheFolder))
    await noticeMissing(context, repository, list)
  }
  const state = loadState(context, address)
  if (state === undefined) return
  saveState(context, { ...state, newest: { ...state.newest, [key]: fullId(snapshot) } })
}

/** Those that nobody forgot or gave up, or of which nobody can tell. */
async function missedOf(
  { output }: Context,
  repository: Repository,
  absent: readonly KnownId[],
): Promise<readonly KnownId[]> {
  if (absent.length === 0) return []
  try {
    const { forgotten } = await loadForgotten(repository, { onlyReading: true })
    const losses = await loadUpkeepRecords(repository, { kind: 'loss', onlyReading: true })
    const lost = losses.records.flatMap(({ record }) => record.ids.map((id) => toHex(id)))
    const explained = new Set([...forgotten.map(({ id }) => id), ...lost])
    return absent.filter(({ id }) => !explained.has(id))
  } catch (error) {
    if (!isCairnError(error)) throw error
    output.detail(`Cannot tell what became of snapshots that are gone: ${error.message}`)
    return absent
  }
}

function warnOf({ output }: Context, [first, ...more]: readonly KnownId[]): void {
  if (first === undefined) return
  const which =
    more.length === 0
      ? `Snapshot ${shortId(first.id)}, which was the newest of its source here, is`
      : `Snapshot ${shortId(first.id)} and ${more.length} more, each the newest of its source here once, are`
  const text =
    `${which} gone or no longer confirmed, and nobody forgot it. ` +
    'Run `cairn check`, and see who can delete from the store.'
  output.warning('snapshot-missing', text)
}
