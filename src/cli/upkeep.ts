// What upkeep does on a full store: it may take the reserve that the store keeps for that, and leaves it as it
// was found, as far as there is room again.

import { messageOf } from '../base/errors.ts'
import type { Repository } from '../repository/repository.ts'
import type { Store } from '../store/store.ts'
import { keepReserve, withReserve } from '../store/with-reserve.ts'
import type { Context } from './context.ts'

/** Runs with the reserve at hand. A dry run makes none where there was none. */
export async function withUpkeep<T>(
  context: Context,
  { repository, dryRun = false }: { readonly repository: Repository; readonly dryRun?: boolean },
  act: (repository: Repository) => Promise<T>,
): Promise<T> {
  const { store } = repository
  const seen = { isReleased: false }
  const reserving = withReserve(store, () => {
    seen.isReleased = true
  })
  try {
    return await act({ ...repository, store: reserving })
  } finally {
    if (seen.isReleased || !dryRun) await keepRoom(context, store)
  }
}

/** At the end of whatever may have made room, or has just begun to use the store. */
export function keepRoom({ output }: Context, store: Store): Promise<void> {
  return keepReserve(store, (error) => output.warning('reserve', messageOf(error)))
}
