// Removing at the target the snapshots that were forgotten at the source. What that does not list any more may also have
// been lost there, and then the copy is what is left of it: so only what a forget record of the source names goes, and
// none that a copy has put by itself. Listings may lag or be stale, so the source is asked for each name again. Of whose
// snapshot a receipt is cannot be seen without a key: those that are left go with the next forget or prune there.

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
  /** Names of snapshots. */
  readonly remove: readonly string[]
  /** Those that are gone at the source too, and that it has not forgotten. */
  readonly unexplained: readonly string[]
}

const PARALLEL = 8

/**
 * Which of these snapshots forget records name: whoever may put objects may name millions. What one that cannot be read names
 * stays. Throws what the store throws.
 */
export async function forgottenAt(
  source: Store,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const asked = new Set(names)
  const forgotten = new Set<string>()
  if (asked.size === 0) return forgotten
  await forEachInParallel(await listFolder(source, 'forgets'), PARALLEL, async (info) => {
    try {
      const object = await readSound(source, info)
      expectPrefix(object, 'forget')
      for (const hash of decodeOpenNames(object).names) {
        const name = contentName('snapshots', hash)
        if (asked.has(name)) forgotten.add(name)
      }
    } catch (error) {
      if (!isCairnError(error, 'object-missing', ...UNREADABLE, ...WITHHELD)) throw error
    }
  })
  return forgotten
}

/** Pure. What of the target the source does not list any more, forgotten or not. */
export function planRemovals(
  { source, target }: Pick<Survey, 'source' | 'target'>,
  forgotten: ReadonlySet<string>,
): Removals {
  const gone = goneAtSource({ source, target })
  return {
    remove: gone.filter((name) => forgotten.has(name)),
    unexplained: gone.filter((name) => !forgotten.has(name)),
  }
}

/** Names of snapshots of the target, in order. */
export function goneAtSource({
  source,
  target,
}: Pick<Survey, 'source' | 'target'>): readonly string[] {
  const listed = new Set(source.snapshots.map(({ name }) => name))
  const there = [...target.keys()].filter((name) => name.startsWith('snapshots/'))
  return there.filter((name) => !listed.has(name)).sort()
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
