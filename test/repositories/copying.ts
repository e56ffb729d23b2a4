// Copies between repositories in memory, with sensible defaults.

import { systemClock } from '../../src/base/clock.ts'
import type { CopyOptions, CopyProblem, CopyResult } from '../../src/engine/copy/options.ts'
import { copy } from '../../src/engine/copy.ts'
import { createRepository } from '../../src/repository/create.ts'
import { openRepository, type Repository, selectDomain } from '../../src/repository/repository.ts'
import { loadSnapshots } from '../../src/repository/snapshots.ts'
import { systemRandom } from '../../src/sealer/random.ts'
import { openMemory } from '../../src/store/memory.ts'
import { makeRepository, type TestRepository } from '../engine/fixture.ts'
import { NO_CATALOG } from './no-catalog.ts'
import { newSecret } from './sample.ts'

export interface CopyRun {
  readonly result: CopyResult
  readonly problems: readonly CopyProblem[]
  readonly warnings: readonly unknown[]
}

/** Copies all confirmed snapshots unless others are given; nobody waits. */
export async function runCopy(
  source: Repository,
  target: Repository,
  changes: Partial<CopyOptions> = {},
): Promise<CopyRun> {
  const problems: CopyProblem[] = []
  const warnings: unknown[] = []
  const result = await copy({
    source,
    target,
    domain: selectDomain(target),
    catalog: NO_CATALOG,
    snapshots: changes.snapshots ?? (await confirmedIn(source)),
    program: 'test',
    host: 'host',
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    random: systemRandom,
    signal: new AbortController().signal,
    dryRun: false,
    onProgress: () => undefined,
    onProblem: (problem) => problems.push(problem),
    onSnapshot: () => undefined,
    onWarning: (error) => warnings.push(error),
    ...changes,
  })
  return { result, problems, warnings }
}

export async function confirmedIn(repository: Repository): Promise<CopyOptions['snapshots']> {
  const { snapshots } = await loadSnapshots(repository)
  return snapshots.filter(({ confirmed }) => confirmed)
}

/** An empty repository that shares id and chunker key with another one. */
export async function makeLike({ repository }: TestRepository): Promise<TestRepository> {
  const store = openMemory({ clock: systemClock })
  const key = newSecret()
  const { idKey, chunkerKey } = selectDomain(repository)
  const { chunker } = repository.config
  const making = { ...key, random: systemRandom, clock: systemClock, chunker }
  await createRepository(store, { ...making, like: { idKey, chunkerKey } })
  return { store, key, repository: await openRepository(store, key) }
}

/** One that shares nothing with any other. */
export function makeOther(source: TestRepository): Promise<TestRepository> {
  return makeRepository({ chunker: source.repository.config.chunker })
}
