// Hours, days, weeks, months and years as people count them: in the machine's time zone. A day is a day of
// the calendar, with 23 or 25 hours where clocks are changed; the hour that comes twice is two hours. Weeks
// are those of ISO 8601: from Monday, and week 1 has the year's first Thursday.

export const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const

export type Period = (typeof PERIODS)[number]

export interface PeriodName {
  /** The same for all moments of one period, and for no others. */
  readonly key: string
  /** For people: `2026-11-27 14h`, `2026-11-27`, `2026-W48`, `2026-11`, `2026`. */
  readonly label: string
}

/** The periods that a moment lies in. */
export function periodsOf(ms: number): Readonly<Record<Period, PeriodName>> {
  const at = new Date(ms)
  const [year, month, day] = [at.getFullYear(), at.getMonth(), at.getDate()]
  const monthly = `${year}-${digits(month + 1)}`
  const daily = `${monthly}-${digits(day)}`
  const hourly = `${daily} ${digits(at.getHours())}h`
  return {
    hourly: { key: `${hourly} ${at.getTimezoneOffset()}`, label: hourly },
    daily: named(daily),
    weekly: named(isoWeek(Date.UTC(year, month, day))),
    monthly: named(monthly),
    yearly: named(String(year)),
  }
}

function named(label: string): PeriodName {
  return { key: label, label }
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Of a day, as the UTC midnight of its date. */
function isoWeek(midnightMs: number): string {
  const weekday = (new Date(midnightMs).getUTCDay() + 6) % 7
  const thursday = new Date(midnightMs + (3 - weekday) * DAY_MS)
  const year = thursday.getUTCFullYear()
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS))
  return `${year}-W${digits(week)}`
}

function digits(value: number): string {
  return String(value).padStart(2, '0')
}

/** How long, as the calendar counts: `1y6m`, `2w`, `36h`. */
export interface Duration {
  /** As it was given. */
  readonly text: string
  readonly years: number
  readonly months: number
  readonly days: number
  readonly hours: number
}

/** The moment that lies so long before another one. Where a month has no such day it is its last. */
export function before(ms: number, { years, months, days, hours }: Duration): number {
  const at = new Date(ms)
  const day = at.getDate()
  at.setDate(1)
  at.setFullYear(at.getFullYear() - years, at.getMonth() - months)
  at.setDate(Math.min(day, daysIn(at.getFullYear(), at.getMonth())))
  at.setDate(at.getDate() - days)
  return at.getTime() - hours * 60 * 60 * 1000
}

function daysIn(year: number, month: number): number {
  return new Date(year, month + 1, 0).getDate()
}
