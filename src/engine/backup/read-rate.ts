// Holds reading back to a rate, so that a backup does not take the disk from those who work on it.

const LONGEST_PAUSE_MS = 1000

/**
 * A function to call before each read with its length: it blocks the thread as long as needed. Each
 * worker is given its share of the rate. With 0 it does nothing.
 */
export function readPacer(bytesPerSecond: number): (bytes: number) => void {
  if (bytesPerSecond === 0) return () => undefined
  const pause = new Int32Array(new SharedArrayBuffer(4))
  let allowedFromMs = performance.now()
  return (bytes) => {
    let waitMs = allowedFromMs - performance.now()
    for (; waitMs > 0; waitMs = allowedFromMs - performance.now()) {
      Atomics.wait(pause, 0, 0, Math.min(waitMs, LONGEST_PAUSE_MS))
    }
    allowedFromMs = Math.max(allowedFromMs, performance.now()) + (1000 * bytes) / bytesPerSecond
  }
}
