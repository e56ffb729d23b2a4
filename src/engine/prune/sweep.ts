// Sweeping marks that are ripe (design, section 5, steps 13 to 16), in one domain. What is needed of marked
// packs is moved first; where it cannot be moved its pack stays, and its mark. Killed at any point, the next
// sweep of the same mark goes on: everything here may be done again.

import type { Bytes } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { CairnError, isCairnError } from '../../base/errors.ts'
import type { FoundMark } from '../../repository/marks.ts'
import { forEachInParallel } from '../../repository/object-problem.ts'
import { isOtherAtUpkeep } from '../../repository/sessions.ts'
import type { Random } from '../../sealer/random.ts'
import type { Store } from '../../store/store.ts'
import { FrameMover } from './move-frames.ts'
import type { DomainPlan, Obstacle } from './plan.ts'
import { rewriteIndex } from './rewrite-index.ts'
import { listingLagMs } from './timing.ts'
import { whyNot } from './why-not.ts'

export interface SweepOptions {
  readonly clock: Clock
  readonly random: Random
  readonly moveBytesMax: number
  readonly signal: AbortSignal
  /** Of our own lease; undefined where there was no room for one. */
  readonly sessionId: Bytes | undefined
}

export interface SweepResult {
  readonly removedPacks: number
  readonly removedBytes: number
  readonly movedBytes: number
  readonly removedSnapshots: number
  readonly removedMarks: number
  /** Marks that are swept and stay for now, because somebody else may be sweeping them. */
  readonly keptMarks: number
  /** Packs that stay, and why. */
  readonly obstacles: readonly Obstacle[]
}

export async function sweep(plan: DomainPlan, options: SweepOptions): Promise<SweepResult> {
  const { survey, sweep: planned } = plan
  if (planned.marks.length + planned.snapshots.length === 0) return NOTHING_SWEPT
  const remove = removerOf(plan, options)
  const snapshots = await remove(planned.snapshots)
  const needed = new Set(planned.move.map(({ pack }) => pack))
  // What nobody needs goes first: on a full store it makes the room that moving takes.
  const unneeded = await remove(planned.packs.filter((pack) => !needed.has(pack)))
  const { moved, movedBytes, obstacles } = await moveWhatIsNeeded(plan, options)
  const gone = new Set([...unneeded, ...(await remove(moved))])
  const isSettled = await settleIndex(plan, { gone, options })
  const removed = new Set([...gone, ...snapshots])
  return {
    removedPacks: gone.size,
    removedBytes: [...gone].reduce((sum, name) => sum + (survey.packs.get(name)?.size ?? 0), 0),
    movedBytes,
    removedSnapshots: snapshots.length,
    ...(isSettled ? await removeMarks(plan, { gone: removed, options }) : NO_MARKS),
    obstacles,
  }
}

const NO_MARKS = { removedMarks: 0, keptMarks: 0 }

const NOTHING_SWEPT: SweepResult = {
  removedPacks: 0,
  removedBytes: 0,
  movedBytes: 0,
  removedSnapshots: 0,
  ...NO_MARKS,
  obstacles: [],
}

/** Objects that go at a time. */
const PARALLEL = 8

/**
 * Removes what ripe marks name, and returns what went. Before each it is seen that such a mark is still there, and not
 * put anew: where others have swept it and removed it, because nobody honours our lease any more or none was put, sync
 * may have put the same names again in a copy, and snapshots there need them.
 */
function removerOf(
  { survey: { repository }, sweep: { marks } }: DomainPlan,
  options: SweepOptions,
): (names: readonly string[]) => Promise<readonly string[]> {
  const { store } = repository
  const marksOf = new Map<string, FoundMark[]>()
  for (const mark of marks)
    for (const name of [...mark.packs, ...mark.snapshots])
      marksOf.set(name, [...(marksOf.get(name) ?? []), mark])
  return async (names) => {
    const removed: string[] = []
    await forEachInParallel(names, PARALLEL, async (name) => {
      expectGoingOn(options)
      if (!(await isAnyThere(store, marksOf.get(name) ?? []))) return
      await store.remove(name)
      removed.push(name)
    })
    return removed
  }
}

/** As they were listed: stamps may be in whole seconds in the one place and not in the other. */
async function isAnyThere(store: Store, marks: readonly FoundMark[]): Promise<boolean> {
  for (const { name, storedAtMs } of marks) {
    const info = await store.stat(name)
    if (info !== undefined && info.storedAtMs < storedAtMs + 1000) return true
  }
  return false
}

function expectGoingOn({ signal }: SweepOptions): void {
  if (signal.aborted) throw new CairnError('interrupted', 'Interrupted')
}

interface Moved {
  /** Packs whose needed frames are all in other packs now. */
  readonly moved: readonly string[]
  readonly movedBytes: number
  readonly obstacles: readonly Obstacle[]
}

/** Where the store is full nothing more is moved, and no pack goes that something is needed of. */
async function moveWhatIsNeeded(plan: DomainPlan, options: SweepOptions): Promise<Moved> {
  const { survey, liveness, sweep: planned } = plan
  const packs = packsToMove(plan, options.moveBytesMax)
  const mover = new FrameMover({
    repository: survey.repository,
    survey,
    random: options.random,
    receivedMs: (place) => liveness.receivedMs(place),
    bytes: planned.moveBytes,
  })
  const moved: string[] = []
  const obstacles: Obstacle[] = []
  try {
    for (const { pack, frames } of packs) {
      expectGoingOn(options)
      const why = await whyNot(() => mover.take(pack, frames))
      if (why === undefined) moved.push(pack)
      else obstacles.push({ object: pack, why })
    }
    await mover.flush()
  } catch (error) {
    if (!isCairnError(error, 'no-space')) throw error
    return { moved: [], movedBytes: 0, obstacles: [{ object: 'packs/', why: error.message }] }
  }
  const isMoved = new Set(moved)
  const bytes = packs.filter(({ pack }) => isMoved.has(pack)).map((one) => one.bytes)
  return { moved, movedBytes: bytes.reduce((sum, one) => sum + one, 0), obstacles }
}

interface PackToMove {
  readonly pack: string
  readonly frames: readonly number[]
  readonly bytes: number
}

/** As many as one run may move, one at the least; the others wait for the next run. */
function packsToMove(
  { survey: { headers }, sweep: { move } }: DomainPlan,
  moveBytesMax: number,
): readonly PackToMove[] {
  const byPack = Map.groupBy(move, ({ pack }) => pack)
  const packs = [...byPack].map(([pack, places]) => {
    const all = headers.get(pack)?.header.frames
    const bytes = places.reduce((sum, { frame }) => sum + (all?.[frame]?.storedBytes ?? 0), 0)
    return { pack, frames: places.map(({ frame }) => frame), bytes }
  })
  let bytes = 0
  return packs.filter((pack, i) => {
    if (i > 0 && bytes + pack.bytes > moveBytesMax) return false
    bytes += pack.bytes
    return true
  })
}

/**
 * The index without what is gone; false where there was no room for it, so that the marks stay and the next
 * run does it: until then what the index says of packs that are not there counts for nothing.
 */
async function settleIndex(
  { survey, liveness }: DomainPlan,
  { gone, options }: { readonly gone: ReadonlySet<string>; readonly options: SweepOptions },
): Promise<boolean> {
  const { store } = survey.repository
  const live = liveness.packs.filter(({ isMarked, liveBytes }) => !isMarked && liveBytes > 0)
  const needed = new Set(live.map(({ name }) => name))
  try {
    const replaced = await rewriteIndex(survey, { gone, needed })
    const lagMs = listingLagMs(store.capabilities)
    if (lagMs > 0) await options.clock.sleep(lagMs)
    for (const segment of replaced) await store.remove(segment)
    return true
  } catch (error) {
    if (isCairnError(error, 'no-space')) return false
    throw error
  }
}

/**
 * Marks of which nothing is listed any more. One that spared a snapshot stays; and all do while somebody else may be
 * sweeping them, suspended perhaps: sync puts packs again under their names, when no mark names them any more, and
 * would lose them to that one. The next run removes them.
 */
async function removeMarks(
  { survey, sweep: { marks } }: DomainPlan,
  {
    gone,
    options: { sessionId: own },
  }: { readonly gone: ReadonlySet<string>; readonly options: SweepOptions },
): Promise<Pick<SweepResult, 'removedMarks' | 'keptMarks'>> {
  const { repository, nowMs } = survey
  const { store } = repository
  const listed = new Set<string>()
  if (!store.capabilities.strongListing) {
    for (const folder of ['packs/', 'snapshots/'])
      for await (const { name } of store.list(folder)) listed.add(name)
  } else {
    for (const name of survey.packs.keys()) if (!gone.has(name)) listed.add(name)
    for (const { name } of survey.roots.snapshots) if (!gone.has(name)) listed.add(name)
  }
  const swept = marks.filter(
    ({ packs, snapshots }) => ![...packs, ...snapshots].some((object) => listed.has(object)),
  )
  if (await isOtherAtUpkeep(repository, { own, nowMs }))
    return { removedMarks: 0, keptMarks: swept.length }
  for (const { name } of swept) await store.remove(name)
  return { removedMarks: swept.length, keptMarks: 0 }
}
