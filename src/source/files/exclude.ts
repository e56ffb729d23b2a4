// Which entries stay out of a backup. In order of rank:
//
// 1. Patterns of the command line (--exclude, --exclude-file), the last that matches decides. Each
//    is tried against the path below the named root folder and, where it has a slash inside or in
//    front, also against the absolute path: with the root /home/me, `node_modules` leaves out every
//    such folder, `/tmp` both /home/me/tmp and (if it is walked) /tmp, `/home/me/.cache` that one.
// 2. `.cairnignore` files, for their folder and below; a deeper one before a higher one.
//
// '!' includes again, but never inside a folder that is left out, for that is not entered. What the
// user named as a root, and the way to it, is never left out. See ignore-pattern.ts for the syntax.

import type { Bytes } from '../../base/bytes.ts'
import { type IgnorePattern, matchesIgnorePattern, parseIgnoreFile } from './ignore-pattern.ts'
import { nameText } from './name-text.ts'

export interface ExcludeOptions {
  /** In the order in which they were given. */
  readonly patterns?: readonly IgnorePattern[]
  /** Whether `.cairnignore` files count. */
  readonly ignoreFiles?: boolean
  /** Leave out the contents of folders that a CACHEDIR.TAG marks as caches, but for the tag. */
  readonly caches?: boolean
  /** Leave out regular files of more bytes than this. */
  readonly largerThanBytes?: number
  /** Stay on the file system of each root; what is mounted below it is recorded as an empty folder. */
  readonly oneFileSystem?: boolean
}

/** The patterns of an --exclude-file or .cairnignore, whatever its encoding. */
export function parsePatternBytes(content: Bytes): readonly IgnorePattern[] {
  return parseIgnoreFile(nameText(content))
}

interface IgnoreLevel {
  /** How many names lead to the folder that has the file. */
  readonly depth: number
  readonly patterns: readonly IgnorePattern[]
}

/** The patterns in force where the walk stands. */
export class ExcludeRules {
  readonly #commandLine: readonly IgnorePattern[]
  readonly #levels: IgnoreLevel[] = []

  constructor(commandLine: readonly IgnorePattern[]) {
    this.#commandLine = commandLine
  }

  /** False while nothing can be excluded, so that nobody makes text of names in vain. */
  get active(): boolean {
    return this.#commandLine.length > 0 || this.#levels.length > 0
  }

  enterFolder(depth: number, patterns: readonly IgnorePattern[]): void {
    if (patterns.length > 0) this.#levels.push({ depth, patterns })
  }

  leaveFolder(depth: number): void {
    if (this.#levels[this.#levels.length - 1]?.depth === depth) this.#levels.pop()
  }

  /**
   * Whether an entry stays out. `names` are those from '/' down, its own last; `rootDepth` of them
   * lead to the root folder that it lies in.
   */
  excludes(names: readonly string[], entry: { rootDepth: number; isDirectory: boolean }): boolean {
    const { rootDepth, isDirectory } = entry
    const onCommandLine = lastMatch(this.#commandLine, (pattern) => {
      if (matchesIgnorePattern(pattern, names, { base: rootDepth, isDirectory })) return true
      return pattern.anchored && matchesIgnorePattern(pattern, names, { base: 0, isDirectory })
    })
    if (onCommandLine !== undefined) return !onCommandLine.negated
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      const { depth, patterns } = this.#levels[i] as IgnoreLevel
      const match = lastMatch(patterns, (pattern) =>
        matchesIgnorePattern(pattern, names, { base: depth, isDirectory }),
      )
      if (match !== undefined) return !match.negated
    }
    return false
  }
}

function lastMatch(
  patterns: readonly IgnorePattern[],
  matches: (pattern: IgnorePattern) => boolean,
): IgnorePattern | undefined {
  for (let i = patterns.length - 1; i >= 0; i--) {
    const pattern = patterns[i] as IgnorePattern
    if (matches(pattern)) return pattern
  }
  return undefined
}
