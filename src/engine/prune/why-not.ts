// Passing over a pack that cannot be used, and telling why.

import { isCairnError } from '../../base/errors.ts'
import { UNREADABLE, WITHHELD } from '../../repository/object-problem.ts'

/** Why something cannot be taken out of a pack; undefined where it was. */
export async function whyNot(take: () => Promise<void>): Promise<string | undefined> {
  try {
    await take()
    return undefined
  } catch (error) {
    if (isCairnError(error, ...UNREADABLE, ...WITHHELD, 'object-missing')) return error.message
    throw error
  }
}
