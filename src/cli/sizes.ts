// Sizes, as people write and read them.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `113 MiB`, `1.4 GiB`: three digits, powers of 1024. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit] as string}`
}

/** `12,345`. Not by Intl, which takes 15 ms to begin with. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** `1 file`, `12,345 files` */
export function formatNumber(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(?:([kmgtp])(i?b)?|b)?$/i

/**
 * The bytes that a text names: `500`, `10M` and `10MiB` (1024 * 1024 each), `10MB` (a million each).
 * Undefined where it names none.
 */
export function parseBytes(text: string): number | undefined {
  const match = SIZE.exec(text.trim())
  if (match === null) return undefined
  const [, digits = '', letter, suffix] = match
  const power = letter === undefined ? 0 : 'kmgtp'.indexOf(letter.toLowerCase()) + 1
  const base = suffix?.toLowerCase() === 'b' ? 1000 : 1024
  const bytes = Math.round(Number(digits) * base ** power)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
