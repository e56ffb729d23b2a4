// A checking worker: takes whole packs, gives back what they say and what is wrong with them.

import { parentPort, workerData } from 'node:worker_threads'
import { release } from '../../base/bytes.ts'
import { assert } from '../../base/errors.ts'
import { DomainAccess } from '../../repository/access.ts'
import type { CheckSetup, CheckTask, FromCheckWorker } from './messages.ts'
import { PackChecker } from './pack-check.ts'

assert(parentPort, 'a checking worker has a parent')
const port = parentPort
const setup = workerData as CheckSetup
const checker = new PackChecker(setup.domains.map((keys) => new DomainAccess(keys, setup)))

port.on('message', (task: CheckTask) => {
  try {
    const facts = checker.check(task)
    send({ kind: 'facts', facts })
  } catch (error) {
    const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
    send({ kind: 'failed', message, stack })
  } finally {
    release(task.bytes)
  }
})

function send(message: FromCheckWorker): void {
  port.postMessage(message)
}
