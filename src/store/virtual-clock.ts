// A clock that stands still until it is told to go on: for tests, and for model checking, where
// days pass in no time and always in the same order.

import type { Clock } from '../base/clock.ts'
import type { StartTimer } from './timeout.ts'

interface Alarm {
  readonly atMs: number
  readonly ring: () => void
}

export class VirtualClock implements Clock {
  #nowMs: number
  #alarms: Alarm[] = []

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.startTimer(ms, resolve)
    })
  }

  readonly startTimer: StartTimer = (ms, ring) => {
    const alarm = { atMs: this.#nowMs + ms, ring }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm)
    }
  }

  /** Lets time pass. Sleepers wake in order, each at its own time, and what they do is done. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settle()
    for (let next = this.#next(); next !== undefined && next.atMs <= untilMs; next = this.#next()) {
      this.#alarms = this.#alarms.filter((alarm) => alarm !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.ring()
      await settle()
    }
    this.#nowMs = untilMs
  }

  /** Lets as much time pass as `work` waits for; returns or throws what it does. */
  async run<T>(work: Promise<T>): Promise<T> {
    const progress = { ended: false }
    const end = () => {
      progress.ended = true
    }
    work.then(end, end)
    await settle()
    for (let next = this.#next(); !progress.ended && next !== undefined; next = this.#next()) {
      await this.advance(next.atMs - this.#nowMs)
    }
    return work
  }

  #next(): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) if (!first || alarm.atMs < first.atMs) first = alarm
    return first
  }
}

/** Until promises that wait for nothing outside this thread have run. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
