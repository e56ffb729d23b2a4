// The thread of a Verifier.

import { answer, takeTasks } from '../base/worker-tasks.ts'
import { isSignedBy } from './sign.ts'
import { unpackClaims, type Verdicts } from './verifier.ts'

takeTasks<Uint8Array<ArrayBuffer>>({
  take: (packed) => {
    const verdicts = Uint8Array.from(unpackClaims(packed), (one) => (isSignedBy(one) ? 1 : 0))
    answer({ verdicts } satisfies Verdicts, [verdicts.buffer])
  },
})
