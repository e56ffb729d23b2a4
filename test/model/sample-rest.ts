// What must hold of a sampled run when everything has come to rest: no fault any more, all late requests and
// listings past, nobody at work.
//
// 1. Pruning again and again frees everything that nobody needs; no mark stays of which nothing is left.
// 2. `check` finds nothing but the objects that a fault cut off.
// 3. Every confirmed snapshot restores, and what was reported as saved has the texts that were saved.
// 4. A new backup succeeds, and restores.
//
// Of a copy the same, after it has been copied and pruned again and again, but for 4; and sync says in the end
// that nothing is held back, and every confirmed snapshot of the source is confirmed there.
//
// A snapshot or receipt that was cut off, or an unconfirmed snapshot whose packs are gone, freezes deletion by
// design: then 1 is not asked.

import { equalBytes, utf8 } from '../../src/base/bytes.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { BlobReader } from '../../src/engine/blob-reader.ts'
import { check } from '../../src/engine/check.ts'
import type { PrunePlan } from '../../src/engine/prune.ts'
import { SnapshotReaders } from '../../src/engine/snapshot-readers.ts'
import type { BlobId } from '../../src/format/ids.ts'
import { findMarks } from '../../src/repository/marks.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { loadSnapshots, type Snapshot } from '../../src/repository/snapshots.ts'
import type { ActorParts } from './actor.ts'
import { COPY, type Place, SOURCE } from './places.ts'
import { pruneOnce } from './sample-programs.ts'
import type { SampleStore } from './sample-store.ts'
import type { Watch } from './sample-watch.ts'
import { syncOnce } from './sync-actors.ts'
import { copyThrough, sourceThrough } from './views.ts'
import {
  backupTexts,
  closedRepositoryOf,
  HOUR_MS,
  repositoryOf,
  seeded,
  type World,
} from './world.ts'

export interface RestOptions {
  readonly world: World
  readonly store: SampleStore
  readonly graceMs: number
  readonly watch: Watch
}

interface PlacedOptions extends RestOptions {
  readonly place: Place
}

/**
 * Unconfirmed snapshots go first, then their packs; leases of the dead hold each up for 14 days. Moving may
 * leave what is then to be renewed, and what is renewed makes other copies needless: until nothing is left to do.
 */
const PRUNES_MIN = 5
const PRUNES_MAX = 20

/** Throws what is wrong. Returns what is left over that is known to stay. */
export async function expectAtRest(options: RestOptions): Promise<string[]> {
  const { world, store, watch } = options
  watch.expectKept()
  store.advanceTo(store.nowMs + 31 * 24 * HOUR_MS)
  const left = await expectPruned({ ...options, place: SOURCE }, () => Promise.resolve(true))
  const { domains } = repositoryOf(world, partsOf({ ...options, place: SOURCE }, 5))
  for (const number of domains.keys()) await expectNewBackup(number, options)
  return left
}

/** So often more a copy that is whole is pruned and synced, and has to stay so. */
const STAYS = 2

/**
 * The same of the copy, when the source has come to rest. From when on it is whole it stays so: what the source has a
 * prune of the copy leaves alone.
 */
export async function expectCopyAtRest(options: RestOptions): Promise<readonly string[]> {
  const { world, store, watch, graceMs } = options
  const parts = partsOf({ ...options, place: COPY }, 9)
  const [source, target] = [store.plain(), copyThrough(world, store.plain())]
  let told: readonly string[] = []
  const pruneAndSync = async () => {
    // Sync waits for what is marked at the copy.
    store.advanceTo(store.nowMs + graceMs + 1000)
    await pruneOnce(world, { parts, graceMs })
    watch.expectKept()
    told = await syncOnce({ source: sourceThrough(world, source), target, clock: parts.clock })
    if (told.length === 0) watch.expectCopied()
    return told.length === 0
  }
  const left = await expectPruned({ ...options, place: COPY }, pruneAndSync)
  let isWhole = told.length === 0
  for (let more = 0; more < STAYS && isWhole; more++) isWhole = await pruneAndSync()
  if (isWhole) return left
  if (left.length === 0 && store.torn().length === 0)
    throw new Error(`the copy does not come to be whole, or to stay so: ${told[0]}`)
  return [...left, 'not copied at rest']
}

/** Prunes until nothing is left to do and `act`, which comes before each time, is content. */
async function expectPruned(
  options: PlacedOptions,
  act: () => Promise<boolean>,
): Promise<string[]> {
  const { world, store, watch, graceMs } = options
  const parts = partsOf(options, 5)
  let isDone = false
  for (let run = 1; run <= PRUNES_MIN || (!isDone && run <= PRUNES_MAX); run++) {
    const hasActed = await act()
    const plan = await pruneOnce(world, { parts, graceMs })
    // Of a copy there may always be something to do.
    isDone = hasActed && (options.place === COPY || hasNothingToDo(plan))
    watch.expectKept()
    store.advanceTo(store.nowMs + graceMs + 15 * 24 * HOUR_MS)
  }
  const repository = repositoryOf(world, parts)
  const left = await expectFreed(repository, options)
  await expectChecked(options, left.length > 0)
  await expectRestored(repository, watch)
  return left
}

function hasNothingToDo({ domains }: PrunePlan): boolean {
  return domains.every(({ mark, sweep, renewal }) => {
    const planned = [mark.packs, mark.snapshots, sweep.marks, sweep.waiting, renewal.packs]
    return planned.every(({ length }) => length === 0)
  })
}

function partsOf(
  { world, store, place }: Omit<PlacedOptions, 'watch' | 'graceMs'>,
  seed: number,
): ActorParts {
  const clock: Clock = {
    nowMs: () => store.nowMs,
    monotonicMs: () => store.nowMs,
    sleep: (ms) => {
      store.advanceTo(store.nowMs + ms)
      return Promise.resolve()
    },
  }
  const seen = place === COPY ? copyThrough(world, store.plain()) : store.plain()
  return { store: seen, clock, random: seeded(seed) }
}

async function expectFreed(repository: Repository, options: PlacedOptions): Promise<string[]> {
  const { world, store, graceMs, place } = options
  const parts = partsOf(options, 7)
  const { domains } = await pruneOnce(world, { parts, graceMs }, { dryRun: true })
  const left: string[] = []
  for (const { obstacles, mark, liveness } of domains) {
    if (obstacles.length > 0) {
      const isTorn = obstacles.some(({ object }) => store.isTorn(`${place}${object}`))
      left.push(isTorn ? 'frozen at rest by what is cut off' : 'frozen at rest by a lost blob')
      continue
    }
    const dead = liveness.packs.filter(({ liveBytes }) => liveBytes === 0)
    // At a copy sync puts again what the source has too, and the next prune may not have been yet.
    if (dead.length > 0 && place === SOURCE)
      throw new Error(`${dead.length} dead packs are never freed`)
    if (mark.snapshots.length > 0) throw new Error('unconfirmed snapshots are never freed')
  }
  if (left.length > 0) return left
  for (const { name, packs, snapshots } of await findMarks(repository, repository.domains)) {
    const isNeeded = [...packs, ...snapshots].some(
      (one) => store.info(`${place}${one}`) !== undefined,
    )
    if (!isNeeded) throw new Error(`${name} stays, though nothing that it names is there`)
  }
  return left
}

/** What is needed of marked packs is moved by a sweep, which there is none of while deletion is frozen. */
async function expectChecked(options: PlacedOptions, isFrozen: boolean): Promise<void> {
  const { world, store, watch, place } = options
  const { problems } = await check({
    repository: closedRepositoryOf(world, partsOf(options, 8).store),
    mode: 'structure',
    workers: 1,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onProblem: () => undefined,
  })
  for (const problem of problems) {
    const { kind, object, what } = problem
    const name = `${place}${object}`
    const isMarked = isFrozen && object.startsWith('packs/') && store.info(name) !== undefined
    if (!isMarked && !store.isTorn(name) && !watch.explains(problem))
      throw new Error(`check finds ${kind} ${object}: ${what}`)
  }
}

async function expectRestored(repository: Repository, watch: Watch): Promise<void> {
  const { snapshots } = await loadSnapshots(repository, { onlyReading: true })
  const readers = new SnapshotReaders(repository)
  for (const snapshot of snapshots.filter(({ confirmed }) => confirmed)) {
    const texts = await textsOf(await readers.readerFor(snapshot), snapshot)
    const saved = watch.saved.get(snapshot.name)
    if (saved === undefined) continue
    const isSame = texts.every((text, i) => equalBytes(text, utf8(saved[i] ?? '')))
    if (!isSame || texts.length !== saved.length)
      throw new Error(`${snapshot.name} restores something else than was saved`)
  }
}

async function textsOf(reader: BlobReader, { summary }: Snapshot): Promise<readonly Uint8Array[]> {
  const node = await reader.readNode(summary.roots[0] as BlobId)
  const texts: Uint8Array[] = []
  for (const entry of 'entries' in node ? node.entries : [])
    for (const { id } of 'pieces' in entry ? (entry.pieces ?? []) : [])
      texts.push(await reader.read('data', id))
  return texts
}

async function expectNewBackup(
  domain: number,
  { world, store, watch }: RestOptions,
): Promise<void> {
  const texts = ['alpha', 'something new']
  const parts = partsOf({ world, store, place: SOURCE }, 6 + domain)
  const { snapshot } = await backupTexts(world, { parts, source: 'at rest', texts, domain })
  watch.own.onSaved(snapshot as string, texts)
  watch.expectReported()
}
