// Values that a shell offers where more are allowed, or where help should not list them one by one:
// commander's choices are checked, and shown in full.

import type { Argument, Option } from 'commander'

const SUGGESTED = new WeakMap<Argument | Option, readonly string[]>()

/** Returns what it is given, for which completion now offers these values. */
export function suggesting<T extends Argument | Option>(of: T, values: readonly string[]): T {
  SUGGESTED.set(of, values)
  return of
}

/** What can be offered; undefined where nothing is known. */
export function suggestedFor(of: Argument | Option): readonly string[] | undefined {
  return of.argChoices ?? SUGGESTED.get(of)
}
