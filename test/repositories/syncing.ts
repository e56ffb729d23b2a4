// Syncs with sensible defaults, and a repository with a history to copy, for tests.

import { expect } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { check } from '../../src/engine/check.ts'
import type { SyncProblem } from '../../src/engine/sync/plan.ts'
import { type SyncOptions, type SyncResult, sync } from '../../src/engine/sync.ts'
import { putMark } from '../../src/repository/marks.ts'
import { openRepository, selectDomain } from '../../src/repository/repository.ts'
import { putUpkeepRecord } from '../../src/repository/upkeep-records.ts'
import { upkeepSignatory } from '../../src/repository/upkeep-signatory.ts'
import { decorate } from '../../src/store/decorate.ts'
import { openMemory } from '../../src/store/memory.ts'
import { digestInName } from '../../src/store/names.ts'
import type { Store } from '../../src/store/store.ts'
import { backupFiles, namesOf, noise, type Sample, sampleRepository } from './sample.ts'

export interface SyncRun {
  readonly result: SyncResult
  readonly problems: readonly SyncProblem[]
  /** `copy packs/...`, `delete snapshots/...`. */
  readonly planned: readonly string[]
  readonly deleted: readonly string[]
}

export async function runSync(
  source: Store,
  target: Store,
  changes: Partial<SyncOptions> = {},
): Promise<SyncRun> {
  const problems: SyncProblem[] = []
  const planned: string[] = []
  const deleted: string[] = []
  const result = await sync({
    source,
    target,
    delete: false,
    dryRun: false,
    clock: systemClock,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onProblem: (problem) => problems.push(problem),
    onPlanned: (action, { name }) => planned.push(`${action} ${name}`),
    onDeleted: (name) => deleted.push(name),
    ...changes,
  })
  return { result, problems, planned, deleted }
}

export function emptyTarget(): Store {
  return openMemory({ clock: systemClock, address: 'memory:target' })
}

/** Two snapshots, one after the other. */
export async function historyRepository(): Promise<Sample> {
  const sample = await sampleRepository({ 'a.txt': 'alpha', 'b.bin': noise(300_000, 1) })
  const files = { 'a.txt': 'second', 'c.bin': noise(300_000, 2) }
  await backupFiles(sample.repository, { files })
  return sample
}

/** Puts records that only upkeep puts; they say nothing of any snapshot. */
export async function addRecords({ repository }: Pick<Sample, 'repository'>): Promise<void> {
  const domain = selectDomain(repository)
  const hold = { snapshots: [], releases: [], reason: 'test', heldMs: 1 }
  await putUpkeepRecord(repository, { kind: 'hold', domain, record: hold })
  const forget = { snapshots: [], forgottenMs: 1 }
  await putUpkeepRecord(repository, { kind: 'forget', domain, record: forget })
  const sighting = { snapshots: [], moved: [] }
  await putUpkeepRecord(repository, { kind: 'sighting', domain, record: sighting })
  const loss = { ids: [], foundMs: 1 }
  await putUpkeepRecord(repository, { kind: 'loss', domain, record: loss })
  const renewal = { packs: [], renewedMs: 1 }
  await putUpkeepRecord(repository, { kind: 'renewal', domain, record: renewal })
}

/** What a copy has of a repository: all but leases, quarantine, and what that is a copy of itself. */
export async function namesToCopy(store: Store): Promise<readonly string[]> {
  const names = await namesOf(store, '')
  return names.filter((name) => !/^(leases|origins|quarantine)\//.test(name))
}

export async function firstName(store: Store, prefix: string): Promise<string> {
  const [name] = await namesOf(store, prefix)
  if (name === undefined) throw new Error(`no ${prefix}`)
  return name
}

/** Marks packs and snapshots as the owner. Returns the mark's name. */
export async function mark(
  { store, owner }: Pick<Sample, 'store' | 'owner'>,
  names: { readonly packs?: readonly string[]; readonly snapshots?: readonly string[] },
): Promise<string> {
  const repository = await openRepository(store, owner)
  const domain = selectDomain(repository)
  const hashes = (of: readonly string[] = []) =>
    of.map((name) => digestInName(name) as Uint8Array<ArrayBuffer>)
  return putMark(repository, {
    domain,
    signatory: upkeepSignatory(repository, domain),
    mark: { packs: hashes(names.packs), snapshots: hashes(names.snapshots), markedMs: 1 },
  })
}

/** The store, with the names that are put into it, in their order. */
export function withPuts(store: Store, puts: string[]): Store {
  return decorate(store, {
    put: async (name, parts) => {
      const result = await store.put(name, parts)
      puts.push(name)
      return result
    },
  })
}

/** Nothing is wrong with it, every frame opened. */
export async function expectSoundCopy({ store, owner }: Pick<Sample, 'store' | 'owner'>) {
  const { problems } = await check({
    repository: await openRepository(store, owner),
    mode: 'read-data',
    workers: 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onProblem: () => undefined,
  })
  expect(problems).toEqual([])
}
