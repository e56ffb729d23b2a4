// A worker's side of a WorkerGroup: it takes tasks one after the other, until it is told to stop.

import { parentPort, workerData } from 'node:worker_threads'
import { assert } from './errors.ts'
import { STOP, type WorkerFailed } from './worker-group.ts'

export interface WorkerTasks<In> {
  /** Does one task, to its end. What it throws is no matter of the task and fails the whole group. */
  readonly take: (task: In) => void
  /** When there will be no more. */
  readonly onStop?: () => void
}

/** What this worker was started with: the group's setup for it. */
export const workerSetup: unknown = workerData

/** What is in `transfer` is handed over and not copied. */
export function answer(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
  assert(parentPort, 'a worker has a parent')
  parentPort.postMessage(message, transfer)
}

export function takeTasks<In>({ take, onStop }: WorkerTasks<In>): void {
  assert(parentPort, 'a worker has a parent')
  const port = parentPort
  port.on('message', (task: In | typeof STOP) => {
    if (task === STOP) {
      onStop?.()
      port.close()
      return
    }
    try {
      take(task)
    } catch (error) {
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
      answer({ kind: 'failed', message, stack } satisfies WorkerFailed)
    }
  })
}
