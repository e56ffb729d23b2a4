// Objects that are not there and that a copy has: what a repository is opened with, confirmed snapshots with their
// receipts, the forget records that explain why others are gone, holds and who took them back, and what an earlier
// repair took out of the way. What was marked or forgotten stays away, and so do the keys of others: they may have
// been taken away from them.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'
import {
  type ForgottenSnapshot,
  loadForgotten,
  UNDELETE_WINDOW_MS,
} from '../../repository/forgets.ts'
import { isConfigName, isKeyringName } from '../../repository/generations.ts'
import type { Marked } from '../../repository/marks.ts'
import { quarantinedNames } from '../../repository/quarantine.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Roots } from '../../repository/roots.ts'
import { confirmationOf, openReceipt, openSnapshot } from '../../repository/snapshots.ts'
import { openUpkeepRecord } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'
import type { Store } from '../../store/store.ts'
import type { CheckProblem } from '../check/problems.ts'
import { ABANDONED_MS } from '../prune/tidy-forgets.ts'
import { absentHolds, absentSightings } from './absent-records.ts'
import { openedBack } from './coming-back.ts'
import type { DamagedObject } from './damaged-objects.ts'
import { goodCopy } from './good-copies.ts'
import { type AbsentObject, eachOnlyIn } from './only-in-copy.ts'

interface Known {
  readonly copy: Repository
  readonly roots: Roots
  readonly objects: readonly DamagedObject[]
  /** Of each domain. */
  readonly marked: readonly Marked[]
}

interface Here {
  readonly repository: Repository
  readonly problems: readonly CheckProblem[]
  /** By the store's clock. */
  readonly nowMs: number
}

export async function findAbsent(
  { repository, problems, nowMs }: Here,
  known: Known,
): Promise<readonly AbsentObject[]> {
  const { copy } = known
  const missing = problems.filter(({ kind }) => kind === 'missing').map(({ object }) => object)
  const before = [...(await quarantinedNames(repository.store))].filter((name) => {
    return !/^(packs|index|leases|receipts|quarantine)\//.test(name)
  })
  const wanted = new Set([...missing.filter(isSnapshotName), ...before])
  const receipts = await receiptsOnlyIn(copy, repository)
  const theirs = await snapshotsOnlyIn(copy, { repository, known, receipts })
  const { forgotten } = await loadForgotten(repository, { onlyReading: true })
  const counting = new Set(known.roots.snapshots.map(({ name }) => name))
  // Who forgets one takes its receipt too: what has one here was forgotten in the copy alone.
  for (const { snapshot } of known.roots.receipts) counting.add(snapshot)
  const isMissing = new Set(missing)
  const doubtful = new Set(theirs.map(({ name }) => name).filter((name) => isMissing.has(name)))
  const kept = new Map<string, Bytes>()
  const asked = { copy, nowMs, forgotten, counting, doubtful, kept }
  const records = await forgetRecordsFor(repository, asked)
  const explained = new Set([
    ...forgotten.map(({ name }) => name),
    ...records.flatMap(({ explains }) => explains),
    ...known.marked.flatMap(({ snapshots }) => [...snapshots]),
  ])
  const found = new Map<string, AbsentObject>()
  for (const one of await foundations(repository, copy)) found.set(one.name, one)
  for (const one of theirs) if (!explained.has(one.name)) found.set(one.name, one)
  const comeBack = async (name: string): Promise<void> => {
    if (found.has(name) || explained.has(name)) return
    if ((await repository.store.stat(name)) !== undefined) return
    const good = (await goodCopy(copy, name)) ?? kept.get(name)
    if (good === undefined) return
    const storedAtMs = (await copy.store.stat(name))?.storedAtMs
    found.set(name, { name, good, storedAtMs })
    const next = followedBy(repository, { name, good })
    if (next !== undefined) await comeBack(next)
  }
  const followed = [...found.values()].map((one) => followedBy(repository, one))
  for (const name of [...wanted, ...followed]) if (name !== undefined) await comeBack(name)
  const snapshots = [...found.values()]
  return [
    ...records,
    ...(await absentHolds(repository, copy)),
    ...(await absentSightings(repository, { copy, names: new Set(found.keys()) })),
    ...snapshots,
    ...receiptsFor(repository, { ...known, snapshots, receipts }),
  ]
}

/** Name of what a snapshot follows: where that is not there either, it would be missing. */
function followedBy(repository: Repository, one: AbsentObject): string | undefined {
  if (!isSnapshotName(one.name)) return undefined
  const before = openedBack(repository, one)?.summary.predecessor
  return before && contentName('snapshots', before)
}

function isSnapshotName(name: string): boolean {
  return name.startsWith('snapshots/')
}

interface FoundReceipt extends AbsentObject {
  readonly confirms: string
}

async function receiptsOnlyIn(
  copy: Repository,
  repository: Repository,
): Promise<readonly FoundReceipt[]> {
  const found: FoundReceipt[] = []
  await eachOnlyIn(copy, repository, 'receipts/', (own) => {
    const { snapshot } = openReceipt(repository, own)
    const confirms = confirmationOf({ ...own, name: contentName('snapshots', snapshot) })
    found.push({ name: own.name, good: own.object, confirms })
  })
  return found
}

/** Snapshots that a receipt confirms: what was never confirmed an interrupted backup has left. */
async function snapshotsOnlyIn(
  copy: Repository,
  {
    repository,
    known: { roots },
    receipts,
  }: {
    readonly repository: Repository
    readonly known: Known
    readonly receipts: readonly FoundReceipt[]
  },
): Promise<readonly AbsentObject[]> {
  const confirmed = new Set([...roots.receipts, ...receipts].map(({ confirms }) => confirms))
  const found: AbsentObject[] = []
  await eachOnlyIn(copy, repository, 'snapshots/', (own) => {
    openSnapshot(repository, own)
    const { name, object: good, storedAtMs } = own
    if (confirmed.has(confirmationOf(own))) found.push({ name, good, storedAtMs })
  })
  return found
}

interface ExplainingRecord extends AbsentObject {
  readonly explains: readonly string[]
  readonly isOfOthers: boolean
}

/**
 * Forget records that only the copy has, and that do not come from its own retention, of snapshots that are not here and have no receipt here. Either nothing explains that here, so that the
 * numbers of those that come back would have gaps; or no record here has got the snapshot, which could be had back.
 */
async function forgetRecordsFor(
  repository: Repository,
  {
    copy,
    nowMs,
    forgotten,
    counting,
    doubtful,
    kept,
  }: {
    readonly copy: Repository
    readonly nowMs: number
    readonly forgotten: readonly ForgottenSnapshot[]
    /** Names of snapshots that nobody has forgotten here. */
    readonly counting: ReadonlySet<string>
    /**
     * Those that are missing here, and that the copy has all the same: a record that is old may be of a forget that was
     * interrupted, and that was taken back here since.
     */
    readonly doubtful: ReadonlySet<string>
    /** Takes these, as the records have them. */
    readonly kept: Map<string, Bytes>
  },
): Promise<readonly ExplainingRecord[]> {
  const isExplained = new Set(forgotten.map(({ name }) => name))
  const whole = forgotten.filter(({ object }) => object !== undefined)
  const canBeHadBack = new Set(whole.map(({ name }) => name))
  const found: ExplainingRecord[] = []
  await eachOnlyIn(copy, repository, 'forgets/', (own) => {
    const record = openUpkeepRecord(repository, { ...own, kind: 'forget' })
    const { snapshots, forgottenMs, isOfCopy = false } = record
    const isOpen = nowMs - forgottenMs < UNDELETE_WINDOW_MS
    const wanted = snapshots.filter(({ snapshot, object }) => {
      const name = contentName('snapshots', snapshot)
      const isDoubtful = doubtful.has(name) && nowMs - forgottenMs > ABANDONED_MS
      if (isOfCopy || isDoubtful || counting.has(name)) {
        // Later the copy may have deleted what it needs.
        if (isOpen && object !== undefined && equalBytes(sha256(object), snapshot))
          kept.set(name, object)
        return false
      }
      return !isExplained.has(name) || (isOpen && object !== undefined && !canBeHadBack.has(name))
    })
    const explains = wanted.map(({ snapshot }) => contentName('snapshots', snapshot))
    const isOfOthers = snapshots.some(({ snapshot }) => {
      const name = contentName('snapshots', snapshot)
      return counting.has(name) || (doubtful.has(name) && !explains.includes(name))
    })
    if (explains.length > 0) found.push({ name: own.name, good: own.object, explains, isOfOthers })
  })
  return found
}

/** The config and the owner's keyring, where there is none, and the key that opened the copy. */
async function foundations(
  { store, grantName }: Repository,
  copy: Repository,
): Promise<readonly AbsentObject[]> {
  const [here, there] = [await foundationsIn(store), await foundationsIn(copy.store)]
  const lacks = (isKind: (name: string) => boolean) => !here.some(isKind)
  const wanted = there.filter(
    (name) =>
      (isConfigName(name) && lacks(isConfigName)) ||
      (isKeyringName(name) && lacks(isKeyringName)) ||
      (name === grantName && !here.includes(name)),
  )
  const found: AbsentObject[] = []
  for (const name of wanted) {
    const good = await goodCopy(copy, name)
    if (good !== undefined) found.push({ name, good })
  }
  return found
}

async function foundationsIn(store: Store): Promise<readonly string[]> {
  const names: string[] = []
  for (const folder of ['config/', 'keys/'] as const)
    for await (const { name } of store.list(folder)) names.push(name)
  return names
}

/** Receipts that the copy has of snapshots that have none here. */
function receiptsFor(
  repository: Repository,
  {
    roots,
    objects,
    snapshots,
    receipts,
  }: Known & {
    readonly snapshots: readonly AbsentObject[]
    readonly receipts: readonly FoundReceipt[]
  },
): readonly AbsentObject[] {
  const confirmed = new Set(roots.receipts.map(({ confirms }) => confirms))
  const putBack = [...snapshots, ...objects.filter(({ good }) => good !== undefined)]
  const wanted = new Set([
    ...roots.snapshots.map(confirmationOf),
    ...putBack.flatMap(({ name, good }) => confirmationIn(repository, name, good)),
  ])
  const isThere = new Set(objects.map(({ name }) => name))
  const asked = receipts.filter(({ name, confirms }) => {
    return wanted.has(confirms) && !confirmed.has(confirms) && !isThere.has(name)
  })
  return asked.map(({ name, good }) => ({ name, good }))
}

function confirmationIn(
  { domains }: Repository,
  name: string,
  good: Bytes | undefined,
): readonly string[] {
  if (good === undefined || !isSnapshotName(name)) return []
  const domain = domains.find(({ id }) => equalBytes(id, good.subarray(12, 28)))
  return domain === undefined ? [] : [confirmationOf({ domain, name })]
}
