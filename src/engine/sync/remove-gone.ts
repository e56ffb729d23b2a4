// Removing at the target what was forgotten at the source: snapshots, then receipts, never packs. What the source does
// not list any more may also have been lost there, and then the copy is what is left of it: so only what a forget
// record of the source names goes. Listings may lag or be stale, so the source is asked for each name again.

import { CairnError, isCairnError } from '../../base/errors.ts'
import { decodeOpenNames } from '../../format/open-names.ts'
import { expectPrefix } from '../../format/prefix.ts'
import { forEachInParallel, UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import { contentName } from '../../store/names.ts'
import type { Store } from '../../store/store.ts'
import { readSound } from './read-sound.ts'
import { listFolder, type Survey } from './survey.ts'

export interface RemoveOptions {
  readonly source: Store
  readonly target: Store
  readonly signal: AbortSignal
  readonly onDeleted: (name: string) => void
}

export interface Removals {
  /** Snapshots, then receipts. */
  readonly remove: readonly string[]
  /** Snapshots that are gone at the source, and that it has not forgotten. */
  readonly unexplained: readonly string[]
}

const PARALLEL = 8

/** Names of snapshots that forget records name. What one that cannot be read names stays. Throws what the store throws. */
export async function forgottenAt(source: Store): Promise<ReadonlySet<string>> {
  const forgotten = new Set<string>()
  await forEachInParallel(await listFolder(source, 'forgets'), PARALLEL, async (info) => {
    try {
      const object = await readSound(source, info)
      expectPrefix(object, 'forget')
      for (const hash of decodeOpenNames(object).names)
        forgotten.add(contentName('snapshots', hash))
    } catch (error) {
      if (!isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) throw error
    }
  })
  return forgotten
}

/**
 * Pure. Which receipt is of which snapshot cannot be seen without a key: those that the source does not list go where
 * as many are left as there are snapshots. One too many says nothing, and the next `forget` takes it.
 */
export function planRemovals(
  { source, target }: Pick<Survey, 'source' | 'target'>,
  forgotten: ReadonlySet<string>,
): Removals {
  const listed = new Set([...source.snapshots, ...source.receipts].map(({ name }) => name))
  const there = (folder: string) => [...target.keys()].filter((name) => name.startsWith(folder))
  const [snapshots, receipts] = [there('snapshots/'), there('receipts/')]
  const gone = snapshots.filter((name) => !listed.has(name)).sort()
  const going = gone.filter((name) => forgotten.has(name))
  const unlisted = receipts.filter((name) => !listed.has(name)).sort()
  const isEnough = receipts.length - unlisted.length >= snapshots.length - going.length
  return {
    remove: [...going, ...(isEnough ? unlisted : [])],
    unexplained: gone.filter((name) => !forgotten.has(name)),
  }
}

/** Returns how many were removed. May be interrupted: the next run removes the rest. */
export async function removeGone(
  { source, target, signal, onDeleted }: RemoveOptions,
  names: readonly string[],
): Promise<number> {
  let removed = 0
  for (const name of names) {
    if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
    if ((await source.stat(name)) !== undefined) continue
    await target.remove(name)
    onDeleted(name)
    removed++
  }
  return removed
}
