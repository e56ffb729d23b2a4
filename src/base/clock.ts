// Time, as a parameter: everything that asks for the time is given a Clock by `cli/`, and tests
// give it one that they move by hand.

export interface Clock {
  /** Wall-clock time, milliseconds since 1970 in UTC. May jump. */
  nowMs(): number
  /** Milliseconds from an arbitrary start. Never goes back. */
  monotonicMs(): number
  sleep(ms: number): Promise<void>
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}
