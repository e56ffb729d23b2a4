// Randomness, as a parameter: `cli/` hands down the system's, tests hand down a reproducible one.

import { randomBytes } from 'node:crypto'
import type { Bytes } from '../base/bytes.ts'

/** `count` unpredictable bytes. */
export type Random = (count: number) => Bytes

export const systemRandom: Random = (count) => new Uint8Array(randomBytes(count))
