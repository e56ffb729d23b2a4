// Work on many objects at once, within a number and within bytes: memory is bounded by what is on its way.

import { CairnError } from '../base/errors.ts'

export interface Limits {
  readonly parallel: number
  /** Of all that is worked on at a time. One that is larger is worked on alone. */
  readonly bytesMax: number
  readonly signal?: AbortSignal
}

/**
 * Calls `act` for each item, begun in their order. When one has thrown or the signal has come, no other is
 * begun, and those that were are waited for. Throws the first error, or 'interrupted'.
 */
export async function forEachWithin<T extends { readonly size: number }>(
  items: Iterable<T>,
  { parallel, bytesMax, signal }: Limits,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  let bytes = 0
  const run = async (item: T) => {
    try {
      await act(item)
    } catch (error) {
      failures.push(error)
    }
  }
  for (const item of items) {
    while (running.size > 0 && (running.size >= parallel || bytes + item.size > bytesMax)) {
      await Promise.race(running)
    }
    if (failures.length > 0 || signal?.aborted === true) break
    bytes += item.size
    const work: Promise<void> = run(item).then(() => {
      bytes -= item.size
      running.delete(work)
    })
    running.add(work)
  }
  await Promise.all(running)
  if (failures.length > 0) throw failures[0]
  if (signal?.aborted === true) throw new CairnError('interrupted', 'Interrupted')
}
