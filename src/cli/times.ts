// Times, as people write and read them: in the machine's time zone.

import { dateOf } from '../base/date.ts'

/** `2026-11-21 01:02:03`, local time. */
export function formatTime(ms: number): string {
  const at = dateOf(ms)
  const date = [at.getFullYear(), at.getMonth() + 1, at.getDate()]
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()]
  return `${date.map(digits).join('-')} ${time.map(digits).join(':')}`
}

function digits(value: number): string {
  return String(value).padStart(2, '0')
}

/** The same for programs: `2026-11-21T00:02:03.000Z`. */
export function isoTime(ms: number): string {
  return dateOf(ms).toISOString()
}

/** `0.8 s`, `42 s`, `3:07 min`, `2:04:00 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}:${digits(seconds % 60)} min`
  return `${Math.floor(minutes / 60)}:${digits(minutes % 60)}:${digits(seconds % 60)} h`
}

const MINUTE_MS = 60_000
const AGO: Readonly<Record<string, number>> = {
  m: MINUTE_MS,
  min: MINUTE_MS,
  h: 60 * MINUTE_MS,
  d: 24 * 60 * MINUTE_MS,
  w: 7 * 24 * 60 * MINUTE_MS,
}

/**
 * The last moment that a text names, in milliseconds since 1970: of `2026-11-20` the end of that day,
 * of `2026-11-20 15:00` the end of that minute, so that what a listing shows is found again. `3d` is
 * three days before `nowMs`; units are min or m, h, d, w. Undefined where it is no time.
 */
export function parseTime(text: string, nowMs: number): number | undefined {
  const ago = /^(\d{1,6})(min|[mhdw])$/.exec(text.trim())
  if (ago !== null) return nowMs - Number(ago[1]) * (AGO[ago[2] as string] as number)
  return parseMoment(text.trim())
}

const MOMENT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?)?(Z|[+-]\d\d:?\d\d)?$/i

function parseMoment(text: string): number | undefined {
  const match = MOMENT.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction] = match
  const zone = match[8]
  const parts = [
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour ?? 23),
    Number(minute ?? 59),
    Number(second ?? 59),
    Number(fraction?.padEnd(3, '0') ?? 999),
  ] as const
  if (!isReal(parts)) return undefined
  const ms = zone === undefined ? new Date(...parts).getTime() : Date.UTC(...parts) - zoneMs(zone)
  return Number.isNaN(ms) ? undefined : ms
}

/** False for the 31st of February and for 25 o'clock. */
function isReal(parts: readonly [number, number, number, number, number, number, number]): boolean {
  const at = new Date(Date.UTC(...parts))
  return (
    at.getUTCMonth() === parts[1] && at.getUTCDate() === parts[2] && at.getUTCHours() === parts[3]
  )
}

function zoneMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const minutes = 60 * Number(zone.slice(1, 3)) + Number(zone.slice(-2))
  return (zone.startsWith('-') ? -1 : 1) * minutes * MINUTE_MS
}
