// `cairn tag`: other tags for snapshots.

import { CairnError } from '../../base/errors.ts'
import { selectSnapshot } from '../../engine/select-snapshot.ts'
import { changeTags } from '../../engine/tag.ts'
import type { Repository } from '../../repository/repository.ts'
import type { Snapshot } from '../../repository/snapshots.ts'
import type { Context } from '../context.ts'
import { openConfigured } from '../open-repository.ts'
import { loadKnownSnapshots } from '../snapshot-place.ts'
import { fullId, shortId } from '../snapshot-text.ts'

export interface TagFlags {
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
  readonly set?: readonly string[]
}

type Flags = TagFlags & { readonly snapshots: readonly string[] }

export async function tagAction(context: Context, flags: Flags): Promise<undefined> {
  const { output } = context
  checkFlags(flags)
  const { repository } = await openConfigured(context)
  const known = await loadKnownSnapshots(context, repository)
  const chosen = flags.snapshots.map((wanted) =>
    selectSnapshot(known, { repository, wanted, filter: {} }),
  )
  const changed = []
  for (const snapshot of new Set(chosen)) {
    changed.push(await changeOne(context, { repository, snapshot, flags }))
  }
  output.event({ event: 'result', snapshots: changed })
  return undefined
}

/** Throws 'usage' where nothing is to be changed, or two things that exclude each other. */
function checkFlags({ add, remove, set }: Flags): void {
  if (add === undefined && remove === undefined && set === undefined) {
    throw new CairnError('usage', 'Which tags? Give --add, --remove or --set')
  }
  if (set !== undefined && (add !== undefined || remove !== undefined)) {
    const other = add === undefined ? '--remove' : '--add'
    throw new CairnError('usage', `--set replaces all tags, so ${other} does not go with it`, {
      hint: 'Name all the tags with --set, or change some with --add and --remove.',
    })
  }
}

async function changeOne(
  { output, clock, random }: Context,
  options: { readonly repository: Repository; readonly snapshot: Snapshot; readonly flags: Flags },
): Promise<{ readonly before: string; readonly after: string }> {
  const { repository, snapshot, flags } = options
  const { add, remove, set } = flags
  const change = { add, remove, set }
  const name = await changeTags({ repository, snapshot, change, clock, random })
  const before = snapshot.id
  const after = name === undefined ? before : fullId(name)
  output.summary(
    name === undefined
      ? `Snapshot ${shortId(before)} has these tags already`
      : `Snapshot ${shortId(before)} is now ${shortId(after)}`,
  )
  return { before, after }
}
