// A checking worker: takes whole packs, gives back what they say and what is wrong with them.

import { release } from '../../base/bytes.ts'
import { DomainAccess } from '../../repository/access.ts'
import { answer, takeTasks, workerSetup } from '../worker-tasks.ts'
import type { CheckSetup, CheckTask } from './messages.ts'
import { PackChecker } from './pack-check.ts'
import type { PackFacts } from './pack-facts.ts'

const setup = workerSetup<CheckSetup>()
const checker = new PackChecker(setup.domains.map((keys) => new DomainAccess(keys, setup)))

takeTasks<CheckTask, PackFacts>({
  take: (task) => {
    try {
      answer(checker.check(task))
    } finally {
      release(task.bytes)
    }
  },
})
