// A plan as a list of steps, for people and programs to read.

import type { PutBack } from './coming-back.ts'
import type { TakenFrames } from './frame-source.ts'
import { bytesOf } from './frame-source.ts'
import { putBackOf, type RepairPlan } from './plan.ts'

export type RepairStep =
  | {
      readonly action: 'save' | 'fetch' | 'move' // frames: of a damaged pack, a copy, a marked pack
      readonly object: string
      readonly frames: number
      readonly bytes: number
    }
  | { readonly action: 'put-back'; readonly object: string }
  | { readonly action: 'index'; readonly packs: number }
  | { readonly action: 'quarantine'; readonly object: string; readonly why: string }
  | { readonly action: 'confirm'; readonly object: string }
  | { readonly action: 'leave'; readonly object: string; readonly why: string }
  | { readonly action: 'lost-snapshot'; readonly object: string }
  | { readonly action: 'lost'; readonly blobs: number }

/** In the order in which they are taken; what is left alone and what is lost comes last. */
export function stepsOf(plan: RepairPlan): readonly RepairStep[] {
  const { records, domains, packs, confirmed, removed, left, lostSnapshots } = plan
  const unnamed = domains.reduce((sum, domain) => sum + domain.unnamed.length, 0)
  const lost = domains.reduce((sum, domain) => sum + domain.lost.length, 0)
  return [
    ...records.map(putBackStep),
    ...domains.flatMap(({ taken }) => taken.map(stepOf)),
    ...(unnamed > 0 ? [{ action: 'index' as const, packs: unnamed }] : []),
    ...putBackOf({ ...plan, records: [] }).map(putBackStep),
    ...packs.map(({ name, what }) => ({ action: 'quarantine' as const, object: name, why: what })),
    ...confirmed.map(({ name }) => ({ action: 'confirm' as const, object: name })),
    ...removed.map(({ name, why }) => ({ action: 'quarantine' as const, object: name, why })),
    ...left.map(({ name, why }) => ({ action: 'leave' as const, object: name, why })),
    ...lostSnapshots.map((object) => ({ action: 'lost-snapshot' as const, object })),
    ...(lost > 0 ? [{ action: 'lost' as const, blobs: lost }] : []),
  ]
}

function putBackStep({ name }: PutBack): RepairStep {
  return { action: 'put-back', object: name }
}

const ACTION_OF = { damaged: 'save', copy: 'fetch', marked: 'move' } as const

function stepOf(taken: TakenFrames): RepairStep {
  const { source, frames } = taken
  const action = ACTION_OF[source.origin]
  return { action, object: source.name, frames: frames.length, bytes: bytesOf(taken) }
}

/** What is only told. */
const UNDONE: readonly string[] = ['leave', 'lost', 'lost-snapshot']

/** Whether it changes anything. */
export function isIdle(plan: RepairPlan): boolean {
  return stepsOf(plan).every(({ action }) => UNDONE.includes(action))
}
