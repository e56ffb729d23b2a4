// `cairn hold` and `cairn release`: what keeps snapshots from being forgotten.

import { lineagesOf } from '../../engine/forget/lineages.ts'
import { hold, release } from '../../engine/hold.ts'
import { selectSnapshot } from '../../engine/select-snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import { loadSnapshots, type Snapshot, withoutReplaced } from '../../repository/snapshots.ts'
import type { Context } from '../context.ts'
import { rememberHolds } from '../known-holds.ts'
import { openConfigured } from '../open-repository.ts'
import { shortId } from '../snapshot-text.ts'
import { withUpkeep } from '../upkeep.ts'

export interface HoldFlags {
  readonly reason?: string
}

interface Named {
  readonly snapshots: readonly string[]
}

export async function holdAction(context: Context, flags: HoldFlags & Named): Promise<undefined> {
  const { output, clock } = context
  const { repository } = await openConfigured(context)
  const { known, chosen } = await loadChosen(repository, flags)
  const reason = flags.reason ?? ''
  const { fresh, uncertain } = await withUpkeep(context, { repository }, (upkept) =>
    hold({ repository: upkept, known, chosen, reason, clock }),
  )
  await rememberHolds(context, repository, { settled: lineageIds(known, chosen) })
  for (const { id } of uncertain) {
    const text = `Someone began to forget snapshot ${shortId(id)}: see with \`cairn snapshots\` whether it stays. \`cairn undelete\` brings it back`
    output.warning('being-forgotten', text)
  }
  for (const one of chosen) {
    const before = fresh.includes(one) ? '' : ' already'
    output.summary(`Snapshot ${shortId(one.id)} is held${before}`)
  }
  output.event({ event: 'result', snapshots: chosen.map(({ id }) => id) })
  return undefined
}

export async function releaseAction(context: Context, flags: Named): Promise<undefined> {
  const { output, clock } = context
  const { repository } = await openConfigured(context)
  const { known, chosen } = await loadChosen(repository, flags)
  const released = await withUpkeep(context, { repository }, (upkept) =>
    release({ repository: upkept, known, chosen, clock }),
  )
  await rememberHolds(context, repository, { settled: lineageIds(known, chosen) })
  for (const one of chosen) {
    const is = released.includes(one) ? 'is released' : 'was not held'
    output.summary(`Snapshot ${shortId(one.id)} ${is}`)
  }
  output.event({ event: 'result', snapshots: released.map(({ id }) => id) })
  return undefined
}

/** With those that they stand for. */
function lineageIds(known: readonly Snapshot[], chosen: readonly Snapshot[]): readonly string[] {
  return lineagesOf(known)
    .filter(({ members }) => members.some((one) => chosen.includes(one)))
    .flatMap(({ members }) => members.map(({ id }) => id))
}

async function loadChosen(
  repository: Repository,
  flags: Named,
): Promise<{ readonly known: readonly Snapshot[]; readonly chosen: readonly Snapshot[] }> {
  const list = await loadSnapshots(repository, { onlyReading: true, withReplaced: true })
  const listed = { ...list, snapshots: withoutReplaced(list.snapshots) }
  const chosen = flags.snapshots.map((wanted) =>
    selectSnapshot(listed, { repository, wanted, filter: {} }),
  )
  return { known: list.snapshots, chosen: [...new Set(chosen)] }
}
