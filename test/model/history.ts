// The histories of one actor, as a tree: each node is the state that it is in after the answers on the way to
// it, with what it asks for next. A node is made once, by running production code; from then on exploring goes
// over it without running anything.
//
// An actor may be several runs, one after the other, each by a process of its own: it begins without knowing
// anything, so that all histories of the run before lead to one node. So do all in which it ends with the same
// words: there is nothing that it may still do.

import { Actor, type Answer, type Call, type Ending, isEnding, type Program } from './actor.ts'
import { folderOf } from './places.ts'

export interface ActorOptions {
  readonly runs: readonly Program[]
  readonly seed: number
  readonly strongListing: boolean
  /** Writers never look at the stamps of what they list: to them all are 0. */
  readonly seesStamps: boolean
  /** Folders in which nobody ever puts anything: listing them is no step. */
  readonly emptyFolders: readonly string[]
  /** Leases are objects too; else there are none, and only their stamps say what time it is. */
  readonly hasLeases: boolean
  readonly folderBit: (folder: string) => number
}

export interface HistoryNode {
  readonly number: number
  /** Which run it is of. */
  readonly run: number
  /** In the same run. */
  readonly parent: HistoryNode | undefined
  /** What led here from the parent. */
  readonly answer: Answer | undefined
  readonly next: Call | Ending
  /** By a key of the answer. */
  readonly children: Map<number, HistoryNode>
  /** What it may still do, as far as is known: folders, as bits. */
  lists: number
  looks: number
  puts: number
  removes: number
  /** Whether it may still end with something that it says is saved. */
  mayReport: boolean
  /** From where it is reached: the first of a run, and an end, in many ways. */
  readonly from: HistoryNode[]
  /** An actor that stands here, until it goes on from here. */
  live: Actor | undefined
}

type Footprint = Pick<HistoryNode, 'lists' | 'looks' | 'puts' | 'removes' | 'mayReport'>

const NOTHING: Footprint = { lists: 0, looks: 0, puts: 0, removes: 0, mayReport: false }

/** Whether all that the one may do is known of the other. */
function isWithin(one: Footprint, other: Footprint): boolean {
  return (
    (other.lists | one.lists) === other.lists &&
    (other.looks | one.looks) === other.looks &&
    (other.puts | one.puts) === other.puts &&
    (other.removes | one.removes) === other.removes &&
    (other.mayReport || !one.mayReport)
  )
}

export class Histories {
  readonly #options: ActorOptions
  readonly #nodes: HistoryNode[] = []
  /** Where each run begins, as far as any has. */
  readonly #roots: HistoryNode[] = []
  /** By what it says is saved. */
  readonly #ends = new Map<string, HistoryNode>()
  #hasLearned = false
  /** Names that it puts or removes in any of its histories, and those that it reads. */
  readonly changed = new Set<string>()
  readonly looked = new Set<string>()

  private constructor(options: ActorOptions) {
    this.#options = options
  }

  static async of(options: ActorOptions): Promise<Histories> {
    const histories = new Histories(options)
    await histories.#begin(0)
    return histories
  }

  get seesStamps(): boolean {
    return this.#options.seesStamps
  }

  at(number: number): HistoryNode {
    return this.#nodes[number] as HistoryNode
  }

  get count(): number {
    return this.#nodes.length
  }

  /** The node after an answer that it was never given there: runs the actor. */
  async follow(node: HistoryNode, key: number, given: Answer): Promise<HistoryNode> {
    const live = node.live ?? (await this.#runTo(node))
    node.live = undefined
    live.answer(given)
    const next = await live.next()
    const child =
      isEnding(next) && next.error === undefined
        ? await this.#end(node.run, next)
        : this.#add({ run: node.run, parent: node, answer: given, next, live })
    node.children.set(key, child)
    child.from.push(node)
    this.#spread(child)
    return child
  }

  /** What it may do, those may that lead to it. */
  #spread(first: HistoryNode): void {
    const changed = [first]
    for (let node = changed.pop(); node !== undefined; node = changed.pop()) {
      for (const before of node.from) {
        if (isWithin(node, before)) continue
        before.lists |= node.lists
        before.looks |= node.looks
        before.puts |= node.puts
        before.removes |= node.removes
        before.mayReport ||= node.mayReport
        this.#hasLearned = true
        changed.push(before)
      }
    }
  }

  /** Whether it has turned out since it was last asked that an actor may do more than was known. */
  takeLearned(): boolean {
    const learned = this.#hasLearned
    this.#hasLearned = false
    return learned
  }

  /** The next run; or how the last one ended, of which nothing matters but what it says is saved. */
  async #end(run: number, next: Ending): Promise<HistoryNode> {
    if (run + 1 < this.#options.runs.length) return this.#begin(run + 1)
    const reported = next.result?.join() ?? ''
    const known = this.#ends.get(reported)
    if (known !== undefined) return known
    const end = this.#add({ run, parent: undefined, answer: undefined, next, live: undefined })
    this.#ends.set(reported, end)
    return end
  }

  async #begin(run: number): Promise<HistoryNode> {
    const known = this.#roots[run]
    if (known !== undefined) return known
    const live = this.#start(run)
    const next = await live.next()
    const root = this.#add({ run, parent: undefined, answer: undefined, next, live })
    this.#roots[run] = root
    return root
  }

  #add(node: Omit<HistoryNode, 'number' | 'children' | 'from' | keyof Footprint>): HistoryNode {
    const number = this.#nodes.length
    const added = { ...node, number, children: new Map(), ...this.#footprint(node.next), from: [] }
    this.#nodes.push(added)
    if (isEnding(added.next)) added.live = undefined
    return added
  }

  #footprint(next: Call | Ending): Footprint {
    if (isEnding(next)) return { ...NOTHING, mayReport: (next.result ?? []).length > 0 }
    if (next.kind === 'sleep') return NOTHING
    const isChange = next.kind === 'put' || next.kind === 'remove'
    if (next.kind !== 'list') this.#note(isChange ? this.changed : this.looked, next.name)
    const bit = this.#options.folderBit(folderOf(next.name))
    if (next.kind === 'put') return { ...NOTHING, puts: bit }
    if (next.kind === 'remove') return { ...NOTHING, removes: bit }
    return next.kind === 'list' ? { ...NOTHING, lists: bit } : { ...NOTHING, looks: bit }
  }

  #note(names: Set<string>, name: string): void {
    if (names.has(name)) return
    names.add(name)
    this.#hasLearned = true
  }

  #start(run: number): Actor {
    const { runs, seed, ...rest } = this.#options
    return new Actor(runs[run] as Program, { ...rest, seed: seed + 100 * run })
  }

  async #runTo(node: HistoryNode): Promise<Actor> {
    const answers: Answer[] = []
    for (let at: HistoryNode | undefined = node; at?.answer !== undefined; at = at.parent)
      answers.push(at.answer)
    const actor = this.#start(node.run)
    for (const answer of answers.reverse()) {
      await actor.next()
      actor.answer(answer)
    }
    await actor.next()
    return actor
  }

  /** Lets all actors go that still stand somewhere. */
  abandon(): void {
    for (const node of this.#nodes) {
      node.live?.abandon()
      node.live = undefined
    }
  }
}
