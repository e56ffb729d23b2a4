// Dates of times that somebody else says. A Date takes 100 million days before and after 1970, and is invalid
// for what is further away: to show that throws.

/** The last moment that a Date can be. */
export const DATE_MS_MAX = 8_640_000_000_000_000

/** The date of a time in milliseconds since 1970, or the nearest one that there is. */
export function dateOf(ms: number): Date {
  return new Date(Number.isNaN(ms) ? 0 : Math.max(-DATE_MS_MAX, Math.min(ms, DATE_MS_MAX)))
}
