// Lists that somebody else may have made long: whoever may put objects may put thousands of no use. Of each kind a
// few are named, the others counted.

import type { Output } from './output.ts'

/** So many of each kind are named, unless all are wanted. */
const NAMED_MAX = 3

export interface Few<T> {
  readonly named: readonly T[]
  /** How many more there are of each kind, and one of them. */
  readonly more: readonly { readonly count: number; readonly example: T }[]
}

/** What has no kind is named always, and all is with --verbose or --json. The order stays. */
export function fewOfEach<T>(
  { json, verbose }: Output,
  items: readonly T[],
  kindOf: (item: T) => string | undefined,
): Few<T> {
  if (json || verbose) return { named: items, more: [] }
  const seen = new Map<string, number>()
  const examples = new Map<string, T>()
  const named = items.filter((item) => {
    const kind = kindOf(item)
    if (kind === undefined) return true
    const before = seen.get(kind) ?? 0
    seen.set(kind, before + 1)
    if (before >= NAMED_MAX) examples.set(kind, item)
    return before < NAMED_MAX
  })
  const more = [...examples].map(([kind, example]) => ({
    count: (seen.get(kind) ?? 0) - NAMED_MAX,
    example,
  }))
  return { named, more }
}

/** `keys/` of an object's name; undefined where it has no folder. */
export function folderOf(name: string): string | undefined {
  const folder = name.slice(0, name.indexOf('/') + 1)
  return folder === '' ? undefined : folder
}
