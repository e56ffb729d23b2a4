// What the actors of a sampled run do, over and over as cron would let them: back up texts that change, prune,
// forget. All of it is production code; what fails is noted, and the next turn comes.

import type { Bytes } from '../../src/base/bytes.ts'
import { assert } from '../../src/base/errors.ts'
import { forget } from '../../src/engine/forget.ts'
import { type PrunePlan, prune } from '../../src/engine/prune.ts'
import type { CatalogPlace } from '../../src/repository/catalog.ts'
import type { Repository } from '../../src/repository/repository.ts'
import { loadRoots, type RootSnapshot } from '../../src/repository/roots.ts'
import type { SnapshotList } from '../../src/repository/snapshots.ts'
import { putUpkeepRecord } from '../../src/repository/upkeep-records.ts'
import { digestInName } from '../../src/store/names.ts'
import type { ActorParts, Program } from './actor.ts'
import { addDomain, removeAll } from './beginnings.ts'
import { START_MS } from './configuration.ts'
import { syncOnce } from './sync-actors.ts'
import { copyThrough, sourceThrough } from './views.ts'
import {
  backupTexts,
  HOUR_MS,
  LIMITS,
  newWorld,
  repositoryOf,
  seeded,
  type World,
} from './world.ts'

/** Who is told what actors say of themselves. */
export interface Reports {
  /** A writer says that it has saved this. */
  readonly onSaved: (snapshot: string, texts: readonly string[]) => void
  /** Sync begins, and says in the end that nothing was held back. */
  readonly onSyncBegins: () => void
  readonly onCopied: () => void
  /** Somebody is about to remove a snapshot on purpose. */
  readonly onForget: (snapshot: string) => void
  /** The same, without a record from which it could be had back. */
  readonly onRemove: (snapshot: string) => void
  readonly onFailure: (error: unknown) => void
}

const QUIET = { host: 'host', dryRun: false, onPlan: nothing, onWarning: nothing } as const

/** Few, so that writers share most of what they store. */
const TEXTS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon']
const PAUSES_MS = [1000, HOUR_MS, 25 * HOUR_MS]
/** Before the first turn. */
const STARTS_MS = [0, 0, 1000, 25 * HOUR_MS]

export interface WriterOptions {
  readonly source: string
  /** Which domain of the world. */
  readonly domain: number
  readonly backups: number
}

export function writerOf(world: World, options: WriterOptions & Reports): Program {
  return (parts) =>
    inTurns(parts, options, {
      turns: options.backups,
      pausesMs: PAUSES_MS,
      act: async () => {
        const texts = textsOf(parts)
        const { source, domain } = options
        const { snapshot } = await backupTexts(world, { parts, source, texts, domain })
        options.onSaved(snapshot as string, texts)
      },
    })
}

/** Copies, and every other time deletions too. */
export function syncerOf(world: World, options: { readonly turns: number } & Reports): Program {
  return (parts) =>
    inTurns(parts, options, {
      turns: options.turns,
      pausesMs: PAUSES_MS,
      act: async () => {
        const [bits = 0] = parts.random(1)
        options.onSyncBegins()
        const told = await syncOnce({
          source: sourceThrough(world, parts.store),
          target: copyThrough(world, parts.store),
          clock: parts.clock,
          delete: bits % 2 === 1,
        })
        if (told.length === 0) options.onCopied()
      },
    })
}

export interface PrunerOptions {
  readonly runs: number
  readonly graceMs: number
}

export function prunerOf(world: World, options: PrunerOptions & Reports): Program {
  const { graceMs, runs } = options
  return (parts) =>
    inTurns(parts, options, {
      turns: runs,
      pausesMs: [60_000, graceMs + 1000, graceMs + 1000, 3 * graceMs],
      act: async () => {
        // What the origin had is advice: nothing may rest upon it.
        const [bits = 0] = parts.random(1)
        await pruneOnce(world, { parts, graceMs }, { alone: bits % 2 === 1 })
      },
    })
}

export async function pruneOnce(
  world: World,
  { parts, graceMs }: { readonly parts: ActorParts; readonly graceMs: number },
  { dryRun = false, alone = false }: { readonly dryRun?: boolean; readonly alone?: boolean } = {},
): Promise<PrunePlan> {
  const { plan } = await prune({
    ...parts,
    ...QUIET,
    repository: repositoryOf(world, parts),
    limits: { ...LIMITS, graceMs, alone },
    dryRun,
    signal: new AbortController().signal,
  })
  return plan
}

/** Removes one snapshot a turn, then its receipts: as forgetting does, with no window. */
export function removerOf(world: World, options: { readonly turns: number } & Reports): Program {
  return (parts) =>
    inTurns(parts, options, {
      turns: options.turns,
      pausesMs: PAUSES_MS,
      act: async () => {
        const { store, clock, random } = parts
        const repository = repositoryOf(world, parts)
        const { snapshots, receipts } = await loadRoots(repository, {
          nowMs: clock.nowMs(),
          windowMs: LIMITS.windowMs,
        })
        const chosen = oneOf(snapshots, random)
        if (chosen === undefined) return
        options.onRemove(chosen.name)
        // Without it prune takes the snapshot for lost, and deletes nothing any more.
        await recordForgotten(repository, { one: chosen, forgottenMs: clock.nowMs() })
        await store.remove(chosen.name)
        for (const { name, confirms } of receipts)
          if (confirms.endsWith(chosen.name)) await store.remove(name)
      },
    })
}

/** As when the window is over: the record has no longer got the snapshot, which is no root any more. */
async function recordForgotten(
  repository: Repository,
  { one, forgottenMs }: { readonly one: RootSnapshot; readonly forgottenMs: number },
): Promise<void> {
  const snapshot = digestInName(one.name)
  assert(snapshot, 'a snapshot is named by its hash')
  const { sourceId, sequence, predecessor } = one.summary
  const said = { snapshot, sourceId, sequence, isConfirmed: true, predecessor }
  const record = { snapshots: [{ ...said, object: undefined }], forgottenMs }
  await putUpkeepRecord(repository, { kind: 'forget', domain: one.domain, record })
}

/** Forgets one snapshot a turn, whichever it is. It stays a root for its window. */
export function forgetterOf(world: World, options: { readonly turns: number } & Reports): Program {
  return (parts) => {
    const catalog = newCatalog()
    return inTurns(parts, options, {
      turns: options.turns,
      pausesMs: PAUSES_MS,
      act: async () => {
        const select = ({ snapshots }: SnapshotList) => {
          // One that nobody confirmed may never have been whole: then it cannot be had back either.
          const confirmed = snapshots.filter((one) => one.confirmed)
          const chosen = oneOf(confirmed, parts.random)
          if (chosen === undefined) return []
          options.onForget(chosen.name)
          return [chosen]
        }
        await forget({
          ...parts,
          ...QUIET,
          repository: repositoryOf(world, parts),
          forgetting: { kind: 'ids', select, minimum: 0 },
          catalog,
          onProblem: nothing,
          onForgotten: nothing,
        })
      },
    })
  }
}

/** What one machine knows, for as long as the process lives. */
function newCatalog(): CatalogPlace {
  const known = new Map<string, Bytes>()
  return {
    read: ({ hex }) => known.get(hex),
    write: ({ hex }, sealed) => void known.set(hex, sealed),
  }
}

interface Turns {
  readonly turns: number
  readonly pausesMs: readonly number[]
  readonly act: () => Promise<void>
}

async function inTurns(
  { clock, random }: ActorParts,
  { onFailure }: Reports,
  { turns, pausesMs, act }: Turns,
): Promise<undefined> {
  for (let turn = 1; turn <= turns; turn++) {
    await clock.sleep(oneOf(turn === 1 ? STARTS_MS : pausesMs, random) as number)
    await act().catch(onFailure)
  }
  return undefined
}

function textsOf({ random }: ActorParts): readonly string[] {
  const [bits = 0] = random(1)
  const texts = TEXTS.filter((_, i) => (bits >> i) % 2 === 1)
  return texts.length === 0 ? TEXTS : texts
}

function oneOf<T>(items: readonly T[], random: ActorParts['random']): T | undefined {
  return items[Math.floor((items.length * (random(1)[0] as number)) / 256)]
}

function nothing(): void {
  // Nobody watches.
}

/** A repository with dead packs of every text, in one or two domains. Always the same. */
export async function sampleWorld(domains: 1 | 2): Promise<World> {
  const world = await newWorld(START_MS - 60 * 24 * HOUR_MS)
  if (domains === 2) await addDomain(world)
  for (let domain = 0; domain < domains; domain++) {
    for (const [i, texts] of [TEXTS.slice(0, 3), TEXTS.slice(2)].entries()) {
      const parts = { store: world.store, clock: world.clock, random: seeded(30 + 2 * domain + i) }
      await backupTexts(world, { parts, source: 'before', texts, domain })
    }
  }
  await removeAll(world.store, ['snapshots/', 'receipts/', 'leases/'])
  await syncOnce({ source: world.store, target: world.copy, clock: world.clock })
  return world
}
