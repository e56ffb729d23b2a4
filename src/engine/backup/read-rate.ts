// Holds reading back to a rate, so that a backup does not take the disk from those who work on it.

const LONGEST_PAUSE_MS = 1000

/**
 * A function to call before each read with its length: it blocks the thread as long as needed. Each
 * worker is given its share of the rate; 0 is none. `check` is called first and while it waits; it may
 * throw to give up.
 */
export function readPacer(bytesPerSecond: number, check: () => void): (bytes: number) => void {
  if (bytesPerSecond === 0) return check
  const pause = new Int32Array(new SharedArrayBuffer(4))
  let allowedFromMs = performance.now()
  return (bytes) => {
    check()
    let waitMs = allowedFromMs - performance.now()
    for (; waitMs > 0; waitMs = allowedFromMs - performance.now()) {
      Atomics.wait(pause, 0, 0, Math.min(waitMs, LONGEST_PAUSE_MS))
      check()
    }
    allowedFromMs = Math.max(allowedFromMs, performance.now()) + (1000 * bytes) / bytesPerSecond
  }
}
