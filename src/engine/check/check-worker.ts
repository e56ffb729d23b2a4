// A checking worker: takes whole packs, gives back what they say and what is wrong with them.

import { release } from '../../base/bytes.ts'
import { answer, takeTasks, workerSetup } from '../../base/worker-tasks.ts'
import { DomainAccess } from '../../repository/access.ts'
import type { CheckSetup, CheckTask } from './messages.ts'
import { PackChecker } from './pack-check.ts'

const setup = workerSetup as CheckSetup
const checker = new PackChecker(setup.domains.map((keys) => new DomainAccess(keys, setup)))

takeTasks<CheckTask>({
  take: (task) => {
    try {
      answer(checker.check(task))
    } finally {
      release(task.bytes)
    }
  },
})
