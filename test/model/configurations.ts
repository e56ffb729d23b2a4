// The small configurations that are gone through exhaustively: who is at work in which repository, and how time
// may jump. Each is as small as it can be for what it is about.

import {
  addDomain,
  forgeDuplicates,
  markAll,
  packsIn,
  removeAll,
  saved,
  TEXTS,
} from './beginnings.ts'
import { type Configuration, DAY_MS, LAG_MS, NEVER_PUT } from './configuration.ts'
import type { Before } from './explore.ts'
import { SYNC_CONFIGURATIONS } from './sync-configurations.ts'
import {
  backupTexts,
  forgetter,
  HOUR_MS,
  LIMITS,
  pruner,
  remover,
  seeded,
  undeleter,
  type World,
  writer,
} from './world.ts'

const again = (world: World) => [writer(world, { source: 'source', texts: TEXTS })]
const prunes = (count: number) => (world: World) =>
  Array.from({ length: count }, () => pruner(world, { runs: 1 }))
const twoWriters = (world: World) => [
  writer(world, { source: 'source', texts: TEXTS }),
  writer(world, { source: 'other', texts: TEXTS }),
]
const prunerAndForgetter = (world: World) => [
  pruner(world, { runs: 2, limits: { ...LIMITS, windowMs: 0 } }),
  forgetter(world),
]
const PROTOCOL: readonly Before[] = [
  { actor: 0, to: 'marks' },
  { actor: 1, to: 'marks' },
  { actor: 3, to: 'change' },
]
const SURVEYED: readonly Before[] = [1, 2].map((actor) => ({ actor, to: 'change' }))
const EARLY: readonly Before[] = [0, 1, 3].map((actor) => ({ actor, to: 'change' }))
const prunesTwice = (world: World) => [pruner(world, { runs: 2 })]

export const CONFIGURATIONS: Readonly<Record<string, Configuration>> = {
  'writer-and-pruner': {
    what: 'a writer relies on dead packs, a pruner marks, waits and sweeps',
    prepare: dead,
    writers: again,
    others: prunesTwice,
    jumpsMs: [25 * HOUR_MS, 25 * HOUR_MS],
    emptyFolders: NEVER_PUT,
  },
  'writer-and-two-pruners': {
    what: 'a writer relies on dead packs, two pruners mark and sweep, anyone may be suspended twice',
    prepare: dead,
    writers: again,
    others: prunes(2),
    jumpsMs: [25 * HOUR_MS, 25 * HOUR_MS],
    emptyFolders: NEVER_PUT,
  },
  'writer-and-pruner-under-lag': {
    what: 'a writer and a pruner that marks, waits and sweeps, while listings lag behind',
    prepare: dead,
    writers: again,
    others: prunesTwice,
    jumpsMs: [25 * HOUR_MS],
    lagMs: LAG_MS,
    emptyFolders: NEVER_PUT,
  },
  'writer-and-two-pruners-under-lag': {
    what: 'a writer and two pruners at the same time, while listings lag behind',
    prepare: dead,
    writers: again,
    others: prunes(2),
    jumpsMs: [],
    lagMs: LAG_MS,
    emptyFolders: NEVER_PUT,
  },
  'ripe-mark': {
    what: 'dead packs have a ripe mark, a writer needs what is in them',
    prepare: deadAndMarked,
    writers: again,
    others: prunes(1),
    jumpsMs: [25 * HOUR_MS],
    emptyFolders: NEVER_PUT,
  },
  'marked-and-needed': {
    what: 'a mark names packs that a snapshot needs; the snapshot goes, and somebody writes the same again',
    prepare: savedAndMarked,
    writers: again,
    others: (world) => [...prunes(1)(world), remover(world)],
    jumpsMs: [],
    emptyFolders: NEVER_PUT,
  },
  'marked-and-two-sweepers': {
    what: 'the same, and two pruners were suspended before their first change',
    prepare: savedAndMarked,
    writers: again,
    others: (world) => [...prunes(2)(world), remover(world)],
    jumpsMs: [],
    before: SURVEYED,
    isGlued: true,
    isLong: true,
    emptyFolders: NEVER_PUT,
  },
  'marked-and-needed-no-more': {
    what: 'the same, and a pruner was suspended before its first change when the snapshot went',
    prepare: savedAndMarked,
    writers: again,
    others: (world) => [...prunes(2)(world), remover(world)],
    jumpsMs: [],
    before: [
      { actor: 1, to: 'change' },
      { actor: 3, to: 'end' },
    ],
    isGlued: true,
    emptyFolders: NEVER_PUT,
  },
  'writers-pruner-forgetter': {
    what: 'two writers rely on a snapshot that is forgotten, and a pruner marks and sweeps',
    prepare: (world) => saved(world),
    writers: twoWriters,
    others: prunerAndForgetter,
    windowMs: 0,
    jumpsMs: [25 * HOUR_MS],
    isTimeWaitedFor: true,
    before: PROTOCOL,
    isGlued: true,
    isLong: true,
    emptyFolders: ['losses/', 'holds/', 'renewals/'],
  },
  'writers-marker-forgetter': {
    what: 'two writers and a forgetter were suspended before their first change; a pruner marks',
    prepare: (world) => saved(world),
    writers: twoWriters,
    others: prunerAndForgetter,
    windowMs: 0,
    jumpsMs: [],
    before: EARLY,
    isGlued: true,
    emptyFolders: ['losses/', 'holds/', 'renewals/'],
  },
  'writers-sweeper-forgotten': {
    what: 'two writers were suspended before their first change; what they rely on was forgotten and marked',
    prepare: (world) => saved(world),
    writers: twoWriters,
    others: prunerAndForgetter,
    windowMs: 0,
    jumpsMs: [25 * HOUR_MS],
    before: [...EARLY, { actor: 3, to: 'end' }, { actor: 2, to: 'sleep' }, 'time'],
    isGlued: true,
    emptyFolders: ['losses/', 'holds/', 'renewals/'],
  },
  'undelete-and-pruner': {
    what: 'a snapshot is forgotten and brought back at the end of its window, while a pruner marks and sweeps',
    prepare: forgotten,
    others: (world) => [pruner(world, { runs: 2 }), undeleter(world)],
    jumpsMs: [2 * HOUR_MS, 25 * HOUR_MS],
    isGlued: true,
    emptyFolders: ['losses/', 'holds/', 'renewals/'],
  },
  'undelete-twice': {
    what: 'two bring back one snapshot at the same time, while a pruner marks',
    prepare: forgotten,
    others: (world) => [pruner(world, { runs: 1 }), undeleter(world), undeleter(world)],
    jumpsMs: [25 * HOUR_MS],
    isGlued: true,
    emptyFolders: ['losses/', 'holds/', 'renewals/'],
  },
  'suspended-forgetter': {
    what: 'who forgets is suspended for longer than the window, and a pruner marks and sweeps',
    prepare: (world) => saved(world),
    others: (world) => [pruner(world, { runs: 2 }), forgetter(world)],
    jumpsMs: [8 * DAY_MS, 25 * HOUR_MS],
    emptyFolders: ['losses/', 'holds/', 'renewals/'],
  },
  'two-forgetters': {
    what: 'two forget by ids: each leaves one snapshot of a source, both together none',
    prepare: savedTwice,
    others: (world) => [0, 1].map((only) => forgetter(world, { only, minimum: 1 })),
    jumpsMs: [2 * HOUR_MS],
    snapshotsMin: 1,
    emptyFolders: ['losses/', 'holds/', 'renewals/'],
  },
  'forgetter-under-lag': {
    what: 'what a ripe mark names is needed by a snapshot that is forgotten, while listings lag behind',
    prepare: savedAndMarked,
    others: (world) => [pruner(world, { runs: 1 }), forgetter(world)],
    jumpsMs: [],
    lagMs: LAG_MS,
    emptyFolders: ['losses/', 'holds/', 'renewals/'],
  },
  'two-marks': {
    what: 'what a snapshot needs is in two packs, and each is in a mark of its own',
    prepare: savedTwiceAndMarked,
    others: prunes(2),
    jumpsMs: [25 * HOUR_MS],
    emptyFolders: NEVER_PUT,
  },
  'late-receipt': {
    what: 'a writer is suspended for a month between snapshot and receipt',
    prepare: () => Promise.resolve(),
    writers: again,
    others: prunesTwice,
    jumpsMs: [31 * DAY_MS, 25 * HOUR_MS],
    emptyFolders: NEVER_PUT,
  },
  'other-domain': {
    what: 'packs of another domain claim to have what a snapshot needs',
    prepare: claimedByAnother,
    others: prunesTwice,
    jumpsMs: [25 * HOUR_MS],
    emptyFolders: NEVER_PUT,
  },
  'tree-gone': {
    what: 'the trees of a snapshot cannot be found',
    prepare: withoutTrees,
    others: prunesTwice,
    jumpsMs: [25 * HOUR_MS],
    emptyFolders: NEVER_PUT,
    isFrozen: true,
  },
  ...SYNC_CONFIGURATIONS,
}

/** A snapshot that is gone without a trace: its packs are dead. */
async function dead(world: World): Promise<void> {
  await saved(world)
  await removeAll(world.store, ['snapshots/', 'receipts/'])
}

/** An hour before the window ends. */
async function forgotten(world: World): Promise<void> {
  await saved(world)
  await world.clock.advance(60 * DAY_MS - 7 * DAY_MS + HOUR_MS)
  await forgetter(world)({ store: world.store, clock: world.clock, random: seeded(3) })
}

async function deadAndMarked(world: World): Promise<void> {
  await dead(world)
  await world.clock.advance(DAY_MS * 60 - 25 * HOUR_MS)
  await markAll(world, await packsIn(world.store))
}

/** As when the snapshot was put just before its packs were marked. */
async function savedAndMarked(world: World): Promise<void> {
  await saved(world)
  await world.clock.advance(DAY_MS * 60 - 25 * HOUR_MS)
  await markAll(world, await packsIn(world.store))
}

async function savedTwice(world: World): Promise<void> {
  await saved(world)
  await world.clock.advance(DAY_MS)
  await saved(world, 2)
}

async function savedTwiceAndMarked(world: World): Promise<void> {
  await saved(world)
  const first = await packsIn(world.store)
  await removeAll(world.store, ['snapshots/', 'receipts/', 'index/'])
  await saved(world, 2)
  const second = (await packsIn(world.store)).filter((name) => !first.includes(name))
  await world.clock.advance(DAY_MS * 60 - 25 * HOUR_MS)
  await markAll(world, first)
  await world.clock.advance(24 * HOUR_MS)
  await markAll(world, second)
}

async function claimedByAnother(world: World): Promise<void> {
  await addDomain(world)
  const own = { store: world.store, clock: world.clock, random: seeded(1) }
  // What another domain claims is there first.
  await forgeDuplicates(world, async () => {
    await world.clock.advance(DAY_MS)
    await backupTexts(world, { parts: own, source: 'source', texts: TEXTS })
  })
}

async function withoutTrees(world: World): Promise<void> {
  await saved(world)
  const [, trees] = await packsIn(world.store)
  await world.store.remove(trees as string)
}
