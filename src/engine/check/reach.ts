// Reachability over the graph of refs: what snapshots need, and which of it cannot be had.

import type { RefGraph } from './ref-graph.ts'

/** Visits every blob that is reachable from the roots, once over all calls on one Reach. */
export class Reach {
  readonly #graph: RefGraph
  #visited: Uint8Array

  constructor(graph: RefGraph) {
    this.#graph = graph
    this.#visited = new Uint8Array(graph.count)
  }

  /** Numbers of the lost blobs that are reachable and were not visited before. */
  lostBelow(roots: Iterable<number>, follow: (number: number) => boolean = everything): number[] {
    const lost: number[] = []
    const stack = [...roots]
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (!this.#visit(node)) continue
      if (this.#graph.isLost(node)) lost.push(node)
      else if (follow(node)) for (const target of this.#graph.targets(node)) stack.push(target)
    }
    return lost
  }

  /** How many blobs were visited. */
  get count(): number {
    return this.#visited.reduce((sum, one) => sum + one, 0)
  }

  /** For each of the first so many blobs 1 where it was visited. */
  visited(blobs: number): Uint8Array {
    if (this.#visited.length < blobs) this.#grow(blobs)
    return this.#visited.subarray(0, blobs)
  }

  #visit(node: number): boolean {
    if (node >= this.#visited.length) this.#grow(node)
    if (this.#visited[node] === 1) return false
    this.#visited[node] = 1
    return true
  }

  #grow(node: number): void {
    const grown = new Uint8Array(node + 1024)
    grown.set(this.#visited)
    this.#visited = grown
  }
}

function everything(): boolean {
  return true
}

/** For each blob 1 where something that is sought (lost) is reachable from it, itself included. */
export function taintedBlobs(
  graph: RefGraph,
  isSought: (node: number) => boolean = (node) => graph.isLost(node),
): Uint8Array<ArrayBuffer> {
  const tainted = new Uint8Array(graph.count)
  for (let node = 0; node < tainted.length; node++) if (isSought(node)) tainted[node] = 1
  // Trees are written after what is in them, so that two rounds nearly always do.
  for (let changed = true; changed; ) {
    changed = false
    for (let node = 0; node < tainted.length; node++) {
      if (tainted[node] === 1) continue
      if (!graph.targets(node).some((target) => tainted[target] === 1)) continue
      tainted[node] = 1
      changed = true
    }
  }
  return tainted
}
