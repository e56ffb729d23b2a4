// Errors that concern the target or the machine as a whole: going on would fail for every file.

import { constants } from 'node:os'
import { CairnError } from '../../base/errors.ts'
import { errnoMessage, isShortOfFiles, MORE_FILES } from '../../base/libc-error.ts'

const FULL: ReadonlySet<number> = new Set([constants.errno.ENOSPC, constants.errno.EDQUOT])
const BROKEN: ReadonlySet<number> = new Set([constants.errno.EROFS, constants.errno.EIO])

export type FatalCode = 'no-space' | 'target-unwritable' | 'platform'

const AGAIN =
  'run the same command again: what is restored stays, and it does only what is missing.'
const HINTS: Readonly<Record<FatalCode, string>> = {
  'no-space': `Make room in the target and ${AGAIN}`,
  'target-unwritable': `See to it that the target can be written to and ${AGAIN}`,
  platform: `${MORE_FILES} and ${AGAIN}`,
}

/** With what a restore ends on this errno; undefined where only one entry is concerned. */
export function fatalCode(errno: number): FatalCode | undefined {
  if (FULL.has(errno)) return 'no-space'
  if (isShortOfFiles(errno)) return 'platform'
  return BROKEN.has(errno) ? 'target-unwritable' : undefined
}

/** The result of a call on the target as it is. Throws where it says that all others will fail too. */
export function notFatal(result: number): number {
  const code = result < 0 ? fatalCode(-result) : undefined
  if (code === undefined) return result
  throw cannotGoOn(code, errnoMessage(-result))
}

export function cannotGoOn(code: FatalCode, why: string): CairnError {
  return new CairnError(code, `Cannot go on restoring: ${why}`, { hint: HINTS[code] })
}
