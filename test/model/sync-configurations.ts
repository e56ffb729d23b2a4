// The configurations with a copy: sync, and who prunes, writes and forgets at either end.

import { markAll, packsIn, removeAll, saved } from './beginnings.ts'
import { type Configuration, DAY_MS, LAG_MS, NEVER_PUT } from './configuration.ts'
import { COPY, inBoth } from './places.ts'
import { atCopy, syncer, syncOnce, withoutOrigins } from './sync-actors.ts'
import { forgetter, HOUR_MS, pruner, type World, writer } from './world.ts'

const inCopy = (folders: readonly string[]) => folders.map((folder) => `${COPY}${folder}`)
const copies = (world: World) => syncer(world, { isSourceAtRest: true })
const prunesCopy = (world: World, runs: number) =>
  pruner(world, { runs }).map((run) => atCopy(world, run))

export const SYNC_CONFIGURATIONS: Readonly<Record<string, Configuration>> = {
  'sync-to-dead-packs': {
    what: 'sync relies on dead packs of the copy, and a pruner of it marks, waits and sweeps',
    prepare: withDeadCopy,
    others: (world) => [copies(world), prunesCopy(world, 2)],
    jumpsMs: [25 * HOUR_MS, 25 * HOUR_MS],
    emptyFolders: inCopy(NEVER_PUT),
  },
  'sync-to-dead-packs-under-lag': {
    what: 'the same, while listings lag behind',
    prepare: withDeadCopy,
    others: (world) => [copies(world), prunesCopy(world, 2)],
    jumpsMs: [25 * HOUR_MS],
    lagMs: LAG_MS,
    emptyFolders: inCopy(NEVER_PUT),
  },
  'sync-for-weeks': {
    what: 'sync is suspended for weeks, and a pruner of the copy takes what it has put for dead',
    prepare: withEmptyCopy,
    others: (world) => [copies(world), prunesCopy(world, 2)],
    jumpsMs: [15 * DAY_MS, 25 * HOUR_MS],
    emptyFolders: inCopy(NEVER_PUT),
  },
  'sync-to-marked-packs': {
    what: 'dead packs of the copy have a ripe mark, a pruner of it sweeps, and marks again',
    prepare: withMarkedCopy,
    others: (world) => [copies(world), prunesCopy(world, 2)],
    jumpsMs: [25 * HOUR_MS],
    emptyFolders: inCopy(NEVER_PUT),
  },
  'sync-and-two-sweepers': {
    what: 'dead packs of the copy have a ripe mark, and two pruners of it sweep',
    prepare: withMarkedCopy,
    others: (world) => [copies(world), prunesCopy(world, 1), prunesCopy(world, 1)],
    jumpsMs: [],
    hasLeases: true,
    emptyFolders: inCopy(NEVER_PUT),
  },
  'sync-from-moving-frames': {
    what: 'a pruner of the source moves what is needed of marked packs and deletes them, while sync copies',
    prepare: markedAtSource,
    others: (world) => [syncer(world), pruner(world, { runs: 1 })],
    jumpsMs: [],
    emptyFolders: inBoth(NEVER_PUT),
  },
  'sync-from-duplicates': {
    what: 'a pruner of the source marks and sweeps what is there twice, while sync copies',
    prepare: savedTwice,
    others: (world) => [syncer(world), pruner(world, { runs: 2 })],
    jumpsMs: [25 * HOUR_MS],
    emptyFolders: inBoth(NEVER_PUT),
  },
  'sync-to-shared-mark': {
    what: 'source and copy have the same ripe mark, a snapshot that needs what it names is copied, a pruner of the copy sweeps',
    prepare: markedInBoth,
    others: (world) => [copies(world), prunesCopy(world, 2)],
    jumpsMs: [25 * HOUR_MS],
    emptyFolders: inCopy(NEVER_PUT),
  },
  'sync-of-a-mark': {
    what: 'sync copies a mark of the source, and is suspended; a pruner of the copy sweeps that mark',
    prepare: markedBehind,
    others: (world) => [copies(world), prunesCopy(world, 2)],
    jumpsMs: [25 * HOUR_MS, 25 * HOUR_MS],
    emptyFolders: inCopy(NEVER_PUT),
  },
  'sync-writer-forgetter': {
    what: 'a writer and a forgetter are at work at the source, while sync copies deletions too',
    prepare: copied,
    writers: (world) => [writer(world, { source: 'other', texts: ['alpha', 'gamma'] })],
    others: (world) => [syncer(world, { delete: true }), forgetter(world)],
    jumpsMs: [],
    isGlued: true,
    emptyFolders: inBoth(['losses/', 'holds/', 'renewals/', 'marks/']),
  },
  'sync-deletions-and-pruner': {
    what: 'a snapshot is forgotten at the source, sync copies that, and a pruner of the copy marks, waits and sweeps',
    prepare: copied,
    others: (world) => [syncer(world, { delete: true }), forgetter(world), prunesCopy(world, 2)],
    jumpsMs: [25 * HOUR_MS],
    isGlued: true,
    emptyFolders: inBoth(['losses/', 'holds/', 'renewals/', 'marks/']).filter(
      (f) => f !== 'copy/marks/',
    ),
  },
  'two-syncs': {
    what: 'sync was suspended before its first put; another one copies, a pruner of the copy marks and sweeps',
    prepare: withHalfACopy,
    others: (world) => [copies(world), copies(world), prunesCopy(world, 2)],
    jumpsMs: [25 * HOUR_MS],
    before: [{ actor: 0, to: 'change' }],
    mayPutAgain: true,
    isLong: true,
    isGlued: true,
    emptyFolders: inCopy(NEVER_PUT),
  },
}

async function withEmptyCopy(world: World): Promise<void> {
  await copied(world)
  await removeAll(world.copy, ['packs/', 'index/', 'snapshots/', 'receipts/'])
}

async function withHalfACopy(world: World): Promise<void> {
  await withDeadCopy(world)
  const [, trees = ''] = await packsIn(world.copy)
  await world.copy.remove(trees)
}

/** As when a sync was cut off before the snapshots, long ago. */
async function withDeadCopy(world: World): Promise<void> {
  await copied(world)
  await removeAll(world.copy, ['snapshots/', 'receipts/'])
}

async function withMarkedCopy(world: World): Promise<void> {
  await withDeadCopy(world)
  await world.clock.advance(DAY_MS * 60 - 25 * HOUR_MS)
  await markAll(world, await packsIn(world.copy), world.copy)
}

async function markedAtSource(world: World): Promise<void> {
  await saved(world)
  await world.clock.advance(DAY_MS * 60 - 25 * HOUR_MS)
  await markAll(world, await packsIn(world.store))
}

/** The copy has not got the snapshot yet. */
async function markedInBoth(world: World): Promise<void> {
  await markedAtSource(world)
  await syncOnce({ source: world.store, target: withoutOrigins(world.copy), clock: world.clock })
  await removeAll(world.copy, ['snapshots/', 'receipts/'])
}

/** The copy has neither the mark nor the snapshot yet. */
async function markedBehind(world: World): Promise<void> {
  await withDeadCopy(world)
  await world.clock.advance(DAY_MS * 60 - 25 * HOUR_MS)
  await markAll(world, await packsIn(world.store))
}

async function savedTwice(world: World): Promise<void> {
  await saved(world)
  await removeAll(world.store, ['snapshots/', 'receipts/', 'index/'])
  await world.clock.advance(DAY_MS)
  await saved(world, 2)
}

async function copied(world: World): Promise<void> {
  await saved(world)
  await syncOnce({ source: world.store, target: withoutOrigins(world.copy), clock: world.clock })
}
