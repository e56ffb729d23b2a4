// The thread of SourceSize: goes through a source and adds up how long its files are.

import { answer, takeTasks, workerSetup } from '../../base/worker-tasks.ts'
import { parseIgnorePattern } from '../../source/files/ignore-pattern.ts'
import { Walker } from '../../source/files/walk.ts'
import type { MEASURE, SizeResult, SizeSetup } from './source-size.ts'

const { walk, patterns, given } = workerSetup as SizeSetup
const givenUp = new Int32Array(given)

takeTasks<typeof MEASURE>({
  take: () => {
    const bytes = measure()
    if (bytes !== undefined) answer({ bytes } satisfies SizeResult)
  },
})

/** Undefined where it was given up. */
function measure(): number | undefined {
  const parsed = patterns.map(parseIgnorePattern).filter((pattern) => pattern !== undefined)
  const walker = new Walker({ ...walk, patterns: parsed })
  let bytes = 0
  try {
    for (let event = walker.next(); event !== undefined; event = walker.next()) {
      if (Atomics.load(givenUp, 0) === 1) return undefined
      if (event.kind === 'entry' && event.stat.isFile) bytes += event.stat.size
    }
    return bytes
  } finally {
    walker.close()
  }
}
