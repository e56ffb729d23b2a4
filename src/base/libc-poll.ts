// Waiting until a descriptor has something to read, in short steps: a thread that is inside of a read
// cannot be asked to stop before the read ends, and a producer that hangs never writes.

import { type Libc, libc } from './libc.ts'
import { NativeBuffer } from './libc-memory.ts'

const POLLIN = 1
const STEP_MS = 100

export class ReadableWait {
  readonly #libc: Libc = libc()
  /** A struct pollfd: descriptor (4), events (2), what happened (2). */
  readonly #slot = new NativeBuffer(8)

  /**
   * Returns when reading would not wait: there is something, or the end, or an error. Until then
   * `onStep` is called now and then; it may throw to give up.
   */
  until(fd: number, onStep: () => void): void {
    const view = new DataView(this.#slot.bytes.buffer)
    view.setInt32(0, fd, true)
    view.setInt32(4, POLLIN, true)
    // A signal that interrupts it is as good as a step.
    while (this.#libc.poll(this.#slot.address, 1, STEP_MS) === 0 || view.getInt16(6, true) === 0)
      onStep()
  }
}
