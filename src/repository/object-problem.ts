// An object that was passed over, and why: readers go on without it and tell.

import type { CairnError, ErrorCode } from '../base/errors.ts'

export interface ObjectProblem {
  readonly name: string
  readonly error: CairnError
}

/**
 * What is wrong with an object itself, as against with the store or with us: it is damaged, not ours, of
 * a version that we do not know, or of an epoch that our key does not hold.
 */
export const UNREADABLE: readonly ErrorCode[] = [
  'object-damaged',
  'object-foreign',
  'unsupported',
  'not-permitted',
]
