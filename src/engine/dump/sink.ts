// Where a dump goes, and what it has to tell.

import type { Bytes } from '../../base/bytes.ts'

/** Takes bytes, which stay the dump's; resolves when it wants more. */
export type Sink = (bytes: Bytes) => Promise<void>

export interface DumpProblem {
  /** From the root of the snapshot down. */
  readonly names: readonly Bytes[]
  readonly error: unknown
}
