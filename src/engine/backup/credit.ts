// Keeps the threads in step with the stores: workers promise bytes before they hand over a frame,
// the main thread takes the promise back when a store has acknowledged them. Where too much is
// promised the workers wait, so memory is bounded however slow the store is.

export class Credit {
  readonly #outstanding: Int32Array
  readonly #maxBytes: number

  constructor(buffer: SharedArrayBuffer, maxBytes: number) {
    this.#outstanding = new Int32Array(buffer)
    this.#maxBytes = maxBytes
  }

  static newMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer(4)
  }

  get outstandingBytes(): number {
    return Atomics.load(this.#outstanding, 0)
  }

  /** Waits until there is room, then takes it. Blocks its thread: for workers only. */
  take(bytes: number): void {
    for (;;) {
      const now = Atomics.load(this.#outstanding, 0)
      if (now < this.#maxBytes) {
        if (Atomics.compareExchange(this.#outstanding, 0, now, now + bytes) === now) return
      } else Atomics.wait(this.#outstanding, 0, now)
    }
  }

  /** Takes room without waiting: for the main thread, which must never wait for itself. */
  takeNow(bytes: number): void {
    Atomics.add(this.#outstanding, 0, bytes)
  }

  giveBack(bytes: number): void {
    Atomics.sub(this.#outstanding, 0, bytes)
    Atomics.notify(this.#outstanding, 0)
  }
}
