// Names for files that are written beside the one that they will replace.

import { threadId } from 'node:worker_threads'
import { type Bytes, utf8 } from '../../base/bytes.ts'

let made = 0

/** A name that nothing else in this process has: `.cairn-<process>-<thread>-<number>.tmp`. */
export function temporaryName(): Bytes {
  made++
  return utf8(`.cairn-${process.pid}-${threadId}-${made}.tmp`)
}
