// Progress of long work: a line that is painted over on a terminal, a line every now and then
// elsewhere, events for programs.

import type { Clock } from '../base/clock.ts'
import type { Output } from './output.ts'
import { formatBytes } from './sizes.ts'
import { formatDuration } from './times.ts'

export interface Step {
  /** Of all that there is to do, as far as that is known. */
  readonly doneBytes: number
  readonly totalBytes: number | undefined
  /** What has been done, in words: `1,234 files`. */
  readonly counts: readonly string[]
  /** For programs: the fields of the event. */
  readonly fields: Readonly<Record<string, unknown>>
}

const PLAIN_MS = 10_000
/** Over how long the rate is averaged. */
const RATE_MS = 15_000
const BAR_CHARACTERS = 20

export class Progress {
  readonly #output: Output
  readonly #clock: Clock
  readonly #startedMs: number
  #toldMs: number
  #samples: { readonly atMs: number; readonly bytes: number }[] = []

  constructor({ output, clock }: { readonly output: Output; readonly clock: Clock }) {
    this.#output = output
    this.#clock = clock
    this.#startedMs = clock.monotonicMs()
    this.#toldMs = this.#startedMs
  }

  get elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#startedMs
  }

  /** Shows how far it is. May be called as often as one likes. */
  show(step: Step): void {
    const nowMs = this.#clock.monotonicMs()
    const bytesPerSecond = this.#rate(nowMs, step.doneBytes)
    const timing = { bytesPerSecond, elapsedMs: nowMs - this.#startedMs }
    if (this.#output.json) return this.#event(step, timing)
    if (this.#output.quiet) return
    if (this.#output.isTerminal) {
      const { columns } = this.#output
      this.#output.status(progressLine(step, { ...timing, columns }))
    } else if (nowMs - this.#toldMs >= PLAIN_MS) {
      this.#toldMs = nowMs
      this.#output.note(progressLine(step, timing))
    }
  }

  /** Takes the line away. */
  end(): void {
    this.#output.status('')
  }

  #event(step: Step, { bytesPerSecond, elapsedMs }: Timing): void {
    this.#output.event({
      event: 'progress',
      ...step.fields,
      totalBytes: step.totalBytes,
      bytesPerSecond: Math.round(bytesPerSecond),
      elapsedMs: Math.round(elapsedMs),
    })
  }

  #rate(nowMs: number, bytes: number): number {
    this.#samples.push({ atMs: nowMs, bytes })
    while ((this.#samples[1]?.atMs ?? nowMs) < nowMs - RATE_MS) this.#samples.shift()
    const first = this.#samples[0] as { atMs: number; bytes: number }
    const sinceMs = nowMs - first.atMs
    if (sinceMs >= 500) return (1000 * (bytes - first.bytes)) / sinceMs
    return (1000 * bytes) / Math.max(nowMs - this.#startedMs, 1)
  }
}

interface Timing {
  readonly bytesPerSecond: number
  readonly elapsedMs: number
}

/** `[=====>    ]  42 %  1,234 files  3.40 GiB  210 MiB/s  0:23 min left`, cut to `columns`. */
export function progressLine(
  step: Step,
  { bytesPerSecond, elapsedMs, columns }: Timing & { readonly columns?: number },
): string {
  const { doneBytes, totalBytes, counts } = step
  const parts = [
    ...(totalBytes === undefined ? [] : [bar(doneBytes / Math.max(totalBytes, 1))]),
    ...counts,
    formatBytes(doneBytes),
    `${formatBytes(bytesPerSecond)}/s`,
    timing(step, { bytesPerSecond, elapsedMs }),
  ]
  const line = parts.join('  ')
  return columns === undefined ? line : line.slice(0, Math.max(columns - 1, 10))
}

/** More may have come since last time: never more than 99 % before the end. */
function bar(fraction: number): string {
  const shown = Math.min(fraction, 0.99)
  const filled = Math.floor(shown * BAR_CHARACTERS)
  const line = `${'='.repeat(filled)}>`.padEnd(BAR_CHARACTERS)
  return `[${line}] ${String(Math.floor(100 * shown)).padStart(3)} %`
}

function timing({ doneBytes, totalBytes }: Step, { bytesPerSecond, elapsedMs }: Timing): string {
  if (totalBytes === undefined || doneBytes >= totalBytes || bytesPerSecond <= 0) {
    return formatDuration(elapsedMs)
  }
  return `${formatDuration((1000 * (totalBytes - doneBytes)) / bytesPerSecond)} left`
}
