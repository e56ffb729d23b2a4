// Which entries of a snapshot are wanted: include and exclude patterns, by gitignore rules, on the paths
// below what is restored and on the absolute ones.

import type { Bytes } from '../../base/bytes.ts'
import {
  type IgnorePattern,
  matchesIgnorePattern,
  parseIgnorePattern,
} from '../../source/files/ignore-pattern.ts'
import { nameText } from '../../source/files/name-text.ts'

/** 'inside': not itself, but there may be something below. */
export type Wanted = 'yes' | 'inside' | 'no'

export class Selection {
  readonly #include: readonly IgnorePattern[]
  readonly #exclude: readonly IgnorePattern[]
  /** Names above what is restored. */
  readonly #above: readonly string[]

  constructor(options: {
    readonly include: readonly string[]
    readonly exclude: readonly string[]
    readonly above: readonly Bytes[]
  }) {
    this.#include = parse(options.include)
    this.#exclude = parse(options.exclude)
    this.#above = options.above.map(nameText)
  }

  /** `names` lead from what is restored to the entry; `folderWanted` is the answer for its folder. */
  wants(names: readonly Bytes[], entry: { isDirectory: boolean; folderWanted: Wanted }): Wanted {
    if (this.#include.length === 0 && this.#exclude.length === 0) return 'yes'
    const path = [...this.#above, ...names.map(nameText)]
    const { isDirectory, folderWanted } = entry
    if (this.#matches(this.#exclude, path, isDirectory)) return 'no'
    if (this.#include.length === 0 || folderWanted === 'yes') return 'yes'
    if (this.#matches(this.#include, path, isDirectory)) return 'yes'
    return isDirectory ? 'inside' : 'no'
  }

  #matches(
    patterns: readonly IgnorePattern[],
    path: readonly string[],
    isDirectory: boolean,
  ): boolean {
    const base = this.#above.length
    let matched = false
    for (const pattern of patterns) {
      const hit =
        matchesIgnorePattern(pattern, path, { base, isDirectory }) ||
        (pattern.anchored && matchesIgnorePattern(pattern, path, { base: 0, isDirectory }))
      if (hit) matched = !pattern.negated
    }
    return matched
  }
}

function parse(lines: readonly string[]): readonly IgnorePattern[] {
  return lines.map(parseIgnorePattern).filter((pattern) => pattern !== undefined)
}
