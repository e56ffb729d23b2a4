// Upkeep on a full store: what must not keep it from deleting is left out.

import { type CairnError, isCairnError } from '../../base/errors.ts'

/** What `act` returns; undefined where there was no room for it, which `onFull` is told. Throws what else it throws. */
export async function unlessFull<T>(
  act: () => Promise<T>,
  onFull?: (error: CairnError) => void,
): Promise<T | undefined> {
  try {
    return await act()
  } catch (error) {
    if (!isCairnError(error, 'no-space')) throw error
    onFull?.(error)
    return undefined
  }
}
