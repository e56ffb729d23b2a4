// The histories of one actor, as a tree: each node is the state that it is in after the answers on the way to
// it, with what it asks for next. A node is made once, by running production code; from then on exploring goes
// over it without running anything.

import { Actor, type Answer, type Call, type Ending, isEnding, type Program } from './actor.ts'

export interface ActorOptions {
  readonly program: Program
  readonly seed: number
  readonly strongListing: boolean
  /** Writers never look at the stamps of what they list: to them all are 0. */
  readonly seesStamps: boolean
  /** Folders in which nobody ever puts anything: listing them is no step. */
  readonly emptyFolders: readonly string[]
}

export interface HistoryNode {
  readonly number: number
  readonly parent: HistoryNode | undefined
  /** What led here from the parent. */
  readonly answer: Answer | undefined
  readonly next: Call | Ending
  /** By a key of the answer. */
  readonly children: Map<number, HistoryNode>
  /** An actor that stands here, until it goes on from here. */
  live: Actor | undefined
}

export class Histories {
  readonly #options: ActorOptions
  readonly #nodes: HistoryNode[] = []
  /** How often an actor was run from its start. */
  runs = 0

  private constructor(options: ActorOptions) {
    this.#options = options
  }

  static async of(options: ActorOptions): Promise<Histories> {
    const histories = new Histories(options)
    const live = histories.#start()
    histories.#add({ parent: undefined, answer: undefined, next: await live.next(), live })
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
    const child = this.#add({ parent: node, answer: given, next: await live.next(), live })
    node.children.set(key, child)
    return child
  }

  #add(node: Omit<HistoryNode, 'number' | 'children'>): HistoryNode {
    const added = { ...node, number: this.#nodes.length, children: new Map() }
    this.#nodes.push(added)
    if (isEnding(added.next)) added.live = undefined
    return added
  }

  #start(): Actor {
    this.runs++
    return new Actor(this.#options.program, this.#options)
  }

  async #runTo(node: HistoryNode): Promise<Actor> {
    const answers: Answer[] = []
    for (let at: HistoryNode | undefined = node; at?.answer !== undefined; at = at.parent)
      answers.push(at.answer)
    const actor = this.#start()
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
