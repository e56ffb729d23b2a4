// The holds that this machine has known: a store that keeps one back, or is put back to an older state, leaves no
// trace of it, and what it holds could be forgotten. What is missed stays known until somebody releases it, or
// holds the snapshot again. Losing this memory loses that notice and nothing else.

import { toHex } from '../base/bytes.ts'
import { CairnError } from '../base/errors.ts'
import type { CheckProblem } from '../engine/check/problems.ts'
import { loadHoldsForReading } from '../repository/holds.ts'
import type { Repository } from '../repository/repository.ts'
import type { Context } from './context.ts'
import { type KnownHold, loadState, saveState } from './repository-state.ts'
import { shortId } from './snapshot-text.ts'

interface Seen {
  /** Those that count. */
  readonly counting: readonly KnownHold[]
  /** Those that were known, and are neither there nor released. */
  readonly missing: readonly KnownHold[]
}

async function seeHolds(context: Context, repository: Repository): Promise<Seen> {
  const known = loadState(context, repository.store.address)?.held ?? []
  const { holds, problems } = await loadHoldsForReading(repository)
  const counting = holds.counting.flatMap(({ name, domain, record }) =>
    record.snapshots.map((hash) => ({ name, id: toHex(hash), domain: domain.hex })),
  )
  // What is there and cannot be read is told as such.
  const there = new Set([...counting, ...problems].map(({ name }) => name))
  const held = new Set(counting.map(({ id }) => id))
  const ours = new Set(repository.domains.map(({ hex }) => hex))
  const missing: KnownHold[] = []
  for (const one of known) {
    if (there.has(one.name) || holds.isReleased(one) || held.has(one.id)) continue
    if (!ours.has(one.domain)) continue
    const snapshot = await repository.store.stat(`snapshots/${one.id}`)
    if (snapshot !== undefined) missing.push(one)
  }
  return { counting, missing }
}

/** Remembers the holds that count. Those that are missed stay known, but for snapshots that are `settled`. */
export async function rememberHolds(
  context: Context,
  repository: Repository,
  { settled = [] }: { readonly settled?: readonly string[] } = {},
): Promise<void> {
  const { counting, missing } = await seeHolds(context, repository)
  const left = missing.filter(({ id }) => !settled.includes(id))
  remember(context, repository, [...counting, ...left])
}

function remember(context: Context, { store }: Repository, held: readonly KnownHold[]): void {
  const state = loadState(context, store.address)
  if (state === undefined || (held.length === 0 && state.held === undefined)) return
  saveState(context, { ...state, held })
}

/** As a check tells it. Remembers those that are there. */
export async function missingHolds(
  context: Context,
  repository: Repository,
): Promise<readonly CheckProblem[]> {
  const { counting, missing } = await seeHolds(context, repository)
  remember(context, repository, [...counting, ...missing])
  return missing.map(({ name, id }) => ({
    kind: 'missing',
    object: name,
    what: `the store does not have this hold of snapshot ${shortId(id)}, which this machine knew; nobody released it`,
  }))
}

/** Throws 'object-missing' where what is held cannot be told any more. */
export async function expectHolds(context: Context, repository: Repository): Promise<void> {
  const [first] = (await seeHolds(context, repository)).missing
  if (first === undefined) return
  const id = shortId(first.id)
  throw new CairnError(
    'object-missing',
    `Cannot forget anything: a hold of snapshot ${id} is gone from the store, and nobody released it`,
    {
      hint: `Hold it again (\`cairn hold ${id}\`), or release it (\`cairn release ${id}\`), and see who can delete from the store.`,
      context: { object: first.name },
    },
  )
}
