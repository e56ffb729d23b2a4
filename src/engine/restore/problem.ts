// What a restore tells of that it could not bring back.

import type { Bytes } from '../../base/bytes.ts'

export interface RestoreProblem {
  /** Below the target; `/` is the target itself. */
  readonly path: Bytes
  readonly what: string
  /** Whether content is missing, or only some attribute. */
  readonly kind: 'content' | 'attributes'
}
