// Which steps need not be tried in every order: where the steps that some actors can take now, and all that
// anybody else may ever still do, take effect alike in either order, it is enough to go on with those (a persistent
// set; Godefroid 1996, section 4.3). What others may still do is learned from their histories, so that exploring is
// repeated until nothing new is learned.
//
// Whatever state is reached with such a step is reached with it in the first place. What is reached without it, it must
// not hide: a step that can only make something wrong may be taken first, because what is wrong without it is wrong
// with it. A step that can put something right again may not, as long as others may do what it would hide (HIDES).

import type { Call } from './actor.ts'
import type { Histories, HistoryNode } from './history.ts'
import { COPY, folderOf, isLease, nameWithin, placeOf } from './places.ts'
import type { Objects } from './store-state.ts'

/** An actor at one moment. */
export interface Standing {
  readonly histories: Histories
  readonly node: HistoryNode
  /** What its next step is, with the reading that belongs to it; undefined where that is not known yet. */
  readonly step: readonly Call[] | undefined
  /** Neither ended nor asleep. */
  readonly canGoOn: boolean
  /** It has ended, or sleeps for longer than time can pass. */
  readonly isOver: boolean
}

/** What others may do in the same place that a step would hide; `reports`: that something is saved. */
interface Hidden {
  readonly puts?: readonly string[]
  readonly removes?: readonly string[]
  readonly reports?: boolean
}

const HIDES: Readonly<Record<string, Hidden>> = {
  // What lacks a blob lacks it no more.
  'put packs/': { puts: ['snapshots/', 'receipts/', 'forgets/', 'marks/'], removes: ['packs/'] },
  // A name that is marked is put before it is (the same for packs).
  'put snapshots/': { puts: ['marks/'], removes: ['snapshots/', 'receipts/'] },
  // There are enough again.
  'put receipts/': { removes: ['snapshots/', 'receipts/'] },
  // What is gone was forgotten.
  'put forgets/': { removes: ['snapshots/', 'receipts/', 'forgets/'], reports: true },
  // What lacks a blob is listed no more, or cannot be had back any more.
  'remove snapshots/': { puts: ['receipts/'], removes: ['packs/'] },
  'remove receipts/': { puts: ['snapshots/', 'receipts/'], removes: ['packs/'] },
  'remove forgets/': { removes: ['packs/', 'snapshots/', 'receipts/'], reports: true },
  // What is put is marked no more.
  'remove marks/': { puts: ['packs/', 'snapshots/'] },
}

export class Independence {
  readonly #objects: Objects

  constructor(objects: Objects) {
    this.#objects = objects
  }

  /** Numbers of as few actors as it is enough to go on with; undefined where all must be tried, and time. */
  enough(actors: readonly Standing[], mayTimePass: boolean): readonly number[] | undefined {
    let best: readonly number[] | undefined
    for (let first = 0; first < actors.length; first++) {
      if (!(actors[first] as Standing).canGoOn) continue
      const found = this.#closure(first, { actors, mayTimePass })
      if (found !== undefined && (best === undefined || found.length < best.length)) best = found
      if (best?.length === 1) break
    }
    return best
  }

  /** An actor, all whose steps may matter to its next one, all whose steps may matter to theirs, and so on. */
  #closure(
    first: number,
    {
      actors,
      mayTimePass,
    }: { readonly actors: readonly Standing[]; readonly mayTimePass: boolean },
  ): readonly number[] | undefined {
    const set = [first]
    for (let at = 0; at < set.length; at++) {
      const { step } = actors[set[at] as number] as Standing
      if (step === undefined || (mayTimePass && step.some(isTimed))) return undefined
      for (let other = 0; other < actors.length; other++) {
        const standing = actors[other] as Standing
        if (standing.isOver || set.includes(other)) continue
        if (step.every((call) => this.#isAlike(call, standing))) continue
        // Whoever sleeps goes on when time passes, and then all must be tried.
        if (!standing.canGoOn) return undefined
        set.push(other)
      }
    }
    return set
  }

  /** Whether a call and all that an actor may still do have the same effect in either order. */
  #isAlike(call: Call, { histories, node }: Standing): boolean {
    if (call.kind === 'sleep') return true
    const { name } = call
    const bit = this.#objects.folderBit(folderOf(name))
    const mayChange = ((node.puts | node.removes) & bit) !== 0
    if (call.kind === 'list') return !mayChange
    if (mayChange && histories.changed.has(name)) return false
    if (call.kind === 'get' || call.kind === 'stat') return true
    if ((node.lists & bit) !== 0) return false
    if ((node.looks & bit) !== 0 && histories.looked.has(name)) return false
    return !this.#hides(call, node)
  }

  #hides({ kind, name }: Extract<Call, { name: string }>, node: HistoryNode): boolean {
    const place = placeOf(name)
    const folder = nameWithin(folderOf(name))
    // Only sync puts what somebody else may report.
    if (place === COPY && kind === 'put' && node.mayReport) return true
    const hidden = HIDES[`${kind} ${folder}`]
    if (hidden === undefined) return false
    const bits = (folders: readonly string[] = []) =>
      folders.reduce((mask, one) => mask | this.#objects.folderBit(`${place}${one}`), 0)
    if ((node.puts & bits(hidden.puts)) !== 0 || (node.removes & bits(hidden.removes)) !== 0)
      return true
    return hidden.reports === true && node.mayReport
  }
}

/** Whether it makes a difference when it happens: a stamp says so, and so does a lease. */
function isTimed(call: Call): boolean {
  return call.kind === 'sleep' || call.kind === 'put' || isLease(call.name)
}
