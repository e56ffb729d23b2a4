// The reserve of a store, for whoever frees space (forget, prune, hold, undelete, repair): where the store is full
// the reserve is given up once, and what did not fit is tried again. Backups never come here: what they would
// fill with it is what deleting needs.

import { isCairnError } from '../base/errors.ts'
import { decorate } from './decorate.ts'
import type { Store } from './store.ts'

/** `onRelease` is told that the reserve is gone. A store without one is left as it is. */
export function withReserve(store: Store, onRelease: () => void): Store {
  const { reserve } = store
  if (reserve === undefined) return store
  /** All calls that find the store full wait for the same release. */
  let released: Promise<boolean> | undefined
  const orReleased = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call()
    } catch (error) {
      if (!isCairnError(error, 'no-space')) throw error
      released ??= reserve.release().finally(onRelease)
      if (!(await released)) throw error
      return call()
    }
  }
  return decorate(store, {
    put: (name, parts) => orReleased(() => store.put(name, parts)),
    // On a file system that copies what it changes this takes room, too.
    remove: (name) => orReleased(() => store.remove(name)),
  })
}

/** Takes the reserve again where there is room for it. What else goes wrong is told, and harms nothing. */
export async function keepReserve(
  { reserve }: Store,
  onProblem: (error: unknown) => void,
): Promise<void> {
  try {
    await reserve?.keep()
  } catch (error) {
    if (!isCairnError(error, 'no-space')) onProblem(error)
  }
}
