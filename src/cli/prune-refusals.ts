// What keeps `cairn prune` from marking and deleting anything, because this machine knows more than the store says:
// a snapshot or a hold that it knew is gone, and nobody took it back. What only that one needs would be freed, while
// a copy may still bring it back. So it is where there are packs and nothing at all that needs them, or did.

import { planPrune } from '../engine/prune.ts'
import { loadSightings } from '../engine/sightings.ts'
import { loadForgotten, UNDELETE_WINDOW_MS } from '../repository/forgets.ts'
import { isNobodys, type ObjectProblem } from '../repository/object-problem.ts'
import type { Repository } from '../repository/repository.ts'
import { loadSnapshotFacts } from '../repository/snapshot-facts.ts'
import { confirmationOf } from '../repository/snapshots.ts'
import { loadUpkeepRecords } from '../repository/upkeep-records.ts'
import { contentName } from '../store/names.ts'
import { catalogIn } from './catalog-file.ts'
import type { Context } from './context.ts'
import { missingHolds } from './known-holds.ts'
import { type KnownList, noticeMissing } from './newest-known.ts'
import type { KnownId } from './repository-state.ts'
import { shortId } from './snapshot-text.ts'

export interface PruneRefusal {
  readonly refusal: 'snapshot-missing' | 'hold-missing' | 'no-snapshot'
  readonly what: string
  readonly hint: string
}

/** What was listed, and what of it is missed and was warned of. */
export interface SeenSnapshots {
  readonly list: KnownList
  readonly missing: readonly KnownId[]
}

/** Warns of snapshots that are missed, unless that was done. Changes nothing in the store. */
export async function refusalsToPrune(
  context: Context,
  {
    repository,
    cacheFolder,
    seen,
  }: {
    readonly repository: Repository
    readonly cacheFolder: string
    readonly seen: SeenSnapshots | undefined
  },
): Promise<readonly PruneRefusal[]> {
  const { list, missing } = seen ?? (await see(context, { repository, cacheFolder }))
  return [
    ...snapshotRefusals(missing),
    ...(await holdRefusals(context, repository)),
    ...((await isAllGone(context, { repository, list })) ? [NO_SNAPSHOT] : []),
  ]
}

async function see(
  context: Context,
  { repository, cacheFolder }: { readonly repository: Repository; readonly cacheFolder: string },
): Promise<SeenSnapshots> {
  const list = await loadSnapshotFacts(repository, catalogIn(context, cacheFolder))
  return { list, missing: await noticeMissing(context, repository, list) }
}

function snapshotRefusals([first, ...more]: readonly KnownId[]): readonly PruneRefusal[] {
  if (first === undefined) return []
  const which = more.length === 0 ? '' : ` and ${more.length} more`
  const verb = more.length === 0 ? 'is' : 'are'
  return [
    {
      refusal: 'snapshot-missing',
      what: `snapshot ${shortId(first.id)}${which} ${verb} gone or no longer confirmed, and nobody forgot it`,
      hint:
        '`cairn repair` confirms what is there as a whole, `cairn repair --from COPY` brings back what a copy ' +
        'has, and `cairn repair --mark-lost` gives up what is left.',
    },
  ]
}

async function holdRefusals(
  context: Context,
  repository: Repository,
): Promise<readonly PruneRefusal[]> {
  const [first] = await missingHolds(context, repository)
  if (first === undefined) return []
  return [
    {
      refusal: 'hold-missing',
      what: `${first.object}: ${first.what}`,
      hint: 'Hold the snapshot again (`cairn hold`), or release it (`cairn release`), and see who can delete from the store.',
    },
  ]
}

const NO_SNAPSHOT: PruneRefusal = {
  refusal: 'no-snapshot',
  what: 'there are packs, and no snapshot, and nobody has forgotten all that there were',
  hint:
    'A first backup that was interrupted leaves its packs so, and the next backup uses them. If there were ' +
    'snapshots, `cairn repair --from COPY` brings them back from a copy.',
}

/** Packs, and nothing that says what they are for: all would be dead. */
async function isAllGone(
  { clock }: Context,
  { repository, list }: { readonly repository: Repository; readonly list: KnownList },
): Promise<boolean> {
  if (!(await isWithoutSnapshots(repository, list))) return false
  const limits = { graceMs: 0, windowMs: UNDELETE_WINDOW_MS, moveBytesMax: 0, unusedMax: 1 }
  const { domains } = await planPrune({ repository, limits }, { nowMs: clock.nowMs() })
  return domains.some(({ liveness }) => liveness.packs.length > 0)
}

/** There is none, not even a damaged one; and none was ever forgotten, or not all that upkeep has seen. */
export async function isWithoutSnapshots(
  repository: Repository,
  { snapshots, problems }: KnownList,
): Promise<boolean> {
  if (snapshots.length > 0 || problems.some(isSnapshot)) return false
  const { forgotten } = await loadForgotten(repository, { onlyReading: true })
  if (forgotten.length === 0) return true
  const { receivedMs } = await loadSightings(repository, { onlyReading: true })
  const losses = await loadUpkeepRecords(repository, { kind: 'loss', onlyReading: true })
  const givenUp = losses.records.flatMap(({ domain, record }) =>
    record.ids.map((id) => ({ domain, name: contentName('snapshots', id) })),
  )
  const explained = new Set([...forgotten, ...givenUp].map(confirmationOf))
  return [...receivedMs.keys()].some((key) => !explained.has(key))
}

function isSnapshot(problem: ObjectProblem): boolean {
  return problem.name.startsWith('snapshots/') && !isNobodys(problem)
}
