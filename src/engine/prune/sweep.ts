// Sweeping marks that are ripe (design, section 5, steps 13 to 16), in one domain. What is needed of marked
// packs is moved first; where it cannot be moved its pack stays, and its mark. Killed at any point, the next
// sweep of the same mark goes on: everything here may be done again.

import type { Clock } from '../../base/clock.ts'
import { isCairnError } from '../../base/errors.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'
import type { Random } from '../../sealer/random.ts'
import { FrameMover } from './move-frames.ts'
import type { DomainPlan, Obstacle } from './plan.ts'
import { rewriteIndex } from './rewrite-index.ts'
import type { DomainSurvey } from './survey.ts'
import { listingLagMs } from './timing.ts'

export interface SweepOptions {
  readonly clock: Clock
  readonly random: Random
  readonly moveBytesMax: number
  readonly signal: AbortSignal
}

export interface SweepResult {
  readonly removedPacks: number
  readonly removedBytes: number
  readonly movedBytes: number
  readonly removedSnapshots: number
  readonly removedMarks: number
  /** Packs that stay, and why. */
  readonly obstacles: readonly Obstacle[]
}

export async function sweep(plan: DomainPlan, options: SweepOptions): Promise<SweepResult> {
  const { survey, sweep: planned } = plan
  const { store } = survey.repository
  if (planned.marks.length === 0) return NOTHING_SWEPT
  const { moved, movedBytes, obstacles } = await moveWhatIsNeeded(plan, options)
  for (const snapshot of planned.snapshots) await store.remove(snapshot)
  const stays = new Set(obstacles.map(({ object }) => object))
  const needed = new Set(planned.move.map(({ pack }) => pack))
  const gone = planned.packs.filter(
    (pack) => !stays.has(pack) && (!needed.has(pack) || moved.has(pack)),
  )
  for (const pack of gone) await store.remove(pack)
  await settleIndex(survey, { gone: new Set(gone), options })
  const removedMarks = await removeMarks(plan, { gone: new Set([...gone, ...planned.snapshots]) })
  return {
    removedPacks: gone.length,
    removedBytes: gone.reduce((sum, name) => sum + (survey.packs.get(name)?.size ?? 0), 0),
    movedBytes,
    removedSnapshots: planned.snapshots.length,
    removedMarks,
    obstacles,
  }
}

const NOTHING_SWEPT: SweepResult = {
  removedPacks: 0,
  removedBytes: 0,
  movedBytes: 0,
  removedSnapshots: 0,
  removedMarks: 0,
  obstacles: [],
}

interface Moved {
  /** Packs whose needed frames are all in other packs now. */
  readonly moved: ReadonlySet<string>
  readonly movedBytes: number
  readonly obstacles: readonly Obstacle[]
}

/** Where the store is full nothing more is moved, and no pack goes that something is needed of. */
async function moveWhatIsNeeded(
  { survey, liveness, sweep: { move } }: DomainPlan,
  { random, moveBytesMax }: SweepOptions,
): Promise<Moved> {
  const byPack = new Map<string, number[]>()
  for (const { pack, frame } of move) byPack.set(pack, [...(byPack.get(pack) ?? []), frame])
  const taken = new Set<string>()
  const obstacles: Obstacle[] = []
  const bytesOf = (pack: string, frames: readonly number[]) =>
    frames.reduce((sum, frame) => sum + liveness.storedBytes({ pack, frame }), 0)
  const bytes = [...byPack].reduce((sum, [pack, frames]) => sum + bytesOf(pack, frames), 0)
  const mover = new FrameMover({
    repository: survey.repository,
    survey,
    random,
    receivedMs: (place) => liveness.receivedMs(place),
    bytes,
  })
  let movedBytes = 0
  try {
    for (const [pack, frames] of byPack) {
      if (movedBytes + bytesOf(pack, frames) > moveBytesMax && movedBytes > 0) continue
      try {
        await mover.take(pack, frames)
        taken.add(pack)
        movedBytes += bytesOf(pack, frames)
      } catch (error) {
        if (!isCairnError(error, ...UNREADABLE, ...WITHHELD, 'object-missing')) throw error
        obstacles.push({ object: pack, why: error.message })
      }
    }
    await mover.flush()
  } catch (error) {
    if (!isCairnError(error, 'no-space')) throw error
    return {
      moved: new Set(),
      movedBytes: 0,
      obstacles: [{ object: 'packs/', why: error.message }],
    }
  }
  return { moved: taken, movedBytes, obstacles }
}

async function settleIndex(
  survey: DomainSurvey,
  {
    gone,
    options: { clock },
  }: { readonly gone: ReadonlySet<string>; readonly options: SweepOptions },
): Promise<void> {
  const { store } = survey.repository
  const replaced = await rewriteIndex(survey, { gone })
  const lagMs = listingLagMs(store.capabilities)
  if (lagMs > 0) await clock.sleep(lagMs)
  for (const segment of replaced) await store.remove(segment)
}

/** Marks of which nothing is listed any more. One that spared a snapshot stays. */
async function removeMarks(
  { survey, sweep: { marks } }: DomainPlan,
  { gone }: { readonly gone: ReadonlySet<string> },
): Promise<number> {
  const { store } = survey.repository
  const listed = new Set<string>()
  if (!store.capabilities.strongListing) {
    for (const folder of ['packs/', 'snapshots/'])
      for await (const { name } of store.list(folder)) listed.add(name)
  } else {
    for (const name of survey.packs.keys()) if (!gone.has(name)) listed.add(name)
    for (const { name } of survey.roots.snapshots) if (!gone.has(name)) listed.add(name)
  }
  let removed = 0
  for (const { name, packs, snapshots } of marks) {
    if ([...packs, ...snapshots].some((object) => listed.has(object))) continue
    await store.remove(name)
    removed++
  }
  return removed
}
