// Which steps need not be tried in every order: where the steps that some actors can take now, and all that
// anybody else may ever still do, take effect alike in either order, it is enough to go on with those (a persistent
// set; Godefroid 1996, section 4.3). What others may still do is learned from their histories, so that exploring is
// repeated until nothing new is learned.

import type { Call } from './actor.ts'
import type { HistoryNode } from './history.ts'
import { COPY, folderOf, isLease, SOURCE } from './places.ts'
import type { Objects } from './store-state.ts'

/** What invariants look at: changes there are never taken out of order. */
const LOOKED_AT = ['packs/', 'snapshots/', 'receipts/', 'forgets/', 'marks/']

/** An actor at one moment. */
export interface Standing {
  readonly node: HistoryNode
  /** Neither ended nor asleep. */
  readonly canGoOn: boolean
  /** It has ended, or sleeps for longer than time can pass. */
  readonly isOver: boolean
}

export class Independence {
  readonly #objects: Objects
  readonly #lookedAt: number

  constructor(objects: Objects) {
    this.#objects = objects
    this.#lookedAt = [SOURCE, COPY]
      .flatMap((place) => LOOKED_AT.map((folder) => objects.folderBit(`${place}${folder}`)))
      .reduce((mask, bit) => mask | bit, 0)
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
      const call = (actors[set[at] as number] as Standing).node.next as Call
      if (mayTimePass && isTimed(call)) return undefined
      for (let other = 0; other < actors.length; other++) {
        const { node, canGoOn, isOver } = actors[other] as Standing
        if (isOver || set.includes(other) || this.#isAlike(call, node)) continue
        // Whoever sleeps goes on when time passes, and then all must be tried.
        if (!canGoOn) return undefined
        set.push(other)
      }
    }
    return set
  }

  /** Whether a call and all that an actor may still do have the same effect in either order. */
  #isAlike(call: Call, { changes, reads }: HistoryNode): boolean {
    if (call.kind === 'sleep' || isLease(call.name)) return true
    const bit = this.#objects.folderBit(folderOf(call.name))
    if (call.kind !== 'put' && call.kind !== 'remove') return (changes & bit) === 0
    const changesThat = (bit & this.#lookedAt) === 0 ? bit : this.#lookedAt
    return (changes & changesThat) === 0 && (reads & bit) === 0
  }
}

/** Whether it makes a difference when it happens: a stamp says so, and so does a lease. */
function isTimed(call: Call): boolean {
  return call.kind === 'sleep' || call.kind === 'put' || isLease(call.name)
}
