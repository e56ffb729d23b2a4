// A worker's side of a WorkerGroup: it takes tasks one after the other, until it is told to stop.

import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../base/errors.ts'
import { STOP, type WorkerFailed } from './worker-group.ts'

export interface WorkerTasks<In, Out> {
  /** Does one task, to its end. What it throws is no matter of the task and fails the whole group. */
  readonly take: (task: In, answer: Answer<Out>) => void
  /** When there will be no more. */
  readonly onStop?: () => void
}

export type Answer<Out> = (message: Out, transfer?: readonly ArrayBuffer[]) => void

/** What this worker was started with. */
export function workerSetup<Setup>(): Setup {
  return workerData as Setup
}

export function answer<Out>(message: Out, transfer: readonly ArrayBuffer[] = []): void {
  assert(parentPort, 'a worker has a parent')
  parentPort.postMessage(message, transfer)
}

export function takeTasks<In, Out>({ take, onStop }: WorkerTasks<In, Out>): void {
  assert(parentPort, 'a worker has a parent')
  const port = parentPort
  port.on('message', (task: In | typeof STOP) => {
    if (task === STOP) {
      onStop?.()
      port.close()
      return
    }
    try {
      take(task, answer)
    } catch (error) {
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
      answer<WorkerFailed>({ kind: 'failed', message, stack })
    }
  })
}
