// The last step of a sync, which is that of a backup's commit: put snapshots, then list marks, then packs,
// and only where all is still there put the receipts. A prune of the target that began before a snapshot
// was there may have deleted what it needs, also while this machine was suspended for days; one
// that begins later finds the snapshot.

import { isCairnError } from '../../base/errors.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import { getVerified } from '../../store/content.ts'
import type { ObjectInfo, Store } from '../../store/store.ts'
import type { Listing, Survey } from './survey.ts'

/** Snapshots that are put first, and receipts that are put when the target was found whole. */
export interface RootGroup {
  readonly snapshots: readonly ObjectInfo[]
  readonly receipts: readonly ObjectInfo[]
}

type Roots = Pick<Listing, 'snapshots' | 'receipts'>

/** Each group has the packs of the target listed once. */
const GROUPS_MAX = 64

/**
 * Snapshots and receipts as they came to the source: each snapshot after the one that it follows and, if there
 * are not too many, after that one's receipt, so that no history at the target ever has a gap. Where the
 * stamps cannot be those of a repository at work (a copy that lost its times has more receipts than
 * snapshots somewhere on the way), all snapshots go first.
 */
export function groupRoots(source: Roots, copy: Roots): readonly RootGroup[] {
  if (copy.snapshots.length + copy.receipts.length === 0) return []
  if (!isInOrder(source)) return [copy]
  const size = Math.ceil(copy.snapshots.length / GROUPS_MAX)
  const groups: { snapshots: ObjectInfo[]; receipts: ObjectInfo[] }[] = []
  let group = { snapshots: [] as ObjectInfo[], receipts: [] as ObjectInfo[] }
  for (const info of merged(copy)) {
    const isFull = group.snapshots.length >= size
    if (isSnapshot(info) && (isFull || isLate(group))) {
      groups.push(group)
      group = { snapshots: [], receipts: [] }
    }
    if (isSnapshot(info)) group.snapshots.push(info)
    else group.receipts.push(info)
  }
  return [...groups, group]
}

/** Receipts of snapshots that the target has already come before any new one. */
function isLate({ snapshots, receipts }: RootGroup): boolean {
  return snapshots.length === 0 && receipts.length > 0
}

function isSnapshot({ name }: ObjectInfo): boolean {
  return name.startsWith('snapshots/')
}

function merged({ snapshots, receipts }: Roots): readonly ObjectInfo[] {
  // Stable: of the same time, snapshots come first.
  return [...snapshots, ...receipts].sort((a, b) => a.storedAtMs - b.storedAtMs)
}

function isInOrder(source: Roots): boolean {
  let unconfirmed = 0
  return merged(source).every((info) => {
    unconfirmed += isSnapshot(info) ? 1 : -1
    return unconfirmed >= 0
  })
}

/** A pack that snapshots may need and that the target does not have, or not as it was stored. */
export interface LackingPack {
  readonly name: string
  readonly isThere: boolean
}

/**
 * Packs that the source lists and the target lacks, but for those that could not be read. Call it when marks
 * were read, and after the snapshots that may need them were put. What the target never had counts too: a mark
 * may have kept a pack from being put that was deleted there, and have gone with it since.
 */
export async function lackingAtTarget(
  target: Store,
  { source, failed }: Pick<Survey, 'source'> & { readonly failed: ReadonlySet<string> },
): Promise<readonly LackingPack[]> {
  const listed = new Map<string, number>()
  for await (const { name, size } of target.list('packs/')) listed.set(name, size)
  const lacking: LackingPack[] = []
  for (const { name, size: wanted } of source.packs) {
    if (failed.has(name) || listed.get(name) === wanted) continue
    // What was just put may not be listed yet.
    const size = listed.get(name) ?? (await target.stat(name))?.size
    if (size === wanted) continue
    if (size === undefined) lacking.push({ name, isThere: false })
    else if (!(await isWholeThere(target, name))) lacking.push({ name, isThere: true })
  }
  return lacking
}

/** Where the lengths differ, one of the two was cut off, and the name says which. */
async function isWholeThere(target: Store, name: string): Promise<boolean> {
  try {
    await getVerified(target, name)
    return true
  } catch (error) {
    if (isCairnError(error, ...UNREADABLE, ...WITHHELD, 'object-missing')) return false
    throw error
  }
}
