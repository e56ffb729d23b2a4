// What must be kept: every snapshot, with or without receipt, and every forgotten one whose window is open.
// Snapshots are listed before forget records, because one that is being forgotten has its record before it
// goes: so it is seen as the one or as the other.

import type { Bytes } from '../base/bytes.ts'
import { sha256 } from '../base/hash.ts'
import type { Summary } from '../format/snapshot.ts'
import { contentName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import { eachObject, type FolderReading } from './each-object.ts'
import { isNobodys, type ObjectProblem, ObjectProblems } from './object-problem.ts'
import type { Repository } from './repository.ts'
import { confirmationOf, openReceipt, openSnapshot } from './snapshots.ts'
import { loadUpkeepRecords } from './upkeep-records.ts'

/** So long what was forgotten can be had back. */
export const UNDELETE_WINDOW_MS = 7 * 24 * 60 * 60 * 1000

export interface RootSnapshot {
  /** Object name. */
  readonly name: string
  readonly domain: DomainAccess
  readonly summary: Summary
  /** When the store received it. */
  readonly storedAtMs: number
}

export interface RootReceipt {
  readonly name: string
  /** See confirmationOf. */
  readonly confirms: string
}

export interface Roots {
  readonly snapshots: readonly RootSnapshot[]
  /** Not listed any more, and still to be had back. */
  readonly forgotten: readonly RootSnapshot[]
  readonly receipts: readonly RootReceipt[]
  /** What may be a root and cannot be read: nobody may delete anything while it is so. */
  readonly obstacles: readonly ObjectProblem[]
  /** What is nobody's, or of no consequence here. */
  readonly notes: readonly ObjectProblem[]
}

/** Lists snapshots, then forget records, then receipts. Throws what the store throws. */
export async function loadRoots(
  repository: Repository,
  { nowMs }: { /** By the store's clock. */ readonly nowMs: number },
): Promise<Roots> {
  const reading: FolderReading = { repository, onlyReading: true, problems: new ObjectProblems() }
  const snapshots: RootSnapshot[] = []
  await eachObject(reading, 'snapshots/', {
    own: ({ name, object, domain, objectHash, storedAtMs }) => {
      const { summary } = openSnapshot(repository, { domain, object, objectHash })
      snapshots.push({ name, domain, summary, storedAtMs })
    },
  })
  const { forgotten, problems } = await loadForgotten(repository, { nowMs })
  const isListed = new Set(snapshots.map(({ name }) => name))
  const about = [...reading.problems.found, ...problems]
  const ofReceipts: FolderReading = { ...reading, problems: new ObjectProblems() }
  const receipts: RootReceipt[] = []
  await eachObject(ofReceipts, 'receipts/', {
    own: (own) => {
      const { snapshot } = openReceipt(repository, own)
      const confirmed = { ...own, name: contentName('snapshots', snapshot) }
      receipts.push({ name: own.name, confirms: confirmationOf(confirmed) })
    },
  })
  const aboutReceipts = ofReceipts.problems.found
  return {
    snapshots,
    forgotten: forgotten.filter(({ name }) => !isListed.has(name)),
    receipts,
    obstacles: [...about, ...aboutReceipts].filter((problem) => !isNobodys(problem)),
    notes: [...about, ...aboutReceipts].filter(isNobodys),
  }
}

async function loadForgotten(
  repository: Repository,
  { nowMs }: { readonly nowMs: number },
): Promise<{
  readonly forgotten: readonly RootSnapshot[]
  readonly problems: readonly ObjectProblem[]
}> {
  const { records, problems } = await loadUpkeepRecords(repository, {
    kind: 'forget',
    onlyReading: true,
  })
  const forgotten = records
    .filter(({ storedAtMs }) => nowMs - storedAtMs <= UNDELETE_WINDOW_MS)
    .flatMap(({ domain, record, storedAtMs }) =>
      record.snapshots.flatMap(({ object }) =>
        object === undefined ? [] : [rootOf(repository, { domain, object, storedAtMs })],
      ),
    )
  return { forgotten, problems }
}

function rootOf(
  repository: Repository,
  {
    domain,
    object,
    storedAtMs,
  }: { readonly domain: DomainAccess; readonly object: Bytes; readonly storedAtMs: number },
): RootSnapshot {
  const objectHash = sha256(object)
  const { summary } = openSnapshot(repository, { domain, object, objectHash })
  return { name: contentName('snapshots', objectHash), domain, summary, storedAtMs }
}
