// Values of options, from text. What is wrong is told by commander, with the option's name.

import { availableParallelism } from 'node:os'
import { InvalidArgumentError } from 'commander'
import { utf8 } from '../base/bytes.ts'
import type { Duration } from '../engine/forget/periods.ts'
import { TEXT_BYTES_MAX } from '../format/limits.ts'
import { isObjectName } from '../store/names.ts'
import { parseBytes } from './sizes.ts'

/** An empty name, tag or pattern is a value that a script lost: it chooses nothing that was meant. */
export function text(value: string): string {
  if (value !== '') return value
  throw new InvalidArgumentError('It is empty.')
}

export function reason(value: string): string {
  if (utf8(text(value)).length <= TEXT_BYTES_MAX) return value
  throw new InvalidArgumentError(`It is longer than ${TEXT_BYTES_MAX} bytes.`)
}

/** For options and arguments that may be given several times. */
export function texts(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, text(value)]
}

/** Names of objects, as messages show them. */
export function objectNames(value: string, before: readonly string[] = []): readonly string[] {
  if (isObjectName(value)) return [...before, value]
  throw new InvalidArgumentError('It is not the name of an object, such as `marks/` and 64 digits.')
}

/** An empty path would be the current folder: a script that lost a value must not work there. */
export function path(value: string): string {
  if (value !== '') return value
  throw new InvalidArgumentError('It is empty, and must name a file or folder.')
}

/** For options and arguments that name several. */
export function paths(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, path(value)]
}

export function size(value: string): number {
  const bytes = parseBytes(value)
  if (bytes !== undefined) return bytes
  throw new InvalidArgumentError('It is not a size like 500K, 100M or 2GiB.')
}

/** `10M` or `10M/s`. */
export function rate(value: string): number {
  const bytes = parseBytes(value.replace(/\/s$/, ''))
  if (bytes !== undefined && bytes > 0) return bytes
  throw new InvalidArgumentError('It is not a rate like 10M or 500K/s.')
}

export function wholeNumber(value: string): number {
  const number = Number(value)
  if (/^\d{1,9}$/.test(value) && number > 0) return number
  throw new InvalidArgumentError('It is not a whole number above 0.')
}

/** A whole number, 0 included. */
export function count(value: string): number {
  const number = Number(value)
  if (/^\d{1,9}$/.test(value)) return number
  throw new InvalidArgumentError('It is not a whole number.')
}

const UNITS = { y: 'years', m: 'months', w: 'weeks', d: 'days', h: 'hours' } as const

/** `30d`, `1y6m`, `2w`: as the calendar counts, so that `m` are months. */
export function duration(value: string): Duration {
  if (!/^(?:\d{1,4}[ymwdh])+$/.test(value))
    throw new InvalidArgumentError('It is not a time like 30d, 8w, 36h or 1y6m.')
  const parts = { years: 0, months: 0, weeks: 0, days: 0, hours: 0 }
  for (const [, number, unit] of value.matchAll(/(\d+)([ymwdh])/g))
    parts[UNITS[unit as keyof typeof UNITS]] += Number(number)
  const { weeks, days, ...others } = parts
  const found = { text: value, ...others, days: days + 7 * weeks }
  if (found.years + found.months + found.days + found.hours > 0) return found
  throw new InvalidArgumentError('It is no time at all.')
}

export function percentage(value: string): number {
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(value)?.[1]
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) return Number(percent)
  throw new InvalidArgumentError('It is not a percentage like 5%.')
}

/** `5%` as 0.05; 0% and 100% are some. */
export function fraction(value: string): number {
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(value)?.[1]
  if (percent !== undefined && Number(percent) <= 100) return Number(percent) / 100
  throw new InvalidArgumentError('It is not a percentage like 5%.')
}

const SPANS = { s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `90s`, `10min`, `24h`, `7d`: milliseconds. */
export function timeSpan(value: string): number {
  const [, number, unit] = /^(\d{1,6})(s|min|h|d)$/.exec(value) ?? []
  if (unit !== undefined) return Number(number) * SPANS[unit as keyof typeof SPANS]
  throw new InvalidArgumentError('It is not a time like 90s, 10min, 24h or 7d.')
}

const WORKERS_MAX = 256

export function workers(value: string): number {
  const number = wholeNumber(value)
  if (number <= WORKERS_MAX) return number
  throw new InvalidArgumentError(`It is more than ${WORKERS_MAX}.`)
}

export type MemoryUse = 'low' | 'normal'

/** `--memory low` reads with one thread unless it is told otherwise. */
export function workersFor(flags: {
  readonly workers?: number
  readonly memory: MemoryUse
}): number {
  return flags.workers ?? (flags.memory === 'low' ? 1 : availableParallelism())
}
