// What must be kept: every snapshot, with or without receipt, and every forgotten one whose window is open.
// Snapshots are listed before forget records, because one that is being forgotten has its record before it
// goes: so it is seen as the one or as the other.

import { toHex } from '../base/bytes.ts'
import type { Summary } from '../format/snapshot.ts'
import { contentName } from '../store/names.ts'
import type { DomainAccess } from './access.ts'
import { eachObject, type FolderReading } from './each-object.ts'
import { type ForgottenList, isInWindow, loadForgotten, openForgotten } from './forgets.ts'
import { isNobodys, type ObjectProblem, ObjectProblems } from './object-problem.ts'
import type { Repository } from './repository.ts'
import { confirmationOf, openReceipt, openSnapshot } from './snapshots.ts'

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
  readonly domain: DomainAccess
  /** Object name of the snapshot that it confirms. */
  readonly snapshot: string
  /** See confirmationOf. */
  readonly confirms: string
  /** Of the run, in hexadecimal. */
  readonly session: string
}

export interface Roots {
  readonly snapshots: readonly RootSnapshot[]
  /** How many there are of domains that the key does not hold. */
  readonly closed: number
  /** Not listed any more, and still to be had back. */
  readonly forgotten: readonly RootSnapshot[]
  readonly forgetRecords: ForgottenList['records']
  readonly receipts: readonly RootReceipt[]
  /** What may be a root and cannot be read: nobody may delete anything while it is so. */
  readonly obstacles: readonly ObjectProblem[]
  /** What is nobody's, or of no consequence here. */
  readonly notes: readonly ObjectProblem[]
}

/** What can be had back at this time, by the store's clock. */
export interface WindowAt {
  readonly nowMs: number
  readonly windowMs: number
}

/** Lists snapshots, then forget records, then receipts. Throws what the store throws. */
export async function loadRoots(repository: Repository, at: WindowAt): Promise<Roots> {
  const reading: FolderReading = { repository, onlyReading: true, problems: new ObjectProblems() }
  const snapshots: RootSnapshot[] = []
  let closed = 0
  await eachObject(reading, 'snapshots/', {
    closed: () => {
      closed++
    },
    own: ({ name, object, domain, objectHash, storedAtMs }) => {
      const { summary } = openSnapshot(repository, { domain, object, objectHash })
      snapshots.push({ name, domain, summary, storedAtMs })
    },
  })
  const { forgotten, records, problems } = await loadForgottenRoots(repository, at)
  const isListed = new Set(snapshots.map(({ name }) => name))
  const about = [...reading.problems.found, ...problems]
  const ofReceipts: FolderReading = { ...reading, problems: new ObjectProblems() }
  const receipts: RootReceipt[] = []
  await eachObject(ofReceipts, 'receipts/', {
    own: (own) => {
      const { snapshot: hash, sessionId } = openReceipt(repository, own)
      const [{ name, domain }, snapshot] = [own, contentName('snapshots', hash)]
      const confirms = confirmationOf({ domain, name: snapshot })
      receipts.push({ name, domain, snapshot, confirms, session: toHex(sessionId) })
    },
  })
  const aboutReceipts = ofReceipts.problems.found
  return {
    snapshots,
    closed,
    forgotten: forgotten.filter(({ name }) => !isListed.has(name)),
    forgetRecords: records,
    receipts,
    obstacles: [...about, ...aboutReceipts].filter((problem) => !isNobodys(problem)),
    notes: [...about, ...aboutReceipts].filter(isNobodys),
  }
}

/** Those that can be had back. One that does not open, though upkeep signed that it is one, is an obstacle. */
async function loadForgottenRoots(
  repository: Repository,
  at: WindowAt,
): Promise<{
  readonly forgotten: readonly RootSnapshot[]
  readonly records: ForgottenList['records']
  readonly problems: readonly ObjectProblem[]
}> {
  const { forgotten, records, problems } = await loadForgotten(repository, { onlyReading: true })
  const unopened = new ObjectProblems()
  const roots: RootSnapshot[] = []
  for (const one of forgotten.filter((each) => isInWindow(each, at))) {
    const { name, domain, forgottenAtMs: storedAtMs } = one
    try {
      roots.push({ name, domain, summary: openForgotten(repository, one).summary, storedAtMs })
    } catch (error) {
      unopened.take(name, error)
    }
  }
  return { forgotten: roots, records, problems: [...problems, ...unopened.found] }
}
