// Snapshots as people see them: short ids and the first of their paths.

import type { Bytes } from '../base/bytes.ts'
import { printable } from './printable.ts'
import { formatNumber } from './sizes.ts'

const DIGITS = 8
const PATHS_SHOWN = 3

/** The SHA-256 of a snapshot, from its object's name or itself. */
export function fullId(snapshot: string): string {
  return snapshot.slice(snapshot.lastIndexOf('/') + 1)
}

/** What people are shown, and can give back. */
export function shortId(snapshot: string): string {
  return fullId(snapshot).slice(0, DIGITS)
}

export function shownPaths(paths: readonly Bytes[]): string {
  const shown = paths.slice(0, PATHS_SHOWN).map(printable).join(' ')
  const more = paths.length - PATHS_SHOWN
  return more > 0 ? `${shown} and ${more} more` : shown
}

/** What every list of the others leaves out. */
export function closedText(closed: number): string {
  const are = closed === 1 ? 'is' : 'are'
  return `There ${are} ${formatNumber(closed, 'more snapshot')} that this key may not read.`
}
