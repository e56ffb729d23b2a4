// Objects that are not there and that a copy has: what a repository is opened with, snapshots of which something
// tells, or the forget records that explain why they are gone, receipts of snapshots that have none, and what an
// earlier repair took out of the way. What was marked or forgotten stays away, and so do the keys of others: they
// may have been taken away from them.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { eachObject, type OwnObject } from '../../repository/each-object.ts'
import { isConfigName, isKeyringName } from '../../repository/generations.ts'
import type { Marked } from '../../repository/marks.ts'
import { ObjectProblems } from '../../repository/object-problem.ts'
import { quarantinedNames } from '../../repository/quarantine.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Roots } from '../../repository/roots.ts'
import { confirmationOf, openReceipt } from '../../repository/snapshots.ts'
import { loadUpkeepRecords, openUpkeepRecord } from '../../repository/upkeep-records.ts'
import { contentName } from '../../store/names.ts'
import type { Store } from '../../store/store.ts'
import type { CheckProblem } from '../check/problems.ts'
import type { DamagedObject } from './damaged-objects.ts'
import { goodCopy } from './good-copies.ts'

export interface AbsentObject {
  readonly name: string
  readonly good: Bytes
  /** Of forget records: missing snapshots that it explains. */
  readonly explains?: readonly string[]
}

interface Known {
  readonly copy: Repository
  readonly roots: Roots
  readonly objects: readonly DamagedObject[]
  /** Of each domain. */
  readonly marked: readonly Marked[]
}

export async function findAbsent(
  {
    repository,
    problems,
  }: { readonly repository: Repository; readonly problems: readonly CheckProblem[] },
  known: Known,
): Promise<readonly AbsentObject[]> {
  const { copy, marked } = known
  const forgotten = await forgottenSnapshots(repository)
  const explained = new Set<string>()
  const isGone = (name: string) =>
    forgotten.has(name) ||
    explained.has(name) ||
    marked.some(({ snapshots }) => snapshots.has(name))
  const missing = problems.filter(({ kind, object }) => {
    return kind === 'missing' && object.startsWith('snapshots/')
  })
  const before = [...(await quarantinedNames(repository.store))].filter((name) => {
    return !/^(packs|index|leases|quarantine)\//.test(name)
  })
  const found = new Map<string, Bytes>()
  for (const { name, good } of await foundations(repository, copy)) found.set(name, good)
  const records = await forgetRecordsFor(repository, {
    copy,
    missing: new Set(missing.map(({ object }) => object)),
  })
  for (const name of records.flatMap(({ explains }) => explains)) explained.add(name)
  for (const name of new Set([...missing.map(({ object }) => object), ...before])) {
    if (isGone(name) || (await repository.store.stat(name)) !== undefined) continue
    const good = await goodCopy(copy, name)
    if (good !== undefined) found.set(name, good)
  }
  const snapshots = [...found].map(([name, good]) => ({ name, good }))
  for (const { name, good } of await receiptsFor(repository, { ...known, snapshots }))
    found.set(name, good)
  return [...records, ...[...found].map(([name, good]) => ({ name, good }))]
}

/** Forget records that only the copy has, of snapshots that are missing here. */
async function forgetRecordsFor(
  repository: Repository,
  { copy, missing }: { readonly copy: Repository; readonly missing: ReadonlySet<string> },
): Promise<readonly Required<AbsentObject>[]> {
  const found: Required<AbsentObject>[] = []
  const takeOwn = (own: OwnObject) => {
    const { snapshots } = openUpkeepRecord(repository, { ...own, kind: 'forget' })
    const names = snapshots.map(({ snapshot }) => contentName('snapshots', snapshot))
    const explains = names.filter((name) => missing.has(name))
    if (explains.length > 0) found.push({ name: own.name, good: own.object, explains })
  }
  const problems = new ObjectProblems()
  await eachObject({ repository: copy, onlyReading: true, problems }, 'forgets/', { own: takeOwn })
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

async function forgottenSnapshots(repository: Repository): Promise<ReadonlySet<string>> {
  const { records } = await loadUpkeepRecords(repository, { kind: 'forget', onlyReading: true })
  const forgotten = records.flatMap(({ record }) => record.snapshots)
  return new Set(forgotten.map(({ snapshot }) => contentName('snapshots', snapshot)))
}

/** Receipts that the copy has of snapshots that have none here. */
async function receiptsFor(
  repository: Repository,
  { copy, roots, objects, snapshots }: Known & { readonly snapshots: readonly AbsentObject[] },
): Promise<readonly AbsentObject[]> {
  const confirmed = new Set(roots.receipts.map(({ confirms }) => confirms))
  const putBack = [...snapshots, ...objects.filter(({ good }) => good !== undefined)]
  const wanted = new Set([
    ...roots.snapshots.map(confirmationOf),
    ...putBack.flatMap(({ name, good }) => confirmationIn(repository, name, good)),
  ])
  const found: AbsentObject[] = []
  const takeOwn = (own: OwnObject) => {
    const { snapshot } = openReceipt(repository, own)
    const confirms = confirmationOf({ ...own, name: contentName('snapshots', snapshot) })
    if (wanted.has(confirms) && !confirmed.has(confirms))
      found.push({ name: own.name, good: own.object })
  }
  const problems = new ObjectProblems()
  await eachObject({ repository: copy, onlyReading: true, problems }, 'receipts/', { own: takeOwn })
  const isThere = new Set(objects.map(({ name }) => name))
  return found.filter(({ name }) => !isThere.has(name))
}

function confirmationIn(
  { domains }: Repository,
  name: string,
  good: Bytes | undefined,
): readonly string[] {
  if (good === undefined || !name.startsWith('snapshots/')) return []
  const domain = domains.find(({ id }) => equalBytes(id, good.subarray(12, 28)))
  return domain === undefined ? [] : [confirmationOf({ domain, name })]
}
